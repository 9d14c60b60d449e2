#include "tandem/net/url.hpp"

#include "tests/support/catch.hpp"

#include <boost/system/system_error.hpp>

#include <string>
#include <unordered_set>
#include <utility>

using tandem::same_origin;
using tandem::url;
using tandem::url_errc;

namespace {

std::string resolve(std::string_view reference, std::string_view base) {
    const auto result = url::parse(reference, url(base));
    return result ? result->href() : result.error().message();
}

boost::system::error_code failure(std::string_view input) {
    return url::parse(input).error();
}

} // namespace

TEST_CASE("a url gives its parts", "[net][url]") {
    const url u("HTTPS://us%65r:p:w@Example.ORG:8443/a/../b%20c/?x=1&y#top");
    CHECK(u.href() == "https://us%65r:p%3Aw@example.org:8443/b%20c/?x=1&y#top");
    CHECK(u.scheme() == "https");
    CHECK(u.username() == "us%65r");
    CHECK(u.password() == "p%3Aw");
    CHECK(u.has_credentials());
    CHECK(u.host() == "example.org");
    CHECK(u.hostname_for_connect() == "example.org");
    CHECK_FALSE(u.host_is_ip());
    CHECK(u.port() == 8443);
    CHECK(u.effective_port() == 8443);
    CHECK(u.authority() == "example.org:8443");
    CHECK(u.path() == "/b%20c/");
    CHECK(u.query() == "x=1&y");
    CHECK(u.fragment() == "top");
    CHECK(u.target() == "/b%20c/?x=1&y");
    CHECK(u.origin() == "https://example.org:8443");
    CHECK(u.is_https());
    CHECK(u.redacted() == "https://***@example.org:8443/b%20c/?x=1&y#top");
    CHECK(u.without_fragment().href() == "https://us%65r:p%3Aw@example.org:8443/b%20c/?x=1&y");
    CHECK_FALSE(u.without_fragment().has_fragment());
    CHECK(u.without_fragment().query() == "x=1&y");
}

TEST_CASE("a url without the optional parts", "[net][url]") {
    const url u("http://example.org");
    CHECK(u.href() == "http://example.org/");
    CHECK(u.username().empty());
    CHECK(u.password().empty());
    CHECK_FALSE(u.has_credentials());
    CHECK_FALSE(u.port().has_value());
    CHECK(u.effective_port() == 80);
    CHECK(u.authority() == "example.org");
    CHECK(u.path() == "/");
    CHECK(u.target() == "/");
    CHECK_FALSE(u.has_query());
    CHECK_FALSE(u.has_fragment());
    CHECK_FALSE(u.is_https());
    CHECK(u.redacted() == u.href());
    CHECK(u.without_fragment() == u);
}

TEST_CASE("credentials may lack either half", "[net][url]") {
    CHECK(url("http://user@h").username() == "user");
    CHECK(url("http://user@h").password().empty());
    CHECK(url("http://:pass@h").username().empty());
    CHECK(url("http://:pass@h").password() == "pass");
    CHECK(url("http://:pass@h").redacted() == "http://***@h/");
    CHECK(url("http://user:@h").href() == "http://user@h/");
    CHECK(url("http://:@h").href() == "http://h/");
    CHECK(url("http://a@b@h").username() == "a%40b");
    CHECK(url("http://a:b@c:d@h").password() == "b%40c%3Ad");
}

TEST_CASE("empty queries and fragments are told from absent ones", "[net][url]") {
    const url u("http://h/?#");
    CHECK(u.href() == "http://h/?#");
    CHECK(u.has_query());
    CHECK(u.query().empty());
    CHECK(u.has_fragment());
    CHECK(u.fragment().empty());
    CHECK(u.target() == "/?");
    CHECK(u.without_fragment().href() == "http://h/?");
}

TEST_CASE("default ports vanish, others stay", "[net][url]") {
    CHECK(url("http://h:80").href() == "http://h/");
    CHECK(url("http://h:0000080").href() == "http://h/");
    CHECK(url("http://h:").href() == "http://h/");
    CHECK(url("https://h:443").href() == "https://h/");
    CHECK(url("ws://h:80").effective_port() == 80);
    CHECK(url("wss://h:443").effective_port() == 443);
    CHECK(url("wss://h").effective_port() == 443);
    CHECK(url("http://h:443").port() == 443);
    CHECK(url("http://h:0").port() == 0);
    CHECK(url("http://h:0").effective_port() == 0);
}

TEST_CASE("address hosts", "[net][url]") {
    const url six("http://[2001:DB8::1]:81/");
    CHECK(six.host() == "[2001:db8::1]");
    CHECK(six.hostname_for_connect() == "2001:db8::1");
    CHECK(six.authority() == "[2001:db8::1]:81");
    CHECK(six.host_is_ip());
    CHECK(url("http://0x7f.1/").host() == "127.0.0.1");
    CHECK(url("http://0x7f.1/").host_is_ip());
}

