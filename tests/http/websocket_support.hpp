// The server's side of a websocket, by hand: for what a server would not do, too.
#pragma once

#include "lib/http/websocket/frame.hpp"
#include "lib/http/websocket/handshake.hpp"
#include "tests/http/scripted_server.hpp"

#include <tandem/http/client.hpp>
#include <tandem/http/websocket.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/socket.h>

namespace websocket_tests {

namespace ws = tandem::http::ws;

inline std::string ws_url(const scripted::server& server) {
    return "ws://" + server.host_port() + "/chat";
}

inline tandem::task<tandem::http::websocket>
open(tandem::http::client& web, const scripted::server& server,
     tandem::http::websocket_options options = tandem::http::websocket_options()) {
    return tandem::http::websocket::connect(web, tandem::http::request(ws_url(server)), std::move(options));
}

inline std::string message_of(ws::error value) {
    return make_error_code(value).message();
}

/// An unmasked frame, whatever its first byte says.
inline std::string raw_frame(int first, std::string_view payload) {
    std::string out(1, static_cast<char>(first));
    if (payload.size() < 126) {
        out += static_cast<char>(payload.size());
    } else if (payload.size() < 0x10000) {
        out += '\x7e';
        out += static_cast<char>(payload.size() >> 8);
        out += static_cast<char>(payload.size());
    } else {
        out += '\x7f';
        for (int i = 7; i >= 0; --i)
            out += static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> (8 * i));
    }
    return out + std::string(payload);
}
inline std::string text(std::string_view payload) {
    return raw_frame(0x81, payload);
}
inline std::string close_frame(int code, std::string_view reason = std::string_view()) {
    std::string payload;
    payload += static_cast<char>(code >> 8);
    payload += static_cast<char>(code);
    return raw_frame(0x88, payload + std::string(reason));
}

struct frame {
    ws::opcode code;
    bool compressed;
    bool masked;
    std::string payload;
    std::string key;
};

/// One connection behind its handshake.
class server_side {
public:
    explicit server_side(scripted::peer& p) : peer_(p) {}

    /// Reads the request, answers it; the head of the request.
    std::string accept(std::string_view fields = std::string_view()) {
        std::string head = peer_.read_head();
        if (head.empty()) return head;
        peer_.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: " +
                   ws::accept_for(scripted::field_of(head, "Sec-WebSocket-Key")) + "\r\n" +
                   std::string(fields) + "\r\n");
        return head;
    }

    /// The next frame of the client, unmasked; nothing when it has closed the connection.
    std::optional<frame> read() {
        if (!fill(2)) return std::nullopt;
        const unsigned short_length = static_cast<unsigned char>(buffer_[1]) & 0x7f;
        const std::size_t more = short_length == 127 ? 8 : short_length == 126 ? 2 : 0;
        if (!fill(2 + more)) return std::nullopt;
        std::uint64_t length = short_length;
        if (more != 0) {
            length = 0;
            for (std::size_t i = 0; i < more; ++i)
                length = length << 8 | static_cast<unsigned char>(buffer_[2 + i]);
        }
        frame told{static_cast<ws::opcode>(buffer_[0] & 0x0f), (buffer_[0] & 0x40) != 0,
                   (buffer_[1] & 0x80) != 0, "", ""};
        const std::size_t head = 2 + more + (told.masked ? 4 : 0);
        if (!fill(head + length)) return std::nullopt;
        if (told.masked) told.key = buffer_.substr(2 + more, 4);
        told.payload = buffer_.substr(head, length);
        for (std::size_t i = 0; told.masked && i < told.payload.size(); ++i)
            told.payload[i] = static_cast<char>(told.payload[i] ^ told.key[i % 4]);
        buffer_.erase(0, head + length);
        return told;
    }

    /// The payload of the next frame, "-" at the end.
    std::string read_payload() {
        const auto got = read();
        return got ? got->payload : "-";
    }

    void send(std::string_view bytes) { peer_.send(bytes); }

private:
    bool fill(std::size_t size) {
        char data[16384];
        while (buffer_.size() < size) {
            const ssize_t n = ::recv(peer_.native_handle(), data, sizeof(data), 0);
            if (n <= 0) return false;
            buffer_.append(data, static_cast<std::size_t>(n));
        }
        return true;
    }

    scripted::peer& peer_;
    std::string buffer_;
};

} // namespace websocket_tests
