// Server-Sent Events: the same events however the stream is cut, within the limit.
#include "tests/fuzz/fuzz.hpp"

#include "lib/http/event_stream_parser.hpp"

#include <string>

using tandem::http::event_stream_parser;

namespace {

constexpr std::size_t limit = 300;

class outcome {
public:
    bool operator==(const outcome&) const = default;
    std::string events;
    bool too_large = false;

    void take(event_stream_parser& parser, std::string_view piece) {
        while (!too_large) {
            const auto now = parser.next(piece);
            if (now == event_stream_parser::step::need_more) {
                fuzz::require(piece.empty());
                return;
            }
            if (now == event_stream_parser::step::too_large) {
                too_large = true;
                return;
            }
            const auto event = parser.take_event();
            // What is invalid UTF-8 grows when it is replaced.
            fuzz::require(event.data().size() + event.id().size() <= 3 * limit);
            events.append(event.type()).append(1, '|').append(event.data()).append(1, '|').append(event.id());
            events += '\n';
        }
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = fuzz::text(data, size);
    event_stream_parser in_one(limit), in_some(limit);
    outcome whole, pieces;
    fuzz::in_pieces(input, [&](std::string_view piece) { pieces.take(in_some, piece); });
    whole.take(in_one, input.empty() ? input : input.substr(1));
    fuzz::require(whole == pieces);
    fuzz::require(whole.too_large || in_one.last_event_id() == in_some.last_event_id());
    fuzz::require(in_one.last_event_id().find('\0') == std::string::npos);
    return 0;
}
