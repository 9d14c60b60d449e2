// A proxy of somebody else's that asks for Digest: Apache, for whole requests and for tunnels.
#include "tests/support/catch.hpp"

#include "tests/http/proxy_support.hpp"
#include "tests/http/real_server.hpp"
#include "tests/http/tls_server.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/http/client.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace tandem;
using http::client_options;
using http::proxies;
using scripted::answering;
using scripted::field_of;
using scripted::ok;

TEST_CASE("Apache as a proxy that asks for Digest", "[http][proxy][real]") {
    const std::string program = real::program({"/usr/sbin/apache2"});
    if (program.empty()) {
        WARN("skipped: no Apache (Debian: apache2)");
        return;
    }
    const tests::temporary_folder folder;
    // When root starts it, it reads and writes as another user.
    std::filesystem::permissions(folder.name(), std::filesystem::perms::all);
    std::ofstream(folder / "users") << "joe:p:5a0372c1d394c67ca766284608f04472\n"; // "pw"
    const real::server proxy([&](std::uint16_t port, std::uint16_t) {
        std::ofstream config(folder / "apache.conf");
        for (const char* const name : {"mpm_event", "authn_core", "authn_file", "authz_core", "authz_user",
                                       "auth_digest", "proxy", "proxy_http", "proxy_connect"})
            config << "LoadModule " << name << "_module /usr/lib/apache2/modules/mod_" << name << ".so\n";
        config << "ServerName localhost\nServerRoot " << folder.name() << "\nPidFile " << folder / "pid"
               << "\nErrorLog " << folder / "log" << "\nDefaultRuntimeDir " << folder.name()
               << "\nUser www-data\nGroup www-data\nListen 127.0.0.1:" << port
               << "\nProxyRequests On\nAllowCONNECT 0-65535\n<Proxy \"*\">\nAuthType Digest\nAuthName p\n"
               << "AuthUserFile " << folder / "users" << "\nRequire valid-user\n</Proxy>\n";
        return std::vector<std::string>{program, "-f", folder / "apache.conf", "-DFOREGROUND"};
    });
    const std::string authority = proxy.url("").substr(std::string("http://").size());

    answering server([](const std::string& r) {
        return ok(scripted::body_of(r) + field_of(r, "Proxy-Authorization") + field_of(r, "Authorization"));
    });
    test_support::certificate_authority ca;
    scripted::tls_server secure(ca.issue(test_support::certificate_request().names("IP:127.0.0.1")));
    for (const bool digest_only : {true, false}) {
        auto work = [&]() -> task<> {
            const auto who = http::proxy("http://joe:pw@" + authority).digest_only(digest_only);
            http::client web(client_options().ca_file(ca.ca_file()).proxies(proxies().all(who)));
            for (int i = 0; i < 3; ++i) {
                http::request what = http::request(server.url("/a?b=c d")).method(http::method::post);
                const http::response whole = co_await web.send(std::move(what.body("text")));
                CHECK(whole.status() == 200);
                CHECK(whole.body() == "text--");
                const http::response tunnel = co_await web.get(secure.url("127.0.0.1"));
                CHECK(tunnel.status() == 200);
                web.close_idle();
            }
        };
        scripted::run(work());
    }
    CHECK(server.requests().size() == 6);
    const auto wrong = proxies().all(http::proxy("http://joe:no@" + authority).digest_only());
    const auto whole = scripted::fetch(client_options().proxies(wrong), server.url());
    REQUIRE(whole);
    CHECK(whole->status() == 407);
    const auto tunnel = scripted::fetch(client_options().proxies(wrong), secure.url("127.0.0.1"));
    REQUIRE_FALSE(tunnel);
    CHECK(tunnel.error().code() == http::errc::proxy_refused);
    CHECK(server.requests().size() == 6);
}
