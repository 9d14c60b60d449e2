#include "tandem/net/tls_options.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tandem {

namespace {

// The 32 bytes of a SHA-256 in base64 (43 digits and '='), or nothing.
std::string decode_hash(std::string_view text) {
    if (text.size() != 44 || text.back() != '=') return {};
    static constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    unsigned group = 0;
    for (std::size_t i = 0; i < 43; ++i) {
        const std::size_t value = digits.find(text[i]);
        if (value == std::string_view::npos) return {};
        group = group << 6 | static_cast<unsigned>(value);
        if (i % 4 != 3) continue;
        for (const unsigned shift : {16u, 8u, 0u})
            bytes += static_cast<char>(group >> shift & 0xFFu);
        group = 0;
    }
    if ((group & 3u) != 0) return {}; // three digits are left: two bytes and two bits, which must be 0
    bytes += static_cast<char>(group >> 10 & 0xFFu);
    bytes += static_cast<char>(group >> 2 & 0xFFu);
    return bytes;
}

} // namespace

tls_options& tls_options::ca_file(std::string path) {
    ca_file_ = std::move(path);
    return *this;
}
tls_options& tls_options::add_system_store(bool yes) noexcept {
    add_system_store_ = yes;
    return *this;
}
tls_options& tls_options::verify(bool yes) noexcept {
    verify_ = yes;
    return *this;
}
tls_options& tls_options::pin(std::string_view sha256_base64) {
    constexpr std::string_view prefix = "sha256//";
    const bool prefixed = sha256_base64.substr(0, prefix.size()) == prefix;
    std::string hash = decode_hash(prefixed ? sha256_base64.substr(prefix.size()) : sha256_base64);
    if (hash.empty())
        throw std::invalid_argument(
            "tls_options::pin: a SHA-256 in base64 (44 characters) is expected, such as \"sha256//...=\"");
    pins_.push_back(std::move(hash));
    return *this;
}
tls_options& tls_options::certificate(std::string certificate_file, std::string key_file) {
    certificate_file_ = std::move(certificate_file);
    key_file_ = std::move(key_file);
    return *this;
}
tls_options& tls_options::versions(tls_version least, tls_version most) noexcept {
    least_ = least;
    most_ = std::max(least, most);
    return *this;
}
tls_options& tls_options::kept_sessions(std::size_t n) noexcept {
    kept_sessions_ = n;
    return *this;
}
tls_options& tls_options::key_log_file(std::string path) {
    key_log_file_ = std::move(path);
    return *this;
}

} // namespace tandem
