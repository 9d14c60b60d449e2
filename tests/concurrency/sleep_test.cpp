#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <chrono>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using std::chrono::steady_clock;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("sleep: never early, and in order of time") {
    run_on_loop([]() -> task<> {
        std::vector<int> order;
        auto sleeper = [&](int ms) -> task<> {
            const auto before = steady_clock::now();
            co_await sleep_for(std::chrono::milliseconds(ms));
            CHECK(steady_clock::now() - before >= std::chrono::milliseconds(ms));
            order.push_back(ms);
        };
        co_await when_all(sleeper(60), sleeper(5), sleeper(30));
        CHECK(order == std::vector<int>{5, 30, 60});
        const auto until = steady_clock::now() + 5ms;
        co_await sleep_until(until);
        CHECK(steady_clock::now() >= until);
    });
}

TEST_CASE("sleep: zero, the past and less than nothing give way once") {
    run_on_loop([]() -> task<> {
        int others = 0;
        bool stop = false;
        auto other = [&]() -> task<> {
            while (!stop) {
                co_await yield();
                ++others;
            }
        };
        auto subject = [&]() -> task<> {
            co_await yield();
            const int before = others;
            co_await sleep_for(0ns);
            co_await sleep_for(-1h);
            co_await sleep_for(std::chrono::nanoseconds::min());
            co_await sleep_until(steady_clock::time_point::min());
            co_await sleep_until(steady_clock::now());
            CHECK(others >= before + 4);
            stop = true;
        };
        co_await when_all(other(), subject());
    });
}

TEST_CASE("sleep: forever can be cancelled, at every suspension") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        auto scenario = []() -> task<> {
            co_await sleep_for(0ns);
            co_await sleep_for(1ms);
            co_await tests::turns(2);
        };
        auto check = [](ending how) { CHECK((how == ending::value || how == ending::cancelled)); };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 4);
    run_on_loop([]() -> task<> {
        std::size_t ended = 0;
        auto sleeper = [&](std::chrono::nanoseconds time) -> task<> {
            const ending how = co_await tests::ends(as_task(sleep_for(time)));
            if (how == ending::cancelled) ++ended;
        };
        auto until = [&]() -> task<> {
            const ending how = co_await tests::ends(as_task(sleep_until(steady_clock::time_point::max())));
            if (how == ending::cancelled) ++ended;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(sleeper), std::chrono::nanoseconds(1h));
            group.spawn(std::ref(sleeper), std::chrono::nanoseconds::max());
            group.spawn(std::ref(until));
            co_await sleep_for(1ms);
            group.cancel();
        });
        CHECK(ended == 3);
    });
}

TEST_CASE("sleep: cancellation is level-triggered") {
    run_on_loop([]() -> task<> {
        std::vector<ending> seen;
        auto subject = [&]() -> task<> {
            for (int i = 0; i < 3; ++i)
                seen.push_back(co_await tests::ends(as_task(sleep_for(1h))));
            const ending of_yield = co_await tests::ends(tests::turns(1));
            seen.push_back(of_yield);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(subject));
            co_await tests::turns(2);
            group.cancel();
        });
        CHECK(seen == std::vector<ending>(4, ending::cancelled));
    });
}

TEST_CASE("sleep: the stop token is told of a cancellation, at home, also when asked for afterwards") {
    run_on_loop([]() -> task<> {
        bool told = false;
        bool at_home = false;
        bool late = false;
        auto subject = [&]() -> task<> {
            const std::stop_token token = co_await current_stop_token();
            CHECK(token.stop_possible());
            CHECK_FALSE(token.stop_requested());
            scheduler& home = task_context::current()->home();
            auto tell = [&] {
                told = true;
                at_home = home.is_current();
            };
            const std::stop_callback<decltype(tell)> callback(token, tell);
            static_cast<void>(co_await tests::ends(as_task(sleep_for(1h))));
            CHECK(token.stop_requested());
        };
        auto asks_late = [&]() -> task<> {
            static_cast<void>(co_await tests::ends(as_task(sleep_for(1h))));
            const std::stop_token token = co_await current_stop_token();
            late = token.stop_requested();
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(subject));
            group.spawn(std::ref(asks_late));
            co_await tests::turns(2);
            group.cancel();
        });
        CHECK(told);
        CHECK(at_home);
        CHECK(late);
    });
}

TEST_CASE("yield: everybody that is ready gets a turn, in order") {
    std::vector<int> order;
    run_on_loop([&]() -> task<> {
        auto player = [&](int me) -> task<> {
            for (int i = 0; i < 3; ++i) {
                order.push_back(me);
                co_await yield();
            }
        };
        co_await when_all(player(0), player(1), player(2));
    });
    CHECK(order == std::vector<int>{0, 1, 2, 0, 1, 2, 0, 1, 2});
}

namespace {

task<> sleeps_whatever_happens(bool& left) {
    class note {
    public:
        explicit note(bool& l) noexcept : left_(l) {}
        note(const note&) = delete;
        note& operator=(const note&) = delete;
        ~note() { left_ = true; }

    private:
        bool& left_;
    };
    const note at_end(left);
    for (;;) {
        try {
            co_await sleep_for(std::chrono::milliseconds(1));
        } catch (const operation_cancelled&) {
        }
    }
}

} // namespace

TEST_CASE("sleep_for: a task that swallows its cancellation for ever does not keep its runtime from ending") {
    bool left = false;
    {
        runtime rt(tests::small().drain_timeout(std::chrono::milliseconds(20)));
        rt.spawn(sleeps_whatever_happens(left));
        rt.run(tests::turns(3));
    }
    CHECK(left);
}
