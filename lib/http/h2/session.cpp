#include "lib/http/h2/session.hpp"

#include "lib/core/give_way.hpp"
#include "lib/http/h2/client_stream.hpp"
#include "lib/http/h2/error.hpp"
#include "lib/http/h2/session_callbacks.hpp"

#include <tandem/concurrency/detail/join.hpp>

#include <nghttp2/nghttp2.h>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <coroutine>
#include <exception>
#include <new>
#include <vector>

namespace tandem::http::h2 {

namespace {

using boost::system::error_code;

constexpr std::size_t most_waiting_output = 64 * 1024;
constexpr int most_writes_at_once = 16;
constexpr std::size_t most_input_at_once = 256 * 1024; // of a connection that was idle
// The peer's own limit counts if it is lower.
constexpr std::size_t most_streams_at_once = 256;

} // namespace

// A task that stands by.
class session::follower : public waiter, private cancel_hook {
public:
    follower(session& connection, client_stream& s, task_context& context) noexcept
        : waiter(context), cancel_hook(&follower::on_cancel), session_(connection), stream_(s) {}
    ~follower() {
        if (linked()) unlink();
    }

    bool await_ready() const noexcept { return context().cancelled(); }
    void await_suspend(std::coroutine_handle<> at) noexcept {
        context().suspend(at, this, "HTTP/2 stream");
        session_.followers_.push_back(*this);
        *std::find(stream_.followers_.begin(), stream_.followers_.end(), nullptr) = this;
    }
    void await_resume() const noexcept {}

    void wake_up() noexcept {
        unlink();
        wake();
    }

private:
    void unlink() noexcept {
        session_.followers_.remove(*this);
        *std::find(stream_.followers_.begin(), stream_.followers_.end(), this) = nullptr;
    }
    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<follower&>(hook);
        if (self.linked()) self.wake_up();
    }

    session& session_;
    client_stream& stream_;
};

class session::follow {
public:
    follow(session& connection, client_stream& s) noexcept : session_(connection), stream_(s) {}
    follower await_in(task_context& context) const noexcept { return {session_, stream_, context}; }

private:
    session& session_;
    client_stream& stream_;
};

class session::role {
public:
    role(holder& place, client_stream& s, condition done) noexcept : place_(place) { place_ = {&s, done}; }
    role(const role&) = delete;
    role& operator=(const role&) = delete;
    ~role() { place_ = holder(); }

private:
    holder& place_;
};

// What a task leaves to the others.
class session::departure {
public:
    explicit departure(session& connection) noexcept : session_(connection) {}
    departure(const departure&) = delete;
    departure& operator=(const departure&) = delete;
    ~departure() {
        if (session_.home_.torn_down()) return;
        session_.flush();
        session_.hand_on();
    }

private:
    session& session_;
};

session::session(net::stream& stream, scheduler& home, const h1::limits& bounds, const ping_times& ping,
                 owner& told)
    : stream_(stream), home_(home), limits_(bounds), ping_(ping), owner_(told),
      useless_since_(home.turn_time()) {
    stream_.expires_at(clock::time_point::max());
    frames_ = callbacks::make_session(*this, limits_.header_bytes);
}

session::~session() {
    home_.disarm(silence_);
    nghttp2_session_del(frames_);
}

bool session::usable() const noexcept {
    return !broken_ && !draining_ && stream_.is_open() && nghttp2_session_check_request_allowed(frames_) != 0;
}

