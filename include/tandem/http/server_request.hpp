// What a server's handler is asked: one HTTP request, with its whole body.
#pragma once

#include <tandem/http/headers.hpp>
#include <tandem/http/method.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::http {

/// A request as a server received it: already checked against the grammar and the limits, otherwise as the
/// client wrote it, so everything in it is the client's word. Views are valid as long as the request is
/// neither changed nor moved. Not thread-safe.
class server_request {
public:
    /// For tests of handlers as well as for the server. `target` as on the request line.
    server_request(std::string method, std::string target, http::headers fields = http::headers(),
                   std::string body = std::string());

    /// As received: "GET", or any other token. Methods are case-sensitive.
    [[nodiscard]] const std::string& method_name() const noexcept { return method_; }
    /// The same, if it is a standard method.
    [[nodiscard]] std::optional<http::method> method() const noexcept { return verb_; }

    /// As on the request line: "/a?b=c", "http://host/a?b=c", "*" (OPTIONS only).
    [[nodiscard]] const std::string& target() const noexcept { return target_; }
    /// The target's path without its query: "/a". Percent-encoding is left as it is, and so are "." and ".."
    /// segments: decode and check before you use it as a file name. Begins with "/", or is "*".
    [[nodiscard]] std::string_view path() const noexcept;
    /// What follows the first "?" of the target, still encoded; empty if there is none.
    [[nodiscard]] std::string_view query() const noexcept;

    /// The host[:port] that the client means: of Host, or of an absolute target; empty in HTTP/1.0 without.
    [[nodiscard]] const std::string& authority() const noexcept { return authority_; }
    [[nodiscard]] const http::headers& headers() const noexcept { return headers_; }

    /// The body without its framing (not decoded from a Content-Encoding); at most
    /// server_options::max_body_bytes.
    [[nodiscard]] const std::string& body() const noexcept { return body_; }
    [[nodiscard]] std::string take_body() noexcept { return std::move(body_); }

    /// The address of the other end of the connection in numbers, which may be a proxy: "127.0.0.1", "::1".
    [[nodiscard]] const std::string& peer_address() const noexcept { return peer_address_; }
    [[nodiscard]] std::uint16_t peer_port() const noexcept { return peer_port_; }
    /// Whether it came over TLS.
    [[nodiscard]] bool is_secure() const noexcept { return secure_; }

    // What a server fills in, and a test of a handler may.
    server_request& set_authority(std::string value) noexcept;
    server_request& set_peer(std::string address, std::uint16_t port, bool secure) noexcept;

private:
    std::string method_;
    std::optional<http::method> verb_;
    std::string target_;
    std::size_t path_begin_ = 0; // offsets: views into a small string would not survive a move
    std::size_t path_end_ = 0;
    std::string authority_;
    http::headers headers_;
    std::string body_;
    std::string peer_address_;
    std::uint16_t peer_port_ = 0;
    bool secure_ = false;
};

} // namespace tandem::http
