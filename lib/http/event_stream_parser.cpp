#include "lib/http/event_stream_parser.hpp"

#include "lib/http/chars.hpp"
#include "lib/net/utf8.hpp"

#include <algorithm>
#include <cstdint>

namespace tandem::http {

namespace {

constexpr std::int64_t longest_retry = std::chrono::milliseconds(std::chrono::hours(24)).count();

// The standard decodes the whole stream; line ends are ASCII, so a line at a time is the same.
std::string as_utf8(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto step = tandem::detail::decode_utf8(text);
        out += step.ok ? text.substr(0, step.size) : std::string_view("\xEF\xBF\xBD");
        text.remove_prefix(step.size);
    }
    return out;
}

} // namespace

void event_stream_parser::restart() noexcept {
    line_.clear();
    data_.clear();
    type_.clear();
    id_ = last_id_;
    after_cr_ = false;
    at_start_ = true;
}

event_stream_parser::step event_stream_parser::next(std::string_view& input) {
    while (!input.empty()) {
        if (after_cr_) {
            after_cr_ = false;
            if (input.front() == '\n') {
                input.remove_prefix(1);
                continue;
            }
        }
        const std::size_t end = input.find_first_of("\r\n");
        const std::string_view more = input.substr(0, end);
        if (more.size() > limit_ || held() > limit_ - more.size()) return step::too_large;
        line_ += more;
        if (end == input.npos) {
            input = std::string_view();
            break;
        }
        after_cr_ = input[end] == '\r';
        input.remove_prefix(end + 1);
        if (end_line()) return step::event;
    }
    return step::need_more;
}

bool event_stream_parser::end_line() {
    std::string_view line = line_;
    if (at_start_ && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    at_start_ = false;
    if (line.empty()) {
        line_.clear();
        return dispatch();
    }
    if (line.front() != ':') { // else a comment
        const std::string text = as_utf8(line);
        const std::size_t colon = text.find(':');
        std::string_view value =
            colon == text.npos ? std::string_view() : std::string_view(text).substr(colon + 1);
        if (value.starts_with(' ')) value.remove_prefix(1);
        take_field(std::string_view(text).substr(0, colon), value);
    }
    line_.clear();
    return false;
}

void event_stream_parser::take_field(std::string_view name, std::string_view value) {
    if (name == "data") {
        data_.append(value).append(1, '\n');
    } else if (name == "event") {
        type_ = value;
    } else if (name == "id") {
        if (value.find('\0') == value.npos) id_ = value;
    } else if (name == "retry" && !value.empty() &&
               std::all_of(value.begin(), value.end(), detail::is_digit)) {
        std::int64_t time = 0;
        for (const char c : value)
            time = std::min(time * 10 + (c - '0'), longest_retry);
        retry_ = std::chrono::milliseconds(time);
    }
}

bool event_stream_parser::dispatch() {
    last_id_ = id_;
    if (data_.empty()) {
        type_.clear();
        return false;
    }
    data_.pop_back();
    event_ = server_sent_event(type_.empty() ? std::string("message") : std::move(type_), std::move(data_),
                               last_id_);
    data_.clear();
    type_.clear();
    return true;
}

} // namespace tandem::http
