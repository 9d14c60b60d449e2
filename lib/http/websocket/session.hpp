// An open websocket: its connection, what has been read, and what is to be sent.
#pragma once

#include "lib/http/read_buffer.hpp"
#include "lib/http/websocket/message_reader.hpp"
#include "lib/http/websocket/outbox.hpp"
#include "lib/net/stream.hpp"

#include <tandem/core/time_span.hpp>
#include <tandem/http/error.hpp>
#include <tandem/http/websocket.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/mutex.hpp>

#include <optional>
#include <string>

namespace tandem::http {

class websocket::state {
public:
    using clock = scheduler::clock;
    using code = ws::opcode;

    state(scheduler& home, net::stream&& s, response_info&& i, websocket_options&& o, bool with_compression,
          std::string&& protocol);
    state(const state&) = delete;
    state& operator=(const state&) = delete;

    task<std::optional<websocket_message>> receive();
    task<> send(ws::opcode kind, std::string payload);
    task<> close(std::uint16_t status, std::string reason);

    /// Bytes that came with the end of the handshake.
    void take_in(std::string_view bytes);

    [[nodiscard]] bool is_open() const noexcept { return !closed_ && !failure_; }

    response_info info;
    websocket_options options;
    std::string subprotocol;
    bool compression;
    std::uint16_t peer_code = close_code::abnormal;
    std::string peer_reason;

private:
    class receiving;

    task<> receive_more();
    task<> flush();
    // Lazy, as the stream's own are not: they begin when what limits them in time stands, and cannot fail
    // between the bytes that went and their count.
    task<io_result> write_piece();
    task<io_result> read_some();
    task<> flush_control();
    void append_control();
    ws::event read_event();
    task<> read_ahead();
    task<> look_after();
    [[nodiscard]] bool has_output() const noexcept;
    void note_close();
    task<> answer_close();
    task<> say_close(std::string payload);
    task<std::optional<websocket_message>> next_message();
    task<> drain();
    void end() noexcept;
    void keep_failure(const error_code& why, std::string detail = std::string());
    task<> fail_protocol(std::error_code why);
    [[noreturn]] void fail_io(const error_code& why);
    [[noreturn]] void rethrow() const;
    [[noreturn]] void throw_closed() const;
    void check_sendable() const;
    [[nodiscard]] time_span within(websocket_options::duration limit) const noexcept;

    scheduler& home_;
    net::stream stream_;
    read_buffer in_;
    ws::message_reader reader_;
    bool receiving_ = false;
    bool draining_ = false;                  // close() reads now, and drops what comes
    event left_{true};                       // nobody is receiving
    std::optional<websocket_message> ahead_; // found by send(): the next of receive()

    mutex writing_; // who holds it writes
    ws::outbox out_;
    std::optional<std::string> pong_due_;  // to the latest ping only (RFC 6455, 5.5.3)
    std::optional<std::string> close_due_; // nothing is sent after it
    bool ping_due_ = false;
    bool ping_unsent_ = false; // due, or still in out_: the pong's time has not begun
    bool close_sent_ = false;  // or about to be
    bool peer_closed_ = false; // has said so

    clock::time_point heard_;  // when the last byte came
    clock::time_point looked_; // when send() has looked for more
    clock::time_point pinged_;
    bool awaiting_pong_ = false;

    event over_; // closed_ or failure_
    bool closed_ = false;
    std::optional<http::error> failure_;
};

} // namespace tandem::http
