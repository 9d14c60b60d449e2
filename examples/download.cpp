// download: one large file, in parts that come at a time, with its SHA-256.
//
//     download https://example.org/big.iso              into big.iso
//     download -n 8 --part 16 -o copy.iso URL            eight parts of 16 MiB at a time
//     download                                           downloads from a server of its own, and ends
//
// Each part is a file of its own (copy.iso.part-TAG-0, -1, ...) that appears when it is whole: a second call
// takes what the first has left. At the end the parts are put together, and the checksum is computed, on the
// pool.
#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>
#include <unistd.h>

namespace http = tandem::http;
namespace fs = std::filesystem;

namespace {

class settings {
public:
    settings() {}
    std::string url;
    std::string path;
    std::size_t at_a_time = 4;
    std::uint64_t part_bytes = std::uint64_t{8} << 20;
};

// What the server says of the file.
class file_facts {
public:
    file_facts() {}
    std::uint64_t bytes = 0;
    std::string tag;     // of the version; parts of two versions must not be put together
    bool ranges = false; // whether parts may be asked for
};

class bar {
public:
    explicit bar(std::uint64_t total) : total_(total), shown_(isatty(STDERR_FILENO) != 0) {}
    void add(std::uint64_t bytes) {
        done_ += bytes;
        if (!shown_ || total_ == 0) return;
        const auto filled = static_cast<int>(std::min(done_, total_) * 40 / total_);
        std::fprintf(stderr, "\r[%-40.*s] %3d %% of %.1f MiB", filled,
                     "########################################", filled * 100 / 40,
                     static_cast<double>(total_) / (1 << 20));
    }
    ~bar() {
        if (shown_) std::fputc('\n', stderr);
    }

private:
    std::uint64_t total_;
    std::uint64_t done_ = 0;
    bool shown_;
};

tandem::task<file_facts> ask(http::client& web, const std::string& url) {
    http::request first(url);
    first.header("Range", "bytes=0-0");
    auto answer = co_await web.open(std::move(first));
    answer.throw_for_status();
    file_facts found;
    const auto range = answer.headers().get("Content-Range").value_or("");
    const auto tag = answer.headers().get("ETag").value_or("");
    const std::size_t slash = range.find('/');
    if (answer.status() == 206 && tag.starts_with('"') && slash != std::string_view::npos) {
        const std::string_view total = range.substr(slash + 1);
        const auto [end, failure] = std::from_chars(total.data(), total.data() + total.size(), found.bytes);
        found.ranges = failure == std::errc() && end == total.data() + total.size() && found.bytes > 0;
        found.tag = tag;
    }
    co_return found;
}

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        constexpr char digits[] = "0123456789abcdef";
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

class checksum {
public:
    checksum() : state_(EVP_MD_CTX_new()) {
        if (!state_ || EVP_DigestInit_ex(state_.get(), EVP_sha256(), nullptr) != 1)
            throw std::runtime_error("no SHA-256");
    }
    void add(std::string_view bytes) { EVP_DigestUpdate(state_.get(), bytes.data(), bytes.size()); }
    std::string finish() {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        EVP_DigestFinal_ex(state_.get(), digest, &size);
        return hex({reinterpret_cast<const char*>(digest), size});
    }

private:
    class closer {
    public:
        void operator()(EVP_MD_CTX* state) const noexcept { EVP_MD_CTX_free(state); }
    };
    std::unique_ptr<EVP_MD_CTX, closer> state_;
};

// On the pool: puts the parts together under a name of its own, removes them, and gives the checksum.
std::string assemble(std::vector<std::string> parts, std::string path) {
    checksum sum;
    std::vector<char> buffer(std::size_t{1} << 20);
    const std::string temporary = path + ".assembling";
    const bool together = parts.size() != 1 || parts.front() != path;
    std::ofstream out;
    out.exceptions(std::ios::badbit | std::ios::failbit);
    if (together) out.open(temporary, std::ios::binary);
    for (const std::string& part : parts) {
        std::ifstream in(part, std::ios::binary);
        if (!in) throw std::runtime_error("cannot read " + part);
        while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0) {
            sum.add({buffer.data(), static_cast<std::size_t>(in.gcount())});
            if (together) out.write(buffer.data(), in.gcount());
        }
    }
    if (together) {
        out.close();
        fs::rename(temporary, path);
        for (const std::string& part : parts)
            fs::remove(part);
    }
    return sum.finish();
}

// One part, if it is not there yet.
tandem::task<> fetch_part(http::client& web, const settings& s, const file_facts& facts, std::uint64_t first,
                          std::string path, bar& shown) {
    const std::uint64_t last = std::min(first + s.part_bytes, facts.bytes) - 1;
    if (co_await tandem::offload([](std::string p) { return fs::exists(p); }, path)) {
        shown.add(last - first + 1);
        co_return;
    }
    const std::string range = std::to_string(first) + '-' + std::to_string(last);
    http::request what(s.url);
    what.header("Range", "bytes=" + range).header("If-Range", facts.tag);
    std::uint64_t told = 0;
    what.on_download([&shown, &told](const http::transfer& now) {
        shown.add(now.bytes() - told);
        told = now.bytes();
    });
    auto answer = co_await web.open(std::move(what));
    const std::string expected = "bytes " + range + '/' + std::to_string(facts.bytes);
    if (answer.status() != 206 || answer.headers().get("Content-Range") != expected)
        throw std::runtime_error("the file has changed, or the server gave another part than bytes " + range);
    const std::uint64_t bytes = co_await answer.to_file(path);
    if (bytes != last - first + 1) throw std::runtime_error("a part that is shorter than it was said to be");
}

