// websocket: messages in both directions over one connection (RFC 6455).
//
//     auto chat = co_await http::websocket::connect(web, http::request("wss://example.org/chat"));
//     co_await chat.send("hello");
//     while (auto message = co_await chat.receive()) use(message->data());
//     co_await chat.close();
//
// It is opened by an http::client, as any other request: its TLS, proxies, cookies, credentials, redirects,
// time limits and fields apply, and ws and wss URLs may be written as http and https. Once it is open the
// connection is the websocket's own: it does not count into the client's limits.
//
// One task receives; any number may send at a time: messages go out whole, first come, first served. Pings
// are answered, and sent, by receive(). While no task is in it send() looks after the connection, once in a
// ping_interval: it answers pings, sends one along when nothing was heard, fails when nothing came for
// pong_timeout after that, and tells that the server has closed. So whoever sends seldom notices late, and
// whoever neither sends nor receives does not at all. One message, and about 64 KiB behind it, are taken in
// meanwhile; what is beyond is not looked at: the server has to wait once its messages fill the socket, and
// is taken for alive.
//
// Belongs to the scheduler where it was opened. Not limited: how many messages a server sends; receive() is
// asked for each. What a server does against the protocol closes the websocket with the status that the
// standard wants (1002, 1007, 1009) and is thrown as request_error (phase `websocket`).
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/request.hpp>
#include <tandem/http/response.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::http {

/// Setters chain. A duration of 0 means no limit, or never.
class websocket_options {
public:
    using duration = std::chrono::nanoseconds;

    websocket_options() noexcept {}

    /// Offers a subprotocol, in order of preference; the server takes one, or none. Throws
    /// std::invalid_argument for what is no token.
    websocket_options& subprotocol(std::string_view name);
    /// 1 MiB, after decompression.
    websocket_options& max_message_bytes(std::uint64_t bytes) noexcept;
    /// 1,024 frames for a message.
    websocket_options& max_fragments(std::size_t n) noexcept;
    /// False. True: offers permessage-deflate (RFC 7692), without a context that is kept between messages: 40
    /// KiB while a message is received, 256 KiB while one is compressed, nothing in between.
    websocket_options& compression(bool yes) noexcept;
    /// 20 s of silence from the server, then a ping is sent: by receive() at once, else by the next send().
    websocket_options& ping_interval(duration d) noexcept;
    /// 20 s for the answer to a ping, or for anything else from the server; told as the interval is.
    websocket_options& pong_timeout(duration d) noexcept;
    /// 30 s, the longest pause while something is sent.
    websocket_options& write_timeout(duration d) noexcept;
    /// 5 s for the closing handshake; then the connection is closed without.
    websocket_options& close_timeout(duration d) noexcept;

    [[nodiscard]] const std::vector<std::string>& subprotocols() const noexcept { return subprotocols_; }
    [[nodiscard]] std::uint64_t max_message_bytes() const noexcept { return max_message_bytes_; }
    [[nodiscard]] std::size_t max_fragments() const noexcept { return max_fragments_; }
    [[nodiscard]] bool compression() const noexcept { return compression_; }
    [[nodiscard]] duration ping_interval() const noexcept { return ping_interval_; }
    [[nodiscard]] duration pong_timeout() const noexcept { return pong_timeout_; }
    [[nodiscard]] duration write_timeout() const noexcept { return write_timeout_; }
    [[nodiscard]] duration close_timeout() const noexcept { return close_timeout_; }

private:
    std::vector<std::string> subprotocols_;
    std::uint64_t max_message_bytes_ = std::uint64_t{1} << 20;
    std::size_t max_fragments_ = 1024;
    bool compression_ = false;
    duration ping_interval_ = std::chrono::seconds(20);
    duration pong_timeout_ = std::chrono::seconds(20);
    duration write_timeout_ = std::chrono::seconds(30);
    duration close_timeout_ = std::chrono::seconds(5);
};

/// A message. Text is valid UTF-8.
class websocket_message {
public:
    websocket_message(bool text, std::string data) noexcept : data_(std::move(data)), text_(text) {}

    [[nodiscard]] bool is_text() const noexcept { return text_; }
    [[nodiscard]] const std::string& data() const noexcept { return data_; }
    [[nodiscard]] std::string take() noexcept { return std::move(data_); }

private:
    std::string data_;
    bool text_;
};

/// Status codes for closing (RFC 6455, 7.4.1). Applications have 3000 to 4999 for their own.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported_data = 1003;
inline constexpr std::uint16_t none = 1005;     ///< never sent: the peer gave no code
inline constexpr std::uint16_t abnormal = 1006; ///< never sent: there was no closing handshake
inline constexpr std::uint16_t invalid_data = 1007;
inline constexpr std::uint16_t policy_violation = 1008;
inline constexpr std::uint16_t message_too_big = 1009;
inline constexpr std::uint16_t internal_error = 1011;
} // namespace close_code

/// Move-only; may be moved while nothing is in progress. The destructor closes the connection without a
/// closing handshake.
class websocket {
public:
    /// Opens a websocket. The request's method must be GET, and it must have no body. Throws request_error:
    /// that of the client, or errc::websocket_refused where the server answers anything but a proper 101 (the
    /// message says what). request::timeout bounds the opening only. Cancellation: as client::send.
    [[nodiscard]] static task<websocket> connect(client& web, request what,
                                                 websocket_options options = websocket_options());

    websocket(websocket&&) noexcept;
    websocket& operator=(websocket&&) noexcept;
    ~websocket();

    /// The next message; nothing once the closing handshake is done, whoever began it (see code()). One task
    /// at a time (std::logic_error). Throws request_error, also each time after that, but behind the messages
    /// that had been read whole when something failed. Cancellation: throws operation_cancelled, and loses
    /// nothing: the next call goes on.
    [[nodiscard]] task<std::optional<websocket_message>> receive();

    /// Sends a text message, or one of bytes, whole; returns when the system has taken it. Any number of
    /// tasks at a time. Throws std::invalid_argument for text that is not UTF-8, and request_error, also
    /// after close(), and for a server that was found to be gone, or to have closed. Cancellation: throws
    /// operation_cancelled; a message that still waits for its turn is not sent, one whose turn had come is
    /// sent on by whatever operation comes next.
    [[nodiscard]] task<> send(std::string text);
    [[nodiscard]] task<> send_binary(std::string bytes);

    /// The closing handshake: says so, drops the messages that still come until the server agrees, and closes
    /// the connection, after close_timeout without waiting for anything. Does nothing when it is closed, or
    /// has failed. Throws std::invalid_argument for a code that may not be sent, or a reason that is not
    /// UTF-8 or has more than 123 bytes. Cancellation: closes the connection at once and throws.
    [[nodiscard]] task<> close(std::uint16_t code = close_code::normal, std::string reason = std::string());

    [[nodiscard]] bool is_open() const noexcept; ///< neither closed nor failed
    /// What the server closed with; close_code::abnormal before that, and without it.
    [[nodiscard]] std::uint16_t code() const noexcept;
    [[nodiscard]] const std::string& reason() const noexcept;
    [[nodiscard]] const std::string& subprotocol() const noexcept; ///< empty: none was agreed on
    [[nodiscard]] bool compressed() const noexcept;                ///< permessage-deflate was agreed on
    [[nodiscard]] const response_info& response() const noexcept;  ///< of the opening

    class state; // internal

private:
    explicit websocket(std::unique_ptr<state> what) noexcept;

    std::unique_ptr<state> state_;
};

} // namespace tandem::http
