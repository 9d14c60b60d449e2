// A connected byte stream, plain TCP or TLS over it: what the HTTP client and server read and write.
//
// The socket is registered with its loop once (lib/core/readiness_set.hpp); an operation waits for readiness
// and then calls recv or SSL_read itself. (Asio's own stream operations would try first and wait afterwards,
// a wasted system call on every response; `ssl::stream` would hold two 17 KiB buffers for each idle
// connection.)
//
// One deadline for each stream, on the loop's timer wheel: it costs no system call.
//
// Belongs to one scheduler. At most one read and one write at a time; they may overlap.
// Cancellation: an operation of a cancelled task ends with operation_aborted; so does one that `close`
// interrupts.
#pragma once

#include "lib/core/maybe_task.hpp"

#include <tandem/core/io_result.hpp>
#include <tandem/core/scheduler.hpp>
#include <tandem/core/task.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tandem::net {

class tls_context; // lib/net/tls_context.hpp

class stream {
public:
    using clock = scheduler::clock;

    stream() noexcept; // not open
    stream(scheduler& home,
           int fd); // takes over a connected socket; makes it non-blocking and sets TCP_NODELAY
    stream(stream&&) noexcept;
    stream& operator=(stream&&) noexcept;
    ~stream(); // closes; no operation may be in progress

    bool is_open() const noexcept;
    int native_handle() const noexcept;

    // From `when` on, operations in progress and later ones end with errc::timed_out. `max()`: no limit.
    // Cheap.
    void expires_at(clock::time_point when) noexcept;
    void expires_at(clock::time_point when, clock::time_point now) noexcept; // for who has just looked

    // Reads what is there, at least one byte, at most `size`. 0 bytes without error: the peer has ended the
    // stream. A TLS stream that ends without close_notify gives the error
    // `asio::ssl::error::stream_truncated`'s equivalent `tls_errc::truncated`.
    tandem::detail::maybe_task<io_result> read_some(char* data, std::size_t size);

    // Writes all of `data`; `data` must stay alive.
    tandem::detail::maybe_task<io_result> write(std::string_view data);

    // Reads or writes what is possible without waiting: possibly nothing, which the error would_block says.
    // A write may take a part of `data`, without error; over TLS the next write must begin with the rest.
    // Deadline and cancellation do not matter. While no operation of the same direction is in progress.
    io_result try_read(char* data, std::size_t size);
    io_result try_write(std::string_view data);

    // Of a socket that is being connected: waits until it is, or has failed (SO_ERROR says which).
    task<boost::system::error_code> wait_connected();

    // Waits until `read_some` would not wait (data, end of stream or an error). For idle connections.
    task<boost::system::error_code> wait_readable();

    // Without waiting: true when the peer has sent something or closed. An idle keep-alive connection must be
    // false.
    bool has_input() noexcept;

    // The same as of the loop's last look, free of cost: true when there was nothing, false when there was
    // something or it is not known.
    bool was_quiet() const noexcept;

    // TLS from here on. The client verifies chain and host name as the context says and sends SNI. On failure
    // `tls_failure` says why in words ("certificate has expired (2024-01-01)").
    // On a stream that is TLS already: another connection through it (an https proxy's, then the server's).
    // `port` tells sessions to be resumed apart.
    task<boost::system::error_code> handshake_client(tls_context& context, std::string host,
                                                     std::uint16_t port = 0);
    task<boost::system::error_code> handshake_server(tls_context& context);
    bool is_tls() const noexcept;
    std::string_view alpn() const noexcept; // the protocol picked in the handshake, "h2"; empty: none
    bool tls_offered() const noexcept;      // the handshake began with a session to be resumed
    bool tls_resumed() const noexcept;      // and the server took it
    const std::string& tls_failure() const noexcept;

    // Sends what ends the stream: TLS close_notify without waiting for the peer's, then TCP FIN. Waits, if
    // need be, until the socket has room for close_notify: behind a large write it often has not. No write
    // may be in progress.
    task<boost::system::error_code> finish();

    // The same without ever waiting: where there is no room for close_notify, the peer gets only the FIN,
    // which to it is a truncated stream.
    void shutdown() noexcept;

    // Closes the socket; operations in progress end with operation_aborted.
    void close() noexcept;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tandem::net
