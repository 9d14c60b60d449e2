// Every change of state of a circuit, without requests.
#include "lib/http/circuit.hpp"

#include "tests/support/catch.hpp"

#include <chrono>

using namespace std::chrono_literals;
using namespace tandem::http;
using verdict = circuit::verdict;

namespace {

circuit_breaker_options options() {
    return circuit_breaker_options().window(4).minimum_calls(2).failure_ratio(0.5).open_for(10s);
}

const circuit::time_point start = circuit::time_point() + 1h;

// A request from its begin to its end.
bool pass(circuit& c, verdict how, circuit::time_point now = start) {
    if (!c.admit(now)) return false;
    c.end(c.period(), how, now);
    return true;
}

} // namespace

TEST_CASE("circuit: opens when enough of the last calls have failed, not before") {
    const auto how = options();
    circuit c(how);
    CHECK(c.state() == circuit_state::closed);
    CHECK(pass(c, verdict::failure));
    CHECK(c.state() == circuit_state::closed); // one call is too few
    CHECK(pass(c, verdict::failure));
    CHECK(c.state() == circuit_state::open);
    CHECK_FALSE(c.admit(start));
    CHECK_FALSE(c.admit(start + 10s - 1ns));
    CHECK(c.calls() == 2);
    CHECK(c.failures() == 2);
}

TEST_CASE("circuit: only the window counts, and only verdicts") {
    const auto how = options().minimum_calls(4);
    circuit c(how);
    CHECK(pass(c, verdict::failure));
    for (int i = 0; i < 4; ++i)
        CHECK(pass(c, verdict::success)); // the failure has left the window
    CHECK(c.failures() == 0);
    for (int i = 0; i < 20; ++i)
        CHECK(pass(c, verdict::nothing));
    CHECK(c.calls() == 4);
    CHECK(pass(c, verdict::failure));
    CHECK(c.state() == circuit_state::closed); // 1 of 4
    CHECK(pass(c, verdict::failure));
    CHECK(c.state() == circuit_state::open); // 2 of 4
}

TEST_CASE("circuit: from open to half-open to closed") {
    const auto how = options().probes(2);
    circuit c(how);
    pass(c, verdict::failure);
    pass(c, verdict::failure);
    const auto later = start + 10s;
    REQUIRE(c.admit(later));
    CHECK(c.state() == circuit_state::half_open);
    const auto period = c.period();
    REQUIRE(c.admit(later));
    CHECK_FALSE(c.admit(later)); // both places are taken
    c.end(period, verdict::success, later);
    CHECK_FALSE(c.admit(later)); // one has succeeded, one is under way
    c.end(period, verdict::success, later);
    CHECK(c.state() == circuit_state::closed);
    CHECK(c.calls() == 0); // all is forgotten
    CHECK(pass(c, verdict::failure, later));
    CHECK(c.state() == circuit_state::closed);
}

TEST_CASE("circuit: from half-open back to open") {
    const auto how = options();
    circuit c(how);
    pass(c, verdict::failure);
    pass(c, verdict::failure);
    CHECK(pass(c, verdict::failure, start + 10s));
    CHECK(c.state() == circuit_state::open);
    CHECK(c.open_until() == start + 20s);
    CHECK_FALSE(c.admit(start + 19s));
    CHECK(pass(c, verdict::success, start + 20s));
    CHECK(c.state() == circuit_state::closed);
}

TEST_CASE("circuit: a probe that tells nothing gives its place back") {
    const auto how = options();
    circuit c(how);
    pass(c, verdict::failure);
    pass(c, verdict::failure);
    for (int i = 0; i < 3; ++i) {
        CHECK(pass(c, verdict::nothing, start + 10s));
        CHECK(c.state() == circuit_state::half_open);
    }
    CHECK(pass(c, verdict::success, start + 10s));
    CHECK(c.state() == circuit_state::closed);
}

TEST_CASE("circuit: what ends after a change is not counted") {
    const auto how = options();
    circuit c(how);
    REQUIRE(c.admit(start));
    const auto closed_period = c.period();
    pass(c, verdict::failure);
    pass(c, verdict::failure);
    REQUIRE(c.state() == circuit_state::open);
    c.end(closed_period, verdict::success, start); // begun while it was closed
    CHECK(c.state() == circuit_state::open);
    REQUIRE(c.admit(start + 10s));
    c.end(closed_period, verdict::failure, start + 10s);
    CHECK(c.state() == circuit_state::half_open);
    const auto probing = c.period();
    c.end(probing, verdict::failure, start + 10s);
    CHECK(c.state() == circuit_state::open);
    REQUIRE(c.admit(start + 20s));
    c.end(probing, verdict::success, start + 20s); // a probe of another time
    CHECK(c.state() == circuit_state::half_open);
    CHECK_FALSE(c.admit(start + 20s));
}

TEST_CASE("circuit: options that make no sense") {
    const auto how = circuit_breaker_options().window(0).minimum_calls(0).probes(0);
    circuit c(how);
    CHECK(pass(c, verdict::failure));
    CHECK(c.state() == circuit_state::open);
    const auto never = options().failure_ratio(1.1);
    circuit d(never);
    for (int i = 0; i < 10; ++i)
        CHECK(pass(d, verdict::failure));
    CHECK(d.state() == circuit_state::closed);
    const auto forever = options().open_for(std::chrono::hours::max());
    circuit e(forever);
    pass(e, verdict::failure);
    pass(e, verdict::failure);
    CHECK_FALSE(e.admit(start + 24h * 365));
}
