// The response's body: framing, decoding, limits, and the end of the exchange.
#include "lib/http/exchange.hpp"

#include "lib/net/tls_context.hpp"

#include <algorithm>

namespace tandem::http {

namespace {

constexpr std::size_t most_reserved = 1024 * 1024;

} // namespace

// Called with the final header.
void exchange::begin_body() {
    body_limit_ = request_.max_body().value_or(client_.options.max_body_bytes());
    body_limit_option_ = "request::max_body, client_options::max_body_bytes";
    if (!offered_codings_ || !wire_->has_body()) return;
    const http::headers& fields = wire_->head().headers;
    if (!fields.contains("Content-Encoding")) return;
    const std::optional<std::string> codings = fields.get_joined("Content-Encoding");
    if (!decoder::supports(*codings)) return; // handed over as it is; the header tells
    decoder_limits limits;
    limits.output_bytes = h1::limits::no_limit;
    limits.ratio = client_.options.max_expansion();
    decoder_.emplace(*codings, limits);
    if (decoder_->is_identity()) decoder_.reset();
}

void exchange::describe(response_info& info) {
    timings_.total = home_->now() - start_;
    describe_all_but_url(info);
    info.url_ = url_;
}

void exchange::describe_all_but_url(response_info& info) {
    h1::response_head& head = wire_->head();
    info.status_ = head.status;
    info.method_ = method_name();
    info.reason_ = std::move(head.reason);
    info.headers_ = std::move(head.headers);
    info.history_ = std::move(history_);
    info.timings_ = timings_;
    info.reused_ = reused_;
    info.protocol_ = wire_->protocol();
    info.decoded_ = decoder_.has_value();
}

exchange::progress exchange::next_piece(std::string_view& piece) {
    piece = std::string_view();
    if (body_over_) return progress::done;
    if (!lease_) return progress::failed;
    for (;;) {
        if (decoding_) {
            const std::error_code failure = decoder_->pull(undecoded_, piece);
            if (failure == make_error_code(coding_error::trailing_data))
                decoding_done_ = true; // as browsers: what follows the encoded data is ignored
            else if (failure)
                return fail_body(failure);
            decoding_ = !piece.empty();
            if (piece.empty()) continue;
        } else {
            const h1::step now = wire_->read();
            if (now.what == h1::event::need_more) return progress::need_input;
            if (now.what == h1::event::complete) return end_body();
            if (now.what != h1::event::body) {
                fail_protocol(request_phase::body, wire_->error());
                lease_.reset();
                return progress::failed;
            }
            tell_received(now.data.size());
            if (decoding_done_ || now.data.empty()) continue;
            if (decoder_) {
                undecoded_ = now.data;
                decoding_ = true;
                continue;
            }
            piece = now.data;
        }
        body_bytes_ += piece.size();
        if (body_bytes_ > body_limit_) {
            fail_body_limit();
            return progress::failed;
        }
        return progress::piece;
    }
}

void exchange::tell_received(std::size_t bytes) {
    received_bytes_ += bytes;
    if (!request_.on_download() || bytes == 0) return;
    std::optional<std::uint64_t> total;
    if (const std::uint64_t length = wire_->declared_length(); length != 0) total = length;
    request_.on_download()(transfer(received_bytes_, total));
}

exchange::progress exchange::begin_whole(response& whole) {
    describe_all_but_url(whole); // that is for the text of a failure as long as there may be one
    return drain_into(whole);
}

exchange::progress exchange::drain_into(response& whole) {
    std::string& body = whole.body_;
    // A declared length spares the growing of the string, and the reading of what is too long anyway.
    if (body_bytes_ == 0 && !decoder_ && lease_) {
        const std::uint64_t length = wire_->declared_length();
        if (length > body_limit_) {
            fail_body_limit();
            return progress::failed;
        }
        body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(length, most_reserved)));
    }
    for (;;) {
        std::string_view piece;
        const progress state = next_piece(piece);
        if (state == progress::piece) {
            body.append(piece);
            continue;
        }
        if (state == progress::done) {
            whole.trailers_ = std::move(trailers_);
            whole.wire_bytes_ = wire_bytes_;
            whole.timings_.total = home_->now() - start_;
            whole.url_ = std::move(url_);
        }
        return state;
    }
}

task<bool> exchange::receive_body() {
    set_deadline(home_->now(), client_.options.read_idle_timeout(), "client_options::read_idle_timeout");
    const io_result got = co_await wire_->receive();
    if (got.error) {
        const connection_pool::lease closed = std::move(lease_);
        std::string detail;
        if (got.error == make_error_code(net::tls_errc::truncated))
            detail = "the TLS connection ended without close_notify: the body may be incomplete";
        fail_io(request_phase::body, got.error, std::move(detail));
        co_return false;
    }
    wire_->received(got.bytes);
    wire_bytes_ += got.bytes;
    co_return true;
}

task<bool> exchange::read_whole(response& whole) {
    for (;;) {
        const bool more = co_await receive_body();
        if (!more) co_return false;
        const progress state = drain_into(whole);
        if (state == progress::done) co_return true;
        if (state == progress::failed) co_return false;
    }
}

exchange::progress exchange::end_body() {
    if (decoder_ && !decoding_done_) {
        const std::error_code failure = decoder_->finish();
        if (failure) return fail_body(failure);
    }
    trailers_ = std::move(wire_->trailers());
    body_over_ = true;
    release();
    if (observed_) tell_end(request_event::kind::finished);
    return progress::done;
}

net::stream exchange::take_stream(std::string& received) {
    received = lease_->http1.take_input();
    net::stream taken = std::move(lease_->stream);
    lease_.reset();
    return taken;
}

// Gives the connection back if another request can follow on it.
void exchange::release() {
    if (wire_->reusable() && sent_all_ && !close_)
        lease_.keep();
    else
        lease_.reset();
}

exchange::progress exchange::fail_body(const error_code& code) {
    if (code == make_error_code(coding_error::ratio_too_high))
        fail(request_phase::limit, errc::expansion_too_high,
             "the body expands more than " + std::to_string(client_.options.max_expansion()) +
                 " times when it is decoded (client_options::max_expansion)");
    else
        fail(request_phase::body, code, code.message());
    lease_.reset();
    return progress::failed;
}

bool exchange::fail_body_limit() {
    fail(request_phase::limit, errc::body_too_large,
         "the body is larger than " + std::to_string(body_limit_) + " bytes (" + body_limit_option_ + ")");
    lease_.reset();
    return false;
}

} // namespace tandem::http