std::size_t session::most_streams() const noexcept {
    const std::size_t theirs =
        nghttp2_session_get_remote_settings(frames_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return std::min(theirs, most_streams_at_once);
}

void session::refresh() noexcept {
    for (std::size_t taken = 0; !broken_ && taken < most_input_at_once;) {
        io_result got;
        try {
            in_.prepare();
            got = stream_.try_read(in_.tail(), in_.space());
        } catch (const std::bad_alloc&) {
            return fail_all(error::out_of_memory, true);
        }
        if (got.error == boost::asio::error::would_block) break;
        if (got.error) return fail_all(got.error, true);
        if (got.bytes == 0) return fail_all(error::connection_closed, true);
        in_.commit(got.bytes);
        taken += got.bytes;
        feed();
    }
    flush();
}

void session::rest() noexcept {
    home_.disarm(silence_);
    in_.reset();
    if (out_begin_ == out_.size()) {
        out_ = std::string();
        out_begin_ = 0;
    }
}

void session::retire() noexcept {
    if (draining_) return;
    draining_ = true;
    owner_.room_changed();
}

void session::say_goodbye() noexcept {
    if (broken_ || !stream_.is_open()) return;
    draining_ = true;
    nghttp2_session_terminate_session(frames_, NGHTTP2_NO_ERROR);
    flush();
}

// ---- for streams ----

void session::open(client_stream& s, const request_fields& fields, bool with_body) {
    s.session_bytes_ = bytes_received_;
    std::int32_t id = NGHTTP2_ERR_INVALID_STATE;
    if (!broken_ && !write_failed_) {
        std::vector<nghttp2_nv> list;
        list.reserve(fields.size());
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const request_fields::field field = fields[i];
            nghttp2_nv one{};
            one.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.name.data()));
            one.namelen = field.name.size();
            one.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.value.data()));
            one.valuelen = field.value.size();
            one.flags =
                static_cast<std::uint8_t>(field.secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE);
            list.push_back(one);
        }
        nghttp2_data_provider body{};
        body.read_callback = &callbacks::read_body;
        id = nghttp2_submit_request(frames_, nullptr, list.data(), list.size(), with_body ? &body : nullptr,
                                    nullptr);
        if (id == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
    }
    if (id < 0) { // the connection has ended meanwhile, or has no numbers left
        s.refused_ = true;
        s.close(broken_ ? broken_ : make_error_code(origin::goaway, NGHTTP2_NO_ERROR));
        return retire();
    }
    s.id_ = id;
    streams_.emplace(id, &s);
    if (useless_frames_ > 0) --useless_frames_; // the peer may reset it
    flush();
    hand_on();
}

void session::resume(client_stream& s) noexcept {
    if (broken_ || s.closed_ || s.id_ == 0) return;
    nghttp2_session_resume_data(frames_, s.id_); // fails when it was not waiting for data
    flush();
    hand_on();
}

void session::taken(client_stream& s, std::size_t bytes) noexcept {
    if (broken_ || s.closed_ || s.id_ == 0) return;
    nghttp2_session_consume_stream(frames_, s.id_, bytes);
    flush();
    hand_on();
}

void session::leave(client_stream& s) noexcept {
    const auto found = streams_.find(s.id_);
    if (found == streams_.end()) return;
    found->second = nullptr;
    ++lingering_;
    nghttp2_submit_rst_stream(frames_, NGHTTP2_FLAG_NONE, s.id_, NGHTTP2_CANCEL);
    if (!home_.torn_down()) flush();
    if (!home_.torn_down()) hand_on();
}

void session::wake(client_stream& s) noexcept {
    for (follower* const f : s.followers_)
        if (f) f->wake_up();
    if (!interrupted_ && somebody_has_to_leave()) interrupt();
}

void session::expired(client_stream& s) noexcept {
    // Not a byte came while it waited: the peer is gone, or as good as gone.
    if (s.id_ != 0 && bytes_received_ == s.session_bytes_) retire();
    wake(s);
}

