#include "tests/support/catch.hpp"

#include "lib/http/cookie_date.hpp"
#include "lib/http/http_date.hpp"

#include <string>

using tandem::http::parse_cookie_date;

namespace {

std::string read(std::string_view text) {
    const auto when = parse_cookie_date(text);
    return when ? tandem::http::detail::format_http_date(*when) : "none";
}

} // namespace

TEST_CASE("dates of cookies, in the ways of servers") {
    const std::string expected = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (const char* const text :
         {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
          "6 nov 1994 8:49:37", "08:49:37 1994 NOVEMBER 6", "Sun, 06-Nov-1994 08:49:37 PST",
          "foo 06-bar Nov,1994;08:49:37x rest", "08:49:37 6 Nov 94 12:00:00 7 Dec 95"}) {
        INFO(text);
        CHECK(read(text) == expected);
    }
    CHECK(read("1 Jan 69 0:0:0") == "Tue, 01 Jan 2069 00:00:00 GMT");
    CHECK(read("1 Jan 70 0:0:0") == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(read("29 Feb 2024 23:59:59") == "Thu, 29 Feb 2024 23:59:59 GMT");
    CHECK(read("1 Jan 1601 00:00:00") == "Mon, 01 Jan 1601 00:00:00 GMT");
    CHECK(read("31 Dec 9999 23:59:59") == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("what is no date of a cookie") {
    for (const char* const text :
         {"", "   ", "Sun", "6 Nov 1994", "08:49:37 Nov 1994", "6 08:49:37 1994", "6 Nov 08:49:37",
          "6 Nov 1994 24:00:00", "6 Nov 1994 08:60:37", "6 Nov 1994 08:49:60", "31 Nov 1994 08:49:37",
          "0 Nov 1994 08:49:37", "29 Feb 2023 00:00:00", "1 Jan 1600 00:00:00", "1 Jan 19945 08:49:37",
          "6 Nov 1994 08:49", "6 Nov 1994 008:49:37", "6 Nov 1994 08:49:377", "Nov Nov Nov"}) {
        INFO(text);
        CHECK(read(text) == "none");
    }
}
