// Drives a reader over a message cut into pieces and writes down what it tells.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "lib/http/h1/reader.hpp"
#include "tests/support/catch.hpp"

namespace h1_test {

using namespace tandem::http;

/// All that a reader told, in a form to compare.
struct outcome {
    std::string head;
    std::string body;
    std::string trailers;
    h1::event last = h1::event::need_more;
    std::error_code error;
    std::size_t consumed = 0; // counted to the last event but failed

    bool operator==(const outcome&) const = default;
};

inline std::string text_of(const headers& fields) {
    std::string out;
    for (const auto [name, value] : fields)
        out.append(name).append("=").append(value).append("\n");
    return out;
}

inline std::string text_of(const h1::request_head& head) {
    return head.method + "|" + head.target + "|" + head.authority + "|" +
           std::to_string(static_cast<int>(head.version)) + "\n" + text_of(head.headers);
}

inline std::string text_of(const h1::response_head& head) {
    return std::to_string(head.status) + "|" + head.reason + "|" +
           std::to_string(static_cast<int>(head.version)) + "\n" + text_of(head.headers);
}

inline h1::step read(h1::request_reader& reader, std::string_view bytes, bool) {
    return reader.read(bytes);
}
inline h1::step read(h1::response_reader& reader, std::string_view bytes, bool end) {
    return reader.read(bytes, end);
}

/// Reads `all`, giving `first` bytes at once and then `piece` bytes more whenever the reader asks for them.
/// Each call gets a heap copy of exactly the bytes it may see, so a sanitizer notices every look beyond them.
template <class Reader>
outcome drive(Reader& reader, std::string_view all, std::size_t first, std::size_t piece,
              bool end_of_stream) {
    outcome told;
    std::size_t at = 0;
    std::size_t available = std::min(first, all.size());
    bool sane = true;
    for (;;) {
        const std::size_t size = available - at;
        const std::unique_ptr<char[]> copy(new char[size]);
        if (size != 0) std::memcpy(copy.get(), all.data() + at, size);
        const std::string_view window(copy.get(), size);
        const h1::step now = read(reader, window, end_of_stream && available == all.size());
        sane = sane && now.consumed <= size;
        if (!sane) break;
        told.last = now.what;
        at += now.consumed;
        if (now.what == h1::event::need_more) {
            if (available == all.size()) break;
            available += std::min(piece, all.size() - available);
        } else if (now.what == h1::event::head) {
            sane = sane && told.head.empty();
            told.head = text_of(reader.head());
        } else if (now.what == h1::event::body) {
            sane = sane && !now.data.empty() && now.data.data() >= window.data() &&
                   now.data.data() + now.data.size() <= window.data() + now.consumed;
            if (!sane) break;
            told.body += now.data;
        } else {
            break;
        }
    }
    REQUIRE(sane);
    told.error = reader.error();
    if (told.last != h1::event::failed) told.consumed = at;
    told.trailers = text_of(reader.trailers());
    CHECK((told.last == h1::event::failed) == static_cast<bool>(told.error));
    if (told.last == h1::event::complete || told.last == h1::event::failed) // repeated until reset()
        CHECK(read(reader, {}, false).what == told.last);
    return told;
}

/// Reads whole, then cut in two at every place, then byte by byte: the same must come of it.
template <class Make>
outcome drive_all_ways(Make make, std::string_view all, bool end_of_stream) {
    auto whole_reader = make();
    const outcome whole = drive(whole_reader, all, all.size(), all.size(), end_of_stream);
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        auto reader = make();
        if (const outcome other = drive(reader, all, cut, all.size(), end_of_stream); !(other == whole)) {
            INFO("cut at " << cut << ": " << other.error.message() << " instead of "
                           << whole.error.message());
            CHECK(other == whole);
            break;
        }
    }
    auto reader = make();
    const outcome bytewise = drive(reader, all, 1, 1, end_of_stream);
    INFO("byte by byte: " << bytewise.error.message() << " instead of " << whole.error.message());
    CHECK(bytewise == whole);
    return whole;
}

inline outcome read_request(std::string_view all, const h1::limits& bounds = h1::server_limits()) {
    return drive_all_ways([&] { return h1::request_reader(bounds); }, all, false);
}

inline outcome read_response(std::string_view all, bool end_of_stream = false, method asked = method::get,
                             const h1::limits& bounds = h1::client_limits()) {
    return drive_all_ways(
        [&] {
            h1::response_reader reader(bounds);
            reader.reset(asked);
            return reader;
        },
        all, end_of_stream);
}

} // namespace h1_test
