// Tasks on foreign Asio executors: completion tokens, threads, and the end of the execution context.
#include <tandem/asio.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/semaphore.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using namespace tandem;
using namespace std::chrono_literals;
using tests::ending;

// any_io_executor counts its references with fences, which the thread sanitizer does not understand.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
    return "race:boost::asio::execution::detail::shared_target_executor\n";
}

namespace {

task<int> answer() {
    asio::steady_timer timer(co_await this_executor(), 1ms);
    co_await timer.async_wait(asio::deferred);
    co_await sleep_for(1ms);
    co_return 42;
}
task<int> failing() {
    co_await sleep_for(1ms);
    throw std::runtime_error("from the task");
}
task<std::unique_ptr<int>> move_only() {
    co_await yield();
    co_return std::make_unique<int>(7);
}
task<> sleeps(std::shared_ptr<int> marker) {
    co_await sleep_for(1h);
    static_cast<void>(marker);
}
task<> times_out() {
    co_await with_timeout(2ms, sleep_for(1h));
}

std::string message_of(const std::exception_ptr& failure) {
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& e) {
        return e.what();
    }
    return "";
}

// Threads that run an io_context.
class runners {
public:
    runners(asio::io_context& io, std::size_t n) : work_(io.get_executor()) {
        for (std::size_t i = 0; i < n; ++i)
            threads_.emplace_back([&io] { io.run(); });
    }
    ~runners() {
        work_.reset();
        for (std::thread& t : threads_)
            t.join();
    }

private:
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::vector<std::thread> threads_;
};

// What only one task at a time may use. Plain variables: the thread sanitizer sees a parallel use as well.
class exclusive {
public:
    void use() {
        if (inside_.exchange(true)) parallel_ = true;
        ++uses_;
        inside_ = false;
    }
    int uses() const { return uses_; }
    bool parallel() const { return parallel_; }

private:
    std::atomic<bool> inside_{false};
    std::atomic<bool> parallel_{false};
    int uses_ = 0;
};

task<> uses(exclusive& thing, int times) {
    asio::steady_timer timer(co_await this_executor());
    for (int i = 0; i < times; ++i) {
        thing.use();
        if (i % 8 == 0)
            co_await yield();
        else if (i % 8 == 1) {
            timer.expires_after(10us);
            co_await timer.async_wait(asio::deferred);
        } else
            co_await asio::post(asio::deferred);
        thing.use();
    }
}

task<int> all_primitives() {
    semaphore slots(2);
    channel<int> numbers(1);
    exclusive thing;
    int sum = 0;
    auto produce = [&]() -> task<> {
        for (int i = 1; i <= 20; ++i) {
            auto permit = co_await slots.acquire();
            co_await numbers.send(i);
        }
    };
    auto consume = [&]() -> task<> {
        for (int i = 0; i < 60; ++i)
            sum += *co_await numbers.receive();
    };
    co_await with_task_group([&](task_group& group) -> task<> {
        for (int i = 0; i < 3; ++i)
            group.spawn(std::ref(produce));
        group.spawn(std::ref(consume));
        co_await sleep_for(1ms);
        group.spawn(uses, std::ref(thing), 50);
    });
    co_await when_all(uses(thing, 200), uses(thing, 200), uses(thing, 200));
    if (thing.parallel() || thing.uses() != 1300) throw std::logic_error("siblings ran in parallel");
    co_return sum;
}

} // namespace

TEST_CASE("spawn: use_future") {
    asio::io_context io;
    auto value = spawn(io.get_executor(), answer(), asio::use_future);
    auto failure = spawn(io.get_executor(), failing(), asio::use_future);
    auto moved = spawn(io.get_executor(), move_only(), asio::use_future);
    auto nothing = spawn(io.get_executor(), as_task(sleep_for(1ms)), asio::use_future);
    auto late = spawn(io.get_executor(), times_out(), asio::use_future);
    io.run();
    CHECK(value.get() == 42);
    CHECK_THROWS_AS(failure.get(), std::runtime_error);
    CHECK(*moved.get() == 7);
    nothing.get();
    CHECK_THROWS_AS(late.get(), timeout_error);
}

