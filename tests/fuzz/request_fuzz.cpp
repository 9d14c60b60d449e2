// Requests: however the bytes are cut, the same is read, and what is read keeps the promises that its users
// rely on.
#include "tests/fuzz/fuzz.hpp"

#include "lib/http/h1/reader.hpp"

#include <algorithm>
#include <string>

using namespace tandem::http;

namespace {

class outcome {
public:
    bool operator==(const outcome&) const = default;
    std::string head;
    std::string body;
    std::error_code error;
    bool complete = false;
    bool keep_alive = false;
    std::size_t left = 0;
};

void check_head(const h1::request_reader& reader) {
    const h1::request_head& head = reader.head();
    const h1::limits bounds = h1::server_limits();
    fuzz::require(!head.method.empty() && !head.target.empty());
    fuzz::require(head.headers.size() <= bounds.fields);
    for (const char c : head.target)
        fuzz::require(static_cast<unsigned char>(c) > ' ' && static_cast<unsigned char>(c) < 0x7f);
    for (const auto field : head.headers) {
        fuzz::require(!field.name.empty() && field.name.find_first_of(" \t\r\n:") == std::string_view::npos);
        fuzz::require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    }
    // Never two ways to find the end of the body.
    fuzz::require(!head.headers.contains("Content-Length") || !head.headers.contains("Transfer-Encoding"));
}

outcome read(std::string_view input, std::size_t piece) {
    h1::request_reader reader;
    outcome found;
    std::string buffer;
    const std::size_t most_steps = 4 * input.size() + 100;
    for (std::size_t steps = 0;; ++steps) {
        fuzz::require(steps <= most_steps); // it always comes to an end
        const h1::step now = reader.read(buffer);
        fuzz::require(now.consumed <= buffer.size());
        if (now.what == h1::event::head) {
            check_head(reader);
            const h1::request_head& head = reader.head();
            found.head = head.method + " " + head.target + " " + head.authority;
            for (const auto field : head.headers)
                found.head.append("\n").append(field.name).append(":").append(field.value);
        }
        if (now.what == h1::event::body) found.body += now.data;
        buffer.erase(0, now.consumed);
        if (now.what == h1::event::complete || now.what == h1::event::failed) {
            found.complete = now.what == h1::event::complete;
            found.error = reader.error();
            found.keep_alive = found.complete && reader.keep_alive();
            if (found.complete) found.left = buffer.size() + input.size();
            if (!found.complete) {
                const int status = reader.suggested_status();
                fuzz::require(status >= 400 && status < 600);
            }
            return found;
        }
        if (now.what == h1::event::need_more) {
            if (input.empty()) return found;
            fuzz::require(buffer.size() <= h1::server_limits().header_bytes);
            buffer += input.substr(0, piece);
            input.remove_prefix(std::min(piece, input.size()));
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input = fuzz::text(data + 1, size - 1);
    const outcome whole = read(input, input.size() + 1);
    outcome pieces = read(input, data[0] % 8 + 1);
    // What comes before a failure may be handed out in more or fewer pieces.
    if (!whole.complete && !pieces.complete) pieces.body = whole.body;
    fuzz::require(whole == pieces);
    return 0;
}
