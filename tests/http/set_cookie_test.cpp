#include "tests/support/catch.hpp"

#include "lib/http/set_cookie.hpp"

#include <tandem/http/cookie_jar.hpp>

#include <string>

using namespace std::chrono_literals;
using tandem::http::cookie_jar;
using tandem::http::parse_set_cookie;

TEST_CASE("the parts of a Set-Cookie field") {
    const auto c = parse_set_cookie(" id = a=b c ; Domain=.Example.org; PATH=/x ; max-age=60; Secure; "
                                    "HttpOnly ;x; expires=6 Nov 1994 8:49:37");
    REQUIRE(c);
    CHECK(c->name == "id");
    CHECK(c->value == "a=b c");
    CHECK(c->domain == "Example.org");
    CHECK(c->path == "/x");
    CHECK(c->max_age == 60s);
    CHECK(c->expires == std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 37s);
    CHECK(c->secure);
    CHECK(c->http_only);
    const auto plain = parse_set_cookie("a=");
    REQUIRE(plain);
    CHECK(plain->value.empty());
    CHECK_FALSE(plain->domain);
    CHECK_FALSE(plain->has_path);
    CHECK_FALSE(plain->secure);
}

TEST_CASE("Max-Age is a number, however large") {
    const auto age = [](const std::string& text) {
        const auto c = parse_set_cookie("a=b; Max-Age=" + text);
        return c && c->max_age ? c->max_age->count() : -99;
    };
    CHECK(age("0") == 0);
    CHECK(age("-1") == -1);
    CHECK(age("99999999999999999999999999") == 2147483647);
    CHECK(age("-99999999999999999999999999") == -2147483647);
    for (const char* const bad : {"", "-", "+1", "1.5", "0x10", "1 ", "--1", "\"1\"", "1e3"})
        CHECK(age(bad) == (std::string(bad) == "1 " ? 1 : -99)); // outer spaces are dropped
}

TEST_CASE("the last attribute of a name counts, an empty path too") {
    CHECK(parse_set_cookie("a=b; path=/x; path=/y")->path == "/y");
    CHECK_FALSE(parse_set_cookie("a=b; path=/x; path=")->path);
    CHECK(parse_set_cookie("a=b; path=/x; path=")->has_path);
    CHECK(parse_set_cookie("a=b; domain=x.y; domain=")->domain == "");
    CHECK(parse_set_cookie("a=b; max-age=1; max-age=nonsense")->max_age == 1s);
}

TEST_CASE("what is no cookie") {
    for (const std::string& text :
         {std::string(), std::string("a"), std::string("=b"), std::string(" =b"), std::string(";a=b"),
          std::string("a\0=b", 4), std::string("a=b\x01"), std::string("a=b\x7f"), std::string("a=b\nx"),
          std::string("a=b\r"), std::string("a=b\tc"), std::string("a\tc=b"),
          std::string("a=b; path=/\x02")}) {
        INFO(text);
        CHECK_FALSE(parse_set_cookie(text));
    }
    CHECK(parse_set_cookie("\ta\t=\tb\t;\tpath=/")->value == "b");
}

TEST_CASE("sizes of a Set-Cookie field, just under and just over") {
    const auto value = [](std::size_t n) { return std::string(n, 'v'); };
    CHECK(parse_set_cookie("n=" + value(cookie_jar::max_pair_bytes - 1)));
    CHECK_FALSE(parse_set_cookie("n=" + value(cookie_jar::max_pair_bytes)));
    CHECK(parse_set_cookie("n=v; x=" + value(cookie_jar::max_set_cookie_bytes - 7)));
    CHECK_FALSE(parse_set_cookie("n=v; x=" + value(cookie_jar::max_set_cookie_bytes - 6)));
    CHECK(parse_set_cookie("n=v; path=/" + value(cookie_jar::max_attribute_bytes - 1))->path);
    CHECK_FALSE(parse_set_cookie("n=v; path=/" + value(cookie_jar::max_attribute_bytes))->path);
}
