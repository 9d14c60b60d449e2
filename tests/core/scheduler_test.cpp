#include <tandem/concurrency/task_group.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/core/scheduler.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <chrono>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;

namespace {

// Notes on which thread and in which order it ran.
class note : public ready_node {
public:
    note(std::vector<std::size_t>& order, std::size_t me, event* last) noexcept
        : ready_node(&note::act), order_(order), me_(me), last_(last) {}

private:
    static void act(ready_node& node) noexcept {
        auto& self = static_cast<note&>(node);
        self.order_.push_back(self.me_);
        if (self.last_) self.last_->set();
    }
    std::vector<std::size_t>& order_;
    std::size_t me_;
    event* last_;
};

class ringer : public timer_node {
public:
    ringer(event& rung, scheduler& on) noexcept : timer_node(&ringer::act), rung_(rung), on_(on) {}
    scheduler::clock::time_point when{};
    bool home = false;

private:
    static void act(timer_node& node) noexcept {
        auto& self = static_cast<ringer&>(node);
        self.when = scheduler::clock::now();
        self.home = self.on_.is_current();
        self.rung_.set();
    }
    event& rung_;
    scheduler& on_;
};

} // namespace

TEST_CASE("scheduler: first in, first out, from its own thread and from another") {
    runtime rt(tests::loops(2));
    const std::size_t n = tests::repeat(100'000, 20'000);
    for (const std::size_t from : std::vector<std::size_t>{0, 1}) {
        std::vector<std::size_t> order;
        event done;
        std::deque<note> notes;
        rt.run([&]() -> task<> {
            auto schedule_all = [&]() -> task<> {
                for (std::size_t i = 0; i < n; ++i)
                    notes.emplace_back(order, i, i + 1 == n ? &done : nullptr);
                for (note& one : notes)
                    rt.loop(0).schedule(one);
                co_return;
            };
            co_await with_task_group([&](task_group& group) -> task<> {
                group.spawn_on(rt.loop(from), std::ref(schedule_all));
                co_return;
            });
            co_await done.wait();
        });
        REQUIRE(order.size() == n);
        for (std::size_t i = 0; i < n; ++i)
            REQUIRE(order[i] == i);
    }
}

TEST_CASE("scheduler: is current on its own thread only") {
    runtime rt(tests::loops(2));
    CHECK_FALSE(rt.loop(0).is_current());
    CHECK_FALSE(rt.loop(0).torn_down());
    CHECK(rt.loop(0).companion() == &rt.pool());
    rt.run([&]() -> task<> {
        CHECK(rt.loop(0).is_current());
        CHECK_FALSE(rt.loop(1).is_current());
        co_return;
    });
}

TEST_CASE("scheduler: timers fire at home, never early, disarmed ones do not, disarm is idempotent") {
    tests::run_on_loop([]() -> task<> {
        scheduler& home = task_context::current()->home();
        event rung;
        event not_rung;
        ringer fires(rung, home);
        ringer disarmed(not_rung, home);
        const auto when = home.now() + 5ms;
        home.arm(fires, when);
        home.arm(disarmed, when);
        CHECK(fires.armed());
        home.disarm(disarmed);
        home.disarm(disarmed);
        co_await rung.wait();
        CHECK(fires.when >= when);
        CHECK(fires.home);
        CHECK_FALSE(fires.armed());
        CHECK_FALSE(not_rung.is_set());
        home.disarm(fires);
    });
}

TEST_CASE("scheduler: a loop that is woken from outside while it sleeps until a far timer") {
    const std::size_t rounds = tests::repeat(2'000, 300);
    runtime rt(tests::small());
    event gate;
    std::thread setter;
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            auto sleeper = []() -> task<> { co_await sleep_for(1h); };
            group.spawn(std::ref(sleeper));
            for (std::size_t i = 0; i < rounds; ++i) {
                setter = std::thread([&] { gate.set(); });
                co_await gate.wait();
                gate.reset();
                setter.join();
            }
            group.cancel();
        });
    });
    SUCCEED("every wake-up arrived");
}
