// How aiohttp's client gets to its servers: TCPConnector, resolvers, proxies, TLS; and what keeps it from
// some.
#include "expect.hpp"

#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace http = tandem::http;
using namespace std::chrono_literals;

// The site that the sections talk to: says which host was meant. It is its own proxy, too.
tandem::task<http::server_response> handle(http::server_request request) {
    co_return http::server_response::text(std::string(request.headers().get("Host").value_or("none")));
}

// Python:  async with aiohttp.ClientSession(proxy="http://joe:secret@127.0.0.1:3128") as session:
//              await session.get("http://example.org/")
//          aiohttp.ClientSession(trust_env=True)
tandem::task<> proxies(std::string proxy_address) {
    http::client session(http::client_options().proxies(
        http::proxies().all("http://joe:secret@" + proxy_address).bypass("localhost,10.0.0.0/8")));
    const auto page = co_await session.get("http://example.org/");
    expect(page.body() == "example.org");
    const http::client by_environment(http::client_options().proxies(http::proxies::from_environment()));
}

// Python:  await session.get("http://example.org/", proxy="http://127.0.0.1:3128")
tandem::task<> proxy_of_a_request(std::string proxy_address, std::string site) {
    http::client session(http::client_options().proxies(http::proxies().all("socks5h://127.0.0.1:1")));
    const auto once =
        co_await session.send(http::request("http://example.org/").proxy("http://" + proxy_address));
    expect(once.body() == "example.org");
    const auto direct = co_await session.send(http::request(site + "/").no_proxy());
    expect(direct.body() == proxy_address);
}

// Python:  class Resolver(aiohttp.abc.AbstractResolver): ...
//          aiohttp.TCPConnector(resolver=Resolver())
tandem::task<std::vector<std::string>> look_up(std::string host) {
    expect(host == "example.org");
    co_return std::vector<std::string>(1, "127.0.0.1");
}

tandem::task<> resolver(std::string port) {
    http::client session(http::client_options().resolver(look_up));
    const auto page = co_await session.get("http://example.org:" + port + "/");
    expect(page.ok());
    http::client with_hosts(http::client_options().resolve("example.test", {"127.0.0.1"}));
    const auto other = co_await with_hosts.get("http://example.test:" + port + "/");
    expect(other.ok());
}

// Python:  aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
tandem::task<> local_address(std::string site) {
    http::client session(http::client_options().socket(
        tandem::socket_options().local_address("127.0.0.2").keep_alive(30s).user_timeout(20s)));
    const auto page = co_await session.get(site + "/");
    expect(page.ok());
}

// Python:  aiohttp.UnixConnector(path="/run/docker.sock")
tandem::task<> unix_socket() {
    http::client session(http::client_options().unix_socket("http://docker", "/nonexistent/docker.sock"));
    const auto page = co_await session.try_get("http://docker/containers/json");
    expect(!page && page.error().phase() == http::request_phase::connect); // none runs here
}

// Python:  context = ssl.create_default_context(cafile="ca.pem")
//          context.load_cert_chain("me.pem", "me.key")
//          aiohttp.TCPConnector(ssl=context)
tandem::task<> tls() {
    const auto options = tandem::tls_options()
                             .versions(tandem::tls_version::v1_3, tandem::tls_version::v1_3)
                             .pin("sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    http::client session(http::client_options().tls(options)); // .ca_file(...).certificate(...) likewise
    const auto page = co_await session.try_get("https://localhost:1/");
    expect(!page);
}

// Python:  nothing: what a URL, a redirect or a name leads to is connected to
tandem::task<> address_guard(std::string site) {
    http::client session(http::client_options().address_guard(tandem::address_guard()));
    const auto inside = co_await session.try_get(site + "/");
    expect(!inside && inside.error().code() == http::errc::address_refused);
    http::client allowed(http::client_options().address_guard(tandem::address_guard().allow("127.0.0.0/8")));
    const auto page = co_await allowed.get(site + "/");
    expect(page.ok());
}

tandem::task<> serve() {
    http::server site(http::server_options().port(0).drain_timeout(100ms), handle);
    site.listen();
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&http::server::serve, &site);
        const std::string authority = site.url().substr(std::string("http://").size());
        co_await proxies(authority);
        co_await proxy_of_a_request(authority, site.url());
        co_await resolver(authority.substr(authority.rfind(':') + 1));
        co_await local_address(site.url());
        co_await unix_socket();
        co_await tls();
        co_await address_guard(site.url());
        site.stop();
    });
}

int main() {
    return tandem::run(serve);
}
