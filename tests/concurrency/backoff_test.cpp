#include <tandem/concurrency/backoff.hpp>

#include "tests/support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

using namespace std::chrono_literals;
using tandem::backoff;

TEST_CASE("backoff: pauses lie below a bound that doubles, up to the longest") {
    std::chrono::nanoseconds most[6] = {};
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        backoff pauses(100ms, 1s, seed);
        for (auto& highest : most)
            highest = std::max(highest, pauses.next());
    }
    const std::chrono::nanoseconds bounds[6] = {100ms, 200ms, 400ms, 800ms, 1s, 1s};
    for (int i = 0; i < 6; ++i) {
        CHECK(most[i] <= bounds[i]);
        CHECK(most[i] > bounds[i] * 8 / 10); // over the whole range
    }
}

TEST_CASE("backoff: one seed, one sequence") {
    backoff a(1s, 1min, 7);
    backoff b(1s, 1min, 7);
    backoff other(1s, 1min, 8);
    int same = 0;
    for (int i = 0; i < 20; ++i) {
        const auto pause = a.next();
        CHECK(pause == b.next());
        same += pause == other.next();
    }
    CHECK(same < 20);
}

TEST_CASE("backoff: bounds that make no sense") {
    CHECK(backoff(-1s, 1s).next() == 0ns);
    CHECK(backoff(1s, -1s).next() == 0ns);
    backoff huge(std::chrono::hours::max(), std::chrono::hours::max());
    for (int i = 0; i < 100; ++i)
        CHECK(huge.next() >= 0ns);
}