TEST_CASE("spawn: use_awaitable, and an awaitable inside of the task again") {
    asio::io_context io;
    std::string what;
    int got = 0;
    auto nested = [&]() -> task<int> {
        auto inner = [&]() -> asio::awaitable<int> {
            co_return co_await spawn(io.get_executor(), answer(), asio::use_awaitable);
        };
        co_return 1 + co_await inner();
    };
    auto outer = [&]() -> asio::awaitable<void> {
        got = co_await spawn(io.get_executor(), nested(), asio::use_awaitable);
        try {
            co_await spawn(io.get_executor(), failing(), asio::use_awaitable);
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        const auto seven = co_await spawn(io.get_executor(), move_only(), asio::use_awaitable);
        got += *seven;
    };
    asio::co_spawn(io, outer(), asio::detached);
    io.run();
    CHECK(got == 50);
    CHECK(what == "from the task");
}

TEST_CASE("spawn: a callback runs on its own executor, detached drops the result") {
    asio::io_context io;
    asio::io_context other;
    bool elsewhere = false;
    int value = 0;
    std::string what;
    std::unique_ptr<int> moved;
    spawn(io.get_executor(), answer(),
          asio::bind_executor(other.get_executor(), [&](const std::exception_ptr& e, int v) {
              elsewhere = other.get_executor().running_in_this_thread() && !e;
              value = v;
          }));
    spawn(io.get_executor(), failing(), [&](const std::exception_ptr& e, int) { what = message_of(e); });
    spawn(io.get_executor(), move_only(),
          [&](const std::exception_ptr&, std::unique_ptr<int> v) { moved = std::move(v); });
    spawn(io.get_executor(), failing(), asio::detached);
    spawn(io.get_executor(), answer(), asio::detached);
    std::thread thread([&other] { other.run(); }); // the task keeps it busy until its handler has run
    io.run();
    thread.join();
    CHECK(elsewhere);
    CHECK(value == 42);
    CHECK(what == "from the task");
    CHECK(*moved == 7);
}

TEST_CASE("spawn: the token's cancellation slot") {
    asio::io_context io;
    asio::cancellation_signal signal;
    auto marker = std::make_shared<int>(1);
    const std::weak_ptr<int> left = marker;
    ending end = ending::value;
    bool gone = false;
    auto note = [&](const std::exception_ptr& e) {
        end = tests::ending_of(e);
        gone = left.expired(); // the task's frame goes first
    };
    spawn(io.get_executor(), sleeps(std::move(marker)), asio::bind_cancellation_slot(signal.slot(), note));
    io.poll();
    CHECK(!left.expired());
    signal.emit(asio::cancellation_type::terminal);
    io.restart();
    io.run();
    CHECK(end == ending::cancelled);
    CHECK(gone);
    signal.emit(asio::cancellation_type::all); // too late: nobody listens

    // Before it has begun.
    end = ending::value;
    spawn(io.get_executor(), sleeps(nullptr), asio::bind_cancellation_slot(signal.slot(), note));
    signal.emit(asio::cancellation_type::terminal);
    io.restart();
    io.run();
    CHECK(end == ending::cancelled);
}

TEST_CASE("spawn: a signal that is emitted while the task ends on another thread") {
    asio::thread_pool pool(2);
    auto work = [](std::size_t turns) -> task<> { co_await tests::turns(turns); };
    const std::size_t rounds = tests::repeat(2'000, 300);
    std::size_t ended = 0;
    for (std::size_t i = 0; i < rounds; ++i) {
        asio::io_context home; // signal and handler live here
        asio::cancellation_signal signal;
        auto note = [&](const std::exception_ptr& e) {
            if (tests::ending_of(e) != ending::error) ++ended;
        };
        spawn(pool.get_executor(), work(i % 64),
              asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(home.get_executor(), note)));
        for (int k = 0; k < 3; ++k)
            signal.emit(asio::cancellation_type::terminal);
        home.run();
    }
    CHECK(ended == rounds);
    pool.join();
}

TEST_CASE("spawn: on an io_context that three threads run") {
    asio::io_context io;
    const runners threads(io, 3);
    std::vector<std::future<int>> sums;
    for (int i = 0; i < 8; ++i)
        sums.push_back(spawn(io.get_executor(), all_primitives(), asio::use_future));
    for (auto& sum : sums)
        CHECK(sum.get() == 630);
}

TEST_CASE("spawn: on a thread pool and on a strand") {
    asio::thread_pool pool(3);
    auto a = spawn(pool.get_executor(), all_primitives(), asio::use_future);
    auto b = spawn(asio::make_strand(pool), all_primitives(), asio::use_future);
    auto c = spawn(asio::any_io_executor(asio::make_strand(pool)), answer(), asio::use_future);
    CHECK(a.get() == 630);
    CHECK(b.get() == 630);
    CHECK(c.get() == 42);
    pool.join();
}

TEST_CASE("spawn: woken for the last time by a foreign thread") {
    asio::io_context io;
    const runners threads(io, 2);
    const std::size_t rounds = tests::repeat(3'000, 500);
    auto waits = [](event& e) -> task<> { co_await e.wait(); };
    for (std::size_t i = 0; i < rounds; ++i) {
        event first;
        event second;
        auto both = [&]() -> task<> { co_await when_all(waits(first), waits(second)); };
        auto done = spawn(io.get_executor(), both(), asio::use_future);
        first.set();
        second.set();
        done.get();
    }
}

TEST_CASE("spawn: tasks of two contexts share a channel") {
    asio::io_context a;
    asio::io_context b;
    const runners run_a(a, 1);
    const runners run_b(b, 2);
    channel<int> numbers(4);
    const int count = static_cast<int>(tests::repeat(20'000, 2'000));
    auto produce = [&]() -> task<> {
        for (int i = 1; i <= count; ++i)
            co_await numbers.send(i);
        numbers.close();
    };
    auto consume = [&]() -> task<long> {
        long sum = 0;
        while (const auto n = co_await numbers.receive())
            sum += *n;
        co_return sum;
    };
    auto sent = spawn(a.get_executor(), produce(), asio::use_future);
    auto sum = spawn(b.get_executor(), consume(), asio::use_future);
    sent.get();
    CHECK(sum.get() == static_cast<long>(count) * (count + 1) / 2);
}

TEST_CASE("spawn: offload needs a pool to be named") {
    asio::io_context io;
    thread_pool pool(1);
    auto without = []() -> task<int> { co_return co_await offload([] { return 1; }); };
    auto with = [&pool]() -> task<int> { co_return co_await offload(pool, [] { return 2; }); };
    auto a = spawn(io.get_executor(), without(), asio::use_future);
    auto b = spawn(io.get_executor(), with(), asio::use_future);
    io.run();
    std::string what;
    try {
        a.get();
    } catch (const std::logic_error& e) {
        what = e.what();
    }
    CHECK(what.find("offload(pool, f, ...)") != std::string::npos);
    CHECK(b.get() == 2);
}

TEST_CASE("spawn: an operation that fails to start does not destroy the running task") {
    asio::io_context io;
    auto tries = []() -> task<int> {
        co_await sleep_for(1ms); // goes on inside the scheduler's own timer handler
        try {
            co_await asio::async_initiate<const asio::deferred_t, void()>(
                [](auto handler) {
                    static_cast<void>(handler);
                    throw std::runtime_error("not started");
                },
                asio::deferred);
            co_return 0;
        } catch (const std::runtime_error&) {
        }
        co_return 1 + co_await answer();
    };
    auto value = spawn(io.get_executor(), tries(), asio::use_future);
    io.run();
    CHECK(value.get() == 43);
}
