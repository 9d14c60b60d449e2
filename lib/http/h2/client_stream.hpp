// One request over an HTTP/2 connection.
#pragma once

#include "lib/http/h2/request_fields.hpp"
#include "lib/http/h2/session.hpp"
#include "lib/http/transport.hpp"

#include <array>
#include <string>
#include <vector>

namespace tandem::http::h2 {

/// Destroyed before the response is over: the stream is reset, the connection stays usable.
class client_stream final : public transport, private timer_node {
public:
    explicit client_stream(session& connection) noexcept
        : timer_node(&client_stream::on_time), session_(connection) {}
    ~client_stream();

    std::error_code begin(const request_line& line, const headers& fields,
                          const h1::body_plan& body) override;
    void show_interim() noexcept override { show_interim_ = true; }
    void expires_at(clock::time_point when, clock::time_point now) noexcept override;

    transfer_task send(std::string_view body) override;
    transfer_task send_head() override;
    transfer_task send_piece(std::string_view data) override { return offer_piece(data); }
    transfer_task send_end() override;

    h1::step read() override;
    transfer_task receive() override { return wait_for_news(); }
    void received(std::size_t) override {}

    http::protocol protocol() const noexcept override { return http::protocol::http2; }
    h1::response_head& head() noexcept override { return interim_shown_ ? interims_.front() : head_; }
    bool has_body() const noexcept override { return has_body_; }
    std::uint64_t declared_length() const noexcept override { return declared_length_; }
    headers& trailers() noexcept override { return trailers_; }
    std::error_code error() const noexcept override { return error_; }
    no_answer why_no_answer() const noexcept override;
    bool http1_required() const noexcept override;
    bool reusable() const noexcept override { return true; }

private:
    friend class session;
    friend class callbacks;

    task<io_result> offer_piece(std::string_view data);
    task<io_result> wait_for_news();

    // ---- told by the session ----
    void begin_fields() noexcept;
    bool add_field(std::string_view name, std::string_view value); // false: too large, see error_
    bool end_fields(bool end_of_stream);                           // false: refused, see error_
    void add_data(std::string_view data);
    void end_of_stream() noexcept { ended_ = true; }
    void close(const std::error_code& why) noexcept; // no error: as it should be
    bool fail(h1::error what) noexcept;

    static bool has_news(const client_stream& s) noexcept;
    static bool has_room(const client_stream& s) noexcept;
    static bool is_over(const client_stream& s) noexcept;
    static void on_time(timer_node& timer) noexcept;

    session& session_;
    std::int32_t id_ = 0; // 0: not begun
    request_fields fields_;
    bool for_head_ = false; // the request is a HEAD
    bool with_body_ = false;
    std::string_view upload_; // what the peer may have next
    bool upload_over_ = false;

    h1::response_head head_;
    std::vector<h1::response_head> interims_; // that are to be shown
    headers trailers_;
    std::string arrived_; // data that nobody has read
    std::string shown_;   // the piece that was given to the reader
    std::uint64_t declared_length_ = 0;
    std::size_t field_bytes_ = 0;
    std::size_t field_count_ = 0;
    std::size_t interim_ = 0;
    std::size_t wire_bytes_ = 0;      // since the last receive()
    std::uint64_t session_bytes_ = 0; // what the connection had received when this began
    std::error_code error_;
    bool heard_ = false; // a header of a response has begun
    bool head_there_ = false;
    bool head_shown_ = false;
    bool show_interim_ = false;
    bool interim_shown_ = false; // the first of them
    bool has_body_ = false;
    bool ended_ = false;  // the peer has sent all
    bool closed_ = false; // in both directions, or broken
    bool refused_ = false;
    bool reset_by_peer_ = false;
    bool silent_ = false; // closed with the connection
    bool expired_ = false;

    // The tasks of this stream that stand by: one that reads, one that sends.
    std::array<session::follower*, 2> followers_{};
};

} // namespace tandem::http::h2
