// A task that was cancelled and takes no notice, but tries again and again, is refused each time, and does
// not keep its loop from everything else.
#include <tandem/asio.hpp>
#include <tandem/concurrency/as_completed.hpp>
#include <tandem/concurrency/async_generator.hpp>
#include <tandem/concurrency/shared_task.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/sync/barrier.hpp>
#include <tandem/sync/broadcast.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/condition_variable.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/keyed_rate_limiter.hpp>
#include <tandem/sync/latch.hpp>
#include <tandem/sync/mutex.hpp>
#include <tandem/sync/once.hpp>
#include <tandem/sync/rate_limiter.hpp>
#include <tandem/sync/select.hpp>
#include <tandem/sync/semaphore.hpp>
#include <tandem/sync/shared_mutex.hpp>
#include <tandem/sync/watch.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::run_on_loop;

namespace {

constexpr std::size_t too_often = 20'000;

// How often the operation is refused before another task has had its turn; `too_often`: it never has.
template <class Make>
task<std::size_t> refusals(Make make) {
    bool done = false;
    std::size_t refused = 0;
    auto stubborn = [&]() -> task<> {
        task_context::current()->request_cancel();
        while (!done && refused < too_often) {
            try {
                static_cast<void>(co_await make());
            } catch (const operation_cancelled&) {
                ++refused;
            }
        }
    };
    auto other = [&]() -> task<> {
        co_await yield();
        done = true;
    };
    co_await when_all(stubborn(), other());
    co_return refused;
}

// The same for a test's line: at least once, and not for ever.
template <class Make>
task<bool> gives_way(Make make) {
    const std::size_t n = co_await refusals(std::move(make));
    co_return n > 0 && n < too_often;
}

async_generator<int> numbers() {
    for (int i = 0;; ++i)
        co_yield i;
}

} // namespace

TEST_CASE("refused operations: locks, permits and flags") {
    run_on_loop([]() -> task<> {
        mutex m;
        const bool of_mutex = co_await gives_way([&] { return m.lock(); });
        CHECK(of_mutex);
        shared_mutex s;
        const bool of_writer = co_await gives_way([&] { return s.lock(); });
        CHECK(of_writer);
        const bool of_reader = co_await gives_way([&] { return s.lock_shared(); });
        CHECK(of_reader);
        semaphore permits(1);
        const bool of_semaphore = co_await gives_way([&] { return permits.acquire(); });
        CHECK(of_semaphore);
        event set(true);
        const bool of_event = co_await gives_way([&] { return set.wait(); });
        CHECK(of_event);
        auto_reset_event signal;
        const bool of_auto_reset = co_await gives_way([&] { return signal.wait(); });
        CHECK(of_auto_reset);
        latch closed(1);
        const bool of_latch = co_await gives_way([&] { return closed.wait(); });
        CHECK(of_latch);
        barrier two(2);
        const bool of_barrier = co_await gives_way([&] { return two.arrive_and_wait(); });
        CHECK(of_barrier);
        condition_variable cv;
        mutex_guard held = co_await m.lock();
        const bool of_condition = co_await gives_way([&] { return cv.wait(held); });
        CHECK(of_condition);
        CHECK(held.holds(m));
        once o;
        const bool of_once = co_await gives_way([&] { return o.call([] {}); });
        CHECK(of_once);
        rate_limiter rate(1, 1s);
        const bool of_rate = co_await gives_way([&] { return rate.acquire(); });
        CHECK(of_rate);
        keyed_rate_limiter<std::string> rates(1, 1s);
        const bool of_keyed = co_await gives_way([&] { return rates.acquire("a"); });
        CHECK(of_keyed);
    });
}

TEST_CASE("refused operations: items") {
    run_on_loop([]() -> task<> {
        channel<int> items(1);
        const bool of_send = co_await gives_way([&] { return items.send(1); });
        CHECK(of_send);
        CHECK(items.size() == 0);
        const bool of_receive = co_await gives_way([&] { return items.receive(); });
        CHECK(of_receive);
        const bool of_some = co_await gives_way([&] { return items.receive_some(3); });
        CHECK(of_some);
        const bool of_select = co_await gives_way([&] { return select(on_receive(items)); });
        CHECK(of_select);
        broadcast<int> news(1);
        auto mine = news.subscribe();
        const bool of_broadcast = co_await gives_way([&] { return mine.receive(); });
        CHECK(of_broadcast);
        watch<int> value(1);
        auto view = value.subscribe();
        const bool of_watch = co_await gives_way([&] { return view.changed(); });
        CHECK(of_watch);
        async_generator<int> source = numbers();
        const bool of_generator = co_await gives_way([&] { return source.next(); });
        CHECK(of_generator);
        const auto first = co_await source.next();
        CHECK(first == 0);
    });
}

TEST_CASE("refused operations: time and other tasks") {
    run_on_loop([]() -> task<> {
        const bool of_sleep = co_await gives_way([] { return sleep_for(1h); });
        CHECK(of_sleep);
        const bool of_yield = co_await gives_way([] { return yield(); });
        CHECK(of_yield);
        const bool of_timeout = co_await gives_way([] { return with_timeout(1h, sleep_for(1h)); });
        CHECK(of_timeout);
        const auto late = scheduler::clock::now() + 1h;
        const bool of_deadline = co_await gives_way([&] { return with_deadline(late, sleep_for(1h)); });
        CHECK(of_deadline);
        shared_task<int> work([]() -> task<int> { co_return 1; }());
        const bool of_shared = co_await gives_way([&] { return work; });
        CHECK(of_shared);
        co_await with_task_group([](task_group& group) -> task<> {
            auto child = group.spawn_result([]() -> task<int> { co_return 1; });
            const bool of_result = co_await gives_way([&] { return child.result(); });
            CHECK(of_result);
            const bool of_place =
                co_await gives_way([&] { return group.spawn_when_free([]() -> task<> { co_return; }); });
            CHECK(of_place);
        });
        std::vector<task<int>> tasks;
        tasks.push_back([]() -> task<int> { co_return 1; }());
        auto body = [](completions<int>& results) -> task<> {
            const bool of_completed = co_await gives_way([&] { return results.next(); });
            CHECK(of_completed);
            CHECK(results.remaining() == 1);
        };
        co_await as_completed(std::move(tasks), 1, body);
    });
}

TEST_CASE("refused operations: offload and Asio") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        const bool of_offload = co_await gives_way([&] { return offload([&calls] { ++calls; }); });
        CHECK(of_offload);
        CHECK(calls == 0);
        boost::asio::steady_timer timer(task_context::current()->home().executor(), 1h);
        const bool of_asio = co_await gives_way([&] { return timer.async_wait(boost::asio::deferred); });
        CHECK(of_asio);
    });
}
