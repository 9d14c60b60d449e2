// The same with what Asio itself offers: awaitable, co_spawn, awaitable_operators, parallel_group,
// experimental::channel, steady_timer.
#include "bench/concurrency/cases.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <thread>

namespace bench {

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using executor = asio::io_context::executor_type;
template <class T = void>
using awaitable = asio::awaitable<T, executor>; // the concrete executor: Asio at its best
using token = asio::use_awaitable_t<executor>;
constexpr token await_it{};
using error_code = boost::system::error_code;
template <class T>
using channel =
    asio::experimental::basic_channel<executor, asio::experimental::channel_traits<>, void(error_code, T)>;
template <class T>
using shared_channel =
    asio::experimental::basic_concurrent_channel<executor, asio::experimental::channel_traits<>,
                                                 void(error_code, T)>;
using timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, executor>;

void rethrow(const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
}

template <class Body>
std::function<void(std::size_t)> on_loop(Body body) {
    return [body](std::size_t n) {
        asio::io_context io(1);
        auto measured = [&body](std::size_t count) -> awaitable<> {
            co_await body(count / 10 + 1);
            begin_measuring();
            co_await body(count);
            end_measuring();
        };
        asio::co_spawn(io.get_executor(), measured(n), rethrow);
        io.run();
    };
}

awaitable<int> answer(int x) {
    co_return x + 1;
}
awaitable<> nothing() {
    co_return;
}
awaitable<int> deep(int depth) {
    if (depth == 0) co_return 1;
    const int below = co_await deep(depth - 1);
    co_return below + 1;
}

awaitable<> child_await(std::size_t n) {
    int sum = 0;
    for (std::size_t i = 0; i < n; ++i)
        sum += co_await answer(1);
    if (sum == 0) throw std::logic_error("not computed");
}
awaitable<> ten_deep(std::size_t n) {
    for (std::size_t i = 0; i < n / 10; ++i)
        co_await deep(9);
}
awaitable<> yields(std::size_t n) {
    const executor ex = co_await asio::this_coro::executor;
    for (std::size_t i = 0; i < n; ++i)
        co_await asio::post(ex, await_it);
}
awaitable<> spawn_and_join(std::size_t n) {
    const executor ex = co_await asio::this_coro::executor;
    std::size_t left = n;
    timer all_done(ex, timer::time_point::max());
    for (std::size_t i = 0; i < n; ++i) {
        asio::co_spawn(ex, nothing(), [&](const std::exception_ptr&) {
            if (--left == 0) all_done.cancel();
        });
        if (i % 100 == 99) co_await asio::post(ex, await_it);
    }
    error_code ec;
    if (left != 0) co_await all_done.async_wait(asio::redirect_error(await_it, ec));
}
awaitable<> join_of_two(std::size_t n) {
    using namespace asio::experimental::awaitable_operators;
    for (std::size_t i = 0; i < n; ++i)
        co_await (nothing() && nothing());
}
template <class Make>
awaitable<> join_of(std::size_t n, std::size_t width, Make make) {
    const executor ex = co_await asio::this_coro::executor;
    using operation = decltype(asio::co_spawn(ex, make(), asio::deferred));
    for (std::size_t done = 0; done < n; done += width) {
        std::vector<operation> children;
        children.reserve(width);
        for (std::size_t i = 0; i < width; ++i)
            children.push_back(asio::co_spawn(ex, make(), asio::deferred));
        auto group = asio::experimental::make_parallel_group(std::move(children));
        co_await group.async_wait(asio::experimental::wait_for_all(), await_it);
    }
}

template <class Channel>
awaitable<> produce(Channel& c, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        co_await c.async_send(error_code(), static_cast<int>(i), await_it);
}
template <class Channel>
awaitable<> consume(Channel& c, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        co_await c.async_receive(await_it);
}
awaitable<> channel_same_loop(std::size_t n, std::size_t capacity) {
    const executor ex = co_await asio::this_coro::executor;
    channel<int> c(ex, capacity);
    using namespace asio::experimental::awaitable_operators;
    co_await (produce(c, n) && consume(c, n));
}
awaitable<> channel_cross_loop(std::size_t n, std::size_t capacity) {
    const executor ex = co_await asio::this_coro::executor;
    shared_channel<int> c(ex, capacity);
    asio::io_context other(1);
    asio::co_spawn(other.get_executor(), produce(c, n), rethrow);
    std::thread runner([&other] { other.run(); });
    co_await consume(c, n);
    runner.join();
}

// Asio has no lock: a channel that holds one token is what its users take.
awaitable<> mutex_uncontended(std::size_t n) {
    const executor ex = co_await asio::this_coro::executor;
    channel<int> m(ex, 1);
    for (std::size_t i = 0; i < n; ++i) {
        co_await m.async_send(error_code(), 0, await_it);
        m.try_receive([](const error_code&, int) {});
    }
}
awaitable<> lock_and_yield(channel<int>& m, std::size_t n) {
    const executor ex = co_await asio::this_coro::executor;
    for (std::size_t i = 0; i < n; ++i) {
        co_await m.async_send(error_code(), 0, await_it);
        co_await asio::post(ex, await_it);
        m.try_receive([](const error_code&, int) {});
    }
}
awaitable<> mutex_contended(std::size_t n) {
    const executor ex = co_await asio::this_coro::executor;
    channel<int> m(ex, 1);
    using namespace asio::experimental::awaitable_operators;
    co_await (lock_and_yield(m, n / 4) && lock_and_yield(m, n / 4) && lock_and_yield(m, n / 4) &&
              lock_and_yield(m, n / 4));
}
awaitable<> timer_armed_and_cancelled(std::size_t n) {
    const executor ex = co_await asio::this_coro::executor;
    timer t(ex);
    for (std::size_t i = 0; i < n; ++i) {
        t.expires_after(1s);
        t.async_wait([](const error_code&) {});
        t.cancel();
        if (i % 64 == 63) co_await asio::post(ex, await_it); // lets the aborted handlers run
    }
}
awaitable<> timeout_around_a_child(std::size_t n) {
    const executor ex = co_await asio::this_coro::executor;
    using namespace asio::experimental::awaitable_operators;
    timer t(ex);
    for (std::size_t i = 0; i < n; ++i) {
        t.expires_after(1s);
        co_await (answer(1) || t.async_wait(await_it));
    }
}

} // namespace

