#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/detail/loop_control.hpp>
#include <tandem/sync/keyed_rate_limiter.hpp>
#include <tandem/sync/rate_limiter.hpp>
#include <tandem/testing/run.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

using clock_type = scheduler::clock;

// A clock that stands still while there is work, and else jumps to the next timer. For one loop.
class jumping_clock final : public detail::loop_control {
public:
    clock_type::time_point now() const noexcept override { return now_; }
    void attach(scheduler&) override {}
    void detach(scheduler&) noexcept override {}
    bool shuffles() const noexcept override { return false; }
    std::size_t pick(scheduler&, std::size_t) noexcept override { return 0; }
    std::chrono::nanoseconds idle(scheduler&, const idle_state& state) noexcept override {
        if (!state.next_timer) return for_ever;
        if (*state.next_timer > now_) now_ = *state.next_timer;
        return std::chrono::nanoseconds(0);
    }
    void awake(scheduler&) noexcept override {}
    void advance(std::chrono::nanoseconds by) noexcept { now_ += by; }

private:
    clock_type::time_point now_ = clock_type::time_point(1h);
};

// Runs `f(clock)` in a task under such a clock.
template <class F>
void in_virtual_time(F f) {
    auto control = std::make_shared<jumping_clock>();
    runtime rt(tests::small().control(control));
    rt.run(f(*control));
}

std::chrono::milliseconds since(clock_type::time_point start, const jumping_clock& clock) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - start);
}

} // namespace

TEST_CASE("rate_limiter: a burst at first, then one for each period / tokens") {
    in_virtual_time([](jumping_clock& clock) -> task<> {
        rate_limiter limit(10, 1s, 3);
        CHECK(limit.burst() == 3);
        CHECK(limit.available() == 3);
        CHECK(limit.idle());
        const auto start = clock.now();
        std::vector<std::chrono::milliseconds> times;
        for (int i = 0; i < 8; ++i) {
            co_await limit.acquire();
            times.push_back(since(start, clock));
        }
        CHECK(times ==
              std::vector<std::chrono::milliseconds>{0ms, 0ms, 0ms, 100ms, 200ms, 300ms, 400ms, 500ms});
        co_await sleep_for(10s);
        CHECK(limit.available() == 3); // and not more, whatever the pause
    });
}

TEST_CASE("rate_limiter: no drift, also where the interval is no whole number") {
    in_virtual_time([](jumping_clock& clock) -> task<> {
        rate_limiter limit(7, 1s); // one in 142.857... ms
        const auto start = clock.now();
        for (std::int64_t i = 0; i <= 7 * 3'600; ++i) {
            co_await limit.acquire();
            const std::chrono::nanoseconds ideal(i * 1'000'000'000 / 7);
            const auto late = clock.now() - start - ideal;
            if (late < 0ns || late > 2ms) REQUIRE(late == 0ns);
        }
        CHECK(since(start, clock) == 3'600s);
    });
}

TEST_CASE("rate_limiter: first come, first served, the large request too") {
    in_virtual_time([](jumping_clock& clock) -> task<> {
        rate_limiter limit(10, 1s, 5);
        const auto start = clock.now();
        std::vector<std::pair<int, std::chrono::milliseconds>> order;
        auto one = [&](int me, std::uint64_t n) -> task<> {
            co_await limit.acquire(n);
            order.emplace_back(me, since(start, clock));
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(one), 0, std::uint64_t{4});
            group.spawn(std::ref(one), 1, std::uint64_t{5}); // 1 is left: 400 ms
            group.spawn(std::ref(one), 2, std::uint64_t{1});
            group.spawn(std::ref(one), 3, std::uint64_t{2});
            co_await tests::turns(4);
            CHECK_FALSE(limit.idle());
            CHECK(limit.available() == 1);
            CHECK_FALSE(limit.try_acquire()); // somebody waits
        });
        using entry = std::pair<int, std::chrono::milliseconds>;
        CHECK(order == std::vector<entry>{{0, 0ms}, {1, 400ms}, {2, 500ms}, {3, 700ms}});
    });
}

TEST_CASE("rate_limiter: those behind a cancelled waiter move up") {
    in_virtual_time([](jumping_clock& clock) -> task<> {
        rate_limiter limit(1, 1s, 10);
        co_await limit.acquire(10);
        const auto start = clock.now();
        ending first = ending::value;
        std::chrono::milliseconds second = 0ms;
        auto impatient = [&]() -> task<> {
            first = co_await tests::ends(with_timeout(2s, limit.acquire(9)));
        };
        auto patient = [&]() -> task<> {
            co_await limit.acquire(3);
            second = since(start, clock);
        };
        co_await when_all(impatient(), patient());
        CHECK(first == ending::timeout);
        CHECK(second == 3s);
    });
}

