#include <tandem/core/time_span.hpp>

#include "tests/support/catch.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ratio>

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using tandem::later;
using tandem::time_span;
using point = std::chrono::steady_clock::time_point;

TEST_CASE("time_span: every unit becomes nanoseconds") {
    CHECK(nanoseconds(time_span()) == 0ns);
    CHECK(nanoseconds(time_span(3ns)) == 3ns);
    CHECK(nanoseconds(time_span(-2ms)) == -2ms);
    CHECK(nanoseconds(time_span(48h)) == 48h);
    CHECK(time_span(1us).count() == 1000);
    using picoseconds = std::chrono::duration<std::int64_t, std::pico>;
    CHECK(nanoseconds(time_span(picoseconds(2999))) == 2ns);
    CHECK(nanoseconds(time_span(picoseconds(-2999))) == -2ns);
    CHECK(nanoseconds(time_span(1.5s)) == 1500ms);
    CHECK(nanoseconds(time_span(std::chrono::duration<float>(0.25f))) == 250ms);
    static_assert(time_span(2s).count() == 2'000'000'000);
}

TEST_CASE("time_span: what is too long is the longest there is") {
    CHECK(nanoseconds(time_span::longest()) == nanoseconds::max());
    CHECK(nanoseconds(time_span(nanoseconds::max())) == nanoseconds::max());
    CHECK(nanoseconds(time_span(std::chrono::microseconds::max())) == nanoseconds::max());
    CHECK(nanoseconds(time_span(std::chrono::milliseconds::max())) == nanoseconds::max());
    CHECK(nanoseconds(time_span(std::chrono::hours::max())) == nanoseconds::max());
    CHECK(nanoseconds(time_span(std::chrono::hours::min())) == nanoseconds::min());
    CHECK(nanoseconds(time_span(std::chrono::years(293))) == nanoseconds::max());
    CHECK(nanoseconds(time_span(std::chrono::years(292))) == std::chrono::years(292));
    using unsigned_seconds = std::chrono::duration<std::uint64_t>;
    CHECK(nanoseconds(time_span(unsigned_seconds::max())) == nanoseconds::max());
    CHECK(nanoseconds(time_span(std::chrono::duration<double>(1e300))) == nanoseconds::max());
    CHECK(nanoseconds(time_span(std::chrono::duration<double>(-1e300))) == nanoseconds::min());
    CHECK(nanoseconds(time_span(std::chrono::duration<double>(INFINITY))) == nanoseconds::max());
    CHECK(nanoseconds(time_span(std::chrono::duration<double>(NAN))) == 0ns);
    using picoseconds = std::chrono::duration<std::int64_t, std::pico>;
    CHECK(nanoseconds(time_span(picoseconds::max())) == nanoseconds(picoseconds::max().count() / 1000));
}

TEST_CASE("time_span: later never passes the end of time") {
    const point now(12345ns);
    CHECK(later(now, 5ns) == point(12350ns));
    CHECK(later(now, -5ns) == point(12340ns));
    CHECK(later(now, std::chrono::hours::max()) == point::max());
    CHECK(later(point::max(), 1ns) == point::max());
    CHECK(later(point(-5ns), time_span(nanoseconds::min())) == point::min());
    CHECK(later(point::max(), -1ns) == point::max() - 1ns);
}