std::vector<bench_case> asio_cases() {
    std::vector<bench_case> all;
    auto add = [&all](std::string name, std::size_t n, auto body) {
        all.emplace_back(std::move(name), n, on_loop(body));
    };
    add("await a child", 500'000, child_await);
    add("await 10 deep, per level", 500'000, ten_deep);
    add("yield", 200'000, yields);
    add("spawn + join", 100'000, spawn_and_join);
    add("join of two", 50'000, join_of_two);
    add("join of 100, each", 50'000, [](std::size_t n) { return join_of(n, 100, nothing); });
    add("join of 100 that yield, each", 50'000,
        [](std::size_t n) { return join_of(n, 100, [] { return yields(1); }); });
    add("join of 10,000, each", 50'000, [](std::size_t n) { return join_of(n, 10'000, nothing); });
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{64}})
        add("channel, capacity " + std::to_string(capacity), 100'000,
            [capacity](std::size_t n) { return channel_same_loop(n, capacity); });
    all.emplace_back("channel across loops, capacity 64", 50'000,
                     on_loop([](std::size_t n) { return channel_cross_loop(n, 64); }), clock_kind::wall);
    add("lock + unlock, free", 200'000, mutex_uncontended);
    add("lock + unlock, 4 contend", 50'000, mutex_contended);
    add("timer armed and cancelled", 100'000, timer_armed_and_cancelled);
    add("timeout around a child", 50'000, timeout_around_a_child);
    return all;
}

} // namespace bench
