// What the requests of one client share.
#pragma once

#include "lib/http/connection_pool.hpp"
#include "lib/http/default_fields.hpp"
#include "lib/http/digest_cache.hpp"
#include "lib/http/host_port.hpp"
#include "lib/http/origin_map.hpp"
#include "lib/net/tls_context.hpp"

#include <tandem/http/client.hpp>
#include <tandem/http/client_options.hpp>
#include <tandem/http/headers.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {

class client_state {
    // Before the pool, whose connections keep their sessions here until the end.
    std::optional<net::tls_context> tls_;
    std::optional<net::tls_context> http1_tls_;
    std::optional<net::tls_context> proxy_tls_;

public:
    explicit client_state(client_options given);

    /// Made on first use: reading the system's store takes tens of milliseconds. Throws system_error.
    /// `http1_only`: HTTP/2 is not offered, whatever the options say.
    net::tls_context& tls(bool http1_only = false);
    net::tls_context& proxy_tls(); ///< for the connection with an https proxy

    /// Whether an origin has said that it wants HTTP/1.1, so that HTTP/2 is not offered to it any more.
    [[nodiscard]] bool wants_http1(std::string_view origin) const {
        return http1_origins_.find(origin) != nullptr;
    }
    void remember_http1(std::string_view origin);

    /// Where to connect to for a URL's host and port.
    [[nodiscard]] host_port endpoint(const url& target) const;
    /// Whether that is somewhere else than the URL says.
    [[nodiscard]] bool leads_elsewhere(const url& target) const noexcept;

    const client_options options;
    const default_fields defaults;
    connection_pool pool;
    client_counters counters;   // what the pool does not know
    digest_cache digests;       // of origins
    digest_cache proxy_digests; // of proxies, by name
    std::uint64_t last_id = 0;  // of requests, for observers
    headers scratch;            // fields of a request while it is written; kept for its memory

private:
    class route {
    public:
        route(host_port f, host_port t) : from(std::move(f)), to(std::move(t)) {}
        host_port from, to;
    };
    std::vector<route> routes_;
    origin_map<bool> http1_origins_{1000}; // bounded: servers decide how many there are
};

} // namespace tandem::http
