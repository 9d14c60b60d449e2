// interceptor: code around each request of a client: request -> next -> response.
//
//     http::client web(http::client_options().intercept(
//         [](http::request what, http::next rest) -> task<http::result<http::response>> {
//             what.set_header("X-Signature", sign(what));
//             auto got = co_await rest.send(std::move(what));
//             if (got) log(got->status());
//             co_return got;
//         }));
//
// The one added first is the outermost: it sees the request first and the response last. An interceptor may
// change the request, answer by itself (response_builder), call `rest` several times (a retry) or beside each
// other (a race), or look at what came. It sees a call once, above redirects, cookies, authentication and the
// pool: what those add to a request is not there yet. What it throws leaves the client's call, whichever form
// that has.
//
// A function is for whole responses (get, head, post, send and their `try_` forms) and is not asked for
// streams (open, try_open). To serve both derive from `interceptor`. A client without interceptors pays
// nothing for them.
//
// Ready ones: client_options::retry, circuit_breaker, concurrency_limiter, trace_propagation, cache.
//
// Cancellation: as in every task, what `rest` waits for is told and throws operation_cancelled; let it pass.
#pragma once

#include <tandem/core/scheduler.hpp>
#include <tandem/core/task.hpp>
#include <tandem/http/client_options.hpp>
#include <tandem/http/request.hpp>
#include <tandem/http/response.hpp>
#include <tandem/http/response_stream.hpp>
#include <tandem/http/result.hpp>

#include <cstddef>
#include <functional>
#include <utility>

namespace tandem::http {

class interceptor_call; // internal
class request_event;    // <tandem/http/request_event.hpp>

/// The rest of the chain, the client itself at its end. A value, to be used within the interceptor's own
/// coroutine and what that awaits; belongs to the client's scheduler.
class next {
public:
    using clock = scheduler::clock;

    next(const interceptor_call& call, std::size_t index) noexcept : call_(&call), index_(index) {}

    /// Hands the request on. Throws operation_cancelled, and what an interceptor further in throws.
    [[nodiscard]] task<result<response>> send(request what) const;
    [[nodiscard]] task<result<response_stream>> open(request what) const;

    /// When the call's total time is up (request::timeout, client_options::total_timeout; it counts from the
    /// call); max() without one. The client keeps to it by itself; an interceptor that waits has to look. A
    /// request handed on with a shorter timeout gets that.
    [[nodiscard]] clock::time_point deadline() const noexcept;
    [[nodiscard]] clock::time_point begun() const noexcept; ///< when the client was called

    [[nodiscard]] const client_options& options() const noexcept;

    /// Tells the client's observers (client_options::on_event).
    void report(const request_event& what) const;

private:
    const interceptor_call* call_;
    std::size_t index_;
};

/// Base of interceptors that serve streams too, or keep state. One object may be given to several clients;
/// if they belong to several loops, it must be thread-safe. Its coroutines may use it: the client keeps it
/// as long as requests are under way.
class interceptor {
public:
    virtual ~interceptor();

    [[nodiscard]] virtual task<result<response>> send(request what, next rest) = 0;
    /// Default: `rest.open(what)`. The stream's body is read by the caller, after this has ended.
    [[nodiscard]] virtual task<result<response_stream>> open(request what, next rest);

protected:
    interceptor() noexcept = default;
    interceptor(const interceptor&) = default;
    interceptor& operator=(const interceptor&) = default;
};

} // namespace tandem::http
