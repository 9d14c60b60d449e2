// Websocket frames: the same events however the input is cut, and no message beyond its limit.
#include "tests/fuzz/fuzz.hpp"

#include "lib/http/websocket/message_reader.hpp"

#include <algorithm>
#include <string>

namespace ws = tandem::http::ws;

namespace {

constexpr std::uint64_t most = 2000;

// All events in one text, and how it ended. Of corrupt compressed data zlib gives what came before the damage
// or not, as the pieces are: it may also be too large first.
std::string read_all(std::string_view input, std::size_t piece, bool compression) {
    ws::message_reader reader(most, 8, compression);
    std::string told;
    while (!input.empty()) {
        std::string_view unread = input.substr(0, piece);
        input.remove_prefix(unread.size());
        for (ws::event now; (now = reader.read(unread)) != ws::event::need_more;) {
            told += static_cast<char>('0' + static_cast<int>(now));
            if (now == ws::event::failed) return compression ? told : told + reader.failure().message();
            if (now == ws::event::message) {
                const std::string message = reader.take_message();
                fuzz::require(message.size() <= most);
                fuzz::require(!reader.is_text() || ws::is_utf8(message));
                told += message;
            } else {
                fuzz::require(reader.control().size() <= ws::most_control_bytes);
                told += reader.control();
            }
        }
        fuzz::require(unread.empty());
    }
    return told;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input = fuzz::text(data + 1, size - 1);
    const bool compression = (data[0] & 1) != 0;
    fuzz::require(read_all(input, input.size() + 1, compression) == read_all(input, 1, compression));
    return 0;
}
