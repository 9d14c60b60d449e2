// Reads text/event-stream (the WHATWG HTML standard, 9.2.6), without I/O.
#pragma once

#include <tandem/http/event_source.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::http {

class event_stream_parser {
public:
    enum class step {
        need_more, // all of the input was taken
        event,     // event() has one; there may be more in the input
        too_large, // an event is larger than the limit; nothing more can be read
    };

    explicit event_stream_parser(std::size_t max_event_bytes) noexcept : limit_(max_event_bytes) {}

    /// Takes bytes from the front of `input`, up to the end of an event.
    [[nodiscard]] step next(std::string_view& input);
    [[nodiscard]] server_sent_event take_event() noexcept { return std::move(event_); }

    /// Forgets an event that has begun; for the next connection. The id stays.
    void restart() noexcept;

    [[nodiscard]] const std::string& last_event_id() const noexcept { return last_id_; }
    /// What the server has asked for last; bounded by a day.
    [[nodiscard]] std::optional<std::chrono::milliseconds> retry() const noexcept { return retry_; }

private:
    bool end_line(); // true: it has ended an event
    bool dispatch();
    void take_field(std::string_view name, std::string_view value);
    [[nodiscard]] std::size_t held() const noexcept {
        return line_.size() + data_.size() + type_.size() + id_.size();
    }

    std::size_t limit_;
    std::string line_;
    std::string data_; // each line of it ends with "\n"
    std::string type_;
    std::string id_; // that the event, when it is complete, makes the last one
    std::string last_id_;
    std::optional<std::chrono::milliseconds> retry_;
    server_sent_event event_;
    bool after_cr_ = false; // an LF belongs to the CR before it
    bool at_start_ = true;  // of the stream: a byte order mark may come
};

} // namespace tandem::http
