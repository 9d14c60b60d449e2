#include <tandem/parallelism/detail/wait_limit.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/pool_gate.hpp"

#include <chrono>
#include <limits>

using namespace std::chrono_literals;
using tandem::detail::wait_limit;

TEST_CASE("wait_limit: nothing at least, a year at most") {
    using seconds = std::chrono::duration<double>;
    constexpr std::chrono::hours year(24 * 365);
    CHECK(wait_limit(7ms) == 7ms);
    CHECK(wait_limit(year - 1h) == year - 1h);
    CHECK(wait_limit(std::chrono::hours::max()) == year);
    CHECK(wait_limit(seconds(std::numeric_limits<double>::infinity())) == year);
    CHECK(wait_limit(-7ms) == 0ms);
    CHECK(wait_limit(std::chrono::hours::min()) == 0ms);
    CHECK(wait_limit(seconds(-std::numeric_limits<double>::infinity())) == 0ms);
    CHECK(wait_limit(seconds(std::numeric_limits<double>::quiet_NaN())) == 0ms);
}

TEST_CASE("wait_limit: a wait for less than nothing only looks") {
    tandem::thread_pool pool(1);
    const tests::pool_gate busy(pool);
    const auto queued = pool.submit([] {});
    CHECK_FALSE(queued.wait_for(std::chrono::hours::min()));
    CHECK_FALSE(pool.drain_for(std::chrono::hours::min()));
}