TEST_CASE("rate_limiter: what cannot be is refused at the call") {
    CHECK_THROWS_AS(rate_limiter(0, 1s), std::invalid_argument);
    CHECK_THROWS_AS(rate_limiter(1, 0s), std::invalid_argument);
    CHECK_THROWS_AS(rate_limiter(1, 1s, 0), std::invalid_argument);
    CHECK_THROWS_AS(rate_limiter(1, 24h, 1'000'000'000), std::invalid_argument);
    rate_limiter limit(1, 1s, 3);
    CHECK_THROWS_AS(limit.try_acquire(4), std::invalid_argument);
    std::string text;
    try {
        static_cast<void>(limit.acquire(4));
    } catch (const std::invalid_argument& e) {
        text = e.what();
    }
    CHECK(text == "rate_limiter: 4 tokens were asked for at once, but the burst is 3");
    CHECK(limit.try_acquire(3));
    CHECK_FALSE(limit.try_acquire());
    CHECK(limit.try_acquire(0));
}

TEST_CASE("rate_limiter: cancelled at every suspension it keeps its tokens and nobody in line") {
    in_virtual_time([](jumping_clock&) -> task<> {
        std::unique_ptr<rate_limiter> limit;
        std::uint64_t taken = 0;
        auto one = [&](std::uint64_t n) -> task<> {
            co_await limit->acquire(n);
            taken += n;
        };
        auto body = [&](task_group& group) -> task<> {
            for (std::uint64_t n = 1; n <= 4; ++n)
                group.spawn(std::ref(one), n % 3 + 1);
            co_return;
        };
        auto scenario = [&]() -> task<> {
            limit = std::make_unique<rate_limiter>(1, 1h, 8);
            taken = 0;
            return with_task_group(body);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            if (taken <= 8) CHECK(limit->available() == 8 - taken);
            CHECK(limit->try_acquire(0)); // fails while somebody is in line
        };
        const std::size_t cancelled = co_await tests::cancel_everywhere(scenario, check);
        CHECK(cancelled > 5);
    });
}

TEST_CASE("rate_limiter: shared by two loops and a thread") {
    runtime rt(tests::loops(2));
    rate_limiter limit(100'000, 1s, 10);
    const std::size_t each = tests::repeat(500, 200);
    const auto start = clock_type::now();
    std::atomic<std::size_t> granted{0};
    auto worker = [&]() -> task<> {
        for (std::size_t i = 0; i < each; ++i) {
            co_await limit.acquire(i % 3 + 1);
            granted += i % 3 + 1;
        }
    };
    std::atomic<bool> stop{false};
    std::thread thread([&] {
        while (!stop)
            if (limit.try_acquire()) ++granted;
    });
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 4; ++i)
                group.spawn_on(rt.loop(i % 2), std::ref(worker));
            co_return;
        });
    });
    stop = true;
    thread.join();
    const auto elapsed = std::chrono::nanoseconds(clock_type::now() - start).count();
    CHECK(granted <= 10 + static_cast<std::size_t>(elapsed) / 10'000);
    CHECK(granted >= 4 * each);
}

TEST_CASE("rate_limiter: destroyed with its runtime while tasks wait") {
    rate_limiter limit(1, 1h);
    CHECK(limit.try_acquire());
    {
        runtime rt(tests::small().drain_timeout(0ms));
        auto wait = [](rate_limiter& from) -> task<> { co_await from.acquire(); };
        for (int i = 0; i < 5; ++i)
            rt.spawn(wait(limit));
        rt.run(tests::turns(3));
    }
    CHECK(limit.try_acquire(0));
    CHECK_FALSE(limit.try_acquire());
}

TEST_CASE("keyed_rate_limiter: a bucket for each key") {
    in_virtual_time([](jumping_clock& clock) -> task<> {
        keyed_rate_limiter<std::string> per_host(2, 1s);
        const auto start = clock.now();
        auto visit = [&](std::string host, int times) -> task<std::chrono::milliseconds> {
            for (int i = 0; i < times; ++i)
                co_await per_host.acquire(host);
            co_return since(start, clock);
        };
        auto both = co_await when_all(visit("a", 5), visit("b", 3));
        CHECK(std::get<0>(both) == 2s);
        CHECK(std::get<1>(both) == 1s);
        CHECK(per_host.size() == 2);
        CHECK_FALSE(per_host.try_acquire("a"));
        CHECK(per_host.try_acquire("c"));
    });
}

