// cookie: one cookie as a cookie_jar keeps it (RFC 6265bis, 5.7).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::http {

/// A value. Changing the copy that a jar gave changes nothing in the jar.
class cookie {
public:
    using time_point = std::chrono::system_clock::time_point;

    cookie() noexcept {}
    cookie(std::string name, std::string value) : name_(std::move(name)), value_(std::move(value)) {}

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& value() const noexcept { return value_; }
    /// A host name as url::host() has it, without a dot in front.
    [[nodiscard]] const std::string& domain() const noexcept { return domain_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; } ///< starts with '/'
    /// Until when it is kept; nothing for a session cookie, which lives as long as its jar.
    [[nodiscard]] std::optional<time_point> expires() const noexcept { return expires_; }
    [[nodiscard]] bool host_only() const noexcept { return host_only_; } ///< not for subdomains of domain()
    [[nodiscard]] bool secure() const noexcept { return secure_; }       ///< only over TLS
    [[nodiscard]] bool http_only() const noexcept { return http_only_; } ///< not for scripts of a page

    cookie& domain(std::string value) & {
        domain_ = std::move(value);
        return *this;
    }
    cookie& path(std::string value) & {
        path_ = std::move(value);
        return *this;
    }
    cookie& expires(std::optional<time_point> when) & {
        expires_ = when;
        return *this;
    }
    cookie& host_only(bool yes) & {
        host_only_ = yes;
        return *this;
    }
    cookie& secure(bool yes) & {
        secure_ = yes;
        return *this;
    }
    cookie& http_only(bool yes) & {
        http_only_ = yes;
        return *this;
    }
    cookie&& domain(std::string value) && { return std::move(domain(std::move(value))); }
    cookie&& path(std::string value) && { return std::move(path(std::move(value))); }
    cookie&& expires(std::optional<time_point> when) && { return std::move(expires(when)); }
    cookie&& host_only(bool yes) && { return std::move(host_only(yes)); }
    cookie&& secure(bool yes) && { return std::move(secure(yes)); }
    cookie&& http_only(bool yes) && { return std::move(http_only(yes)); }

private:
    std::string name_;
    std::string value_;
    std::string domain_;
    std::string path_ = "/";
    std::optional<time_point> expires_;
    bool host_only_ = true;
    bool secure_ = false;
    bool http_only_ = false;
};

} // namespace tandem::http
