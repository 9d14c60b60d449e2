#include <tandem/core/block_on.hpp>

#include <tandem/asio.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/parallelism/thread_pool.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/mutex.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;

namespace {

task<int> twice(int n) {
    co_await yield();
    co_return 2 * n;
}

// The message of the std::logic_error that `f` throws; "" when it throws none.
template <class F>
std::string logic_error_of(F f) {
    try {
        f();
    } catch (const std::logic_error& e) {
        return e.what();
    }
    return "";
}

} // namespace

TEST_CASE("block_on: gives the result of a task, of an operation, and of a call") {
    CHECK(block_on(twice(21)) == 42);
    CHECK(block_on(twice, 4) == 8);
    mutex m;
    mutex_guard guard = block_on(m.lock());
    CHECK(guard.holds(m));
    auto made = block_on([](std::unique_ptr<int> p) -> task<std::unique_ptr<int>> { co_return p; },
                         std::make_unique<int>(7));
    CHECK(*made == 7);
    int target = 3;
    auto reference = [&]() -> task<int&> { co_return target; };
    CHECK(&block_on(std::ref(reference)) == &target);
    static_assert(std::is_void_v<decltype(block_on(yield()))>);
}

TEST_CASE("block_on: throws what the task throws") {
    auto fail = []() -> task<> {
        co_await yield();
        throw std::runtime_error("inside");
    };
    CHECK_THROWS_WITH(block_on(fail()), "inside");
    CHECK_THROWS_AS(block_on(with_timeout(2ms, sleep_for(1h))), timeout_error);
}

TEST_CASE("block_on: timers, groups, and joins work on the blocked thread") {
    const auto home = std::this_thread::get_id();
    std::vector<int> order;
    block_on([&]() -> task<> {
        auto note = [&](int me, std::chrono::milliseconds delay) -> task<> {
            co_await sleep_for(delay);
            CHECK(std::this_thread::get_id() == home);
            order.push_back(me);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(note), 2, 20ms);
            group.spawn(std::ref(note), 1, 4ms);
            group.spawn(std::ref(note), 0, 0ms);
            co_return;
        });
        const auto both = co_await when_all(twice(1), twice(2));
        CHECK(std::get<0>(both) == 2);
        CHECK(std::get<1>(both) == 4);
    });
    CHECK(order == std::vector<int>{0, 1, 2});
}

TEST_CASE("block_on: is refused where it would block a loop, and says so") {
    const std::string hint = "would block the loop; co_await instead";
    std::string in_task;
    std::string nested;
    std::string in_handler;
    runtime rt(tests::small());
    auto call = [] { block_on(yield()); };
    rt.run([&]() -> task<> {
        in_task = logic_error_of(call);
        event ran;
        boost::asio::post(task_context::current()->home().executor(), [&] { // the loop's thread, but no task
            CHECK(task_context::current() == nullptr);
            in_handler = logic_error_of(call);
            ran.set();
        });
        co_await ran.wait();
    });
    block_on([&]() -> task<> {
        nested = logic_error_of(call);
        co_return;
    });
    CHECK(in_task.find(hint) != std::string::npos);
    CHECK(in_handler.find(hint) != std::string::npos);
    CHECK(nested.find(hint) != std::string::npos);
    CHECK_NOTHROW(call()); // after all that the thread is a plain one again
}

TEST_CASE("block_on: there is no I/O and, off a pool, no computing in it") {
    block_on([]() -> task<> {
        scheduler& home = task_context::current()->home();
        CHECK(home.owner() == nullptr);
        CHECK(home.companion() == nullptr);
        CHECK(home.is_current());
        CHECK(logic_error_of([&] { home.executor(); }).find("use a runtime") != std::string::npos);
        const std::string computing = co_await tests::message_of(as_task(offload([] { return 1; })));
        CHECK_FALSE(computing.empty());
        boost::asio::io_context io;
        auto post = [&]() -> task<> { co_await boost::asio::post(io.get_executor(), boost::asio::deferred); };
        const std::string waiting = co_await tests::message_of(post());
        CHECK(waiting.find("use a runtime") != std::string::npos);
        co_await yield(); // and the task goes on
    });
}