TEST_CASE("keyed_rate_limiter: cancelled at every suspension, tokens are kept and nobody holds a bucket") {
    in_virtual_time([](jumping_clock&) -> task<> {
        using limiter = keyed_rate_limiter<int>;
        std::unique_ptr<limiter> limit;
        std::uint64_t taken = 0;
        auto one = [&](int key, std::uint64_t n) -> task<> {
            co_await limit->acquire(key, n);
            if (key == 0) taken += n;
        };
        auto body = [&](task_group& group) -> task<> {
            for (std::uint64_t n = 1; n <= 4; ++n) {
                group.spawn(std::ref(one), 0, n % 3 + 1);
                group.spawn(std::ref(one), 1, n % 2 + 1);
            }
            co_return;
        };
        auto scenario = [&]() -> task<> {
            limit = std::make_unique<limiter>(1, 1h, 8, 2);
            taken = 0;
            return with_task_group(body);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            if (taken <= 8) CHECK(limit->try_acquire(0, 8 - taken)); // fails while somebody is in line
        };
        const std::size_t cancelled = co_await tests::cancel_everywhere(scenario, check);
        CHECK(cancelled > 5);
    });
}

TEST_CASE("keyed_rate_limiter: forgets full buckets, and nothing else") {
    in_virtual_time([](jumping_clock& clock) -> task<> {
        keyed_rate_limiter<int> limit(1, 1s, 2, 100);
        for (int i = 0; i < 100; ++i)
            CHECK(limit.try_acquire(i));
        CHECK(limit.size() == 100);
        std::string text;
        try {
            limit.try_acquire(1'000);
        } catch (const std::length_error& e) {
            text = e.what();
        }
        CHECK(text == "keyed_rate_limiter: more than 100 keys are in use at once (max_keys)");
        CHECK(limit.try_acquire(7)); // known keys go on
        CHECK_FALSE(limit.try_acquire(7));
        clock.advance(1s); // all but 7 are full again
        CHECK(limit.try_acquire(1'000));
        CHECK(limit.size() <= 100);
        CHECK(limit.try_acquire(7));
        CHECK_FALSE(limit.try_acquire(7)); // it was not forgotten
        clock.advance(1h);
        for (int i = 0; i < 10'000; ++i) {
            static_cast<void>(limit.try_acquire(10'000 + i));
            clock.advance(100ms);
        }
        CHECK(limit.size() < 100);
        CHECK_THROWS_AS(keyed_rate_limiter<int>(0, 1s), std::invalid_argument);
        co_return;
    });
}

TEST_CASE("keyed_rate_limiter: a key that is waited for is not forgotten, two loops") {
    runtime rt(tests::loops(2));
    keyed_rate_limiter<std::size_t> limit(1'000'000, 1s, 1, 64);
    const std::size_t each = tests::repeat(3'000, 500);
    std::atomic<std::size_t> done{0};
    auto worker = [&](std::size_t me) -> task<> {
        for (std::size_t i = 0; i < each; ++i) {
            co_await limit.acquire((i * (me + 1)) % 16);
            ++done;
        }
    };
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 4; ++i)
                group.spawn_on(rt.loop(i % 2), std::ref(worker), i);
            co_return;
        });
    });
    CHECK(done == 4 * each);
    CHECK(limit.size() <= 16);
}

namespace {

class limited_key;
class limited_key_hash {
public:
    std::size_t operator()(const limited_key& key) const noexcept;
};
using key_limiter = keyed_rate_limiter<limited_key, limited_key_hash>;

class key_world {
public:
    key_limiter* limiter = nullptr;
    int gone = 0;
};

// When it goes it uses the limiter that it was in.
class limited_key {
public:
    limited_key(int number, key_world& world) noexcept : number_(number), world_(&world) {}
    limited_key(limited_key&& other) noexcept
        : number_(other.number_), world_(std::exchange(other.world_, nullptr)) {}
    limited_key& operator=(limited_key&&) = delete;
    ~limited_key() {
        if (!world_ || !world_->limiter) return;
        static_cast<void>(world_->limiter->size());
        ++world_->gone;
    }
    int number() const noexcept { return number_; }
    friend bool operator==(const limited_key& a, const limited_key& b) noexcept {
        return a.number_ == b.number_;
    }

private:
    int number_;
    key_world* world_;
};

std::size_t limited_key_hash::operator()(const limited_key& key) const noexcept {
    return static_cast<std::size_t>(key.number());
}

} // namespace

TEST_CASE("keyed_rate_limiter: keys are destroyed outside of its lock") {
    test::run([]() -> task<> {
        key_limiter limit(1, 1s, 1, 4);
        key_world world;
        world.limiter = &limit;
        for (int i = 0; i < 4; ++i)
            co_await limit.acquire(limited_key(i, world));
        CHECK(limit.size() == 4);
        co_await limit.acquire(limited_key(2, world)); // known: this key goes at once
        CHECK(world.gone == 1);
        co_await sleep_for(10s); // all are full again
        co_await limit.acquire(limited_key(9, world));
        CHECK(world.gone > 1);
        CHECK(limit.size() < 4);
        world.limiter = nullptr;
    });
}
