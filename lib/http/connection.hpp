// One connection of the client: the stream, and HTTP/1.1 or HTTP/2 on it.
#pragma once

#include "lib/http/h1/client_transport.hpp"
#include "lib/http/h2/session.hpp"
#include "lib/net/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tandem::http {

class connection_pool; // lib/http/connection_pool.hpp
class pool_origin;

class connection final : private h2::session::owner {
public:
    connection(connection_pool& pool, pool_origin& origin, const h1::limits& limits)
        : http1(stream, limits), pool_(pool), origin_(origin) {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Back to a connection that is not open, in the same place of the pool. Of HTTP/1.1 only.
    void renew() noexcept {
        stream = net::stream();
        http1.renew();
        requests = 0;
    }

    [[nodiscard]] pool_origin& origin() const noexcept { return origin_; }

    net::stream stream; // not open until the first request on it
    h1::client_transport http1;
    std::unique_ptr<h2::session> http2; // where that was agreed on: it carries many requests at a time
    std::uint64_t requests = 0;
    scheduler::clock::time_point opened_at; // set by who opened it

private:
    friend class connection_pool;
    void room_changed() noexcept override; // in connection_pool.cpp

    connection_pool& pool_;
    pool_origin& origin_;
    std::size_t leases_ = 0; // of HTTP/2
    bool agreeing_ = false;  // on the protocol, while others wait to know
    scheduler::clock::time_point idle_since_;
    connection* older_ = nullptr; // links of the pool's list of idle connections
    connection* newer_ = nullptr;
};

} // namespace tandem::http
