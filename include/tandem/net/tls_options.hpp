// tls_options: whom a client believes over TLS, who it is itself, and which versions it speaks.
//
//     http::client web(http::client_options().tls(
//         tls_options().ca_file("/etc/company/ca.pem").add_system_store(true).pin(fingerprint)));
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tandem {

enum class tls_version { v1_2, v1_3 };

/// Setters chain. A value. Files are read when the first connection needs them, or by the client's
/// constructor if any is named here; then a file that cannot be used throws system_error, which names it.
class tls_options {
public:
    tls_options() noexcept {}

    // ---- whom to believe ----
    /// PEM file of certificate authorities to trust instead of the system's.
    tls_options& ca_file(std::string path);
    /// With ca_file: trust the system's authorities too. Default: false.
    tls_options& add_system_store(bool yes) noexcept;
    /// Default: true. False accepts any certificate (but for `pin`, which then looks at the server's own
    /// alone).
    tls_options& verify(bool yes) noexcept;
    /// Besides: of the certificates from the server's up to the authority one must have a public key with
    /// this SHA-256 over its SubjectPublicKeyInfo, in base64, "sha256//" before it or not (RFC 7469,
    /// section 2.4; as curl --pinnedpubkey). Given several times: any of them will do; keep a spare. Throws
    /// std::invalid_argument for what is no such hash.
    tls_options& pin(std::string_view sha256_base64);

    // ---- who the client is ----
    /// PEM files: the certificate, then those between it and the authority; and its private key, without a
    /// password. Sent to servers that ask for one.
    tls_options& certificate(std::string certificate_file, std::string key_file);

    // ---- how ----
    /// Default: TLS 1.2 to 1.3.
    tls_options& versions(tls_version least, tls_version most) noexcept;
    /// Sessions that are kept to be resumed, the least recently used go first; at most 16 for a host and
    /// port. A resumed handshake needs no certificates: a third to a half less computation. Tickets of
    /// TLS 1.3 are used once (RFC 8446, appendix C.4). Default: 512, some KiB each; 0: none is kept.
    tls_options& kept_sessions(std::size_t n) noexcept;
    /// For debugging: appends the secrets of each connection to this file, in the format of SSLKEYLOGFILE, by
    /// which Wireshark reads the connections. Whoever has the file can read them too; it is made with mode
    /// 0600. Default: none, whatever the environment says.
    tls_options& key_log_file(std::string path);

    [[nodiscard]] const std::string& ca_file() const noexcept { return ca_file_; }
    [[nodiscard]] bool add_system_store() const noexcept { return add_system_store_; }
    [[nodiscard]] bool verify() const noexcept { return verify_; }
    /// 32 bytes each.
    [[nodiscard]] const std::vector<std::string>& pins() const noexcept { return pins_; }
    [[nodiscard]] const std::string& certificate_file() const noexcept { return certificate_file_; }
    [[nodiscard]] const std::string& key_file() const noexcept { return key_file_; }
    [[nodiscard]] tls_version least_version() const noexcept { return least_; }
    [[nodiscard]] tls_version most_version() const noexcept { return most_; }
    [[nodiscard]] std::size_t kept_sessions() const noexcept { return kept_sessions_; }
    [[nodiscard]] const std::string& key_log_file() const noexcept { return key_log_file_; }
    [[nodiscard]] bool names_files() const noexcept {
        return !ca_file_.empty() || !certificate_file_.empty() || !key_log_file_.empty();
    }

private:
    std::string ca_file_;
    std::string certificate_file_;
    std::string key_file_;
    std::string key_log_file_;
    std::vector<std::string> pins_;
    std::size_t kept_sessions_ = 512;
    tls_version least_ = tls_version::v1_2;
    tls_version most_ = tls_version::v1_3;
    bool add_system_store_ = false;
    bool verify_ = true;
};

} // namespace tandem
