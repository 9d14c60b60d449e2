#include "tandem/http/proxy.hpp"

#include "tests/support/catch.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using tandem::url;
using tandem::http::proxies;
using tandem::http::proxy;

namespace {

// Variables of the environment for a while; all that matter are unset otherwise.
class environment {
public:
    explicit environment(std::vector<std::pair<const char*, const char*>> values) {
        for (const char* const name : all) {
            const char* const before = std::getenv(name);
            before_.emplace_back(before ? before : "", before != nullptr);
            ::unsetenv(name);
        }
        for (const auto& [name, value] : values)
            ::setenv(name, value, 1);
    }
    ~environment() {
        std::size_t i = 0;
        for (const char* const name : all) {
            ::unsetenv(name);
            if (before_[i].second) ::setenv(name, before_[i].first.c_str(), 1);
            ++i;
        }
    }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;

private:
    static constexpr const char* all[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                          "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    std::vector<std::pair<std::string, bool>> before_;
};

std::string used(const proxies& rules, const char* target) {
    const proxy* const found = rules.find(url(target));
    return found ? found->name() : "-";
}

} // namespace

TEST_CASE("proxy: what a text says", "[http][proxy]") {
    const proxy plain("http://example.org:3128");
    CHECK(plain.type() == proxy::kind::http);
    CHECK(plain.host() == "example.org");
    CHECK(plain.port() == 3128);
    CHECK_FALSE(plain.has_credentials());
    CHECK(plain.authorization().empty());
    CHECK(plain.name() == "http://example.org:3128");

    const proxy named("HTTPS://joe:p%40s%3As@Example.ORG/path?x");
    CHECK(named.type() == proxy::kind::https);
    CHECK(named.host() == "example.org");
    CHECK(named.port() == 443);
    CHECK(named.user() == "joe");
    CHECK(named.password() == "p@s:s");
    CHECK(named.authorization() == "Basic am9lOnBAczpz");
    CHECK(named.name() == "https://example.org:443");

    CHECK(proxy("host").port() == 1080);
    CHECK(proxy("host:80").port() == 80);
    CHECK(proxy("http://host:443").port() == 443);
    CHECK(proxy("https://host:80").port() == 80);
    CHECK(proxy("joe:pw@host:1").user() == "joe");
    CHECK(proxy("http://[::1]:8080").host() == "::1");
    CHECK(proxy("http://[::1]:8080").name() == "http://[::1]:8080");
    const proxy socks("socks5://joe:pw@127.0.0.1");
    CHECK(socks.is_socks());
    CHECK(socks.port() == 1080);
    CHECK(socks.authorization().empty());
    CHECK(proxy("socks5h://h").type() == proxy::kind::socks5h);
    CHECK(proxy("http://joe@h").password().empty());
    CHECK(proxy("http://joe@h").authorization() == "Basic am9lOg==");
    CHECK(proxy("http://joe:pw@h").digest_only().authorization().empty());
    CHECK(proxy("http://joe:pw@h").digest_only().digest_only(false) == proxy("http://joe:pw@h"));
    CHECK_FALSE(proxy("http://joe:pw@h").digest_only() == proxy("http://joe:pw@h"));
    CHECK_FALSE(proxy("http://joe:pw@h") == proxy("http://joe:p@h"));
}

TEST_CASE("proxy: what is none", "[http][proxy]") {
    for (const char* const text : {"", "http://", "ftp://h", "socks4://h", "http://h:99999", "http://h:0",
                                   "http://a b", "http://:80", "http://jo%3Ae:pw@h", "http://joe:p%0Aw@h",
                                   "http://jo%00e@h", "socks5://joe@h", "socks5://:pw@h", "://h"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(proxy(text), std::invalid_argument);
    }
    CHECK_THROWS_AS(proxy("socks5://joe:" + std::string(256, 'x') + "@h"), std::invalid_argument);
    CHECK_NOTHROW(proxy("socks5://joe:" + std::string(255, 'x') + "@h"));
    try {
        const proxy wrong("gopher://joe:secret@h");
        FAIL("accepted");
    } catch (const std::invalid_argument& e) {
        CHECK(std::string(e.what()).find("secret") == std::string::npos);
    }
}

TEST_CASE("proxies: which one serves a URL", "[http][proxy]") {
    CHECK(proxies().empty());
    CHECK(used(proxies(), "http://example.org/") == "-");
    const auto rules = proxies().http("http://a:1").https("socks5h://b:2");
    CHECK(used(rules, "http://example.org/") == "http://a:1");
    CHECK(used(rules, "https://example.org/") == "socks5h://b:2");
    CHECK(used(proxies().http("http://a:1"), "https://example.org/") == "-");
    CHECK(used(proxies().all("http://a:1"), "https://example.org/") == "http://a:1");
    const auto by_value = proxies().all(proxy("http://joe:pw@a:1").digest_only()).https(proxy("https://b"));
    CHECK(by_value.find(url("http://example.org/"))->is_digest_only());
    CHECK(used(by_value, "https://example.org/") == "https://b:443");
}

TEST_CASE("proxies: hosts that are connected to directly", "[http][proxy]") {
    const auto direct = [](const char* list, const char* host) {
        const auto rules = proxies().all("http://p:1").bypass(list);
        return used(rules, (std::string("http://") + host + "/").c_str()) == "-";
    };
    CHECK(direct("example.org", "example.org"));
    CHECK(direct("example.org", "www.example.org"));
    CHECK(direct("example.org", "example.org:8080"));
    CHECK(direct("example.org", "example.org."));
    CHECK(direct("example.org.", "example.org"));
    CHECK(direct(".example.org", "example.org"));
    CHECK(direct(".example.org", "www.example.org"));
    CHECK(direct("EXAMPLE.org", "www.example.ORG"));
    CHECK(direct("a, b\tc,,example.org", "example.org"));
    CHECK_FALSE(direct("example.org", "notexample.org"));
    CHECK_FALSE(direct("example.org", "example.org.evil.test"));
    CHECK_FALSE(direct("www.example.org", "example.org"));
    CHECK_FALSE(direct("", "example.org"));
    CHECK_FALSE(direct(" , ", "example.org"));
    CHECK(direct("*", "example.org"));
    CHECK(direct(" * ", "1.2.3.4"));
    CHECK_FALSE(direct("*.example.org", "www.example.org")); // as with curl
    CHECK_FALSE(direct("*,a", "example.org"));
    CHECK(direct("192.0.2.1", "192.0.2.1"));
    CHECK_FALSE(direct("192.0.2.1", "192.0.2.10"));
    CHECK_FALSE(direct("2.1", "192.0.2.1")); // an address has no subdomains
    CHECK(direct("10.0.0.0/8", "10.1.2.3"));
    CHECK_FALSE(direct("10.0.0.0/8", "11.1.2.3"));
    CHECK_FALSE(direct("10.0.0.0/8x", "10.1.2.3"));
    CHECK(direct("::1", "[::1]"));
    CHECK(direct("[::1]", "[::1]"));
    CHECK(direct("fd00::/8", "[fd12::3]"));
    CHECK_FALSE(direct("fd00::/8", "[fe80::3]"));
}

TEST_CASE("proxies: from the environment", "[http][proxy]") {
    const auto use = [](std::vector<std::pair<const char*, const char*>> values, const char* target) {
        const environment set(std::move(values));
        return used(proxies::from_environment(), target);
    };
    CHECK(use({}, "http://e.org/") == "-");
    CHECK(use({{"http_proxy", "a:1"}}, "http://e.org/") == "http://a:1");
    CHECK(use({{"HTTP_PROXY", "a:1"}}, "http://e.org/") == "-"); // a CGI program's client may set it
    CHECK(use({{"http_proxy", "a:1"}}, "https://e.org/") == "-");
    CHECK(use({{"HTTPS_PROXY", "a:1"}}, "https://e.org/") == "http://a:1");
    CHECK(use({{"HTTPS_PROXY", "a:1"}, {"https_proxy", "b:1"}}, "https://e.org/") == "http://b:1");
    CHECK(use({{"HTTPS_PROXY", "a:1"}, {"https_proxy", ""}}, "https://e.org/") == "http://a:1");
    CHECK(use({{"ALL_PROXY", "socks5://a:1"}}, "http://e.org/") == "socks5://a:1");
    CHECK(use({{"ALL_PROXY", "socks5://a:1"}, {"http_proxy", "b:1"}}, "http://e.org/") == "http://b:1");
    CHECK(use({{"ALL_PROXY", "socks5://a:1"}, {"http_proxy", "b:1"}}, "https://e.org/") == "socks5://a:1");
    CHECK(use({{"ALL_PROXY", "a:1"}, {"NO_PROXY", "e.org"}}, "http://e.org/") == "-");
    CHECK(use({{"ALL_PROXY", "a:1"}, {"NO_PROXY", "e.org"}, {"no_proxy", "f.org"}}, "http://e.org/") ==
          "http://a:1");
    const environment wrong(std::vector<std::pair<const char*, const char*>>{{"https_proxy", "gopher://x"}});
    CHECK_THROWS_WITH(proxies::from_environment(), Catch::Contains("https_proxy: "));
}