task<error_code> session::advance(client_stream& s, condition done) {
    task_context& context = *task_context::current();
    const departure leaving(*this);
    for (;;) {
        if (done(s)) co_return error_code();
        if (context.cancelled()) co_return boost::asio::error::operation_aborted;
        if (s.expired_) co_return boost::asio::error::timed_out;
        if (interrupted_ && somebody_has_to_leave()) { // whoever holds the socket will let go of it
            co_await tandem::detail::give_way();
            continue;
        }
        if (interrupted_) settle(boost::asio::error::timed_out);
        if (!writer_ && wants_write()) {
            flush();
            if (broken_ || s.closed_) continue; // it was told when it did not wait
            if (out_begin_ != out_.size()) {
                if (reader_ || followers_.front())
                    co_await write_out(s, done);
                else
                    co_await write_and_read(s, done);
                continue; // what did not fit, or has come meanwhile, is sent before anybody stands by
            }
            if (done(s)) co_return error_code();
            if (more_to_flush_) { // that was enough for one turn
                co_await tandem::detail::give_way();
                continue;
            }
        }
        if (broken_) continue; // every stream has been told
        if (!reader_)
            co_await read_in(s, done);
        else
            co_await follow(*this, s);
    }
}

// ---- work ----

bool session::wants_write() const noexcept {
    return !broken_ && !write_failed_ &&
           (out_begin_ != out_.size() || nghttp2_session_want_write(frames_) != 0);
}

bool session::holder::has_to_leave() const noexcept {
    return stream && (stream->expired_ || done(*stream));
}

void session::interrupt() noexcept {
    interrupted_ = true;
    stream_.expires_at(clock::time_point::min());
}

bool session::somebody_has_to_leave() const noexcept {
    return reader_.has_to_leave() || writer_.has_to_leave();
}

// False when there is nothing to send.
bool session::fill() noexcept {
    if (out_begin_ == out_.size()) {
        out_.clear();
        out_begin_ = 0;
    }
    try {
        while (out_.size() - out_begin_ < most_waiting_output) {
            const std::uint8_t* data = nullptr;
            working_ = true;
            const ssize_t size = nghttp2_session_mem_send(frames_, &data);
            working_ = false;
            if (size < 0) {
                fail_all(error::out_of_memory, false);
                return false;
            }
            if (size == 0) break;
            out_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
        }
    } catch (const std::bad_alloc&) { // a part of the frames is lost
        fail_all(error::out_of_memory, false);
        return false;
    }
    return out_begin_ != out_.size();
}

void session::flush() noexcept {
    if (writer_ || working_) return;
    more_to_flush_ = false;
    for (int i = 0; wants_write() && fill(); ++i) {
        more_to_flush_ = i == most_writes_at_once;
        if (more_to_flush_) break;
        const io_result sent = stream_.try_write(std::string_view(out_).substr(out_begin_));
        out_begin_ += sent.bytes;
        if (sent.error == boost::asio::error::would_block) break;
        if (sent.error) return stop_writing();
    }
    look_for_end();
}

// Others may have run since `advance` looked, because a task's first step can be queued: both look again.

task<> session::write_out(client_stream& s, condition done) {
    // A sender stays until its piece has left, so that it is held back by the socket.
    const condition over = done == &client_stream::has_room ? &client_stream::is_over : done;
    if (writer_ || broken_ || s.expired_ || over(s)) co_return;
    io_result sent;
    {
        const role writing(writer_, s, over);
        hand_on(); // somebody else may read meanwhile
        sent = co_await stream_.write(std::string_view(out_).substr(out_begin_));
        out_begin_ += sent.bytes;
    }
    const bool failed =
        sent.error && !task_context::current()->cancelled() && sent.error != boost::asio::error::timed_out;
    if (!sent.error) heard(); // the socket was full: the peer takes what is sent
    if (failed)
        stop_writing();
    else
        settle(sent.error);
}

// For one that is alone: a peer that cannot get rid of its answer may take nothing either.
task<> session::write_and_read(client_stream& s, condition done) {
    tandem::detail::child<void> reading(read_in(s, done));
    tandem::detail::child<void> writing(write_out(s, done));
    tandem::detail::join both(tandem::detail::join_policy::cancel_on_first, "HTTP/2 stream");
    both.add(reading);
    both.add(writing);
    co_await both;
    if (both.first_failure()) std::rethrow_exception(both.first_failure());
}

