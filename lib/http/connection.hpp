// One connection of the client: stream, input buffer, response reader.
#pragma once

#include "lib/http/h1/reader.hpp"
#include "lib/http/read_buffer.hpp"
#include "lib/net/stream.hpp"

#include <cstdint>
#include <string>

namespace tandem::http {

class pool_origin; // lib/http/connection_pool.hpp

class connection {
public:
    connection(pool_origin& origin, const h1::limits& limits) : reader(limits), origin_(origin) {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Back to a connection that is not open, in the same place of the pool.
    void renew() noexcept {
        stream = net::stream();
        in.reset();
        ended = false;
        requests = 0;
    }

    [[nodiscard]] pool_origin& origin() const noexcept { return origin_; }

    net::stream stream; // not open until the first request on it
    read_buffer in;
    bool ended = false; // the peer has ended the stream
    h1::response_reader reader;
    std::string out; // the request being sent; kept for its memory
    std::uint64_t requests = 0;

private:
    friend class connection_pool;
    pool_origin& origin_;
    scheduler::clock::time_point idle_since_;
    connection* older_ = nullptr; // links of the pool's list of idle connections
    connection* newer_ = nullptr;
};

} // namespace tandem::http