tandem::task<std::string> download(settings s) {
    http::client web(
        http::client_options().connections_per_host(s.at_a_time).header("Accept-Encoding", "identity"));
    const file_facts facts = co_await ask(web, s.url);
    std::vector<std::string> parts;
    if (!facts.ranges) {
        bar shown(0);
        http::client plain;
        const auto got = co_await http::download(plain, http::request(s.url), s.path);
        static_cast<void>(got);
        parts.push_back(s.path);
    } else {
        const std::string version = hex(facts.tag.substr(0, 40)) + '-' + std::to_string(s.part_bytes);
        std::vector<std::uint64_t> begins;
        for (std::uint64_t at = 0; at < facts.bytes; at += s.part_bytes) {
            parts.push_back(s.path + ".part-" + version + '-' + std::to_string(begins.size()));
            begins.push_back(at);
        }
        bar shown(facts.bytes);
        auto one = [&](std::uint64_t at) {
            return fetch_part(web, s, facts, at, parts[at / s.part_bytes], shown);
        };
        co_await tandem::concurrent_for_each(begins, s.at_a_time, one);
    }
    co_return co_await tandem::offload(assemble, std::move(parts), s.path);
}

tandem::task<int> download_and_tell(settings s) {
    const std::string path = s.path;
    try {
        const std::string sum = co_await download(std::move(s));
        std::cout << sum << "  " << path << std::endl; // as sha256sum prints it
        co_return 0;
    } catch (const http::request_error& e) {
        std::cerr << "download: " << e.what() << '\n';
        co_return e.error().is_tls() ? 5 : e.code() == http::errc::bad_status ? 8 : 4;
    }
}

// ---- the server that is downloaded from without arguments ----

std::string content() {
    std::string text;
    for (int i = 0; text.size() < 3'000'000; ++i)
        text += std::to_string(i) + '\n';
    return text;
}

tandem::task<http::server_response> serve_content(http::server_request request) {
    static const std::string whole = content();
    const std::string range(request.headers().get("Range").value_or(""));
    const bool same = request.headers().get("If-Range").value_or("\"v1\"") == "\"v1\"";
    unsigned long long first = 0;
    unsigned long long last = 0;
    if (!same || std::sscanf(range.c_str(), "bytes=%llu-%llu", &first, &last) != 2 || first > last ||
        last >= whole.size())
        co_return http::server_response().body(whole, "text/plain").header("ETag", "\"v1\"");
    co_return http::server_response(206)
        .body(whole.substr(first, last - first + 1), "text/plain")
        .header("ETag", "\"v1\"")
        .header("Content-Range", "bytes " + std::to_string(first) + '-' + std::to_string(last) + '/' +
                                     std::to_string(whole.size()));
}

tandem::task<int> demonstrate() {
    http::server site(http::server_options().port(0).drain_timeout(std::chrono::milliseconds(100)),
                      serve_content);
    site.listen();
    settings s;
    s.path = (fs::temp_directory_path() / ("tandem-example-" + std::to_string(::getpid()))).string();
    s.part_bytes = 256 * 1024;
    std::string sum;
    const auto body = [&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&http::server::serve, &site);
        s.url = site.url() + "/numbers";
        sum = co_await download(s);
        site.stop();
    };
    co_await tandem::with_task_group(body);
    checksum expected;
    expected.add(content());
    fs::remove(s.path);
    std::cout << sum << "  " << content().size() << " bytes in parts of 256 KiB\n";
    co_return sum == expected.finish() ? 0 : 1;
}

constexpr const char* usage = R"(usage: download [OPTION]... URL
Downloads a file in parts, several at a time, and prints its SHA-256. What an earlier call has left is gone on with,
if the file is still the same.

  -n N        parts at a time (4)
  --part MIB  size of a part in MiB (8)
  -o FILE     where to (the URL's last part, or index.html)
  --help      this text

  download https://example.org/disk.iso
  download -n 8 --part 16 -o copy.iso https://example.org/disk.iso

Without arguments: downloads from a server of its own. Exit codes: 0 ok, 1 something else, 2 usage, 4 network or
protocol, 5 TLS, 8 a status of 400 and above, 130 after Ctrl-C.
)";

settings parse(const std::vector<std::string>& arguments) {
    settings s;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto value = [&]() -> const std::string& {
            if (i + 1 == arguments.size()) throw std::invalid_argument(arguments[i] + " wants a value");
            return arguments[++i];
        };
        if (arguments[i] == "-n")
            s.at_a_time = std::clamp<std::size_t>(std::stoul(value()), 1, 64);
        else if (arguments[i] == "--part")
            s.part_bytes = std::clamp<std::uint64_t>(std::stoul(value()), 1, 4096) << 20;
        else if (arguments[i] == "-o")
            s.path = value();
        else if (arguments[i].starts_with('-') || !s.url.empty())
            throw std::invalid_argument("what is " + arguments[i] + '?');
        else
            s.url = arguments[i];
    }
    if (s.url.empty()) throw std::invalid_argument("no URL");
    if (s.path.empty()) s.path = fs::path(std::string(tandem::url(s.url).path())).filename().string();
    if (s.path.empty()) s.path = "index.html";
    return s;
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    try {
        if (arguments.empty()) return tandem::run(demonstrate);
        if (arguments.front() == "--help") {
            std::cout << usage;
            return 0;
        }
        return tandem::run(download_and_tell, parse(arguments));
    } catch (const std::logic_error& e) { // of the arguments
        std::cerr << "download: " << e.what() << '\n' << usage;
        return 2;
    } catch (const tandem::system_error& e) { // a URL that is none
        std::cerr << "download: " << e.what() << '\n';
        return 2;
    }
}
