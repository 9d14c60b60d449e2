// The arithmetic of the adaptive limit.
#include "lib/http/aimd_limit.hpp"

#include "tests/support/catch.hpp"

#include <chrono>

using namespace std::chrono_literals;
using namespace tandem::http;

namespace {

const aimd_limit::time_point start = aimd_limit::time_point() + 1h;

} // namespace

TEST_CASE("adaptive limit: one more for each round of answers in good time, up to the most") {
    const auto how = concurrency_limiter_options().limit(10, 1, 12);
    aimd_limit l(how);
    CHECK(l.limit() == 10);
    for (int i = 0; i < 10; ++i)
        l.answered(start, start + 10ms, 10ms, 10);
    CHECK(l.limit() == 10); // 10 times 1/10 and less
    l.answered(start, start + 10ms, 10ms, 10);
    CHECK(l.limit() == 11);
    for (int i = 0; i < 100; ++i)
        l.answered(start, start + 10ms, 10ms, 10);
    CHECK(l.limit() == 12);
}

TEST_CASE("adaptive limit: does not grow when it is not used") {
    const auto how = concurrency_limiter_options().limit(10, 1, 100);
    aimd_limit l(how);
    for (int i = 0; i < 100; ++i)
        l.answered(start, start + 10ms, 10ms, 4);
    CHECK(l.limit() == 10);
    for (int i = 0; i < 12; ++i)
        l.answered(start, start + 10ms, 10ms, 6);
    CHECK(l.limit() == 11);
}

TEST_CASE("adaptive limit: overload multiplies it, once for what was under way") {
    const auto how = concurrency_limiter_options().limit(100, 30, 200).decrease(0.5);
    aimd_limit l(how);
    l.overloaded(start, start + 1s);
    CHECK(l.limit() == 50);
    for (int i = 0; i < 20; ++i)
        l.overloaded(start + 999ms, start + 2s); // sent before
    CHECK(l.limit() == 50);
    l.overloaded(start + 1s, start + 2s);
    CHECK(l.limit() == 30); // the least
    l.overloaded(start + 3s, start + 4s);
    CHECK(l.limit() == 30);
}

TEST_CASE("adaptive limit: slow is more than some times the usual, and some more") {
    const auto how = concurrency_limiter_options().limit(100, 1, 200).decrease(0.5).tolerance(2.0, 5ms);
    aimd_limit l(how);
    l.answered(start, start, 100ms, 1);
    CHECK(l.usual() == 100ms);
    l.answered(start, start + 1s, 199ms, 1);
    CHECK(l.limit() == 100);
    l.answered(start, start + 1s, 202ms, 1); // the usual has drifted by some 0.4 ms
    CHECK(l.limit() == 50);
    aimd_limit quick(how);
    quick.answered(start, start, 100us, 1);
    quick.answered(start, start, 5ms, 1); // 50 times the usual, within the slack
    CHECK(quick.limit() == 100);
    quick.answered(start, start, 6ms, 1);
    CHECK(quick.limit() == 50);
    const auto deaf = concurrency_limiter_options().limit(100, 1, 200).tolerance(0);
    aimd_limit d(deaf);
    d.answered(start, start, 1ms, 1);
    d.answered(start, start, 1h, 1);
    CHECK(d.limit() == 100);
}

TEST_CASE("adaptive limit: the usual follows the shortest at once, the longer ones slowly") {
    const auto how = concurrency_limiter_options();
    aimd_limit l(how);
    l.answered(start, start, 100ms, 1);
    l.answered(start, start, 50ms, 1);
    CHECK(l.usual() == 50ms);
    for (int i = 0; i < 2000; ++i)
        l.answered(start, start, 80ms, 1);
    CHECK(l.usual() > 79ms);
    CHECK(l.usual() <= 80ms);
}

TEST_CASE("adaptive limit: bounds that contradict each other") {
    const auto how = concurrency_limiter_options().limit(0, 0, 0);
    CHECK(how.first_limit() == 1);
    CHECK(how.least_limit() == 1);
    CHECK(how.most_limit() == 1);
    aimd_limit l(how);
    l.overloaded(start, start);
    CHECK(l.limit() == 1);
}
