// Reading Cache-Control, also what servers should not send.
#include "lib/http/cache_control.hpp"

#include "tests/support/catch.hpp"

#include <chrono>

using namespace std::chrono_literals;
using tandem::http::cache_control;

namespace {

cache_control read(const char* value) {
    tandem::http::headers fields;
    fields.add("cache-control", value);
    return cache_control(fields);
}

} // namespace

TEST_CASE("Cache-Control: names and numbers, whatever their case and spaces") {
    const auto c = read(" Public ,MAX-AGE = 60, must-revalidate,, no-cache=\"Set-Cookie, X\" , x=y");
    CHECK(c.any);
    CHECK(c.is_public);
    CHECK(c.max_age == 60s);
    CHECK(c.must_revalidate);
    CHECK(c.no_cache);
    CHECK_FALSE(c.no_store);
    CHECK_FALSE(c.is_private);
    CHECK(read("max-age=\"10\"").max_age == 10s);
    CHECK(read("private=\"a, no-store\"").is_private);
    CHECK_FALSE(read("private=\"a, no-store\"").no_store);
    CHECK_FALSE(read("ext=\"a\\\", no-store\"").no_store);
    CHECK(read("ext=\"a\", no-store").no_store);
    CHECK(read("only-if-cached").only_if_cached);
    CHECK_FALSE(cache_control(tandem::http::headers()).any);
}

TEST_CASE("Cache-Control: numbers that are none are 0, too large ones 2^31, of several the least") {
    for (const char* const text :
         {"max-age=", "max-age", "max-age=-1", "max-age=1.5", "max-age=a", "max-age=+1"})
        CHECK(read(text).max_age == 0s);
    CHECK(read("max-age=99999999999999999999").max_age == std::chrono::seconds(std::int64_t{1} << 31));
    CHECK(read("max-age=5, max-age=3, max-age=4").max_age == 3s);
    tandem::http::headers two;
    two.add("Cache-Control", "max-age=5").add("Cache-Control", "no-store");
    CHECK(cache_control(two).no_store);
    CHECK(cache_control(two).max_age == 5s);
}

TEST_CASE("Cache-Control: max-stale with and without a number") {
    CHECK(read("max-stale").max_stale_any);
    CHECK_FALSE(read("max-stale").max_stale);
    CHECK(read("max-stale=7").max_stale == 7s);
    CHECK_FALSE(read("max-stale=7").max_stale_any);
    CHECK(read("min-fresh=7, stale-if-error=9").min_fresh == 7s);
    CHECK(read("min-fresh=7, stale-if-error=9").stale_if_error == 9s);
    CHECK(read("Stale-While-Revalidate=9, stale-while-revalidate=8").stale_while_revalidate == 8s);
}

TEST_CASE("Cache-Control: what ends in the middle") {
    for (const char* const text :
         {"max-age=\"", "max-age=\"1", "max-age=\"1\\", "=", ",", "=\"", "a=\"b", "max-age=\"\\"})
        CHECK(read(text).any);
}
