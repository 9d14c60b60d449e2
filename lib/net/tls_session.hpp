// One TLS connection over a non-blocking socket, or over another TLS connection (to a proxy): OpenSSL's calls
// and their errors, without any waiting.
#pragma once

#include "lib/net/socket_bio.hpp"
#include "lib/net/tls_session_cache.hpp"

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct ssl_st;
struct x509_store_ctx_st;

namespace tandem::net {

class tls_context;

class tls_session {
public:
    // What a call came to: it is done (`bytes`), wants the socket to be ready first, or failed.
    enum class need { nothing, readable, writable };
    class step {
    public:
        explicit step(need n) noexcept : wants(n) {}
        explicit step(std::size_t n) noexcept : bytes(n) {}
        explicit step(boost::system::error_code ec) noexcept : error(ec) {}

        need wants = need::nothing;
        std::size_t bytes = 0;
        boost::system::error_code error;
    };

    // A client's side: SNI and verification for `host` as the context says. Where the context keeps sessions,
    // one for this host and port is resumed, and new ones are kept.
    tls_session(tls_context& context, int fd, const std::string& host, std::uint16_t port = 0);
    // The same through a connection that is there. It must outlive this.
    tls_session(tls_context& context, tls_session& below, const std::string& host, std::uint16_t port = 0);
    // A server's side.
    tls_session(tls_context& context, int fd);
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;
    ~tls_session();

    step handshake();
    step read(char* data, std::size_t size); // 0 bytes: the peer sent close_notify
    step write(const char* data, std::size_t size);
    // The same as part of a call of the session above, within its bound and without touching OpenSSL's
    // errors.
    step read_on(char* data, std::size_t size);
    step write_on(const char* data, std::size_t size);
    bool has_pending() const noexcept; // bytes (or an error) that were received but not read
    bool has_input() noexcept;         // data, the end or an error; session tickets do not count
    need shutdown() noexcept;          // sends close_notify, once; `writable`: it is not out yet, call again

    std::string_view alpn() const noexcept; // what was picked; empty: nothing was, or not yet

    bool offered() const noexcept { return offered_; } // the handshake began with a session to be resumed
    bool resumed() const noexcept;                     // and the server took it

    // Callbacks of OpenSSL's for contexts.
    static int on_new_session(ssl_st* ssl, ssl_session_st* session);
    static int verify_pinned(x509_store_ctx_st* store, void* pins); // std::vector<std::string>*: hashes

    // Why the handshake, or the connection after it, failed, for people.
    const std::string& failure() const noexcept { return failure_; }

private:
    void open(tls_context& context);
    void open_client(tls_context& context, std::uint16_t port);
    void begin_call() noexcept;
    const bio_socket& socket() const noexcept { return below_ ? below_->socket() : socket_; }
    step outcome_of(int result, bool in_handshake);
    static int on_verify(int accepted, x509_store_ctx_st* store);

    struct deleter {
        void operator()(ssl_st* ssl) const noexcept;
    };
    bio_socket socket_;
    tls_session* below_ = nullptr;
    std::shared_ptr<tls_session_cache> sessions_; // the context's, which may go first
    std::string session_key_;                     // host and port
    std::unique_ptr<ssl_st, deleter> ssl_;
    std::string host_;
    std::string failure_;
    std::string certificate_failure_;
    enum class closing { no, begun, done };
    closing closing_ = closing::no;
    bool offered_ = false;
    boost::system::error_code broken_; // after an error of the protocol nothing more can come
};

} // namespace tandem::net
