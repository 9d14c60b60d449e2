#include "examples/crawler/robots_flags.hpp"

#include "tests/support/catch.hpp"

using namespace crawler;

namespace {
constexpr robots_flags nothing{};
constexpr robots_flags noindex{true, false};
constexpr robots_flags nofollow{false, true};
constexpr robots_flags both{true, true};
} // namespace

TEST_CASE("robots flags: meta content") {
    CHECK(parse_robots_directives("") == nothing);
    CHECK(parse_robots_directives("index, follow") == nothing);
    CHECK(parse_robots_directives(" NoIndex ,nosnippet") == noindex);
    CHECK(parse_robots_directives("noindex nofollow") == both);
    CHECK(parse_robots_directives("NONE") == both);
    CHECK(parse_robots_directives("nofollowx, max-snippet:-1") == nothing);
}

TEST_CASE("robots flags: X-Robots-Tag") {
    const auto tag = [](std::string_view v) { return parse_x_robots_tag(v, "tandem"); };
    CHECK(tag("noindex") == noindex);
    CHECK(tag("Tandem: nofollow") == nofollow);
    CHECK(tag("otherbot: noindex, nofollow") == nothing);
    CHECK(tag("otherbot: noindex, tandem: nofollow") == nofollow);
    CHECK(tag("nofollow, otherbot: noindex") == nofollow);
    CHECK(tag("*: none") == both);
    CHECK(tag("unavailable_after: 25 Jun 2010 15:00:00 PST, nofollow") == nofollow);
    CHECK(tag("max-snippet: 0, noindex") == noindex);
    CHECK(tag(",,: ,") == nothing);
}
