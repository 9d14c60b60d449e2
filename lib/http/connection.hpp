// One connection of the client: the stream, and HTTP/1.1 on it.
#pragma once

#include "lib/http/h1/client_transport.hpp"
#include "lib/net/stream.hpp"

#include <cstdint>

namespace tandem::http {

class pool_origin; // lib/http/connection_pool.hpp

class connection {
public:
    connection(pool_origin& origin, const h1::limits& limits) : http1(stream, limits), origin_(origin) {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Back to a connection that is not open, in the same place of the pool.
    void renew() noexcept {
        stream = net::stream();
        http1.renew();
        requests = 0;
    }

    [[nodiscard]] pool_origin& origin() const noexcept { return origin_; }

    net::stream stream; // not open until the first request on it
    h1::client_transport http1;
    std::uint64_t requests = 0;

private:
    friend class connection_pool;
    pool_origin& origin_;
    scheduler::clock::time_point idle_since_;
    connection* older_ = nullptr; // links of the pool's list of idle connections
    connection* newer_ = nullptr;
};

} // namespace tandem::http
