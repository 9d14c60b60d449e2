// request: what to ask for.
//
//     auto r = co_await web.send(request("https://example.org/api")
//                                    .method(method::post)
//                                    .header("Accept", "application/json")
//                                    .body(text, "application/json")
//                                    .timeout(2s));
#pragma once

#include <tandem/http/credentials.hpp>
#include <tandem/http/form.hpp>
#include <tandem/http/headers.hpp>
#include <tandem/http/method.hpp>
#include <tandem/http/multipart.hpp>
#include <tandem/http/progress.hpp>
#include <tandem/http/proxy.hpp>
#include <tandem/http/request_body.hpp>
#include <tandem/net/url.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace boost::json {
class value;
}

namespace tandem::http {

/// A value. Setters chain on named and on temporary requests. Not thread-safe. A copy shares the body,
/// however large it is.
class request {
public:
    /// A URL that does not parse is reported when the request is sent (phase `url`), like any other failure.
    /// User name and password in the URL become an Authorization header (Basic) and leave the URL.
    explicit request(std::string_view url);
    explicit request(tandem::url url);

    /// Told of an interim (1xx) response: its status and fields, valid during the call only.
    using informational_function = std::function<void(int status, const http::headers& fields)>;

    /// Appends `name=value` to the URL's query, both encoded as a form's (a space as `+`). What the query had
    /// stays. Nothing for a URL that did not parse.
    request& query(std::string_view name, std::string_view value) &;

    /// Default: GET.
    request& method(http::method value) &;
    /// Any token, such as "PROPFIND". Throws std::invalid_argument for what is none.
    request& method(std::string_view name) &;

    /// Appends a field. Throws std::invalid_argument for a name or value that HTTP does not allow. Replaces
    /// the client's own User-Agent, Accept, Accept-Encoding, Host and default headers of that name. With an
    /// Accept-Encoding or Range of your own the body is handed over as it comes, not decoded.
    /// Content-Length and Transfer-Encoding are the client's to write: they are refused when sending unless
    /// they say what is true.
    request& header(std::string_view name, std::string_view value) &;
    /// Replaces the fields of that name by one. Throws as header().
    request& set_header(std::string_view name, std::string_view value) &;
    request& remove_header(std::string_view name) &; ///< all fields of that name
    /// Authorization: Basic (RFC 7617). Throws std::invalid_argument for a user name with a colon.
    request& basic_auth(std::string_view user, std::string_view password) &;

    /// For the origin of this request's URL, redirects within it included. An Authorization field given by
    /// hand, or by the URL, comes first.
    request& auth(credentials who) & {
        auth_ = std::move(who);
        return *this;
    }

    /// The body, kept for a retry or a redirect that repeats it. `content_type` is not set when empty.
    request& body(std::string bytes, std::string_view content_type = std::string_view()) &;
    /// A body of files, or one that is made while it is sent.
    request& body(request_body what, std::string_view content_type = std::string_view()) &;
    /// application/x-www-form-urlencoded
    request& form(const http::form& fields) &;
    /// multipart/form-data
    request& multipart(const http::multipart& parts) &;
    /// application/json; include <boost/json.hpp> to make the value.
    request& json(const boost::json::value& value) &;

    /// For everything, redirects included; replaces client_options::total_timeout. 0: no limit.
    request& timeout(std::chrono::nanoseconds limit) & {
        timeout_ = limit;
        return *this;
    }
    /// Decoded bytes; replaces client_options::max_body_bytes.
    request& max_body(std::uint64_t bytes) & {
        max_body_ = bytes;
        return *this;
    }
    /// False: a 3xx response is given as it is.
    request& follow_redirects(bool yes) & {
        follow_redirects_ = yes;
        return *this;
    }
    request& max_redirects(unsigned n) & {
        max_redirects_ = n;
        return *this;
    }

    /// Goes by this proxy, whatever client_options::proxies says, wherever redirects lead. Connections, and
    /// credentials, of different proxies are never mixed up. A Proxy-Authorization field of the client's own
    /// headers is for the client's proxies and not sent to this one. Where client_options::unix_socket leads
    /// there is no proxy at all. Throws std::invalid_argument for a text as http::proxy does.
    request& proxy(http::proxy by) &;
    request& proxy(std::string_view text) & { return proxy(http::proxy(text)); }
    /// Goes directly, whatever client_options::proxies says.
    request& no_proxy() & {
        proxy_.reset();
        proxy_chosen_ = true;
        return *this;
    }

    /// Sends `Expect: 100-continue` with a body, which then waits for the server's word, but no longer than
    /// `wait` (the client's first_byte_timeout goes on meanwhile): many servers never give it. A final
    /// response that comes instead spares the body; after 417 the request is sent again without Expect (RFC
    /// 9110, 10.1.1). Nothing where there is no body. A stream is asked for its first piece only then.
    request& expect_continue(std::chrono::nanoseconds wait = std::chrono::seconds(1)) & {
        expect_continue_ = wait;
        return *this;
    }

    /// Told after each piece of the body that was handed to the system (at most 64 KiB), and from 0 again
    /// when the body is sent again: for a redirect, for Digest, on a new connection.
    request& on_upload(progress_function told) & {
        on_upload_ = std::move(told);
        return *this;
    }
    /// Told after each piece of the final response's body that was received, before it is decoded.
    request& on_download(progress_function told) & {
        on_download_ = std::move(told);
        return *this;
    }
    /// Told of each interim response (100 Continue, 103 Early Hints; not of 101). There are at most 16 before
    /// a final one, or the request fails. What it throws leaves the client's call.
    request& on_informational(informational_function told) & {
        on_informational_ = std::move(told);
        return *this;
    }

