// event_source: Server-Sent Events, read from a server that keeps a response open (the WHATWG HTML
// standard, 9.2).
//
//     http::event_source news(web, http::request("https://example.org/news"));
//     while (auto event = co_await news.next()) handle(event->type(), event->data());
//
// When the connection ends, or cannot be made, it waits and connects again, and tells the server by
// Last-Event-ID where it was. The wait is what the server asked for by `retry`, within bounds; it doubles
// with each attempt that fails to connect. Any other status than 200 and any other type than
// text/event-stream ends it with an error, 204 without one, as the standard says. A comment (": ping") from
// time to time keeps the client's read_idle_timeout from cutting a quiet connection.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/request.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tandem::http {

/// One event. A value.
class server_sent_event {
public:
    server_sent_event() noexcept {}
    server_sent_event(std::string type, std::string data, std::string id)
        : type_(std::move(type)), data_(std::move(data)), id_(std::move(id)) {}

    [[nodiscard]] const std::string& type() const noexcept { return type_; } ///< "message" when it has none
    [[nodiscard]] const std::string& data() const noexcept { return data_; } ///< lines joined by "\n"; UTF-8
    [[nodiscard]] std::string take_data() noexcept { return std::move(data_); }
    /// The last id that the server gave, with this event or an earlier one; often empty.
    [[nodiscard]] const std::string& id() const noexcept { return id_; }

private:
    std::string type_;
    std::string data_;
    std::string id_;
};

/// Setters chain.
class event_source_options {
public:
    using duration = std::chrono::milliseconds;
    event_source_options() noexcept {}

    event_source_options& retry(duration d) & { ///< 3 s, until the server asks for another wait
        retry_ = d;
        return *this;
    }
    event_source_options& min_retry(duration d) & { ///< 100 ms; a server that asks for less gets this
        min_retry_ = d;
        return *this;
    }
    event_source_options& max_retry(duration d) & { ///< 60 s; also for a wait that has doubled
        max_retry_ = d;
        return *this;
    }
    event_source_options& max_failures(unsigned n) & { ///< 10 attempts to connect in a row, then an error
        max_failures_ = n;
        return *this;
    }
    event_source_options& max_event_bytes(std::size_t n) & { ///< 1 MiB: data, type and id of one event
        max_event_bytes_ = n;
        return *this;
    }
    event_source_options&& retry(duration d) && { return std::move(retry(d)); }
    event_source_options&& min_retry(duration d) && { return std::move(min_retry(d)); }
    event_source_options&& max_retry(duration d) && { return std::move(max_retry(d)); }
    event_source_options&& max_failures(unsigned n) && { return std::move(max_failures(n)); }
    event_source_options&& max_event_bytes(std::size_t n) && { return std::move(max_event_bytes(n)); }

    duration retry() const noexcept { return retry_; }
    duration min_retry() const noexcept { return min_retry_; }
    duration max_retry() const noexcept { return max_retry_; }
    unsigned max_failures() const noexcept { return max_failures_; }
    std::size_t max_event_bytes() const noexcept { return max_event_bytes_; }

private:
    duration retry_ = std::chrono::seconds(3);
    duration min_retry_ = std::chrono::milliseconds(100);
    duration max_retry_ = std::chrono::seconds(60);
    unsigned max_failures_ = 10;
    std::size_t max_event_bytes_ = std::size_t{1} << 20;
};

/// Move-only (not while next() is in progress); belongs to its client's scheduler, and the client must
/// outlive it. Nothing is read ahead of the caller beyond one buffer.
class event_source {
public:
    /// Connects at the first next(). The request is sent again for each connection, so its body must be
    /// repeatable; its timeout, and the client's total_timeout, bound each connection. Accept, Cache-Control
    /// and Last-Event-ID are added unless it has them.
    event_source(client& web, request what, event_source_options options = event_source_options());
    event_source(event_source&&) noexcept;
    event_source& operator=(event_source&&) noexcept;
    ~event_source(); ///< closes the connection; not while next() is in progress

    /// The next event; nothing once the server has ended the stream for good (204), or after close(). Throws
    /// request_error: the answer was no event stream (errc::not_an_event_stream), an event was larger than
    /// max_event_bytes (errc::event_too_large), connecting failed max_failures times in a row, or an error
    /// that another attempt would repeat (URL, redirects, limits). After an error it is closed. Cancellation:
    /// closes the connection and throws operation_cancelled; a later next() connects again and goes on after
    /// the last event that had an id.
    [[nodiscard]] task<std::optional<server_sent_event>> next();
    /// The same, with the error as a result. Throws operation_cancelled.
    [[nodiscard]] task<result<std::optional<server_sent_event>>> try_next();

    /// A next() in progress gives nothing, at the latest when the server sends something or a time limit
    /// passes; cancelling its task ends it at once.
    void close() noexcept;
    [[nodiscard]] const std::string& last_event_id() const noexcept;
    /// The wait before the next connection, as the server or the options have it.
    [[nodiscard]] std::chrono::milliseconds retry() const noexcept;

private:
    class state;
    std::unique_ptr<state> state_;
};

} // namespace tandem::http
