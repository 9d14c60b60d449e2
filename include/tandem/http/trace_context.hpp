// trace_context: one trace across processes (W3C Trace Context, level 1: the traceparent and tracestate
// fields).
//
//     http::client web(http::client_options().intercept(std::make_shared<http::trace_propagation>()));
//
//     // In a server's handler: go on with the caller's trace, or begin one.
//     auto trace = http::trace_context::from(request.headers()).value_or(http::trace_context::fresh());
//     co_await http::current_trace.with(trace.child(), handle, std::move(request));
//
// The requests of everything that runs inside of `with` then carry that trace, each with a span id of its
// own.
#pragma once

#include <tandem/concurrency/task_local.hpp>
#include <tandem/http/interceptor.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tandem::http {

class headers;

/// A value. Ids are lower-case hexadecimal.
class trace_context {
public:
    /// A new trace. Throws std::runtime_error when the system has no random bytes.
    [[nodiscard]] static trace_context fresh(bool sampled = true);

    /// Nothing for what is not valid: ids of zeros, other letters, version ff. Of later versions the part
    /// that is known is read. A tracestate longer than 512 bytes, or with control characters, is dropped.
    [[nodiscard]] static std::optional<trace_context> parse(std::string_view traceparent,
                                                            std::string_view tracestate = {});
    /// Of a message; nothing when it has none, or several traceparent fields.
    [[nodiscard]] static std::optional<trace_context> from(const headers& fields);

    /// The same trace with a new span id, for a step of it. Throws as fresh().
    [[nodiscard]] trace_context child() const;

    [[nodiscard]] const std::string& trace_id() const noexcept { return trace_id_; } ///< 32 digits
    [[nodiscard]] const std::string& span_id() const noexcept { return span_id_; }   ///< 16 digits
    [[nodiscard]] bool sampled() const noexcept { return sampled_; }
    [[nodiscard]] const std::string& tracestate() const noexcept { return state_; } ///< often empty
    [[nodiscard]] std::string traceparent() const;                                  ///< "00-...-...-01"

private:
    trace_context() = default;

    std::string trace_id_;
    std::string span_id_;
    std::string state_;
    bool sampled_ = true;
};

/// The trace of the running task; see task_local for who inherits it.
inline const task_local<trace_context> current_trace;

/// Gives each request a traceparent, and a tracestate if there is one: a child of current_trace, or a new
/// trace where none is in force. A request that has a traceparent already keeps it. Inside of a retry policy
/// each attempt is a span of its own. Thread-safe. Cancellation: waits for nothing itself.
class trace_propagation final : public interceptor {
public:
    explicit trace_propagation(bool sample_new_traces = true) noexcept : sample_(sample_new_traces) {}

    [[nodiscard]] task<result<response>> send(request what, next rest) override;
    [[nodiscard]] task<result<response_stream>> open(request what, next rest) override;

private:
    void stamp(request& what) const;

    bool sample_;
};

} // namespace tandem::http
