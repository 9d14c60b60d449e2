// An HTTP/1.1 server: a handler, and the connections that bring it requests.
//
//     task<server_response> hello(server_request request) {
//         co_return server_response::text("hello, " + request.peer_address() + "\n");
//     }
//
//     task<> main_task() {
//         server site(server_options().port(8080), hello);
//         site.listen();
//         co_await site.serve();               // until cancelled, say by Ctrl-C
//     }
//
// Requests are read strictly: what two programs could understand differently is refused (400, 413, 414, 431,
// 501 or 505) and ends the connection. One connection is one task that reads a request, awaits the handler
// and writes the response, so pipelined requests are answered in order, and what comes behind the one in
// progress waits, at most max_header_bytes of it in memory. Client and server keep the connection (RFC 9112,
// 9.3) unless one of them says `Connection: close`. `Expect: 100-continue` is answered before the body is
// read. CONNECT is refused (501).
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/http/server_options.hpp>
#include <tandem/http/server_request.hpp>
#include <tandem/http/server_response.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tandem::http {

/// Belongs, with everything in it, to the scheduler whose task calls serve(); only stop() may be called from
/// other threads.
class server {
public:
    /// Called for each request on the server's loop; many calls may be in progress at a time, one for each
    /// connection. An exception that leaves it is told to on_diagnostic and answered 500; the connection goes
    /// on. It is not told when the client goes away. Computation belongs on the pool (`offload`).
    using handler = std::function<task<server_response>(server_request)>;

    /// Throws std::invalid_argument if `handle` is empty or the server name is not valid in a header.
    server(server_options options, handler handle);
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server(); // after serve() has ended

    /// Binds, listens and reads the certificate; clients wait until serve() accepts them. Throws system_error
    /// that names the address ("bind 127.0.0.1:80: Permission denied") or the file. Does nothing if it
    /// listens already.
    void listen();

    /// The port that is listened on; 0 before listen().
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// Where a client on this machine finds it: "http://127.0.0.1:8080", without a slash at the end. For
    /// "0.0.0.0" and "::" the loopback address. Empty before listen().
    [[nodiscard]] std::string url() const;

    /// Accepts and serves until it is stopped; listens first if need be.
    ///
    /// Ends when stop() is called: returns. When its task is cancelled: throws operation_cancelled. Either
    /// way it first closes the listening socket and the idle connections, and lets requests in progress end
    /// (with `Connection: close`) within drain_timeout; handlers are shielded from the cancellation until
    /// then. After that time they are cancelled, and serve() ends when they have: a handler that cannot be
    /// cancelled is waited for. Throws system_error when accepting fails for good, after the same drain.
    /// One call at a time (std::logic_error); after it has ended the server may listen and serve again.
    [[nodiscard]] task<> serve();

    /// Makes serve() end as described there. Thread-safe, idempotent; before serve() it makes the next one
    /// end at once. The server must exist during the call.
    void stop() noexcept;

    /// Connections at the moment.
    [[nodiscard]] std::size_t connections() const noexcept;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tandem::http
