// One request on its way: connection, sending, response header, redirects, and then its body.
//
// An exchange belongs to the coroutine that makes the request, or to a response_stream. Failures are kept in
// it (`take_error`) and are told by `false`; cancellation is thrown.
#pragma once

#include "lib/http/client_state.hpp"
#include "lib/http/connection_pool.hpp"
#include "lib/http/h1/limits.hpp"
#include "lib/http/proxy_authorization.hpp"
#include "lib/http/time_limit.hpp"
#include "lib/http/transport.hpp"

#include <tandem/core/detail/frame_pool.hpp>
#include <tandem/core/task.hpp>
#include <tandem/http/content_coding.hpp>
#include <tandem/http/request.hpp>
#include <tandem/http/request_event.hpp>
#include <tandem/http/response.hpp>
#include <tandem/sync/event.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {

class redirect; // lib/http/redirect.hpp

class exchange {
public:
    using clock = scheduler::clock;

    /// Anywhere: nothing has begun.
    exchange(client_state& client, request&& what);
    ~exchange() {
        if (observed_) tell_end(request_event::kind::abandoned);
    }
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    /// Recycled as coroutine frames are. In a frame it would make that one too large to be.
    static void* operator new(std::size_t size) { return tandem::detail::allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept {
        tandem::detail::deallocate_frame(memory, size);
    }

    /// Sends the request, follows redirects, and stops when the final header is there. The total time, which
    /// begins here, ends at `call_end`, if not earlier.
    task<bool> run_to_head(clock::time_point call_end);

    /// Instead of run_to_head(): opens a connection, or takes a kept one, for others to use after `keep`.
    task<bool> warm_up();
    void keep_connection() noexcept { lease_.keep(); }
    /// After warm_up(): keeps the connection on if it is one that was kept before.
    void keep_if_reused() noexcept {
        if (reused_) lease_.keep();
    }

    /// Moves what run_to_head() found out into `info`. Before the body.
    void describe(response_info& info);

    enum class progress { piece, need_input, done, failed };

    /// The next piece of the decoded body in what has been received: a view that is valid until the next
    /// call. Never waits. After `done` the connection has been given back.
    progress next_piece(std::string_view& piece);

    /// After need_input: receives more.
    task<bool> receive_body();

    /// Instead of describe() and next_piece(): fills in a whole response, as far as it has been received.
    /// Gives need_input, done or failed.
    progress begin_whole(response& whole);
    /// After need_input: all the rest.
    task<bool> read_whole(response& whole);

    /// Bounds the decoded body; `option` names it in the message. Before the first piece.
    void limit_body(std::uint64_t bytes, const char* option) noexcept {
        body_limit_ = bytes;
        body_limit_option_ = option;
    }
    /// The body has gone beyond its limit.
    bool fail_body_limit();

    [[nodiscard]] bool body_over() const noexcept { return body_over_; }
    [[nodiscard]] http::error take_error() {
        if (observed_) tell_end(request_event::kind::failed);
        return std::move(*error_);
    }
    [[nodiscard]] const request& wanted() const noexcept { return request_; }
    [[nodiscard]] http::headers& trailers() noexcept { return trailers_; }
    [[nodiscard]] std::uint64_t wire_bytes() const noexcept { return wire_bytes_; }
    /// After a 101: the connection, which leaves the pool, and what was received behind the header.
    [[nodiscard]] net::stream take_stream(std::string& received);

private:
    template <class T>
    using maybe_task = tandem::detail::maybe_task<T>;

    enum class attempt {
        head,
        stale,   // a kept connection had been closed
        refused, // the server did not look at it
        failed,
    };

    void begin(clock::time_point call_end);
    task<bool> hop();               // one request, up to its header
    task<bool> open_connection();   // lib/http/connector.hpp
    maybe_task<attempt> try_once(); // send and read the header on the open connection
    task<attempt> measure_and_send();
    maybe_task<attempt> send_request();
    task<attempt> finish_sending(transport::transfer_task sending, std::size_t body_bytes);
    bool small_request_sent(const io_result& sent, std::size_t body_bytes);
    task<attempt> read_head();
    [[nodiscard]] attempt without_answer() const noexcept;
    [[nodiscard]] bool may_go_again(attempt outcome);
    bool turn_to_http1(attempt outcome);
    void choose_protocol();
    bool acquire_at_once();
    task<bool> acquire(std::chrono::nanoseconds longest);
    std::string_view pool_key();
    [[nodiscard]] const proxy* via() const noexcept;  // to the URL at hand
    [[nodiscard]] bool speaks_http2() const noexcept; // the connection that was just opened
    void take_interim();
    task<attempt> send_large(); // while listening for an early response
    task<> upload();
    task<> upload_all();
    task<> await_continue();
    task<error_code> upload_piece(std::string_view data);
    task<error_code> upload_file(const std::string& path, std::optional<std::uint64_t> length);
    task<error_code> upload_stream(const request_body& body);
    task<bool> measure_body();
    task<bool> answer_early(task_context& uploader, const bool& uploaded, attempt& outcome);

    void choose_fields(http::headers& fields, bool to_proxy);
    void choose_own_fields(http::headers& fields);
    bool begin_request();
    void tell_sent(std::size_t bytes);
    void tell_received(std::size_t bytes);
    bool check_url();
    bool follow(redirect&& next);
    void keep_cookies(const http::headers& fields);
    const credentials* credentials_here();
    void add_authorization(http::headers& fields);
    bool answer_challenge(const http::headers& fields);
    void add_proxy_authorization(http::headers& fields, const proxy& by);
    bool answer_proxy(const http::headers& fields);
    void drop_redirect_body();
    void begin_body();
    void describe_all_but_url(response_info& info);
    progress drain_into(response& whole);
    progress end_body();
    progress fail_body(const error_code& code);
    void release();

    [[nodiscard]] std::string_view method_name() const noexcept;
    [[nodiscard]] http::method reader_method() const noexcept;
    [[nodiscard]] bool may_retry() const noexcept;
    [[nodiscard]] bool body_repeatable() const noexcept;
    [[nodiscard]] h1::body_plan plan_body() const;

    // For the next part of the exchange: `length` from `now` on, within the total time.
    void set_deadline(clock::time_point now, std::chrono::nanoseconds length, const char* option);
    // Turns a failed operation into an error, or throws operation_cancelled if that is why.
    void fail_io(request_phase phase, const error_code& code, std::string detail = std::string());
    void fail_timeout(request_phase phase, const time_limit& limit);
    void fail_protocol(request_phase phase, const std::error_code& code);
    bool fail(request_phase phase, const error_code& code, std::string detail = std::string());

    // For client_options::on_event; exchange_events.cpp.
    void tell_start();
    void tell(request_event::kind what, std::chrono::nanoseconds took = std::chrono::nanoseconds(0)) const;
    void tell_connection() const;
    void tell_end(request_event::kind what) noexcept;

    client_state& client_;
    scheduler* home_ = nullptr; // once it has begun
    request request_;
    tandem::url url_;
    const bool upgrade_; // to a websocket: HTTP/1.1 only, and ws and wss mean http and https
    connection_pool::lease lease_;
    transport* wire_ = nullptr; // of the connection that the lease holds
    std::optional<http::error> error_;

    clock::time_point start_;
    clock::time_point begun_; // sending, on the connection at hand
    time_limit total_;        // for all of it
    time_limit limit_;        // the one in force
    request_timings timings_;
    std::vector<redirect_hop> history_;

    // Of the body that is sent: the size of each part, nothing for what has none.
    std::vector<std::optional<std::uint64_t>> part_sizes_;

    // Expect: 100-continue
    event go_ahead_;
    bool expecting_ = false;      // the request that is being sent says so
    bool expect_refused_ = false; // by a 417
    bool body_begun_ = false;

    std::uint64_t sent_bytes_ = 0; // of the body, as told to request::on_upload
    std::uint64_t received_bytes_ = 0;

    std::optional<decoder> decoder_;
    std::string_view undecoded_; // input of the decoder, in the connection's buffer
    http::headers trailers_;
    std::uint64_t body_bytes_ = 0;
    std::uint64_t body_limit_ = 0;
    const char* body_limit_option_ = "";
    std::uint64_t wire_bytes_ = 0;

    std::optional<credentials> from_netrc_;
    unsigned refusals_ = 0; // of this hop
    digest_rounds rounds_;  // since the last redirect
    proxy_authorization proxy_authorization_;
    int status_ = 0;
    std::string own_key_; // for the pool, where it is more than the origin
    // This hop: for another protocol, which HTTP/2 cannot turn to (RFC 9113, 8.6), or as the server wants it.
    bool http1_only_ = false;
    bool to_get_ = false; // a redirect has changed the method
    bool drop_body_ = false;
    bool drop_credentials_ = false; // a redirect has left the origin
    bool told_proxy_ = false;       // the last request's credentials for a proxy, if any, are ours to choose
    bool close_ = false;            // the request says Connection: close
    bool offered_codings_ = false;
    bool reused_ = false;
    bool went_again_ = false; // this hop, after a kept connection had been closed
    bool sent_all_ = false;
    bool decoding_ = false;      // the decoder may have more to hand out
    bool decoding_done_ = false; // what follows the encoded body is ignored
    bool body_over_ = false;
    bool observed_ = false; // there are observers, and they have not been told of the end
    unsigned attempt_ = 1;
    std::uint64_t id_ = 0;
};

} // namespace tandem::http
