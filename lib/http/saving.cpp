#include "lib/http/saving.hpp"

#include <tandem/concurrency/with_cleanup.hpp>
#include <tandem/core/error.hpp>
#include <tandem/parallelism/offload.hpp>

#include <cerrno>
#include <cstdio>
#include <random>
#include <utility>

#include <unistd.h>

namespace tandem::http::detail {

namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

// Only has to differ from the names of other downloads that are under way.
std::string fresh_suffix() {
    static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuv";
    std::random_device source;
    std::string text = ".part-";
    for (int i = 0; i < 12; ++i)
        text += digits[source() % 32];
    return text;
}

} // namespace

void rename_file(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0)
        throw system_error(error_code(errno, boost::system::system_category()),
                           "rename " + from + " to " + to);
}

void remove_quietly(const std::string& path) noexcept {
    ::unlink(path.c_str());
}

task<std::uint64_t> pour(response_stream& from, file_writer& into) {
    std::uint64_t total = 0;
    std::string gathered;
    for (;;) {
        auto piece = co_await from.try_read_some();
        const bool last = !piece || piece->empty();
        if (!last) gathered += *piece;
        if (gathered.size() >= piece_bytes || (last && !gathered.empty())) {
            co_await into.write(gathered); // also what came before a failure: it may be gone on with
            total += gathered.size();
            gathered.clear();
        }
        if (last) {
            static_cast<void>(piece.value()); // throws what has failed
            co_return total;
        }
    }
}

task<std::uint64_t> save_whole(response_stream& from, std::string path) {
    const std::string temporary = path + fresh_suffix();
    bool named = false;
    auto save = [&]() -> task<std::uint64_t> {
        file_writer file = co_await file_writer::open(temporary, open_mode::create);
        const std::uint64_t bytes = co_await pour(from, file);
        co_await file.close();
        co_await offload(rename_file, temporary, path);
        named = true;
        co_return bytes;
    };
    auto tidy = [&]() -> task<> {
        if (!named) co_await offload(remove_quietly, temporary);
    };
    co_return co_await with_cleanup(save, tidy);
}

} // namespace tandem::http::detail