// Even then there may be something to read: a peer may answer, and close, before it has taken everything.
void session::stop_writing() noexcept {
    write_failed_ = true;
    retire();
}

task<> session::read_in(client_stream& s, condition done) {
    if (reader_ || broken_ || s.expired_ || done(s)) co_return;
    io_result got;
    {
        const role reading(reader_, s, done);
        listen();
        in_.prepare();
        got = co_await stream_.read_some(in_.tail(), in_.space());
    }
    if (got.error) {
        settle(got.error);
    } else if (got.bytes == 0) {
        fail_all(error::connection_closed, true);
    } else {
        in_.commit(got.bytes);
        feed();
        flush();
    }
}

void session::feed() noexcept {
    const std::string_view bytes = in_.view();
    bytes_received_ += bytes.size();
    heard();
    working_ = true;
    const ssize_t n =
        nghttp2_session_mem_recv(frames_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    working_ = false;
    in_.consume(bytes.size());
    if (n >= 0) return;
    flooded_ = flooded_ || n == NGHTTP2_ERR_FLOODED;
    if (flooded_) {
        nghttp2_session_terminate_session(frames_, NGHTTP2_ENHANCE_YOUR_CALM);
        flush();
        fail_all(error::flooded, false);
    } else {
        fail_all(error::out_of_memory, false);
    }
}

// After an operation on the socket that has ended: interrupted, or failed. The stream has no other deadline
// than an interruption; and if it was TCP's own that has passed, the next operation fails too.
void session::settle(const error_code& ec) noexcept {
    if (!ec || broken_) return;
    if (ec == boost::asio::error::timed_out) {
        if (!interrupted_ || somebody_has_to_leave()) return;
        interrupted_ = false;
        stream_.expires_at(clock::time_point::max());
        return;
    }
    if (task_context::current()->cancelled()) return;
    fail_all(ec, true);
}

// nghttp2 ends a connection on a violation by saying so to the peer and then by wanting nothing any more.
void session::look_for_end() noexcept {
    if (broken_ || nghttp2_session_want_read(frames_) != 0) return;
    if (sent_goaway_ != NGHTTP2_NO_ERROR)
        fail_all(flooded_ ? make_error_code(error::flooded)
                          : make_error_code(origin::connection, sent_goaway_),
                 false);
    else if (!streams_.empty() && nghttp2_session_want_write(frames_) == 0)
        fail_all(error::connection_closed, true);
    else
        retire();
}

void session::fail_all(const std::error_code& why, bool silent) noexcept {
    if (broken_) return;
    broken_ = received_goaway_ != NGHTTP2_NO_ERROR ? make_error_code(origin::goaway, received_goaway_) : why;
    draining_ = true;
    for (const auto& [id, s] : streams_) {
        if (!s) continue;
        s->silent_ = silent;
        s->close(broken_);
        wake(*s);
    }
    streams_.clear();
    lingering_ = 0;
    owner_.room_changed();
}

void session::hand_on() noexcept {
    if (waiter* const next = followers_.front()) {
        if (broken_ || !reader_ || (!writer_ && wants_write())) static_cast<follower*>(next)->wake_up();
    } else if (!interrupted_ &&
               (reader_ ? !writer_ && out_begin_ != out_.size() && wants_write() : bool(writer_))) {
        interrupt(); // the only task that is there does one thing: it has to do both
    }
}

// ---- told by nghttp2 ----

client_stream* session::find(std::int32_t id) noexcept {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : found->second;
}

bool session::count_frame(bool useful) noexcept {
    constexpr std::size_t most_useless = 1000;
    constexpr auto window = std::chrono::seconds(10);
    if (useful) return true;
    const clock::time_point now = home_.turn_time();
    if (now - useless_since_ > window) {
        useless_since_ = now;
        useless_frames_ = 0;
    }
    if (++useless_frames_ <= most_useless) return true;
    flooded_ = true;
    return false;
}

} // namespace tandem::http::h2
