#include "lib/http/h1/client_transport.hpp"

namespace tandem::http::h1 {

std::error_code client_transport::begin(const request_line& line, const headers& fields,
                                        const body_plan& body, std::string_view ready) {
    out_.clear();
    chunked_ = body.framing() == framing::chunked;
    reader_.reset(line.verb);
    if (!line.absolute)
        return write_request_head(out_, line.method, line.target.target(), fields, body, ready);
    return write_request_head(out_, line.method, absolute_form(line.target), fields, body, ready);
}

transport::transfer_task client_transport::send(std::string_view body) {
    out_ += body;
    return stream_.write(out_);
}

transport::transfer_task client_transport::send_piece(std::string_view data) {
    if (!chunked_) return stream_.write(data);
    chunk_.clear();
    write_chunk(chunk_, data);
    return stream_.write(chunk_);
}

transport::transfer_task client_transport::send_end() {
    chunk_.clear();
    if (chunked_) static_cast<void>(write_last_chunk(chunk_)); // has no trailers that could be refused
    return stream_.write(chunk_);
}

step client_transport::read() {
    const step now = reader_.read(in_.view(), ended_);
    in_.consume(now.consumed);
    return now;
}

transport::transfer_task client_transport::receive() {
    in_.prepare();
    return stream_.read_some(in_.tail(), in_.space());
}

void client_transport::received(std::size_t bytes) {
    in_.commit(bytes);
    ended_ = bytes == 0;
}

http::protocol client_transport::protocol() const noexcept {
    return reader_.head().version == version::http10 ? http::protocol::http1_0 : http::protocol::http1_1;
}

std::uint64_t client_transport::declared_length() const noexcept {
    return reader_.framing() == framing::length ? reader_.content_length() : 0;
}

no_answer client_transport::why_no_answer() const noexcept {
    const bool silent = reader_.error()
                            ? reader_.error() == make_error_code(h1::error::closed_before_response)
                            : !reader_.started();
    return silent ? no_answer::silent : no_answer::unknown;
}

bool client_transport::reusable() const noexcept {
    return reader_.keep_alive() && !ended_ && in_.empty() && reader_.head().status != 101;
}

void client_transport::renew() noexcept {
    in_.reset();
    ended_ = false;
}

} // namespace tandem::http::h1
