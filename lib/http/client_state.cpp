#include "lib/http/client_state.hpp"

#include <algorithm>
#include <limits>

namespace tandem::http {

namespace {

connection_pool::settings pool_settings(const client_options& options) {
    connection_pool::settings s;
    s.per_host = options.connections_per_host();
    s.total = options.connections_total();
    s.idle_timeout = options.idle_timeout();
    s.max_age = options.max_connection_age();
    s.http2 = options.http2();
    s.http2_ping.interval = options.http2_ping_interval();
    s.http2_ping.timeout = options.http2_ping_timeout();
    s.response_limits = h1::client_limits();
    s.response_limits.header_bytes = options.max_header_bytes();
    return s;
}

} // namespace

client_state::client_state(client_options given)
    : options(std::move(given)), defaults(options), pool(pool_settings(options)) {
    for (const auto& [from, to] : options.connect_to())
        routes_.emplace_back(*host_port::parse(from), *host_port::parse(to));
    // A file of one's own is read at once, so that a wrong path is found here and not by the first request.
    if (options.tls().names_files()) tls();
}

net::tls_context& client_state::tls(bool http1_only) {
    const bool both = !http1_only && options.http2() != http2_use::off;
    std::optional<net::tls_context>& wanted = both ? tls_ : http1_tls_;
    if (!wanted) {
        wanted.emplace(net::tls_context::client(options.tls()));
        if (both)
            wanted->protocols({"h2", "http/1.1"});
        else
            wanted->protocols({"http/1.1"});
    }
    return *wanted;
}

void client_state::remember_http1(std::string_view origin) {
    static_cast<void>(http1_origins_.at(origin, [] { return std::make_shared<bool>(true); }));
}

net::tls_context& client_state::proxy_tls() {
    if (!proxy_tls_) {
        // Trusted as a server is, but neither pinned nor told who the client is: that is for the servers.
        const tls_options& given = options.tls();
        tls_options own;
        own.ca_file(given.ca_file()).add_system_store(given.add_system_store()).verify(given.verify());
        own.versions(given.least_version(), given.most_version()).kept_sessions(given.kept_sessions());
        own.key_log_file(given.key_log_file());
        proxy_tls_.emplace(net::tls_context::client(own));
    }
    return *proxy_tls_;
}

bool client_state::leads_elsewhere(const url& target) const noexcept {
    const auto is_from = [&](const route& r) {
        return r.from.port == target.effective_port() && r.from.host == target.hostname_for_connect();
    };
    return std::any_of(routes_.begin(), routes_.end(), is_from);
}

host_port client_state::endpoint(const url& target) const {
    const std::string_view host = target.hostname_for_connect();
    const std::uint16_t port = target.effective_port();
    for (const route& r : routes_)
        if (r.from.port == port && r.from.host == host) return r.to;
    return host_port(host, port);
}

} // namespace tandem::http
