#include <tandem/asio_pool.hpp>

#include <tandem/asio.hpp>
#include <tandem/concurrency/move_on_after.hpp>
#include <tandem/concurrency/sleep.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using tandem::asio_context;
using tandem::pool_context;
using tandem::pool_executor;
using tandem::thread_pool;

static_assert(asio::execution::is_executor_v<pool_executor>);
static_assert(asio::can_require_v<pool_executor, asio::execution::blocking_t::never_t>);
static_assert(asio::can_require_v<pool_executor, asio::execution::blocking_t::possibly_t>);
static_assert(asio::can_require_v<pool_executor, asio::execution::outstanding_work_t::tracked_t>);
static_assert(asio::can_prefer_v<pool_executor, asio::execution::relationship_t::fork_t>);
static_assert(asio::can_query_v<pool_executor, asio::execution::context_t>);
static_assert(std::is_nothrow_copy_constructible_v<pool_executor>);
static_assert(std::is_convertible_v<pool_executor, asio::any_io_executor>);
static_assert(std::is_convertible_v<pool_context&, asio::execution_context&>);

TEST_CASE("asio_pool: properties and equality") {
    thread_pool pool(3);
    thread_pool other(1);
    const pool_executor ex = pool.get_executor();
    CHECK(ex == pool.get_executor());
    CHECK(ex != other.get_executor());
    CHECK(&asio::query(ex, asio::execution::context) == &asio_context(pool));
    CHECK(&asio_context(pool) == &asio_context(pool));
    CHECK(asio::query(ex, asio::execution::occupancy) == 3);
    CHECK(asio::query(ex, asio::execution::blocking) == asio::execution::blocking.possibly);
    const auto never = asio::require(ex, asio::execution::blocking.never);
    CHECK(asio::query(never, asio::execution::blocking) == asio::execution::blocking.never);
    CHECK(never != ex);
    CHECK(asio::require(never, asio::execution::blocking.possibly) == ex);
    auto tracked = asio::require(ex, asio::execution::outstanding_work.tracked);
    CHECK(asio::query(tracked, asio::execution::outstanding_work) ==
          asio::execution::outstanding_work.tracked);
    CHECK(asio::require(tracked, asio::execution::outstanding_work.untracked) == ex);
    const pool_executor& same = tracked;
    tracked = same;
    tracked = ex;
    asio_context(pool).join(); // no work is left
    const asio::any_io_executor any = ex;
    CHECK(any == asio::any_io_executor(ex));
    CHECK_FALSE(ex.running_in_this_thread());
}

TEST_CASE("asio_pool: post, dispatch and bind_executor run on the pool") {
    thread_pool pool(2);
    std::atomic<int> wrong{0};
    std::atomic<int> ran{0};
    const auto check = [&] {
        if (!pool.on_worker()) ++wrong;
        ++ran;
    };
    asio::post(pool.get_executor(), check);
    asio::post(asio_context(pool), check);
    asio::dispatch(pool.get_executor(), check);
    auto owned = std::make_unique<int>(1);
    asio::post(pool.get_executor(), [check, owned = std::move(owned)] { check(); });
    asio::post(asio::bind_executor(pool.get_executor(), check));
    asio::any_io_executor any = pool.get_executor();
    asio::post(any, check);
    asio_context(pool).join();
    CHECK(ran == 6);
    CHECK(wrong == 0);
    // On a worker dispatch runs within the call, post does not.
    std::string order;
    asio::post(pool.get_executor(), [&] {
        asio::dispatch(pool.get_executor(), [&order] { order += 'd'; });
        order += 'x';
    });
    asio_context(pool).join();
    CHECK(order == "dx");
    CHECK(asio::post(pool.get_executor(), asio::use_future([] { return 7; })).get() == 7);
}

