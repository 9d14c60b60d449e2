#include "lib/http/websocket/session.hpp"

#include <tandem/concurrency/move_on_after.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <boost/asio/error.hpp>

namespace tandem::http {

namespace {

constexpr std::size_t worth_compressing = 128;
constexpr std::size_t most_unread = 64 * 1024; // that send() takes in where nobody receives

bool is_cancelled() noexcept {
    return task_context::current()->cancelled();
}

std::string close_frame(std::uint16_t status, std::string_view reason) {
    std::string payload;
    payload += static_cast<char>(status >> 8);
    payload += static_cast<char>(status & 0xff);
    payload += reason;
    return payload;
}

} // namespace

// While a task is in receive().
class websocket::state::receiving {
public:
    explicit receiving(state& s) : state_(s) {
        if (s.receiving_) throw std::logic_error("http::websocket::receive: another task is receiving");
        s.receiving_ = true;
        s.left_.reset();
    }
    ~receiving() {
        state_.receiving_ = false;
        state_.left_.set();
    }
    receiving(const receiving&) = delete;
    receiving& operator=(const receiving&) = delete;

private:
    state& state_;
};

websocket::state::state(scheduler& home, net::stream&& s, response_info&& i, websocket_options&& o,
                        bool with_compression, std::string&& protocol)
    : info(std::move(i)), options(std::move(o)), subprotocol(std::move(protocol)),
      compression(with_compression), home_(home), stream_(std::move(s)),
      reader_(options.max_message_bytes(), options.max_fragments(), with_compression), heard_(home.now()),
      looked_(heard_) {
    stream_.expires_at(clock::time_point::max());
}

void websocket::state::take_in(std::string_view bytes) {
    while (!bytes.empty()) {
        in_.prepare();
        const std::size_t n = std::min(bytes.size(), in_.space());
        std::memcpy(in_.tail(), bytes.data(), n);
        in_.commit(n);
        bytes.remove_prefix(n);
    }
}

time_span websocket::state::within(websocket_options::duration limit) const noexcept {
    return limit.count() > 0 ? limit : std::chrono::nanoseconds::max();
}

// ---- failing ----

void websocket::state::end() noexcept {
    stream_.close();
    over_.set();
}

void websocket::state::keep_failure(const error_code& why, std::string detail) {
    if (!failure_)
        failure_.emplace(request_phase::websocket, why, info.method(), info.url().redacted(),
                         std::move(detail));
    end();
}

void websocket::state::rethrow() const {
    throw request_error(*failure_);
}

// A read or a write has failed, but not by cancellation.
void websocket::state::fail_io(const error_code& why) {
    keep_failure(why);
    rethrow();
}

// Tells the server why, if it takes that without delay.
task<> websocket::state::fail_protocol(std::error_code why) {
    const auto what = static_cast<ws::error>(why.value());
    if (why.category() == ws::category() && what != ws::error::no_pong &&
        what != ws::error::ended_without_close && !close_sent_) {
        close_due_ = close_frame(ws::close_code_for(what), "");
        close_sent_ = true;
        try {
            co_await move_on_after(within(options.close_timeout()), flush_control());
        } catch (const request_error&) {
            // it would not listen
        }
    }
    keep_failure(why);
    rethrow();
}

// ---- sending ----

bool websocket::state::has_output() const noexcept {
    return !out_.empty() || pong_due_ || ping_due_ || close_due_;
}

void websocket::state::append_control() {
    if (pong_due_) out_.append(code::pong, false, *pong_due_);
    if (ping_due_) out_.append(code::ping, false, "");
    if (close_due_) out_.append(code::close, false, *close_due_);
    pong_due_.reset();
    close_due_.reset();
    ping_due_ = false;
}

task<io_result> websocket::state::write_piece() {
    co_return co_await stream_.write(out_.piece());
}
task<io_result> websocket::state::read_some() {
    co_return co_await stream_.read_some(in_.tail(), in_.space());
}

// By the holder of the mutex. When it is cancelled, what is left stays for the next one.
task<> websocket::state::flush() {
    while (has_output()) {
        if (failure_) rethrow();
        if (closed_) throw_closed();
        if (out_.empty()) append_control();
        const auto sent = co_await move_on_after(within(options.write_timeout()), write_piece());
        if (sent) out_.sent(sent->bytes);
        if (ping_unsent_ && !ping_due_ && out_.empty()) { // it has gone: from now on the pong is awaited
            ping_unsent_ = false;
            pinged_ = home_.now();
        }
        if (sent && !sent->error) continue;
        if (is_cancelled()) throw operation_cancelled("sending on a websocket was cancelled");
        if (closed_ || failure_) continue; // tells
        const bool late = !sent || sent->error == boost::asio::error::operation_aborted;
        fail_io(late ? error_code(make_error_code(ws::error::write_timeout)) : sent->error);
    }
}

// Unless somebody is writing, who then does it.
task<> websocket::state::flush_control() {
    const mutex_guard guard = writing_.try_lock();
    if (guard) co_await flush();
}

void websocket::state::throw_closed() const {
    throw request_error(error(request_phase::websocket, make_error_code(ws::error::closed), info.method(),
                              info.url().redacted(), std::string()));
}

void websocket::state::check_sendable() const {
    if (failure_) rethrow();
    if (closed_ || close_sent_) throw_closed();
}

task<> websocket::state::send(ws::opcode kind, std::string payload) {
    check_sendable();
    bool compressed = false;
    if (compression && payload.size() >= worth_compressing) {
        payload = ws::compress_message(payload);
        compressed = true;
    }
    co_await look_after();
    const mutex_guard guard = co_await writing_.lock();
    co_await flush(); // what a cancelled task has left, and what is due
    check_sendable();
    out_.append(kind, compressed, payload);
    co_await flush();
}

// Up to the first message, which is receive()'s, as is all behind it.
task<> websocket::state::read_ahead() {
    ws::event now = ws::event::ping;
    while (now != ws::event::need_more && !ahead_ && !peer_closed_) {
        now = read_event();
        if (now == ws::event::failed) co_await fail_protocol(reader_.failure());
        if (now == ws::event::message) ahead_.emplace(reader_.is_text(), reader_.take_message());
    }
    check_sendable();
}

// Before something is sent: what receive() does as time goes by, where nobody is in it. Never waits for the
// server. Looks once in a ping_interval, and takes in only so much that the server still has to wait for
// whoever receives.
task<> websocket::state::look_after() {
    if (receiving_ || options.ping_interval().count() == 0) co_return;
    const auto now = home_.now();
    const auto patience = options.pong_timeout();
    const bool late = awaiting_pong_ && !ping_unsent_ && patience.count() > 0 && now - pinged_ >= patience;
    if (!late && now - std::max(heard_, looked_) < options.ping_interval()) co_return;
    looked_ = now;
    co_await read_ahead();
    if (in_.view().size() >= most_unread) co_return; // no telling
    in_.prepare();
    const io_result got = stream_.try_read(in_.tail(), in_.space());
    if (!got.error && got.bytes > 0) {
        in_.commit(got.bytes);
        heard_ = now;
        awaiting_pong_ = false;
        co_await read_ahead();
    } else if (!got.error) {
        // What came before the end is there for receive(); writing tells that it is the end.
        if (!ahead_ && in_.empty()) co_await fail_protocol(ws::error::ended_without_close);
    } else if (got.error != boost::asio::error::would_block) {
        fail_io(got.error);
    } else if (late) {
        co_await fail_protocol(ws::error::no_pong);
    } else if (!awaiting_pong_) {
        awaiting_pong_ = true;
        pinged_ = now;
        ping_due_ = ping_unsent_ = true;
    }
}

// ---- receiving ----

// Takes the next event out of what has been read. Pongs say nothing that the bytes have not said.
ws::event websocket::state::read_event() {
    std::string_view bytes = in_.view();
    const std::size_t before = bytes.size();
    const ws::event now = reader_.read(bytes);
    in_.consume(before - bytes.size());
    if (now == ws::event::ping && !close_sent_) pong_due_ = reader_.control(); // only the latest counts
    if (now == ws::event::close) note_close();
    return now;
}

task<> websocket::state::receive_more() {
    if (has_output()) co_await flush_control();
    std::chrono::nanoseconds left = std::chrono::nanoseconds::max();
    if (awaiting_pong_ && options.pong_timeout().count() > 0)
        left = ping_unsent_ ? options.pong_timeout() : options.pong_timeout() - (home_.now() - pinged_);
    else if (!awaiting_pong_ && options.ping_interval().count() > 0)
        left = options.ping_interval() - (home_.now() - heard_);
    in_.prepare();
    std::optional<io_result> got;
    // What has come counts, however late it is looked at.
    left = std::max<std::chrono::nanoseconds>(left, std::chrono::milliseconds(1));
    got = co_await move_on_after(left, read_some());
    if (got && !got->error) {
        in_.commit(got->bytes);
        heard_ = home_.now();
        awaiting_pong_ = false; // whatever came: it lives
        if (got->bytes == 0 && !closed_) co_await fail_protocol(ws::error::ended_without_close);
        co_return;
    }
    if (is_cancelled()) throw operation_cancelled("receiving from a websocket was cancelled");
    if (closed_ || failure_) co_return;
    if (got && got->error != boost::asio::error::operation_aborted) fail_io(got->error);
    // Silence. A ping that waits behind a long message has not been heard yet; one that stalls ends by
    // write_timeout.
    if (awaiting_pong_ && (ping_unsent_ || home_.now() - pinged_ < options.pong_timeout())) co_return;
    if (awaiting_pong_) co_await fail_protocol(ws::error::no_pong);
    awaiting_pong_ = true;
    pinged_ = home_.now();
    ping_due_ = ping_unsent_ = true;
    co_await flush_control();
}

// The server has said that it closes.
void websocket::state::note_close() {
    peer_closed_ = true;
    std::error_code checked;
    const ws::close_payload told = ws::read_close(reader_.control(), checked);
    peer_code = told.code;
    peer_reason = told.reason;
    if (!close_sent_) {
        close_sent_ = true;
        close_due_ = told.code == close_code::none ? std::string() : close_frame(told.code, "");
    }
}

task<> websocket::state::answer_close() {
    try {
        auto answer = [this]() -> task<> {
            const mutex_guard guard = co_await writing_.lock(); // behind a message that has begun
            co_await flush();
            co_await stream_.finish();
        };
        if (!failure_) co_await move_on_after(within(options.close_timeout()), answer);
    } catch (const request_error&) {
        // it no longer listens
    }
    failure_.reset(); // all that mattered has been said
    closed_ = true;
    end();
}

task<std::optional<websocket_message>> websocket::state::receive() {
    if (draining_ && is_open()) co_await over_.wait();
    co_return co_await next_message();
}

task<std::optional<websocket_message>> websocket::state::next_message() {
    using result_type = std::optional<websocket_message>;
    if (closed_) co_return result_type();
    const receiving mine(*this);
    for (;;) { // a failure is told behind what came whole before it
        if (closed_) co_return result_type();
        if (ahead_) co_return std::exchange(ahead_, std::nullopt);
        if (peer_closed_) {
            co_await answer_close();
            continue;
        }
        switch (read_event()) {
        case ws::event::message:
            co_return result_type(websocket_message(reader_.is_text(), reader_.take_message()));
        case ws::event::ping: // answered before the next read
        case ws::event::pong:
        case ws::event::close:
            break;
        case ws::event::failed:
            co_await fail_protocol(reader_.failure());
            break;
        case ws::event::need_more:
            if (failure_) rethrow();
            co_await receive_more();
            break;
        }
    }
}

// ---- closing ----

task<> websocket::state::drain() {
    for (;;) {
        const auto message = co_await next_message();
        if (!message) co_return;
    }
}

task<> websocket::state::say_close(std::string payload) {
    const mutex_guard guard = co_await writing_.lock();
    if (!close_sent_) {
        close_sent_ = true;
        pong_due_.reset();
        ping_due_ = false;
        close_due_ = std::move(payload);
    }
    co_await flush();
}

task<> websocket::state::close(std::uint16_t status, std::string reason) {
    if (!ws::is_close_code(status) || reason.size() > ws::most_control_bytes - 2 || !ws::is_utf8(reason))
        throw std::invalid_argument(
            "http::websocket::close: a code that may not be sent, or a reason that is "
            "too long or not UTF-8");
    if (!is_open()) co_return;
    auto handshake = [&]() -> task<> {
        co_await say_close(close_frame(status, reason));
        // Who receives reads the answer; when nobody does (any more), it is read here.
        while (is_open()) {
            if (receiving_) {
                co_await left_.wait();
                continue;
            }
            draining_ = true;
            co_await drain();
        }
    };
    try {
        co_await move_on_after(within(options.close_timeout()), handshake);
    } catch (const request_error&) {
        // it has failed: closed as well
    } catch (const operation_cancelled&) {
        closed_ = true;
        end();
        throw;
    }
    closed_ = true;
    end();
}

} // namespace tandem::http