TEST_CASE("block_on: on a pool worker, whose pool is then the companion") {
    thread_pool pool(thread_pool_options().workers(2));
    thread_pool* companion = nullptr;
    auto on_worker = [&companion] {
        return block_on([&]() -> task<int> {
            companion = task_context::current()->home().companion();
            const int a = co_await offload([] { return 20; });
            const int b = co_await twice(11);
            co_return a + b;
        });
    };
    const int result = pool.submit(on_worker).get();
    CHECK(result == 42);
    CHECK(companion == &pool);
}

TEST_CASE("block_on: on a pool's only worker, a future's call is run by the worker that awaits it") {
    thread_pool pool(1);
    bool in_task = true;
    auto inner = [&in_task] {
        in_task = task_context::current() != nullptr;
        return block_on(twice(10)); // it is a call like any other on a worker
    };
    auto on_worker = [&] { return block_on(pool.submit(inner)); };
    const int alone = pool.submit(on_worker).get();
    CHECK(alone == 20);
    CHECK_FALSE(in_task);

    auto several = [&]() -> task<int> {
        task_context* const me = task_context::current();
        const auto both = co_await when_all(pool.submit(inner), pool.submit(inner));
        int sum = std::get<0>(both) + std::get<1>(both);
        auto same = [](int n) { return n; };
        for (int i = 0; i < 200; ++i) // more than the budget of a task that never waits
            sum += co_await pool.submit(same, i);
        co_return task_context::current() == me ? sum : 0;
    };
    const int sum = pool.submit([&several] { return block_on(std::ref(several)); }).get();
    CHECK(sum == 40 + 199 * 100);

    auto throws = [&] { block_on(pool.submit([] { throw std::runtime_error("inside"); })); };
    CHECK_THROWS_WITH(pool.submit(throws).get(), "inside");
}

TEST_CASE("block_on: woken from loops and from plain threads, item by item") {
    const int items = static_cast<int>(tests::repeat(20'000, 2'000));
    channel<int> there(0);
    channel<int> back(0);
    runtime rt(tests::loops(2));
    auto forward = [&]() -> task<> {
        while (auto item = co_await there.receive())
            co_await back.send(*item + 1);
        back.close();
    };
    rt.spawn(forward(), 1); // its loop has a thread of its own
    int sent = 0;
    std::thread sender([&] {
        for (int i = 0; i < items; ++i)
            sent += block_on(there.send(i)) ? 1 : 0;
        there.close();
    });
    long long sum = 0;
    int received = 0;
    while (auto item = block_on(back.receive())) {
        CHECK(*item == received + 1);
        sum += *item;
        ++received;
    }
    sender.join();
    CHECK(sent == items);
    CHECK(received == items);
    CHECK(sum == static_cast<long long>(items) * (items + 1) / 2);
}

TEST_CASE("block_on: the waker may still be inside of schedule when the task has ended") {
    // Each round a scheduler of its own, gone at once after the wake-up; AddressSanitizer and ThreadSanitizer
    // see a touch too late.
    const int rounds = static_cast<int>(tests::repeat(3'000, 1'000));
    auto_reset_event ping;
    auto_reset_event pong;
    std::thread other([&] {
        for (int i = 0; i < rounds; ++i) {
            block_on(ping.wait());
            pong.set();
        }
    });
    for (int i = 0; i < rounds; ++i) {
        ping.set();
        block_on(pong.wait());
    }
    other.join();
    CHECK_FALSE(ping.is_set());
    CHECK_FALSE(pong.is_set());
}

TEST_CASE("block_on: a group's children on another loop come home") {
    runtime rt(tests::loops(2));
    const auto home = std::this_thread::get_id();
    std::thread::id there;
    auto child = [&]() -> task<> {
        co_await yield();
        there = std::this_thread::get_id();
    };
    block_on([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn_on(rt.loop(1), std::ref(child));
            co_return;
        });
        CHECK(std::this_thread::get_id() == home);
    });
    CHECK(there != std::thread::id());
    CHECK(there != home);
}
