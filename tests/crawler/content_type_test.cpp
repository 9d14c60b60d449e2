#include "examples/crawler/content_type.hpp"

#include "tests/support/catch.hpp"

using namespace crawler;

TEST_CASE("content type: the type") {
    CHECK(parse_media_type("text/html").essence == "text/html");
    CHECK(parse_media_type("  Text/HTML ; charset=x").essence == "text/html");
    CHECK(parse_media_type("text/html").is_html());
    CHECK(parse_media_type("application/xhtml+xml;q=1").is_html());
    for (const char* other : {"text/plain", "application/xml", "text/htm", "text/html2", "image/svg+xml"})
        CHECK_FALSE(parse_media_type(other).is_html());
    for (const char* broken :
         {"", "text", "text/", "/html", "te xt/html", "text/ html", "text/html/x", ";charset=a"}) {
        CHECK(parse_media_type(broken).essence.empty());
        CHECK_FALSE(parse_media_type(broken).is_html());
    }
}

TEST_CASE("content type: the charset") {
    const auto charset = [](std::string_view parameters) {
        return parse_media_type("text/html" + std::string(parameters)).charset;
    };
    CHECK(charset(";charset=utf-8") == "utf-8");
    CHECK(charset(" ; a=b;CHARSET=UTF-8 ;c") == "UTF-8");
    CHECK(charset("; charset=\"utf-8\"") == "utf-8");
    CHECK(charset("; charset=\"a\\\"b;c\" junk; charset=x") == "a\"b;c");
    CHECK(charset("; charset=\"open") == "open");
    CHECK(charset("; charset=\"open\\") == "open\\");
    CHECK(charset("; charset=a; charset=b") == "a");
    CHECK(charset("; charset; charset=b") == "b");
    CHECK(charset("; charset=; charset=b") == "b");
    CHECK(charset("; x=\"; charset=no\"; charset=yes") == "yes");
    CHECK(charset(";;;;").empty());
    CHECK(charset("; charset =x").empty());
}
