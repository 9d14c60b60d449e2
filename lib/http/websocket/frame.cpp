#include "lib/http/websocket/frame.hpp"

#include "lib/net/utf8.hpp"

#include <cstring>

namespace tandem::http::ws {

namespace {

class category_type final : public std::error_category {
public:
    const char* name() const noexcept override { return "tandem.websocket"; }
    std::string message(int value) const override {
        switch (static_cast<error>(value)) {
        case error::reserved_bits:
            return "a frame with reserved bits";
        case error::bad_opcode:
            return "a frame of an unknown kind";
        case error::bad_control_frame:
            return "a control frame in fragments, or of more than 125 bytes";
        case error::bad_length:
            return "a frame whose length is not written as it should be";
        case error::masked_by_server:
            return "a masked frame from a server";
        case error::bad_continuation:
            return "a fragment out of place";
        case error::bad_close:
            return "a close frame with a code that may not be sent";
        case error::bad_utf8:
            return "text that is not UTF-8";
        case error::message_too_large:
            return "a message that is too large (websocket_options::max_message_bytes)";
        case error::too_many_fragments:
            return "a message of too many fragments (websocket_options::max_fragments)";
        case error::bad_compressed_data:
            return "compressed data that is corrupt";
        case error::ended_without_close:
            return "the connection ended without a close frame";
        case error::no_pong:
            return "no pong in time (websocket_options::pong_timeout)";
        case error::closed:
            return "the websocket is closed";
        case error::write_timeout:
            return "the server takes nothing (websocket_options::write_timeout)";
        }
        return "unknown error";
    }
};

std::uint64_t big_endian(std::string_view bytes) noexcept {
    std::uint64_t value = 0;
    for (const char c : bytes)
        value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

} // namespace

const std::error_category& category() noexcept {
    static const category_type category;
    return category;
}

std::error_code make_error_code(error value) noexcept {
    return {static_cast<int>(value), category()};
}

std::uint16_t close_code_for(error value) noexcept {
    switch (value) {
    case error::bad_utf8:
    case error::bad_compressed_data:
        return 1007;
    case error::message_too_large:
    case error::too_many_fragments:
        return 1009;
    default:
        return 1002;
    }
}

std::optional<frame_head> read_head(std::string_view bytes, std::error_code& failure) noexcept {
    if (bytes.size() < 2) return std::nullopt;
    const auto first = static_cast<unsigned char>(bytes[0]);
    const auto second = static_cast<unsigned char>(bytes[1]);
    const auto fail = [&](error what) {
        failure = what;
        return std::nullopt;
    };
    frame_head head;
    head.fin = (first & 0x80) != 0;
    head.compressed = (first & 0x40) != 0;
    head.code = static_cast<opcode>(first & 0x0f);
    head.masked = (second & 0x80) != 0;
    if ((first & 0x30) != 0) return fail(error::reserved_bits);
    const unsigned code = first & 0x0f;
    if ((code > 2 && code < 8) || code > 10) return fail(error::bad_opcode);
    const unsigned length = second & 0x7f;
    if (is_control(head.code) && (!head.fin || length > most_control_bytes))
        return fail(error::bad_control_frame);
    if (is_control(head.code) && head.compressed) return fail(error::reserved_bits);
    const std::size_t more = length == 127 ? 8 : length == 126 ? 2 : 0;
    head.size = 2 + more;
    if (bytes.size() < head.size) return std::nullopt;
    head.length = more == 0 ? length : big_endian(bytes.substr(2, more));
    if ((more == 2 && head.length < 126) ||
        (more == 8 && (head.length < 0x10000 || (head.length >> 63) != 0)))
        return fail(error::bad_length);
    return head;
}

void write_frame(std::string& out, opcode code, bool compressed, std::string_view payload,
                 const mask_key& key) {
    out += static_cast<char>(0x80 | (compressed ? 0x40 : 0) | static_cast<int>(code));
    const std::uint64_t length = payload.size();
    const int more = length > 0xffff ? 8 : length > 125 ? 2 : 0;
    out += static_cast<char>(0x80 | (more == 8 ? 127 : more == 2 ? 126 : static_cast<int>(length)));
    for (int i = more - 1; i >= 0; --i)
        out += static_cast<char>(length >> (8 * i) & 0xff);
    for (const unsigned char byte : key)
        out += static_cast<char>(byte);
    const std::size_t begin = out.size();
    out += payload;
    char* const data = out.data() + begin;
    std::uint64_t wide;
    unsigned char twice[8];
    for (std::size_t i = 0; i < 8; ++i)
        twice[i] = key[i % 4];
    std::memcpy(&wide, twice, 8);
    std::size_t at = 0;
    for (; at + 8 <= payload.size(); at += 8) {
        std::uint64_t word;
        std::memcpy(&word, data + at, 8);
        word ^= wide;
        std::memcpy(data + at, &word, 8);
    }
    for (; at < payload.size(); ++at)
        data[at] = static_cast<char>(static_cast<unsigned char>(data[at]) ^ key[at % 4]);
}

bool is_close_code(std::uint16_t code) noexcept {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

close_payload read_close(std::string_view payload, std::error_code& failure) noexcept {
    close_payload told;
    if (payload.empty()) return told;
    if (payload.size() >= 2) told.code = static_cast<std::uint16_t>(big_endian(payload.substr(0, 2)));
    if (payload.size() < 2 || !is_close_code(told.code)) {
        failure = error::bad_close;
        return told;
    }
    told.reason = payload.substr(2);
    if (!is_utf8(told.reason)) failure = error::bad_utf8;
    return told;
}

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        constexpr std::uint64_t tops = 0x8080808080808080ull;
        std::uint64_t word;
        if (text.size() >= 8 && (std::memcpy(&word, text.data(), 8), (word & tops) == 0)) {
            text.remove_prefix(8);
            continue;
        }
        const tandem::detail::utf8_step step = tandem::detail::decode_utf8(text);
        if (!step.ok) return false;
        text.remove_prefix(step.size);
    }
    return true;
}

} // namespace tandem::http::ws
