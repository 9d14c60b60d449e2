// Dates of HTTP in their three forms (RFC 9110, 5.6.7), and what is none.
#include "lib/http/http_date.hpp"

#include "tests/support/catch.hpp"

#include <chrono>
#include <string>

using namespace std::chrono;
using tandem::http::detail::format_http_date;
using tandem::http::detail::parse_http_date;

namespace {

constexpr sys_seconds example{seconds(784111777)}; // Sun, 06 Nov 1994 08:49:37 GMT

} // namespace

TEST_CASE("dates of HTTP: the three forms of the RFC are the same time") {
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == example);
    CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == example);
    CHECK(parse_http_date("Sun Nov  6 08:49:37 1994") == example);
    CHECK(parse_http_date("Sun Nov 16 08:49:37 1994") == example + days(10));
    CHECK(format_http_date(example) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("dates of HTTP: every day of a leap cycle is read as it is written") {
    for (sys_days day = 2019y / January / 1; day < 2024y / January / 1; day += days(1)) {
        const sys_seconds when = sys_seconds(day) + hours(23) + minutes(59) + seconds(1);
        CHECK(parse_http_date(format_http_date(when)) == when);
    }
}

TEST_CASE("dates of HTTP: a year of two digits is not far in the future") {
    const auto this_year = static_cast<int>(year_month_day(floor<days>(system_clock::now())).year());
    const auto two = [](int year) {
        const std::string text = std::to_string(100 + year % 100).substr(1);
        return parse_http_date("Sunday, 06-Nov-" + text + " 08:49:37 GMT");
    };
    REQUIRE(two(this_year + 49));
    REQUIRE(two(this_year + 51));
    CHECK(year_month_day(floor<days>(*two(this_year + 51))).year() <= year(this_year + 50));
    CHECK(year_month_day(floor<days>(*two(this_year - 1))).year() == year(this_year - 1));
}

TEST_CASE("dates of HTTP: what is none") {
    for (const char* const text : {"",
                                   "0",
                                   "Sun",
                                   "Sun,",
                                   "Sun, ",
                                   "Sun, 6 Nov 1994 08:49:37 GMT",
                                   "Sun, 06 Nov 1994 08:49:37 UTC",
                                   "Sun, 06 Nov 1994 08:49:37 GMT ",
                                   "Sun, 06 Nov 1994 24:00:00 GMT",
                                   "Sun, 06 Nov 1994 08:60:37 GMT",
                                   "Sun, 31 Feb 1994 08:49:37 GMT",
                                   "Sun, 00 Nov 1994 08:49:37 GMT",
                                   "Xyz, 06 Nov 1994 08:49:37 GMT",
                                   "Sun, 06 ovD 1994 08:49:37 GMT",
                                   "sun, 06 Nov 1994 08:49:37 GMT",
                                   "Sun, 06 Nov 94 08:49:37 GMT",
                                   "Sunday, 06-Nov-1994 08:49:37 GMT",
                                   "Sumday, 06-Nov-94 08:49:37 GMT",
                                   "day, 06-Nov-94 08:49:37 GMT",
                                   "Sun Nov 6 08:49:37 1994",
                                   "Sun Nov  6 08:49:37 94",
                                   "-1"})
        CHECK_FALSE(parse_http_date(text));
}
