#include <tandem/http/server_request.hpp>

namespace tandem::http {

// `target` may be absolute: "http://host:1/a?b". Its form was checked by the reader, or is a test's own.
server_request::server_request(std::string method, std::string target, http::headers fields, std::string body)
    : method_(std::move(method)), verb_(parse_method(method_)), target_(std::move(target)),
      headers_(std::move(fields)), body_(std::move(body)) {
    if (!target_.empty() && target_.front() != '/') {
        const std::size_t scheme = target_.find("://");
        if (scheme != std::string::npos) path_begin_ = target_.find_first_of("/?", scheme + 3);
        if (path_begin_ == std::string::npos) path_begin_ = target_.size();
    }
    path_end_ = target_.find('?', path_begin_);
    if (path_end_ == std::string::npos) path_end_ = target_.size();
}

std::string_view server_request::path() const noexcept {
    // "http://host" and "http://host?query" have an empty path, which means "/" (RFC 9110, 4.2.3).
    if (path_begin_ == path_end_) return "/";
    return std::string_view(target_).substr(path_begin_, path_end_ - path_begin_);
}

std::string_view server_request::query() const noexcept {
    const std::string_view all = target_;
    return path_end_ < all.size() ? all.substr(path_end_ + 1) : std::string_view();
}

server_request& server_request::set_authority(std::string value) noexcept {
    authority_ = std::move(value);
    return *this;
}

server_request& server_request::set_peer(std::string address, std::uint16_t port, bool secure) noexcept {
    peer_address_ = std::move(address);
    peer_port_ = port;
    secure_ = secure;
    return *this;
}

} // namespace tandem::http