    request&& query(std::string_view n, std::string_view v) && { return std::move(query(n, v)); }
    request&& expect_continue(std::chrono::nanoseconds wait = std::chrono::seconds(1)) && {
        return std::move(expect_continue(wait));
    }
    request&& on_upload(progress_function told) && { return std::move(on_upload(std::move(told))); }
    request&& on_download(progress_function told) && { return std::move(on_download(std::move(told))); }
    request&& on_informational(informational_function told) && {
        return std::move(on_informational(std::move(told)));
    }
    request&& method(http::method value) && { return std::move(method(value)); }
    request&& method(std::string_view name) && { return std::move(method(name)); }
    request&& header(std::string_view n, std::string_view v) && { return std::move(header(n, v)); }
    request&& set_header(std::string_view n, std::string_view v) && { return std::move(set_header(n, v)); }
    request&& remove_header(std::string_view n) && { return std::move(remove_header(n)); }
    request&& basic_auth(std::string_view u, std::string_view p) && { return std::move(basic_auth(u, p)); }
    request&& auth(credentials who) && { return std::move(auth(std::move(who))); }
    request&& body(std::string bytes, std::string_view content_type = std::string_view()) && {
        return std::move(body(std::move(bytes), content_type));
    }
    request&& body(request_body what, std::string_view content_type = std::string_view()) && {
        return std::move(body(std::move(what), content_type));
    }
    request&& form(const http::form& fields) && { return std::move(form(fields)); }
    request&& multipart(const http::multipart& parts) && { return std::move(multipart(parts)); }
    request&& json(const boost::json::value& value) && { return std::move(json(value)); }
    request&& timeout(std::chrono::nanoseconds limit) && { return std::move(timeout(limit)); }
    request&& max_body(std::uint64_t bytes) && { return std::move(max_body(bytes)); }
    request&& follow_redirects(bool yes) && { return std::move(follow_redirects(yes)); }
    request&& max_redirects(unsigned n) && { return std::move(max_redirects(n)); }
    request&& proxy(http::proxy by) && { return std::move(proxy(std::move(by))); }
    request&& proxy(std::string_view text) && { return std::move(proxy(text)); }
    request&& no_proxy() && { return std::move(no_proxy()); }

    [[nodiscard]] const tandem::url& url() const noexcept { return url_; } ///< empty when it did not parse
    [[nodiscard]] const std::string& bad_url() const noexcept { return bad_url_; } ///< then: what was given
    [[nodiscard]] const boost::system::error_code& url_error() const noexcept { return url_error_; }
    [[nodiscard]] std::string_view method_name() const noexcept;
    [[nodiscard]] std::optional<http::method> verb() const noexcept; ///< nothing for other methods
    [[nodiscard]] const http::headers& headers() const noexcept { return headers_; }
    [[nodiscard]] const std::optional<credentials>& auth() const noexcept { return auth_; }
    /// The body, if it is one of bytes only.
    [[nodiscard]] const std::string& body() const noexcept;
    /// The body, if it is of files or a stream; null otherwise.
    [[nodiscard]] const request_body* streamed_body() const noexcept { return streamed_.get(); }
    [[nodiscard]] bool has_body() const noexcept { return has_body_; }
    [[nodiscard]] std::optional<std::chrono::nanoseconds> timeout() const noexcept { return timeout_; }
    [[nodiscard]] std::optional<std::uint64_t> max_body() const noexcept { return max_body_; }
    [[nodiscard]] std::optional<std::chrono::nanoseconds> continue_wait() const noexcept {
        return expect_continue_;
    }
    [[nodiscard]] const progress_function& on_upload() const noexcept { return on_upload_; }
    [[nodiscard]] const progress_function& on_download() const noexcept { return on_download_; }
    [[nodiscard]] const informational_function& on_informational() const noexcept {
        return on_informational_;
    }
    [[nodiscard]] std::optional<bool> follow_redirects() const noexcept { return follow_redirects_; }
    [[nodiscard]] std::optional<unsigned> max_redirects() const noexcept { return max_redirects_; }
    /// Whether the request says by which proxy it goes, or that it goes by none.
    [[nodiscard]] bool proxy_chosen() const noexcept { return proxy_chosen_; }
    /// Null: none, or not said.
    [[nodiscard]] const http::proxy* proxy() const noexcept { return proxy_.get(); }

private:
    friend class exchange; // takes the URL out of its own copy
    void take_credentials();

    tandem::url url_;
    std::string bad_url_;
    boost::system::error_code url_error_;
    http::method verb_ = http::method::get;
    std::string other_method_; // when not empty, instead of verb_
    http::headers headers_;
    std::optional<credentials> auth_;
    // Copies of a request share its body: a retry, or a cache, makes one for each attempt.
    std::shared_ptr<const std::string> body_; // null: empty
    std::shared_ptr<const request_body> streamed_;
    bool has_body_ = false;
    std::optional<std::chrono::nanoseconds> timeout_;
    std::optional<std::uint64_t> max_body_;
    std::optional<std::chrono::nanoseconds> expect_continue_;
    progress_function on_upload_;
    progress_function on_download_;
    informational_function on_informational_;
    std::optional<bool> follow_redirects_;
    std::optional<unsigned> max_redirects_;
    std::shared_ptr<const http::proxy> proxy_; // copies of a request share it
    bool proxy_chosen_ = false;
};

} // namespace tandem::http
