// HTTP/1.1 on a connection of the client's: one request after the other.
#pragma once

#include "lib/http/h1/reader.hpp"
#include "lib/http/read_buffer.hpp"
#include "lib/http/transport.hpp"
#include "lib/net/stream.hpp"

#include <string>

namespace tandem::http::h1 {

class client_transport final : public transport {
public:
    /// `stream` is open whenever something is sent or received.
    client_transport(net::stream& stream, const limits& bounds) : stream_(stream), reader_(bounds) {}

    std::error_code begin(const request_line& line, const headers& fields, const body_plan& body) override {
        return begin(line, fields, body, std::string_view());
    }
    /// With `ready` beside the fields, as write_request_head has it.
    std::error_code begin(const request_line& line, const headers& fields, const body_plan& body,
                          std::string_view ready);
    void show_interim() noexcept override { reader_.show_interim(); }
    void expires_at(clock::time_point when, clock::time_point now) noexcept override {
        stream_.expires_at(when, now);
    }

    transfer_task send(std::string_view body) override;
    transfer_task send_head() override { return stream_.write(out_); }
    transfer_task send_piece(std::string_view data) override;
    transfer_task send_end() override;

    step read() override;
    transfer_task receive() override;
    void received(std::size_t bytes) override;

    http::protocol protocol() const noexcept override;
    response_head& head() noexcept override { return reader_.head(); }
    bool has_body() const noexcept override { return reader_.framing() != framing::none; }
    std::uint64_t declared_length() const noexcept override;
    headers& trailers() noexcept override { return reader_.trailers(); }
    std::error_code error() const noexcept override { return reader_.error(); }
    no_answer why_no_answer() const noexcept override;
    bool reusable() const noexcept override;

    /// Forgets what was received and not read, and memory that an idle connection should not hold.
    void drop_input() noexcept { in_.reset(); }
    /// What was received and not read: of another protocol, behind a 101.
    [[nodiscard]] std::string take_input() {
        std::string bytes(in_.view());
        in_.reset();
        return bytes;
    }
    /// For a stream that was replaced by a fresh one.
    void renew() noexcept;

private:
    net::stream& stream_;
    read_buffer in_;
    bool ended_ = false;   // the peer has ended the stream
    bool chunked_ = false; // the body that is sent
    response_reader reader_;
    std::string out_; // the head being sent; kept for its memory
    std::string chunk_;
};

} // namespace tandem::http::h1
