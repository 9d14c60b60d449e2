#include "bench/concurrency/cases.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <stdexcept>

namespace bench {

namespace {

using namespace std::chrono_literals;
using tandem::task;

// Runs `body(n)` on a runtime of its own; only the second call, with everything warm, is measured.
template <class Body>
std::function<void(std::size_t)> on_loop(Body body, std::size_t loops = 1) {
    return [body, loops](std::size_t n) {
        tandem::runtime rt(tandem::runtime_options().workers(1).loops(loops));
        auto measured = [&body](std::size_t count) -> task<> {
            co_await body(count / 10 + 1);
            begin_measuring();
            co_await body(count);
            end_measuring();
        };
        rt.run(measured, n);
    };
}

task<int> answer(int x) {
    co_return x + 1;
}
task<> nothing() {
    co_return;
}
task<int> deep(int depth) {
    if (depth == 0) co_return 1;
    const int below = co_await deep(depth - 1);
    co_return below + 1;
}

task<> child_await(std::size_t n) {
    int sum = 0;
    for (std::size_t i = 0; i < n; ++i)
        sum += co_await answer(1);
    if (sum == 0) throw std::logic_error("not computed");
}

task<> ten_deep(std::size_t n) {
    for (std::size_t i = 0; i < n / 10; ++i)
        co_await deep(9);
}

task<> yields(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        co_await tandem::yield();
}

task<> spawn_many(tandem::task_group& group, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        group.spawn(nothing);
        if (i % 100 == 99) co_await tandem::yield();
    }
}
task<> spawn_and_join(std::size_t n) {
    co_await tandem::with_task_group(spawn_many, n);
}

task<> join_of_two(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        co_await tandem::when_all(nothing(), nothing());
}

task<> join_of(std::size_t n, std::size_t width) {
    for (std::size_t done = 0; done < n; done += width) {
        std::vector<task<>> children;
        children.reserve(width);
        for (std::size_t i = 0; i < width; ++i)
            children.push_back(nothing());
        co_await tandem::when_all(std::move(children));
    }
}

task<> join_of_posting(std::size_t n, std::size_t width) {
    for (std::size_t done = 0; done < n; done += width) {
        std::vector<task<>> children;
        children.reserve(width);
        for (std::size_t i = 0; i < width; ++i)
            children.push_back(yields(1));
        co_await tandem::when_all(std::move(children));
    }
}

task<> produce(tandem::channel<int>& channel, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        co_await channel.send(static_cast<int>(i));
}
task<> consume(tandem::channel<int>& channel, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        const auto item = co_await channel.receive();
        if (!item) throw std::logic_error("the channel closed");
    }
}

task<> channel_same_loop(std::size_t n, std::size_t capacity) {
    tandem::channel<int> channel(capacity);
    co_await tandem::when_all(produce(channel, n), consume(channel, n));
}

task<> channel_cross_loop(std::size_t n, std::size_t capacity) {
    tandem::channel<int> channel(capacity);
    tandem::task_group group;
    group.spawn_on(tandem::runtime::current()->loop(1), produce, std::ref(channel), n);
    co_await consume(channel, n);
    co_await group.join();
}

task<> mutex_uncontended(std::size_t n) {
    tandem::mutex m;
    for (std::size_t i = 0; i < n; ++i)
        auto guard = co_await m.lock();
}

task<> lock_and_yield(tandem::mutex& m, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        auto guard = co_await m.lock();
        co_await tandem::yield();
    }
}
task<> mutex_contended(std::size_t n) {
    tandem::mutex m;
    co_await tandem::when_all(lock_and_yield(m, n / 4), lock_and_yield(m, n / 4), lock_and_yield(m, n / 4),
                              lock_and_yield(m, n / 4));
}

task<> semaphore_uncontended(std::size_t n) {
    tandem::semaphore s(4);
    for (std::size_t i = 0; i < n; ++i)
        auto permit = co_await s.acquire();
}

class armed_timer : public tandem::timer_node {
public:
    armed_timer() : timer_node([](tandem::timer_node&) noexcept {}) {}
};

task<> timer_armed_and_cancelled(std::size_t n) {
    tandem::scheduler& loop = tandem::runtime::current()->loop(0);
    for (std::size_t i = 0; i < n; ++i) {
        armed_timer timer;
        loop.arm(timer, loop.now() + 1s);
        loop.disarm(timer);
    }
    co_return;
}

task<> timeout_around_a_child(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        co_await tandem::with_timeout(1s, answer(1));
}

task<> event_wake(std::size_t n) {
    tandem::event ready;
    auto wait_for_it = [&ready]() -> task<> { co_await ready.wait(); };
    auto set_it = [&ready]() -> task<> {
        ready.set();
        co_return;
    };
    for (std::size_t i = 0; i < n; ++i) {
        ready.reset();
        co_await tandem::when_all(wait_for_it(), set_it());
    }
}

} // namespace

std::vector<bench_case> tandem_cases() {
    using namespace std::placeholders;
    std::vector<bench_case> all;
    auto add = [&all](std::string name, std::size_t n, auto body) {
        all.emplace_back(std::move(name), n, on_loop(body));
    };
    add("await a child", 1'000'000, child_await);
    add("await 10 deep, per level", 1'000'000, ten_deep);
    add("yield", 1'000'000, yields);
    add("spawn + join", 500'000, spawn_and_join);
    add("join of two", 300'000, join_of_two);
    add("join of 100, each", 500'000, [](std::size_t n) { return join_of(n, 100); });
    add("join of 100 that yield, each", 500'000, [](std::size_t n) { return join_of_posting(n, 100); });
    add("join of 10,000, each", 500'000, [](std::size_t n) { return join_of(n, 10'000); });
    for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, std::size_t{64}})
        add("channel, capacity " + std::to_string(capacity), 300'000,
            [capacity](std::size_t n) { return channel_same_loop(n, capacity); });
    all.emplace_back("channel across loops, capacity 64", 200'000,
                     on_loop([](std::size_t n) { return channel_cross_loop(n, 64); }, 2), clock_kind::wall);
    add("lock + unlock, free", 1'000'000, mutex_uncontended);
    add("lock + unlock, 4 contend", 400'000, mutex_contended);
    add("semaphore, free", 1'000'000, semaphore_uncontended);
    add("timer armed and cancelled", 500'000, timer_armed_and_cancelled);
    add("timeout around a child", 300'000, timeout_around_a_child);
    add("event, wait and set (join of two)", 300'000, event_wake);
    return all;
}

} // namespace bench