TEST_CASE("references are resolved", "[net][url]") {
    // The examples of RFC 3986, section 5.4, less those of its strict mode, which browsers do not follow.
    const std::string_view base = "http://a/b/c/d;p?q";
    CHECK(resolve("g:h", base) == url::parse("g:h").error().message());
    CHECK(resolve("g", base) == "http://a/b/c/g");
    CHECK(resolve("./g", base) == "http://a/b/c/g");
    CHECK(resolve("g/", base) == "http://a/b/c/g/");
    CHECK(resolve("/g", base) == "http://a/g");
    CHECK(resolve("//g", base) == "http://g/");
    CHECK(resolve("?y", base) == "http://a/b/c/d;p?y");
    CHECK(resolve("g?y", base) == "http://a/b/c/g?y");
    CHECK(resolve("#s", base) == "http://a/b/c/d;p?q#s");
    CHECK(resolve("g?y#s", base) == "http://a/b/c/g?y#s");
    CHECK(resolve(";x", base) == "http://a/b/c/;x");
    CHECK(resolve("", base) == "http://a/b/c/d;p?q");
    CHECK(resolve(".", base) == "http://a/b/c/");
    CHECK(resolve("..", base) == "http://a/b/");
    CHECK(resolve("../g", base) == "http://a/b/g");
    CHECK(resolve("../../../g", base) == "http://a/g");
    CHECK(resolve("/./g", base) == "http://a/g");
    CHECK(resolve("g.", base) == "http://a/b/c/g.");
    CHECK(resolve("..g", base) == "http://a/b/c/..g");
    CHECK(resolve("./g/.", base) == "http://a/b/c/g/");
    CHECK(resolve("g;x=1/../y", base) == "http://a/b/c/y");
    CHECK(resolve("g?y/../x", base) == "http://a/b/c/g?y/../x");
    CHECK(resolve("http:g", base) == "http://a/b/c/g");
}

TEST_CASE("references as pages have them", "[net][url]") {
    const std::string_view base = "https://user:pw@h:81/x/y?q#f";
    CHECK(resolve("", base) == "https://user:pw@h:81/x/y?q");
    CHECK(resolve("#", base) == "https://user:pw@h:81/x/y?q#");
    CHECK(resolve("  z \n", base) == "https://user:pw@h:81/x/z");
    CHECK(resolve("a\nb\tc", base) == "https://user:pw@h:81/x/abc");
    CHECK(resolve("\\z", base) == "https://user:pw@h:81/z");
    CHECK(resolve("\\/other", base) == "https://other/");
    CHECK(resolve("http:g", base) == "http://g/"); // another scheme: absolute
    CHECK(resolve("https:", base) == "https://user:pw@h:81/x/y?q");
    CHECK(resolve("%2e%2E/z", base) == "https://user:pw@h:81/z");
    CHECK(resolve("z%2fz", base) == "https://user:pw@h:81/x/z%2fz");
    CHECK(resolve("\xC3\xA9?\xC3\xA9#\xC3\xA9", base) == "https://user:pw@h:81/x/%C3%A9?%C3%A9#%C3%A9");
    CHECK(resolve("a b?a b'#a b'", base) == "https://user:pw@h:81/x/a%20b?a%20b%27#a%20b'");
    CHECK(resolve("\xFFz\xE4\xB8", base) == "https://user:pw@h:81/x/%EF%BF%BDz%EF%BF%BD");
    CHECK(resolve("1:2", base) == "https://user:pw@h:81/x/1:2");
    CHECK(resolve("z", "http://h") == "http://h/z");
    CHECK(resolve("/", base) == "https://user:pw@h:81/");
    CHECK(resolve("//u@", base) == failure("http://u@").message());
}

TEST_CASE("references of other kinds are recognized, not misresolved", "[net][url]") {
    const url base("http://h/x");
    for (const char* reference :
         {"mailto:x@y.z", "javascript:void(0)", "JavaScript:alert(1)", "data:text/html,x", "tel:+1",
          "ftp://h/", "file:///etc/passwd", "about:blank", "blob:http://h/1", "java\nscript:x",
          " javascript:x", "httpx://h", "h:80"}) {
        INFO(reference);
        CHECK(url::parse(reference, base).error() == url_errc::unsupported_scheme);
        CHECK(url::parse(reference).error() == url_errc::unsupported_scheme);
    }
}

