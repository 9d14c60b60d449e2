#include "lib/http/server_state.hpp"

#include "lib/http/chars.hpp"
#include "lib/http/http_date.hpp"
#include "lib/http/server_connection.hpp"

#include <algorithm>
#include <cstdio>

namespace tandem::http::detail {

const std::string& server_state::date() {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    if (now != date_of_ || date_.empty()) {
        date_ = format_http_date(now);
        date_of_ = now;
    }
    return date_;
}

void server_state::tell(std::string_view what) noexcept {
    constexpr std::size_t longest = 1024;
    try {
        std::string line(what.substr(0, longest));
        std::replace_if(line.begin(), line.end(), is_control, '?');
        if (options.on_diagnostic())
            options.on_diagnostic()(line);
        else
            std::fprintf(stderr, "tandem: %s\n", line.c_str());
    } catch (...) { // a reporter that fails cannot be reported
    }
}

void server_state::stop() noexcept {
    stopping_ = true;
    for (server_connection* c = first_; c; c = c->next_)
        c->end_if_idle();
}

void server_state::add(server_connection& connection) noexcept {
    connection.next_ = first_;
    if (first_) first_->prev_ = &connection;
    first_ = &connection;
}

void server_state::remove(server_connection& connection) noexcept {
    (connection.prev_ ? connection.prev_->next_ : first_) = connection.next_;
    if (connection.next_) connection.next_->prev_ = connection.prev_;
}

} // namespace tandem::http::detail
