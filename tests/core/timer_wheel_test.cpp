// The wheel against a plain reference: a list that is searched for what is due.
#include "lib/core/timer_wheel.hpp"

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace std::chrono_literals;
using tandem::timer_node;
using tandem::detail::timer_wheel;
using clock_type = timer_wheel::clock;

namespace {

const clock_type::time_point origin = clock_type::time_point() + 1h;

class timer : public timer_node {
public:
    explicit timer(std::size_t id = 0) noexcept : timer_node(&timer::act), me(id) {}

    std::size_t me;
    std::function<void(timer&)> on_fire;
    std::size_t fired = 0;

private:
    static void act(timer_node& node) noexcept {
        auto& self = static_cast<timer&>(node);
        ++self.fired;
        if (self.on_fire) self.on_fire(self);
    }
};

// The tick at which a timer for `when` is due, at the earliest.
long long due_tick(clock_type::time_point when) {
    const long long ns = std::chrono::duration_cast<std::chrono::nanoseconds>(when - origin).count();
    return ns <= 0 ? 0 : (ns + 999'999) / 1'000'000;
}

// Random operations; `reach` is how far ahead timers and steps go.
void compare_with_reference(unsigned seed, std::chrono::nanoseconds reach, std::chrono::nanoseconds step) {
    std::mt19937_64 random(seed);
    const auto below = [&random](long long n) {
        return static_cast<long long>(random() % static_cast<unsigned long long>(n));
    };
    timer_wheel wheel(origin);
    clock_type::time_point now = origin;
    std::vector<std::unique_ptr<timer>> timers;
    class entry {
    public:
        entry(clock_type::time_point w, clock_type::time_point armed_at) noexcept
            : when(w), latest(std::max(w, armed_at) + 2ms),
              tick(std::max<long long>(due_tick(w), (armed_at - origin) / std::chrono::milliseconds(1) + 1)) {
        }
        clock_type::time_point when;
        clock_type::time_point latest; // by then it has fired
        long long tick;                // in which it fires: at least the one after that of its arming
    };
    std::map<std::size_t, entry> armed; // the reference
    std::vector<std::size_t> fired;
    for (std::size_t i = 0; i < 200; ++i) {
        timers.push_back(std::make_unique<timer>(i));
        timers.back()->on_fire = [&fired](timer& t) { fired.push_back(t.me); };
    }
    for (int round = 0; round < 3000; ++round) {
        for (long long n = below(4); n > 0; --n) {
            const auto i = static_cast<std::size_t>(below(200));
            if (timers[i]->armed()) continue;
            // Near and far alike: a random magnitude first.
            const long long magnitude = std::max<long long>(1, reach.count() >> below(40));
            const auto when = now + std::chrono::nanoseconds(below(magnitude)) - (below(10) == 0 ? 5ms : 0ms);
            wheel.insert(*timers[i], when);
            armed.emplace(i, entry(when, now));
        }
        if (below(3) == 0) {
            const auto i = static_cast<std::size_t>(below(200));
            wheel.remove(*timers[i]);
            armed.erase(i);
        }
        REQUIRE(wheel.size() == armed.size());
        REQUIRE(wheel.empty() == armed.empty());
        const auto next = wheel.next_expiry();
        REQUIRE(next.has_value() == !armed.empty());
        if (next) {
            // Never later than the first timer (but for those already past: the next tick).
            long long first = std::numeric_limits<long long>::max();
            for (const auto& [i, e] : armed)
                first = std::min(first, e.tick);
            REQUIRE(due_tick(*next) <= first);
        }
        const long long magnitude = std::max<long long>(1, step.count() >> below(30));
        now += std::chrono::nanoseconds(below(magnitude));
        fired.clear();
        const bool any = wheel.advance(now);
        REQUIRE(any == !fired.empty());
        // In the order of ticks; never early.
        long long last = std::numeric_limits<long long>::min();
        for (const std::size_t i : fired) {
            const auto found = armed.find(i);
            REQUIRE(found != armed.end());
            REQUIRE(found->second.when <= now);
            REQUIRE_FALSE(timers[i]->armed());
            REQUIRE(found->second.tick >= last);
            last = found->second.tick;
            armed.erase(found);
        }
        for (const auto& [i, e] : armed)
            REQUIRE(e.latest > now);
    }
    // All of the rest in the end.
    for (int guard = 0; !wheel.empty() && guard < 10'000; ++guard) {
        const auto next = wheel.next_expiry();
        REQUIRE(next.has_value());
        now = std::max(now, *next);
        fired.clear();
        wheel.advance(now);
        for (const std::size_t i : fired) {
            REQUIRE(armed.at(i).when <= now);
            armed.erase(i);
        }
    }
    CHECK(armed.empty());
}

} // namespace

TEST_CASE("timer_wheel: as a reference does, near timers") {
    compare_with_reference(1, 100ms, 10ms);
    compare_with_reference(2, 5s, 1s);
    compare_with_reference(3, 2h, 10min);
}

TEST_CASE("timer_wheel: as a reference does, days and years") {
    compare_with_reference(4, std::chrono::hours(24 * 30), 24h);
    compare_with_reference(5, std::chrono::hours(24 * 365 * 5), std::chrono::hours(24 * 100));
    compare_with_reference(6, std::chrono::hours(24 * 365 * 100), std::chrono::hours(24 * 20));
}

TEST_CASE("timer_wheel: timers of one tick fire in the order of arming, others in the order of time") {
    timer_wheel wheel(origin);
    std::vector<std::size_t> order;
    std::vector<std::unique_ptr<timer>> timers;
    for (std::size_t i = 0; i < 300; ++i) {
        timers.push_back(std::make_unique<timer>(i));
        timers.back()->on_fire = [&order](timer& t) { order.push_back(t.me); };
        wheel.insert(*timers.back(), origin + std::chrono::milliseconds(5000 - 10 * static_cast<int>(i / 3)));
    }
    wheel.advance(origin + 10s);
    REQUIRE(order.size() == 300);
    for (std::size_t group = 0; group < 100; ++group)
        for (std::size_t i = 0; i < 3; ++i)
            CHECK(order[group * 3 + i] == (99 - group) * 3 + i);
}

TEST_CASE("timer_wheel: a timer across the turn of the whole wheel is not two years late") {
    timer_wheel wheel(origin);
    const auto turn = std::chrono::milliseconds(1LL << 36);
    timer early;
    timer late;
    timer keeps; // so that the wheel does not simply jump
    wheel.insert(keeps, origin + turn * 3);
    wheel.advance(origin + turn - 5ms);
    wheel.insert(early, origin + turn + 5ms);
    wheel.insert(late, origin + turn + 24h);
    const auto next = wheel.next_expiry();
    REQUIRE(next.has_value());
    CHECK(*next <= origin + turn + 5ms);
    wheel.advance(origin + turn + 4ms);
    CHECK(early.fired == 0);
    wheel.advance(origin + turn + 5ms);
    CHECK(early.fired == 1);
    wheel.advance(origin + turn + 23h);
    CHECK(late.fired == 0);
    wheel.advance(origin + turn + 24h);
    CHECK(late.fired == 1);
    CHECK(keeps.fired == 0);
    wheel.remove(keeps);
}

TEST_CASE("timer_wheel: a timer that fires may rearm itself, arm and disarm others") {
    timer_wheel wheel(origin);
    timer neighbour;
    timer victim;
    timer rearmed;
    timer armer;
    timer fresh;
    clock_type::time_point now = origin;
    rearmed.on_fire = [&](timer& t) { wheel.insert(t, now + 10ms); };
    armer.on_fire = [&](timer&) {
        wheel.remove(victim); // of the same tick, not yet fired
        wheel.remove(victim);
        wheel.insert(fresh, now - 1h); // the past: the next call
    };
    wheel.insert(rearmed, origin + 10ms);
    wheel.insert(armer, origin + 10ms);
    wheel.insert(victim, origin + 10ms);
    wheel.insert(neighbour, origin + 10ms);
    now = origin + 10ms;
    CHECK(wheel.advance(now));
    CHECK(rearmed.fired == 1);
    CHECK(neighbour.fired == 1);
    CHECK(victim.fired == 0);
    CHECK(fresh.fired == 0);
    CHECK(wheel.size() == 2);
    now += 1ms;
    wheel.advance(now);
    CHECK(fresh.fired == 1);
    now = origin + 20ms;
    wheel.advance(now);
    CHECK(rearmed.fired == 2);
    wheel.remove(rearmed);
    CHECK(wheel.empty());
    CHECK_FALSE(wheel.advance(now + 1h));
    CHECK(wheel.next_expiry() == std::nullopt);
}

TEST_CASE("timer_wheel: one that rearms itself for the past fires once a call, however far the call goes") {
    timer_wheel wheel(origin);
    timer eager;
    eager.on_fire = [&](timer& t) { wheel.insert(t, origin); };
    wheel.insert(eager, origin);
    for (std::size_t i = 1; i <= 5; ++i) {
        wheel.advance(origin + 1s * i);
        CHECK(eager.fired == i);
    }
    wheel.remove(eager);
}

TEST_CASE("timer_wheel: every timer of a slot disarms all the others") {
    timer_wheel wheel(origin);
    std::vector<std::unique_ptr<timer>> timers;
    for (std::size_t i = 0; i < 10; ++i) {
        timers.push_back(std::make_unique<timer>(i));
        timers.back()->on_fire = [&](timer& t) {
            for (const auto& other : timers)
                if (other.get() != &t) wheel.remove(*other);
        };
        wheel.insert(*timers.back(), origin + 100s); // sinks through the levels first
    }
    wheel.advance(origin + 101s);
    std::size_t fired = 0;
    for (const auto& t : timers)
        fired += t->fired;
    CHECK(fired == 1);
    CHECK(wheel.empty());
}

TEST_CASE("timer_wheel: time that stands still or goes back fires nothing") {
    timer_wheel wheel(origin);
    timer t;
    CHECK_FALSE(wheel.advance(origin - 1h));
    wheel.insert(t, origin + 5ms);
    CHECK_FALSE(wheel.advance(origin - 1h));
    CHECK_FALSE(wheel.advance(origin + 4ms));
    CHECK_FALSE(wheel.advance(origin));
    CHECK(wheel.advance(origin + 5ms));
    CHECK(t.fired == 1);
}
