#include "examples/crawler/scope.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace crawler;

namespace {

scope made(scope_kind kind, const std::vector<std::string>& seeds) {
    scope s(kind);
    for (const std::string& seed : seeds)
        s.add_seed(tandem::url(seed));
    return s;
}

void admits(const scope& s, const std::vector<std::string>& urls) {
    for (const std::string& text : urls) {
        INFO(text);
        CHECK(s.contains(tandem::url(text)));
    }
}

void refuses(const scope& s, const std::vector<std::string>& urls) {
    for (const std::string& text : urls) {
        INFO(text);
        CHECK_FALSE(s.contains(tandem::url(text)));
    }
}

} // namespace

TEST_CASE("scope: host") {
    const scope s = made(scope_kind::host, {"http://example.org/docs/"});
    admits(s, {"http://example.org/", "https://example.org/other", "http://example.org:80/",
               "HTTP://EXAMPLE.ORG/x", "https://example.org:443/", "http://%65xample.org/"});
    refuses(s, {"http://www.example.org/", "http://example.org:8080/", "http://notexample.org/",
                "http://example.org.evil.com/", "http://evil.com/example.org", "http://evil.com/?example.org",
                "http://example.org@evil.com/", "http://evil.com#example.org", "http://example.com/",
                "http://example.org./", "https://example.org:80/"});
}

TEST_CASE("scope: host with a port") {
    const scope s = made(scope_kind::host, {"http://localhost:8080/"});
    admits(s, {"http://localhost:8080/a", "https://localhost:8080/"});
    refuses(s, {"http://localhost/", "http://localhost:80/", "http://localhost:808/",
                "http://localhost:80800@x/", "http://localhost:8081/"});
}

TEST_CASE("scope: addresses as hosts") {
    const scope four = made(scope_kind::host, {"http://127.0.0.1:81/"});
    admits(four, {"http://127.1:81/", "http://0x7f000001:81/", "http://2130706433:81/"}); // one address
    refuses(four, {"http://127.0.0.2:81/", "http://27.0.0.1:81/", "http://127.0.0.1/"});
    const scope six = made(scope_kind::host, {"http://[::1]/"});
    admits(six, {"http://[0:0:0:0:0:0:0:1]/", "https://[::1]/"});
    refuses(six, {"http://[::2]/", "http://127.0.0.1/"});

    const scope domain = made(scope_kind::domain, {"http://10.0.0.1/"});
    admits(domain, {"http://10.0.0.1/", "http://10.0.0.1:8080/"});
    refuses(domain, {"http://110.0.0.1/", "http://210.0.0.1/", "http://10.0.0.10/", "http://0.0.1/"});
    refuses(made(scope_kind::domain, {"http://[::1]/"}), {"http://[1::1]/"});
}

TEST_CASE("scope: domain") {
    for (const char* seed : {"http://example.org/", "https://www.example.org/docs"}) {
        const scope s = made(scope_kind::domain, {seed});
        admits(s, {"http://example.org/", "https://www.example.org/", "http://a.b.example.org/",
                   "http://example.org:8080/", "https://EXAMPLE.org/"});
        refuses(s, {"http://notexample.org/", "http://example.org.evil.com/", "http://www-example.org/",
                    "http://example.com/", "http://org/", "http://wwwexample.org/", "http://xexample.org/",
                    "http://example.org@evil.com/"});
    }
    const scope sub = made(scope_kind::domain, {"http://docs.example.org/"});
    admits(sub, {"http://v2.docs.example.org/"});
    refuses(sub, {"http://example.org/", "http://www.example.org/"});
}

TEST_CASE("scope: www of a top-level domain is a domain itself") {
    const scope s = made(scope_kind::domain, {"http://www.com/"});
    admits(s, {"http://www.com/", "http://a.www.com/"});
    refuses(s, {"http://example.com/", "http://com/"});
    refuses(made(scope_kind::domain, {"http://www/"}), {"http://a/"});
}

TEST_CASE("scope: prefix") {
    const scope s = made(scope_kind::prefix, {"https://example.org/docs/index.html?x=/y/z"});
    admits(s, {"https://example.org/docs/", "https://example.org/docs/a/b?c",
               "https://example.org:443/docs/x", "https://example.org/a/../docs/x"});
    refuses(s, {"https://example.org/", "https://example.org/docs", "https://example.org/docsx/",
                "http://example.org/docs/", "https://example.org:8443/docs/", "https://example.org/docs/../x",
                "https://example.org/docs/%2e%2e/x", "https://example.org.evil.com/docs/",
                "https://www.example.org/docs/"});
    const scope root = made(scope_kind::prefix, {"https://example.org"});
    admits(root, {"https://example.org/", "https://example.org/x"});
    refuses(root, {"https://example.orgx/", "https://example.org.evil.com/"});
}

TEST_CASE("scope: several seeds, none at all") {
    const scope s = made(scope_kind::host, {"http://a.test/", "http://b.test/", "http://a.test/other"});
    admits(s, {"http://a.test/x", "http://b.test/y"});
    refuses(s, {"http://c.test/"});
    for (const scope_kind kind : {scope_kind::host, scope_kind::domain, scope_kind::prefix})
        refuses(scope(kind), {"http://a.test/", "http://localhost/"});
}
