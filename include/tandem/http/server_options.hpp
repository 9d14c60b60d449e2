// The settings of a server, each with its default.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::http {

/// Setters chain: `server_options().port(8080).max_body_bytes(8 << 20)`.
class server_options {
public:
    using milliseconds = std::chrono::milliseconds;

    server_options() noexcept {}

    /// Where to listen: an IPv4 or IPv6 address in numbers. Default "127.0.0.1": this machine only. "0.0.0.0"
    /// takes IPv4 from everywhere, "::" both families.
    server_options& address(std::string value) noexcept { return set(address_, std::move(value)); }
    /// Default 0: the system picks a free one; see server::port().
    server_options& port(std::uint16_t value) noexcept { return set(port_, value); }

    /// PEM files of a certificate chain and its private key: serves https. Default: none, http.
    server_options& tls(std::string certificate_file, std::string key_file) noexcept {
        set(certificate_file_, std::move(certificate_file));
        return set(key_file_, std::move(key_file));
    }

    /// Connections at a time, at least 1. Default 10,000. Further ones wait in the system's queue.
    server_options& max_connections(std::size_t n) noexcept { return set(max_connections_, n ? n : 1); }

    /// From a connection's beginning to the end of its first request's header, and from a later request's
    /// first byte to the end of its header. Answered 408. Also bounds the TLS handshake. Default 10 s.
    server_options& header_timeout(milliseconds limit) noexcept { return set(header_timeout_, limit); }
    /// From a response to the first byte of the next request; then the connection is closed. Default 60 s.
    server_options& idle_timeout(milliseconds limit) noexcept { return set(idle_timeout_, limit); }
    /// For every 64 KiB of a request's body. Answered 408. Default 30 s.
    server_options& body_timeout(milliseconds limit) noexcept { return set(body_timeout_, limit); }
    /// For the client to take every 256 KiB of a response; then the connection is closed. Default 30 s.
    server_options& write_timeout(milliseconds limit) noexcept { return set(write_timeout_, limit); }

    /// Request line, header fields and trailers together. Default 16 KiB. One line of them may have 8 KiB, or
    /// half of this where that is more. Answered 431 (414 for the request line). At most 100 fields.
    server_options& max_header_bytes(std::size_t n) noexcept { return set(max_header_bytes_, n); }
    /// A request's body, which is kept in memory. Default 1 MiB. Answered 413.
    server_options& max_body_bytes(std::size_t n) noexcept { return set(max_body_bytes_, n); }

    /// How long requests in progress may go on once the server is stopped; then their handlers are cancelled.
    /// Default 5 s.
    server_options& drain_timeout(milliseconds limit) noexcept { return set(drain_timeout_, limit); }

    /// The Server header of every response that has none. Default "tandem"; empty: none. Must be valid in a
    /// header.
    server_options& server_name(std::string value) noexcept { return set(server_name_, std::move(value)); }

    /// Told of what somebody should look at: an exception that left a handler, a shortage of descriptors. One
    /// line each, without control characters. Called on the server's loop. Default: a line on stderr.
    server_options& on_diagnostic(std::function<void(std::string_view)> tell) {
        on_diagnostic_ = std::move(tell);
        return *this;
    }

    [[nodiscard]] const std::string& address() const noexcept { return address_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] bool is_secure() const noexcept { return !certificate_file_.empty(); }
    [[nodiscard]] const std::string& certificate_file() const noexcept { return certificate_file_; }
    [[nodiscard]] const std::string& key_file() const noexcept { return key_file_; }
    [[nodiscard]] std::size_t max_connections() const noexcept { return max_connections_; }
    [[nodiscard]] milliseconds header_timeout() const noexcept { return header_timeout_; }
    [[nodiscard]] milliseconds idle_timeout() const noexcept { return idle_timeout_; }
    [[nodiscard]] milliseconds body_timeout() const noexcept { return body_timeout_; }
    [[nodiscard]] milliseconds write_timeout() const noexcept { return write_timeout_; }
    [[nodiscard]] std::size_t max_header_bytes() const noexcept { return max_header_bytes_; }
    [[nodiscard]] std::size_t max_body_bytes() const noexcept { return max_body_bytes_; }
    [[nodiscard]] milliseconds drain_timeout() const noexcept { return drain_timeout_; }
    [[nodiscard]] const std::string& server_name() const noexcept { return server_name_; }
    [[nodiscard]] const std::function<void(std::string_view)>& on_diagnostic() const noexcept {
        return on_diagnostic_;
    }

private:
    template <class T>
    server_options& set(T& member, T value) noexcept {
        member = std::move(value);
        return *this;
    }

    std::string address_ = "127.0.0.1";
    std::uint16_t port_ = 0;
    std::string certificate_file_;
    std::string key_file_;
    std::size_t max_connections_ = 10'000;
    milliseconds header_timeout_{10'000};
    milliseconds idle_timeout_{60'000};
    milliseconds body_timeout_{30'000};
    milliseconds write_timeout_{30'000};
    std::size_t max_header_bytes_ = 16 * 1024;
    std::size_t max_body_bytes_ = 1024 * 1024;
    milliseconds drain_timeout_{5'000};
    std::string server_name_ = "tandem";
    std::function<void(std::string_view)> on_diagnostic_;
};

} // namespace tandem::http
