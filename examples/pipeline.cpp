// A pipeline of stages that are joined by channels: read lines, compute on all cores, print in order of
// completion.
//
//     pipeline FILE...     numbers, lengths and checksums of the lines of the files
//     pipeline             the same with lines that it makes itself
//
// The channels are short: a stage that is slower than the one before it holds that one up (backpressure), so
// the memory used does not depend on the size of the input.
#include <tandem/tandem.hpp>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

class line {
public:
    line(std::uint64_t n, std::string t) : number(n), text(std::move(t)) {}
    std::uint64_t number;
    std::string text;
};

class digest {
public:
    digest(std::uint64_t n, std::size_t bytes, std::uint32_t sum) : number(n), length(bytes), checksum(sum) {}
    std::uint64_t number;
    std::size_t length;
    std::uint32_t checksum;
};

using lines = tandem::channel<line>;
using digests = tandem::channel<digest>;

// Stage 2's work, on the pool: Adler-32 (RFC 1950), plainly.
digest examine(line one) {
    std::uint32_t a = 1;
    std::uint32_t b = 0;
    for (const char c : one.text) {
        a = (a + static_cast<unsigned char>(c)) % 65521;
        b = (b + a) % 65521;
    }
    return digest(one.number, one.text.size(), b << 16 | a);
}

// Stage 1. Closing the channel tells the next stage that there is no more.
tandem::task<> read_files(std::vector<std::string> files, lines& out) {
    std::uint64_t number = 0;
    for (const std::string& name : files) {
        std::ifstream file(name);
        if (!file) throw std::runtime_error("cannot read " + name);
        for (std::string text; std::getline(file, text);)
            co_await out.send(line(++number, std::move(text)));
    }
    out.close();
}

tandem::task<> make_lines(std::uint64_t count, lines& out) {
    for (std::uint64_t n = 1; n <= count; ++n)
        co_await out.send(line(n, std::string(n * 37 % 2000, static_cast<char>('a' + n % 26))));
    out.close();
}

// Stage 2, several of them at a time: they wait on the loop while the pool computes.
tandem::task<> examine_lines(lines& in, digests& out) {
    while (auto one = co_await in.receive())
        co_await out.send(co_await tandem::offload(examine, std::move(*one)));
}

tandem::task<> examine_with(std::size_t workers, lines& in, digests& out) {
    std::vector<tandem::task<>> all;
    for (std::size_t i = 0; i < workers; ++i)
        all.push_back(examine_lines(in, out));
    co_await tandem::when_all(std::move(all));
    out.close();
}

// Stage 3.
tandem::task<> print(digests& in, bool each) {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    std::uint32_t all = 0;
    while (auto one = co_await in.receive()) {
        if (each)
            std::printf("%8llu %8zu %08x\n", static_cast<unsigned long long>(one->number), one->length,
                        one->checksum);
        ++count;
        bytes += one->length;
        all ^= one->checksum;
    }
    std::printf("%llu lines, %llu bytes, checksums together %08x\n", static_cast<unsigned long long>(count),
                static_cast<unsigned long long>(bytes), all);
}

tandem::task<> pipeline(std::vector<std::string> files) {
    const bool own_lines = files.empty();
    lines read(16);
    digests examined(16);
    auto source = own_lines ? make_lines(2000, read) : read_files(std::move(files), read);
    // One of them failing cancels the others; the exception arrives here.
    co_await tandem::when_all(std::move(source), examine_with(8, read, examined),
                              print(examined, !own_lines));
}

constexpr const char* usage = R"(usage: pipeline [FILE]...
Prints number, length and checksum of each line of the files, in the order in which they are computed: one stage reads,
several examine the lines on all cores, one prints; short channels between them hold up whoever is too quick.

  pipeline README.md docs/design.md

Without files: makes 2,000 lines itself and prints the sums only. Exit codes: 0, 1 when a file cannot be read, 130 after
Ctrl-C.
)";

int main(int argc, char** argv) {
    if (argc > 1 && argv[1] == std::string_view("--help")) {
        std::fputs(usage, stdout);
        return 0;
    }
    return tandem::run(pipeline, std::vector<std::string>(argv + 1, argv + argc));
}
