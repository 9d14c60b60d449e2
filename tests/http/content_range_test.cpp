#include "lib/http/content_range.hpp"

#include "tests/support/catch.hpp"

#include <string_view>

using tandem::http::parse_content_range;

TEST_CASE("Content-Range: parts, unknown totals, and no part") {
    const auto part = parse_content_range("bytes 5-9/100");
    REQUIRE(part);
    CHECK(part->first == 5);
    CHECK(part->last == 9);
    CHECK(part->total == 100);
    const auto open = parse_content_range("Bytes 0-0/*");
    REQUIRE(open);
    CHECK(open->first == 0);
    CHECK_FALSE(open->total);
    const auto none = parse_content_range("bytes */100");
    REQUIRE(none);
    CHECK_FALSE(none->first);
    CHECK(none->total == 100);
    CHECK(parse_content_range("bytes 0-9223372036854775806/*"));
}

TEST_CASE("Content-Range: what is no range is none") {
    for (const std::string_view bad : {"",
                                       "bytes",
                                       "bytes ",
                                       "bytes 5",
                                       "bytes 5-9",
                                       "bytes 5-9/",
                                       "bytes -9/10",
                                       "bytes 5-/10",
                                       "bytes 9-5/10",
                                       "bytes 5-10/10",
                                       "bytes +5-9/10",
                                       "bytes 5-9/+10",
                                       "bytes 0x5-9/10",
                                       "bytes 5 -9/10",
                                       "bytes  5-9/10",
                                       "bytes 5-9/10 ",
                                       "items 5-9/10",
                                       "bytes 5-9/10, bytes 5-9/10",
                                       "bytes */*",
                                       "bytes 0-9223372036854775808/*",
                                       "bytes 18446744073709551616-18446744073709551617/*",
                                       "bytes 1_0-20/30"}) {
        INFO(bad);
        CHECK_FALSE(parse_content_range(bad));
    }
}
