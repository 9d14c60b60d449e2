#include "tandem/http/client_options.hpp"

#include "lib/http/host_port.hpp"

#include <tandem/http/interceptor.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <stdexcept>

namespace tandem::http {

namespace {

url parse_origin(std::string_view text, const char* option) {
    auto parsed = url::parse(text);
    if (!parsed || parsed->has_credentials() || parsed->target() != "/" || parsed->has_fragment() ||
        (parsed->scheme() != "http" && parsed->scheme() != "https"))
        throw std::invalid_argument(std::string(option) +
                                    ": an http or https origin is expected, such as \"https://example.org\"");
    return std::move(*parsed);
}

} // namespace

client_options::client_options() : user_agent_("tandem/0.1.0") {}

client_options& client_options::connections_per_host(std::size_t n) {
    connections_per_host_ = std::max<std::size_t>(n, 1);
    return *this;
}
client_options& client_options::connections_total(std::size_t n) {
    connections_total_ = std::max<std::size_t>(n, 1);
    return *this;
}
client_options& client_options::max_connection_age(duration d) {
    max_connection_age_ = d;
    return *this;
}
client_options& client_options::idle_timeout(duration d) {
    idle_timeout_ = d;
    return *this;
}
client_options& client_options::http2(http2_use how) {
    http2_ = how;
    return *this;
}
client_options& client_options::http2_ping_interval(duration d) {
    http2_ping_interval_ = d;
    return *this;
}
client_options& client_options::http2_ping_timeout(duration d) {
    http2_ping_timeout_ = d;
    return *this;
}
client_options& client_options::pool_timeout(duration d) {
    pool_timeout_ = d;
    return *this;
}
client_options& client_options::connect_timeout(duration d) {
    connect_timeout_ = d;
    return *this;
}
client_options& client_options::tls_timeout(duration d) {
    tls_timeout_ = d;
    return *this;
}
client_options& client_options::first_byte_timeout(duration d) {
    first_byte_timeout_ = d;
    return *this;
}
client_options& client_options::read_idle_timeout(duration d) {
    read_idle_timeout_ = d;
    return *this;
}
client_options& client_options::total_timeout(duration d) {
    total_timeout_ = d;
    return *this;
}
client_options& client_options::max_header_bytes(std::size_t n) {
    max_header_bytes_ = n;
    return *this;
}
client_options& client_options::max_body_bytes(std::uint64_t n) {
    max_body_bytes_ = n;
    return *this;
}
client_options& client_options::max_expansion(std::uint64_t n) {
    max_expansion_ = n;
    return *this;
}
client_options& client_options::follow_redirects(bool yes) {
    follow_redirects_ = yes;
    return *this;
}
client_options& client_options::max_redirects(unsigned n) {
    max_redirects_ = n;
    return *this;
}
client_options& client_options::allow_insecure_redirects(bool yes) {
    allow_insecure_redirects_ = yes;
    return *this;
}
client_options& client_options::tls(tls_options options) {
    tls_ = std::move(options);
    return *this;
}
client_options& client_options::ca_file(std::string path) {
    tls_.ca_file(std::move(path));
    return *this;
}
client_options& client_options::verify(bool yes) {
    tls_.verify(yes);
    return *this;
}
client_options& client_options::proxies(http::proxies rules) {
    proxies_ = std::move(rules);
    return *this;
}
client_options& client_options::address_guard(tandem::address_guard guard) {
    address_guard_ = std::move(guard);
    return *this;
}
client_options& client_options::socket(socket_options options) {
    socket_ = std::move(options);
    return *this;
}
client_options& client_options::resolve(std::string_view host, std::vector<std::string> addresses) {
    const auto name = url::parse("http://" + std::string(host) + "/");
    if (!name || name->host_is_ip() || name->has_credentials() || name->target() != "/")
        throw std::invalid_argument("client_options::resolve: a host name is expected");
    if (addresses.empty()) throw std::invalid_argument("client_options::resolve: an address is expected");
    for (const std::string& address : addresses) {
        boost::system::error_code wrong;
        boost::asio::ip::make_address(address, wrong);
        if (wrong) throw std::invalid_argument("client_options::resolve: not an IP address: " + address);
    }
    std::string key(name->hostname_for_connect());
    std::erase_if(resolved_, [&](const auto& known) { return known.first == key; });
    resolved_.emplace_back(std::move(key), std::move(addresses));
    return *this;
}
const std::vector<std::string>* client_options::resolved(std::string_view host) const noexcept {
    for (const auto& [name, addresses] : resolved_)
        if (name == host) return &addresses;
    return nullptr;
}
client_options& client_options::resolver(resolver_function look_up) {
    resolver_ = std::move(look_up);
    return *this;
}
client_options& client_options::unix_socket(std::string path) {
    unix_socket_ = std::move(path);
    return *this;
}
client_options& client_options::unix_socket(std::string_view origin, std::string path) {
    tandem::url where = parse_origin(origin, "client_options::unix_socket");
    std::erase_if(unix_sockets_, [&](const auto& known) { return same_origin(known.first, where); });
    unix_sockets_.emplace_back(std::move(where), std::move(path));
    return *this;
}
const std::string* client_options::unix_socket_for(const url& where) const noexcept {
    for (const auto& [origin, path] : unix_sockets_)
        if (same_origin(origin, where)) return &path;
    return unix_socket_ ? &*unix_socket_ : nullptr;
}
client_options& client_options::user_agent(std::string text) {
    http::headers check;
    if (!text.empty()) check.add("User-Agent", text);
    user_agent_ = std::move(text);
    return *this;
}
client_options& client_options::decompress(bool yes) {
    decompress_ = yes;
    return *this;
}
client_options& client_options::header(std::string_view name, std::string_view value) {
    headers_.add(name, value);
    return *this;
}
client_options& client_options::credentials(std::string_view origin, http::credentials what) {
    tandem::url where = parse_origin(origin, "client_options::credentials");
    std::erase_if(credentials_, [&](const auto& known) { return same_origin(known.first, where); });
    credentials_.emplace_back(std::move(where), std::move(what));
    return *this;
}
client_options& client_options::netrc(http::netrc entries) {
    netrc_ = std::move(entries);
    return *this;
}
const credentials* client_options::credentials_for(const url& where) const noexcept {
    for (const auto& [origin, who] : credentials_)
        if (same_origin(origin, where)) return &who;
    return nullptr;
}
client_options& client_options::cookies(std::shared_ptr<cookie_jar> jar) {
    cookies_ = std::move(jar);
    return *this;
}
namespace {

// Lives as long as the client's options, and so longer than the coroutines that the function makes.
class function_interceptor final : public interceptor {
public:
    using function = std::function<task<result<response>>(request, next)>;
    explicit function_interceptor(function what) : what_(std::move(what)) {}
    task<result<response>> send(request what, next rest) override { return what_(std::move(what), rest); }

private:
    function what_;
};

} // namespace

client_options& client_options::intercept(std::shared_ptr<interceptor> what) {
    if (!what) throw std::invalid_argument("client_options::intercept: no interceptor");
    interceptors_.push_back(std::move(what));
    return *this;
}
client_options& client_options::intercept(function_interceptor::function what) {
    if (!what) throw std::invalid_argument("client_options::intercept: no function");
    interceptors_.push_back(std::make_shared<function_interceptor>(std::move(what)));
    return *this;
}
client_options& client_options::on_event(std::function<void(const request_event&)> told) {
    if (!told) throw std::invalid_argument("client_options::on_event: no function");
    observers_.push_back(std::move(told));
    return *this;
}
client_options& client_options::connect_to(std::string from, std::string to) {
    if (!host_port::parse(from) || !host_port::parse(to))
        throw std::invalid_argument("client_options::connect_to: \"host:port\" is expected: " + from +
                                    " -> " + to);
    connect_to_.emplace_back(std::move(from), std::move(to));
    return *this;
}

} // namespace tandem::http
