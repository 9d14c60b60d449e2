// TLS settings shared by many connections: trust, own certificate, verification. Wraps an SSL_CTX.
// Thread-safe once set up.
#pragma once

#include <boost/system/error_code.hpp>

#include <memory>
#include <string>

namespace tandem::net {

enum class tls_errc {
    handshake_failed = 1, // stream::tls_failure() has the words
    certificate_rejected, // likewise
    truncated,            // the peer ended the stream without close_notify
    protocol_error,
};
const boost::system::error_category& tls_category() noexcept;
boost::system::error_code make_error_code(tls_errc e) noexcept;

class tls_context {
public:
    // A client's: verifies the peer's chain against the system's store (or `ca_file`, PEM, instead of it when
    // not empty) and its host name, TLS 1.2 or later. `verify` false: accepts any certificate (--insecure).
    // Throws system_error naming the file when it cannot be read.
    static tls_context client(const std::string& ca_file = std::string(), bool verify = true);

    // A server's: certificate chain and private key in PEM files. Throws system_error.
    static tls_context server(const std::string& certificate_file, const std::string& key_file);

    tls_context(tls_context&&) noexcept;
    tls_context& operator=(tls_context&&) noexcept;
    ~tls_context();

    void* native_handle() const noexcept; // SSL_CTX*
    bool verifies() const noexcept;

private:
    class impl;
    explicit tls_context(std::unique_ptr<impl> i) noexcept;
    std::unique_ptr<impl> impl_;
};

} // namespace tandem::net

template <>
struct boost::system::is_error_code_enum<tandem::net::tls_errc> : std::true_type {};
