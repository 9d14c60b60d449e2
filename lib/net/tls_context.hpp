// TLS settings shared by many connections: trust, own certificate, verification. Wraps an SSL_CTX.
// Thread-safe once set up.
#pragma once

#include <tandem/net/tls_options.hpp>

#include <boost/system/error_code.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tandem::net {

enum class tls_errc {
    handshake_failed = 1, // stream::tls_failure() has the words
    certificate_rejected, // likewise
    truncated,            // the peer ended the stream without close_notify
    protocol_error,
};
const boost::system::error_category& tls_category() noexcept;
boost::system::error_code make_error_code(tls_errc e) noexcept;

class tls_session_cache; // lib/net/tls_session_cache.hpp

class tls_context {
public:
    // A client's: verifies the peer's chain and its host name as the options say. Throws system_error naming
    // the file when one cannot be used.
    static tls_context client(const tls_options& options);
    static tls_context client(const std::string& ca_file = std::string(), bool verify = true) {
        return client(tls_options().ca_file(ca_file).verify(verify));
    }

    // A server's: certificate chain and private key in PEM files. Throws system_error.
    static tls_context server(const std::string& certificate_file, const std::string& key_file);

    tls_context(tls_context&&) noexcept;
    tls_context& operator=(tls_context&&) noexcept;
    ~tls_context();

    // Protocols for ALPN (RFC 7301), the most wanted first: {"h2", "http/1.1"}. A client offers them (by
    // default only "http/1.1"; none: it sends no ALPN) and refuses a server that picks another. A server
    // picks the first of its own that the client offers (by default it has none and ignores ALPN) and refuses
    // a client that offers none of them; a client that sends no ALPN is served. `stream::alpn` says what was
    // picked. Throws std::invalid_argument for a name that is empty or longer than 255 bytes. Before the
    // first connection.
    tls_context& protocols(const std::vector<std::string>& names);

    void* native_handle() const noexcept; // SSL_CTX*
    bool verifies() const noexcept;
    bool pins() const noexcept; // there are pinned keys
    // A client's, to be resumed; nullptr: none is kept. Connections share it, since they may outlive this.
    const std::shared_ptr<tls_session_cache>& sessions() const noexcept;

private:
    friend class tls_session;
    class impl;
    explicit tls_context(std::unique_ptr<impl> i) noexcept;
    std::unique_ptr<impl> impl_;
};

} // namespace tandem::net

template <>
struct boost::system::is_error_code_enum<tandem::net::tls_errc> : std::true_type {};
