// Responses: however the bytes are cut, the same is read.
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
};

outcome read(std::string_view input, std::size_t piece, method asked) {
    h1::response_reader reader;
    reader.reset(asked);
    outcome found;
    std::string buffer;
    const std::size_t most_steps = 4 * input.size() + 100;
    for (std::size_t steps = 0;; ++steps) {
        fuzz::require(steps <= most_steps); // it always comes to an end
        const h1::step now = reader.read(buffer, input.empty());
        fuzz::require(now.consumed <= buffer.size());
        if (now.what == h1::event::head) {
            const h1::response_head& head = reader.head();
            found.head = std::to_string(head.status) + head.reason;
            for (const auto field : head.headers)
                found.head.append("\n").append(field.name).append(":").append(field.value);
        }
        if (now.what == h1::event::body) found.body += now.data;
        buffer.erase(0, now.consumed);
        if (now.what == h1::event::complete || now.what == h1::event::failed) {
            found.complete = now.what == h1::event::complete;
            found.error = reader.error();
            found.keep_alive = found.complete && reader.keep_alive();
            return found;
        }
        if (now.what == h1::event::need_more) {
            fuzz::require(!input.empty() && buffer.size() <= h1::client_limits().header_bytes);
            buffer += input.substr(0, piece);
            input.remove_prefix(std::min(piece, input.size()));
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const method asked = data[0] % 2 ? method::head : method::get;
    const std::string_view input = fuzz::text(data + 1, size - 1);
    const outcome whole = read(input, input.size() + 1, asked);
    outcome pieces = read(input, data[0] / 2 % 8 + 1, asked);
    // What comes before a failure may be handed out in more or fewer pieces.
    if (!whole.complete && !pieces.complete) pieces.body = whole.body;
    fuzz::require(whole == pieces);
    fuzz::require(asked != method::head || whole.body.empty());
    return 0;
}
