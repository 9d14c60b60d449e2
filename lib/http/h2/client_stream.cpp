#include "lib/http/h2/client_stream.hpp"

#include "lib/http/h2/error.hpp"

#include <nghttp2/nghttp2.h>

#include <boost/asio/error.hpp>

#include <charconv>
#include <utility>

namespace tandem::http::h2 {

namespace {

using boost::system::error_code;

// As long as this stands, the peer may have the data.
class offer {
public:
    offer(std::string_view& place, std::string_view data) noexcept : place_(place) { place_ = data; }
    offer(const offer&) = delete;
    offer& operator=(const offer&) = delete;
    ~offer() { place_ = std::string_view(); }

private:
    std::string_view& place_;
};

} // namespace

client_stream::~client_stream() {
    session_.home_.disarm(*this);
    if (id_ != 0) session_.leave(*this);
}

std::error_code client_stream::begin(const request_line& line, const headers& fields,
                                     const h1::body_plan& body) {
    for_head_ = line.verb == http::method::head;
    with_body_ = body.framing() == h1::framing::chunked || body.bytes() > 0;
    return fields_.assign(line, fields, body);
}

void client_stream::expires_at(clock::time_point when, clock::time_point now) noexcept {
    session_.home_.disarm(*this);
    expired_ = false;
    if (when == clock::time_point::max()) return;
    if (when <= now)
        on_time(*this);
    else
        session_.home_.arm(*this, when);
}

void client_stream::on_time(timer_node& timer) noexcept {
    auto& self = static_cast<client_stream&>(timer);
    self.expired_ = true;
    self.session_.expired(self);
}

// ---- sending ----

transport::transfer_task client_stream::send(std::string_view body) {
    upload_ = body;
    upload_over_ = true;
    session_.open(*this, fields_, with_body_);
    return io_result(body.size()); // it goes out as the response is waited for
}

transport::transfer_task client_stream::send_head() {
    upload_over_ = !with_body_;
    session_.open(*this, fields_, with_body_);
    return io_result(std::size_t{0});
}

task<io_result> client_stream::offer_piece(std::string_view data) {
    const offer offered(upload_, data);
    session_.resume(*this);
    const error_code failure = co_await session_.advance(*this, &client_stream::has_room);
    if (failure) co_return io_result(failure);
    if (error_) co_return io_result(error_code(error_));
    if (closed_)
        co_return io_result(error_code(boost::asio::error::broken_pipe)); // the peer needs no more of it
    co_return io_result(data.size());
}

transport::transfer_task client_stream::send_end() {
    upload_over_ = true;
    session_.resume(*this);
    return io_result(std::size_t{0});
}

bool client_stream::has_room(const client_stream& s) noexcept {
    return s.upload_.empty() || is_over(s);
}

bool client_stream::is_over(const client_stream& s) noexcept {
    return s.closed_ || s.error_;
}

// ---- receiving ----

bool client_stream::has_news(const client_stream& s) noexcept {
    return s.interims_.size() > (s.interim_shown_ ? 1u : 0u) || (s.head_there_ && !s.head_shown_) ||
           !s.arrived_.empty() || s.ended_ || s.closed_ || s.error_;
}

h1::step client_stream::read() {
    if (!shown_.empty()) {
        session_.taken(*this, shown_.size());
        shown_.clear();
    }
    const auto event = [](h1::event what, std::string_view data = std::string_view()) {
        return h1::step{what, 0, data};
    };
    if (interim_shown_) {
        interims_.erase(interims_.begin());
        interim_shown_ = false;
    }
    if (!interims_.empty()) {
        interim_shown_ = true;
        return event(h1::event::interim);
    }
    if (head_there_ && !head_shown_) {
        head_shown_ = true;
        return event(h1::event::head);
    }
    if (!arrived_.empty()) {
        shown_.swap(arrived_);
        return event(h1::event::body, shown_);
    }
    if (error_) return event(h1::event::failed);
    if (ended_) return event(h1::event::complete);
    return event(h1::event::need_more);
}

task<io_result> client_stream::wait_for_news() {
    const error_code failure = co_await session_.advance(*this, &client_stream::has_news);
    if (failure) co_return io_result(failure);
    co_return io_result(std::exchange(wire_bytes_, 0));
}

no_answer client_stream::why_no_answer() const noexcept {
    if (refused_) return no_answer::refused;
    return silent_ && !heard_ ? no_answer::silent : no_answer::unknown;
}

bool client_stream::http1_required() const noexcept {
    return requires_http1(error_);
}

// ---- told by the session ----

bool client_stream::fail(h1::error what) noexcept {
    error_ = what;
    return false;
}

void client_stream::begin_fields() noexcept {
    heard_ = true;
    if (head_there_) return; // trailers count along with the header
    head_.status = 0;
    head_.headers.clear();
    field_bytes_ = field_count_ = 0;
}

bool client_stream::add_field(std::string_view name, std::string_view value) {
    if (error_) return false;
    const h1::limits& limits = session_.limits_;
    constexpr std::size_t punctuation = 4; // what a line of HTTP/1.1 would have
    const std::size_t bytes = name.size() + value.size() + punctuation;
    field_bytes_ += bytes;
    if (bytes > limits.line_bytes) return fail(h1::error::field_line_too_long);
    if (field_bytes_ > limits.header_bytes) return fail(h1::error::header_too_large);
    if (name.starts_with(':')) {
        if (name == ":status") std::from_chars(value.data(), value.data() + value.size(), head_.status);
        return true;
    }
    if (++field_count_ > limits.fields) return fail(h1::error::too_many_fields);
    headers& to = head_there_ ? trailers_ : head_.headers;
    return to.try_add(name, value) || fail(h1::error::bad_field_value);
}

bool client_stream::end_fields(bool end_of_stream) {
    if (error_) return false;
    if (head_there_) return true;
    if (head_.status == 101) { // HTTP/2 has no upgrades (RFC 9113, 8.6)
        error_ = make_error_code(origin::stream, NGHTTP2_PROTOCOL_ERROR);
        return false;
    }
    if (head_.status < 200) {
        if (++interim_ > session_.limits_.interim_responses) return fail(h1::error::too_many_interim);
        if (show_interim_) interims_.push_back(std::exchange(head_, h1::response_head()));
        return true;
    }
    head_there_ = true;
    has_body_ = !end_of_stream;
    // Of HEAD and 304 the length is that of a body that does not come; here there may be an empty one.
    if (!has_body_ || for_head_ || head_.status == 304) return true;
    const auto length = head_.headers.get("content-length"); // nghttp2 has seen that it is a number
    if (length) std::from_chars(length->data(), length->data() + length->size(), declared_length_);
    return true;
}

void client_stream::add_data(std::string_view data) {
    if (!error_) arrived_.append(data);
}

void client_stream::close(const std::error_code& why) noexcept {
    closed_ = true;
    if (!error_ && !ended_) error_ = why;
}

} // namespace tandem::http::h2
