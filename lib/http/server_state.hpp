// What the connections of one server share while it serves.
#pragma once

#include <tandem/core/scheduler.hpp>
#include <tandem/http/server.hpp>
#include <tandem/sync/semaphore.hpp>

#include "lib/net/tls_context.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace tandem::http::detail {

class server_connection;

// Belongs to the scheduler that serves.
class server_state {
public:
    server_state(scheduler& at, const server_options& settings, const server::handler& handle,
                 net::tls_context* secure)
        : home(at), options(settings), handler(handle), tls(secure), slots(settings.max_connections()) {}
    server_state(const server_state&) = delete;
    server_state& operator=(const server_state&) = delete;

    // Now as a Date header has it; formatted once a second.
    const std::string& date();

    // Tells on_diagnostic, or stderr. Control characters become "?", long lines are cut. Never throws.
    void tell(std::string_view what) noexcept;

    // Connections close when what they do now is done; idle ones at once.
    void stop() noexcept;
    bool stopping() const noexcept { return stopping_; }

    void add(server_connection& connection) noexcept;
    void remove(server_connection& connection) noexcept;

    scheduler& home;
    const server_options& options;
    const server::handler& handler;
    net::tls_context* const tls; // nullptr: http
    semaphore slots;             // one permit a connection

private:
    server_connection* first_ = nullptr;
    bool stopping_ = false;
    std::string date_;
    std::chrono::sys_seconds date_of_{};
};

} // namespace tandem::http::detail
