#include "lib/http/server_connection.hpp"

#include <tandem/core/error.hpp>
#include <tandem/core/time_span.hpp>

#include <boost/asio/error.hpp>

#include "lib/http/h1/writer.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <utility>

#include <sys/socket.h>

namespace tandem::http::detail {

namespace {

constexpr std::size_t body_step = 64 * 1024;   // of a request's body, in one body_timeout
constexpr std::size_t write_step = 256 * 1024; // of a response, in one write_timeout
constexpr std::size_t joined_body = 64 * 1024; // of a response's body, copied behind its head
constexpr std::size_t kept_memory = 16 * 1024; // of the output, while idle
constexpr std::size_t linger_bytes = 1024 * 1024;
constexpr std::chrono::milliseconds linger_time(2000);
constexpr std::chrono::milliseconds linger_time_stopping(250);

h1::limits limits_of(const server_options& options) noexcept {
    h1::limits limits = h1::server_limits();
    limits.header_bytes = options.max_header_bytes();
    limits.line_bytes = std::max(limits.line_bytes, options.max_header_bytes() / 2);
    limits.body_bytes = options.max_body_bytes();
    return limits;
}

bool cancelled() noexcept {
    return task_context::current()->cancelled();
}

} // namespace

void input_buffer::make_room(std::size_t most) {
    if (end_ < capacity_) return;
    const std::size_t unread = end_ - begin_;
    // Moved to the front while that frees half of it, so that moving stays linear in the bytes that came.
    if (capacity_ != 0 && unread <= capacity_ / 2) {
        std::memmove(memory_.get(), memory_.get() + begin_, unread);
    } else {
        const std::size_t larger = std::max({first_size, std::min(2 * capacity_, 2 * most), unread + 1});
        std::unique_ptr<char[]> memory(new char[larger]);
        if (unread != 0) std::memcpy(memory.get(), memory_.get() + begin_, unread);
        memory_ = std::move(memory);
        capacity_ = larger;
    }
    begin_ = 0;
    end_ = unread;
}

void input_buffer::shrink() noexcept {
    if (!empty() || capacity_ <= first_size) return;
    memory_.reset();
    capacity_ = 0;
}

server_connection::server_connection(server_state& state, net::accepted peer)
    : state_(state), stream_(std::move(peer.connection)), peer_address_(std::move(peer.peer_address)),
      peer_port_(peer.peer_port), reader_(limits_of(state.options)) {
    state_.add(*this);
}

void server_connection::end_if_idle() noexcept {
    // A request that has arrived already is answered.
    if (waiting_ == wait::handshake || (waiting_ == wait::silence && !stream_.has_input())) stream_.close();
}

void server_connection::limit_time(std::chrono::milliseconds limit) noexcept {
    stream_.expires_at(later(state_.home.now(), limit));
}

task<> server_connection::run() {
    limit_time(state_.options.header_timeout());
    if (state_.tls) {
        waiting_ = wait::handshake;
        const error_code failed = co_await stream_.handshake_server(*state_.tls);
        waiting_ = wait::none;
        if (failed) co_return;
    }
    for (;;) {
        const reading request = co_await read_request();
        if (request == reading::ended) co_return;
        bool keep = false;
        if (request == reading::complete) {
            keep = reader_.keep_alive();
            answered_ = reader_.head().verb.value_or(method::post);
            if (answered_ == method::connect) {
                response_ = server_response::plain_status(501);
                keep = false;
            } else {
                const bool answer = co_await call_handler();
                if (!answer) co_return;
            }
        } else {
            response_ = server_response::plain_status(refusal_);
            answered_ = method::get;
        }
        keep = keep && !state_.stopping() && !response_.headers().has_token("Connection", "close");
        const bool sent = co_await respond(keep);
        if (!sent) co_return;
        if (!keep) break;
        first_request_ = false;
    }
    co_await linger();
}

// ---- reading ----

task<server_connection::reading> server_connection::read_request() {
    reader_.reset();
    body_.clear();
    phase now = phase::idle;
    bool continued = false;
    std::size_t step_ends = 0; // of the body: when the time limit is renewed
    if (!first_request_) limit_time(state_.options.idle_timeout());
    for (;;) {
        const h1::step step = reader_.read(input_.unread());
        if (now == phase::idle && reader_.started()) {
            now = phase::head;
            if (!first_request_) limit_time(state_.options.header_timeout());
        } else if (now == phase::head && !reader_.started()) { // it was but an empty line
            now = phase::idle;
            if (!first_request_) limit_time(state_.options.idle_timeout());
        }
        if (step.what == h1::event::body) body_.append(step.data); // a view into what is dropped next
        input_.drop(step.consumed);
        switch (step.what) {
        case h1::event::interim: // of responses only
            break;
        case h1::event::complete:
            co_return reading::complete;
        case h1::event::failed:
            refusal_ = reader_.suggested_status();
            co_return reading::refused;
        case h1::event::head:
            now = phase::body;
            limit_time(state_.options.body_timeout());
            step_ends = body_step;
            break;
        case h1::event::body:
            if (body_.size() >= step_ends) {
                limit_time(state_.options.body_timeout());
                step_ends = body_.size() + body_step;
            }
            break;
        case h1::event::need_more: {
            // Only now, since a body that is too large has been refused by its length before.
            if (now == phase::body && reader_.expects_continue() && !std::exchange(continued, true) &&
                input_.empty() && body_.empty()) {
                const bool sent = co_await say_continue();
                if (!sent) co_return reading::ended;
            }
            const reading more = co_await read_more(now);
            if (more != reading::complete) co_return more;
            break;
        }
        }
    }
}

task<server_connection::reading> server_connection::read_more(phase now) {
    if (now == phase::idle) {
        if (state_.stopping() && !stream_.has_input()) co_return reading::ended;
        input_.shrink();
        if (output_.capacity() > kept_memory) output_ = std::string();
        if (body_.capacity() > kept_memory) body_ = std::string();
    }
    input_.make_room(state_.options.max_header_bytes());
    if (now == phase::idle) waiting_ = wait::silence;
    const io_result got = co_await stream_.read_some(input_.room(), input_.room_size());
    waiting_ = wait::none;
    if (got.error == boost::asio::error::timed_out && now != phase::idle) {
        refusal_ = 408;
        co_return reading::refused;
    }
    // An end inside a request leaves nobody who would understand an answer.
    if (got.error || got.bytes == 0) co_return reading::ended;
    input_.filled(got.bytes);
    co_return reading::complete;
}

task<bool> server_connection::say_continue() {
    const io_result sent = co_await stream_.write("HTTP/1.1 100 Continue\r\n\r\n");
    co_return !sent.error;
}

server_request server_connection::take_request() {
    h1::request_head& head = reader_.head();
    server_request request(std::move(head.method), std::move(head.target), std::move(head.headers),
                           std::move(body_));
    request.set_authority(std::move(head.authority));
    request.set_peer(peer_address_, peer_port_, stream_.is_tls());
    return request;
}

// ---- answering ----

// False when the connection's task was cancelled: then there is no time for an answer.
task<bool> server_connection::call_handler() {
    stream_.expires_at(net::stream::clock::time_point::max()); // the handler's time is its own
    std::string asked = reader_.head().method + " " + reader_.head().target;
    constexpr std::size_t longest = 256; // the reason must fit the line, too
    if (asked.size() > longest) asked.replace(longest, std::string::npos, "...");
    std::exception_ptr failure;
    try {
        server_request request = take_request();
        task<server_response> answer = state_.handler(std::move(request));
        if (!answer) throw std::logic_error("the handler returned an empty task");
        response_ = co_await std::move(answer);
    } catch (...) {
        failure = std::current_exception();
    }
    if (cancelled()) co_return false;
    if (failure) {
        state_.tell("handler of " + asked + " failed: " + describe(failure));
        response_ = server_response::plain_status(500);
    }
    co_return true;
}

// Fills `output_` with the head; false when the response cannot be written as it is.
bool server_connection::write_head(bool keep) {
    http::headers& fields = response_.headers();
    const int status = response_.status();
    if (status < 200 || status > 999) return false;
    const bool without_body = status == 204 || status == 205;
    const bool described = answered_ == method::head || status == 304;
    // The length is the server's to say, but where the handler tells of a body that it did not make.
    const bool own_length =
        described && !without_body && response_.body().empty() && fields.count("Content-Length") == 1;
    if (!own_length) fields.erase("Content-Length");
    for (const char* name : {"Transfer-Encoding", "Connection", "Keep-Alive"})
        fields.erase(name);
    if (!fields.contains("Date")) fields.add("Date", state_.date());
    if (!state_.options.server_name().empty() && !fields.contains("Server"))
        fields.add("Server", state_.options.server_name());
    if (!keep)
        fields.add("Connection", "close");
    else if (reader_.head().version == h1::version::http10)
        fields.add("Connection", "keep-alive");
    const h1::body_plan plan = own_length     ? h1::body_plan::none()
                               : without_body ? h1::body_plan::length(0)
                                              : h1::body_plan::length(response_.body().size());
    output_.clear();
    return !h1::write_response_head(output_, status, std::string_view(), fields, plan, answered_);
}

// False when the client is gone.
task<bool> server_connection::respond(bool keep) {
    if (!write_head(keep)) {
        state_.tell("a handler's response cannot be sent: status " + std::to_string(response_.status()));
        response_ = server_response::plain_status(500);
        if (!write_head(keep)) co_return false;
    }
    const int status = response_.status();
    std::string_view body = response_.body();
    if (answered_ == method::head || status == 204 || status == 205 || status == 304)
        body = std::string_view();
    const std::size_t joined = std::min(body.size(), joined_body);
    output_.append(body.substr(0, joined));
    bool sent = co_await write_all(output_);
    if (sent && joined < body.size()) sent = co_await write_all(body.substr(joined));
    response_ = server_response(); // idle connections keep no bodies
    co_return sent;
}

task<bool> server_connection::write_all(std::string_view data) {
    while (!data.empty()) {
        const std::string_view step = data.substr(0, write_step);
        limit_time(state_.options.write_timeout());
        const io_result sent = co_await stream_.write(step);
        if (sent.error) {
            reset();
            co_return false;
        }
        data.remove_prefix(step.size());
    }
    co_return true;
}

// A plain close would leave what was not sent to the kernel, which would keep it for a client that never
// reads.
void server_connection::reset() noexcept {
    if (!stream_.is_open()) return;
    struct ::linger at_once{};
    at_once.l_onoff = 1;
    setsockopt(stream_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    stream_.close();
}

// Closing a socket with unread bytes resets the connection, which can destroy the response on its way. So
// first the end is announced, and what the client still sends is thrown away, for a while.
task<> server_connection::linger() {
    limit_time(state_.stopping() ? linger_time_stopping : linger_time);
    if (co_await stream_.finish()) co_return;
    input_.drop(input_.unread().size());
    for (std::size_t left = linger_bytes; left > 0;) {
        input_.make_room(state_.options.max_header_bytes());
        waiting_ = wait::silence;
        const io_result got = co_await stream_.read_some(input_.room(), std::min(left, input_.room_size()));
        waiting_ = wait::none;
        if (got.error || got.bytes == 0) co_return;
        left -= got.bytes;
    }
}

task<> serve_connection(server_state& state, net::accepted peer, semaphore_permit permit) {
    std::exception_ptr failure;
    try {
        server_connection connection(state, std::move(peer));
        co_await connection.run();
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure && !is_cancellation(failure)) state.tell("a connection failed: " + describe(failure));
    permit.release();
}

} // namespace tandem::http::detail