TEST_CASE("errors say what is wrong", "[net][url]") {
    CHECK(failure("") == url_errc::empty);
    CHECK(failure(" \n ") == url_errc::empty);
    CHECK(failure("example.org/x") == url_errc::relative_without_base);
    CHECK(failure("//example.org") == url_errc::relative_without_base);
    CHECK(failure(":x") == url_errc::relative_without_base);
    CHECK(failure("http://") == url_errc::missing_host);
    CHECK(failure("http://user@/") == url_errc::missing_host);
    CHECK(failure("http://:80/") == url_errc::missing_host);
    CHECK(failure("http://a b/") == url_errc::invalid_host);
    CHECK(failure("http://[::1/") == url_errc::invalid_host);
    CHECK(failure("http://h:65536/") == url_errc::invalid_port);
    CHECK(failure("http://h:-1/") == url_errc::invalid_port);
    CHECK(failure("http://h:8 0/") == url_errc::invalid_port);
    CHECK(url::parse("x", url()).error() == url_errc::relative_without_base);
    for (int value = 1; value <= static_cast<int>(url_errc::too_long); ++value) {
        CHECK(tandem::url_category().message(value) != tandem::url_category().message(0));
    }
    CHECK(failure("") == boost::system::errc::invalid_argument);
    CHECK(failure("").category().name() == std::string("tandem.url"));
}

TEST_CASE("the throwing constructor names the input but not its password", "[net][url]") {
    auto message = [](std::string_view input) -> std::string {
        try {
            return url(input).href();
        } catch (const boost::system::system_error& e) {
            CHECK(e.code().category() == tandem::url_category());
            return e.what();
        }
    };
    CHECK(message("nope").starts_with("url \"nope\": the URL has no scheme"));
    CHECK(message("http://joe:secret@h:99999/x").starts_with("url \"http://***@h:99999/x\""));
    for (const char* const text : {"http://joe:se#cret@h/", "http://joe:se?cret@h/", "http://joe:se/cret@h/"})
        CHECK(message(text).starts_with("url \"http://***@h/\""));
    CHECK(message("joe:secret@h").find("secret") == std::string::npos);
    CHECK(message("\x1B[31m").find('\x1B') == std::string::npos);
    CHECK(message(std::string(5000, 'x')).size() < 400);
}

TEST_CASE("inputs and results are limited", "[net][url]") {
    const std::string head = "http://h/";
    CHECK(url(head + std::string(url::max_size - head.size(), 'x')).href().size() == url::max_size);
    CHECK(failure(head + std::string(url::max_size - head.size() + 1, 'x')) == url_errc::too_long);
    CHECK(failure(head + std::string(url::max_size / 2, ' ') + "x") ==
          url_errc::too_long); // encoded: 3 bytes each
    const url base(head + std::string(url::max_size - head.size() - 1, 'x') + "/");
    CHECK(url::parse("y", base).error() == url_errc::too_long);
}

TEST_CASE("the empty url and the moved-from url", "[net][url]") {
    url u;
    auto check_empty = [](const url& value) {
        CHECK(value.empty());
        CHECK(value.scheme().empty());
        CHECK(value.username().empty());
        CHECK(value.password().empty());
        CHECK(value.host().empty());
        CHECK(value.hostname_for_connect().empty());
        CHECK(value.authority().empty());
        CHECK(value.target().empty());
        CHECK(value.query().empty());
        CHECK(value.fragment().empty());
        CHECK(value.origin().empty());
        CHECK(value.redacted().empty());
        CHECK_FALSE(value.port().has_value());
        CHECK(value.effective_port() == 0);
        CHECK(value.without_fragment().empty());
    };
    check_empty(u);
    u = url("http://user:pw@host:81/some/path?q#f");
    url v(std::move(u));
    check_empty(u); // NOLINT: the documented state
    CHECK(v.path() == "/some/path");
    u = std::move(v);
    check_empty(v); // NOLINT
    CHECK(u.password() == "pw");
    url& same = u;
    u = std::move(same);
    CHECK(u.password() == "pw");
    v = u;
    CHECK(v == u);
    CHECK_FALSE(same_origin(url(), url()));
}

TEST_CASE("urls compare and hash by their normalized text", "[net][url]") {
    CHECK(url("HTTP://H:80/./a") == url("http://h/a"));
    CHECK(url("http://h/a") != url("http://h/A"));
    CHECK(url("http://h/a") < url("http://h/b"));
    std::unordered_set<url> seen;
    seen.insert(url("http://h/x"));
    CHECK(seen.contains(url("http://h/y/../x")));
    CHECK_FALSE(seen.contains(url("https://h/x")));
}

TEST_CASE("same_origin compares scheme, host and port only", "[net][url]") {
    const url a("https://u:p@h/x?y#z");
    CHECK(same_origin(a, url("https://h:443/other")));
    CHECK_FALSE(same_origin(a, url("http://h/x")));
    CHECK_FALSE(same_origin(a, url("https://h:444/x")));
    CHECK_FALSE(same_origin(a, url("https://hh/x")));
    CHECK_FALSE(same_origin(a, url("https://h./x")));
}
