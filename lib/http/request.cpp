#include "tandem/http/request.hpp"

#include "lib/http/base64.hpp"
#include "lib/http/chars.hpp"
#include "lib/http/redirect.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <stdexcept>

namespace tandem::http {

request::request(std::string_view text) {
    auto parsed = tandem::url::parse(text);
    if (parsed) {
        url_ = std::move(*parsed);
        take_credentials();
    } else {
        url_error_ = parsed.error();
        bad_url_ = text;
    }
}

request::request(tandem::url url) : url_(std::move(url)) {
    if (url_.empty())
        url_error_ = make_error_code(url_errc::empty);
    else
        take_credentials();
}

void request::take_credentials() {
    if (!url_.has_credentials()) return;
    const std::string pair = percent_decode(url_.username()) + ':' + percent_decode(url_.password());
    headers_.set("Authorization", "Basic " + base64(pair));
    url_ = without_credentials(url_);
}

request& request::query(std::string_view name, std::string_view value) & {
    if (url_error_) return *this;
    const std::string_view href = url_.href();
    const std::size_t fragment = url_.has_fragment() ? url_.fragment().size() + 1 : 0;
    std::string text(href.substr(0, href.size() - fragment));
    text += url_.has_query() ? (url_.query().empty() ? "" : "&") : "?";
    text += http::form().add(name, value).encoded();
    text += href.substr(href.size() - fragment);
    auto parsed = tandem::url::parse(text);
    if (parsed) {
        url_ = std::move(*parsed);
    } else { // too long
        url_error_ = parsed.error();
        bad_url_ = std::move(text);
    }
    return *this;
}

request& request::method(http::method value) & {
    verb_ = value;
    other_method_.clear();
    return *this;
}

request& request::method(std::string_view name) & {
    if (!detail::is_token(name)) throw std::invalid_argument("http::request: a method must be a token");
    if (const auto known = parse_method(name)) return method(*known);
    other_method_ = name;
    return *this;
}

request& request::header(std::string_view name, std::string_view value) & {
    headers_.add(name, value);
    return *this;
}

request& request::set_header(std::string_view name, std::string_view value) & {
    headers_.set(name, value);
    return *this;
}

request& request::remove_header(std::string_view name) & {
    headers_.erase(name);
    return *this;
}

request& request::basic_auth(std::string_view user, std::string_view password) & {
    if (user.find(':') != std::string_view::npos)
        throw std::invalid_argument("http::request: a user name cannot have a colon in Basic authentication");
    std::string pair(user);
    pair += ':';
    pair += password;
    headers_.set("Authorization", "Basic " + base64(pair));
    return *this;
}

request& request::body(std::string bytes, std::string_view content_type) & {
    body_ = bytes.empty() ? nullptr : std::make_shared<const std::string>(std::move(bytes));
    streamed_.reset();
    has_body_ = true;
    if (!content_type.empty()) headers_.set("Content-Type", content_type);
    return *this;
}

request& request::body(request_body what, std::string_view content_type) & {
    const std::size_t parts = what.parts().size();
    if (!what.is_stream() && parts == 0) return body(std::string(), content_type);
    if (parts == 1 && !what.parts().front().is_file)
        return body(std::move(std::move(what).parts().front().text), content_type);
    body(std::string(), content_type);
    streamed_ = std::make_shared<const request_body>(std::move(what));
    return *this;
}

request& request::form(const http::form& fields) & {
    return body(fields.encoded(), "application/x-www-form-urlencoded");
}

request& request::multipart(const http::multipart& parts) & {
    return body(parts.body(), parts.content_type());
}

request& request::json(const boost::json::value& value) & {
    return body(boost::json::serialize(value), "application/json");
}

request& request::proxy(http::proxy by) & {
    proxy_ = std::make_shared<const http::proxy>(std::move(by));
    proxy_chosen_ = true;
    return *this;
}

const std::string& request::body() const noexcept {
    static const std::string none;
    return body_ ? *body_ : none;
}

std::string_view request::method_name() const noexcept {
    return other_method_.empty() ? to_string(verb_) : std::string_view(other_method_);
}

std::optional<http::method> request::verb() const noexcept {
    if (!other_method_.empty()) return std::nullopt;
    return verb_;
}

} // namespace tandem::http