TEST_CASE("asio_pool: a strand over it keeps the order") {
    thread_pool pool(4);
    auto strand = asio::make_strand(pool.get_executor());
    std::vector<int> order; // guarded by the strand
    for (int i = 0; i < 1000; ++i)
        asio::post(strand, [&order, i] { order.push_back(i); });
    asio_context(pool).join();
    REQUIRE(order.size() == 1000);
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("asio_pool: co_spawn, and timers that wait on its context") {
    thread_pool pool(2);
    std::atomic<int> done{0};
    const auto work = [&](int n) -> asio::awaitable<int> {
        for (int i = 0; i < n; ++i)
            co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
        co_await timer.async_wait(asio::use_awaitable);
        if (pool.on_worker()) ++done;
        co_return n;
    };
    for (int i = 0; i < 20; ++i)
        asio::co_spawn(asio_context(pool), work(i), asio::detached);
    auto result = asio::co_spawn(pool.get_executor(), work(5), asio::use_future);
    CHECK(result.get() == 5);
    asio_context(pool).join(); // waits for the coroutines, also while they wait for their timers
    CHECK(done == 21);
}

TEST_CASE("asio_pool: a task on the pool") {
    thread_pool pool(2);
    const auto work = [&pool]() -> tandem::task<bool> {
        co_await tandem::sleep_for(1ms);
        co_return pool.on_worker();
    };
    auto result = tandem::spawn(pool.get_executor(), work(), asio::use_future);
    CHECK(result.get());
}

TEST_CASE("asio_pool: exceptions go to the pool's handler") {
    std::atomic<int> seen{0};
    thread_pool pool(tandem::thread_pool_options().workers(1).on_exception(
        [&seen](const std::exception_ptr&) { ++seen; }));
    asio::post(pool.get_executor(), [] { throw std::runtime_error("x"); });
    asio_context(pool).join();
    CHECK(seen == 1);
}

TEST_CASE("asio_pool: after the end handlers are destroyed, not called") {
    auto token = std::make_shared<int>();
    bool called = false;
    {
        thread_pool pool(1);
        std::latch begun(1);
        std::latch release(1);
        pool.post([&] {
            begun.count_down();
            release.wait();
        });
        begun.wait();
        asio::post(pool.get_executor(), [&called, token] { called = true; });
        asio::steady_timer timer(pool.get_executor(), 1h);
        timer.async_wait([&called, token](const boost::system::error_code&) { called = true; });
        // A coroutine that waits for ever is destroyed with the context.
        const auto forever = [](std::shared_ptr<int>) -> asio::awaitable<void> {
            asio::steady_timer never(co_await asio::this_coro::executor, 1h);
            co_await never.async_wait(asio::use_awaitable);
        };
        auto waiting = asio::require(pool.get_executor(), asio::execution::blocking.never);
        asio::co_spawn(waiting, forever(token), asio::detached);
        CHECK_FALSE(pool.stop_for(0ms));
        release.count_down();
        pool.stop();
        asio::post(pool.get_executor(), [&called, token] { called = true; });
        CHECK(token.use_count() >= 1);
    }
    CHECK_FALSE(called);
    CHECK(token.use_count() == 1);
}

TEST_CASE("asio_pool: a task awaits a child that runs on the pool, and goes on at home") {
    thread_pool pool(2);
    auto child = [&pool]() -> tandem::task<int> {
        int steps_there = pool.on_worker() ? 1 : 0;
        co_await tandem::sleep_for(1ms);
        if (pool.on_worker()) ++steps_there;
        co_return steps_there;
    };
    auto waits = []() -> tandem::task<> { co_await tandem::sleep_for(1h); };
    tests::run_on_loop([&]() -> tandem::task<> {
        const int steps_there = co_await tandem::spawn(pool.get_executor(), child(), asio::deferred);
        CHECK(steps_there == 2);
        CHECK_FALSE(pool.on_worker());
        auto elsewhere = [&]() -> tandem::task<> {
            co_await tandem::spawn(pool.get_executor(), waits(), asio::deferred);
        };
        const bool in_time = co_await tandem::move_on_after(5ms, elsewhere()); // the child is cancelled
        CHECK_FALSE(in_time);
    });
}
