// Chunked bodies: within limits, the same however they are cut; what the strict reader accepts the lenient
// one does.
#include "tests/fuzz/fuzz.hpp"

#include "lib/http/h1/body_reader.hpp"

#include <algorithm>
#include <string>

using namespace tandem::http;

namespace {

class outcome {
public:
    bool operator==(const outcome&) const = default;
    bool complete = false;
    std::string body;
    std::size_t left = 0; // bytes after the body
    std::size_t trailers = 0;
};

outcome read(std::string_view input, std::size_t piece, h1::strictness mode) {
    h1::body_reader reader;
    h1::body_reader::plan plan;
    plan.framing = h1::framing::chunked;
    h1::limits bounds;
    bounds.body_bytes = 2000;
    reader.reset(plan, bounds, mode);
    outcome found;
    std::string buffer;
    for (;;) {
        const h1::step now = reader.read(buffer, input.empty());
        fuzz::require(now.consumed <= buffer.size());
        if (now.what == h1::event::body) found.body += now.data;
        fuzz::require(found.body.size() <= bounds.body_bytes);
        buffer.erase(0, now.consumed);
        if (now.what == h1::event::failed) return outcome();
        if (now.what == h1::event::complete) {
            found.complete = true;
            found.left = buffer.size() + input.size();
            found.trailers = reader.trailers().size();
            return found;
        }
        if (now.what == h1::event::need_more) {
            fuzz::require(!input.empty());
            buffer += input.substr(0, piece);
            input.remove_prefix(std::min(piece, input.size()));
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = fuzz::text(data, size);
    const outcome strict = read(input, input.size() + 1, h1::strictness::strict);
    fuzz::require(read(input, 1, h1::strictness::strict) == strict);
    const outcome lenient = read(input, input.size() + 1, h1::strictness::lenient);
    fuzz::require(read(input, 3, h1::strictness::lenient) == lenient);
    if (strict.complete) fuzz::require(strict == lenient);
    return 0;
}
