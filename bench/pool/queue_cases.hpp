// What it costs to hand a small task to other threads. A Toolkit is built for each case and has
//     static constexpr const char* name;
//     void post(F f);               // runs f() some time; from outside and from its own tasks
//     auto submit(F f);             // something whose get() gives f's result
#pragma once

#include "bench/pool/cases.hpp"
#include "bench/pool/measure.hpp"
#include "bench/pool/tally.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace bench {

// Long enough that a toolkit whose threads look for work while idle has given up.
inline void settle() {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

template <class Toolkit>
void post_from_outside(const note& write, std::size_t producers, std::size_t count) {
    Toolkit toolkit;
    const std::size_t each = count / producers;
    const auto produce = [&](std::size_t n) {
        for (std::size_t i = 0; i < n; ++i)
            toolkit.post([] { tally::add(); });
    };
    {
        const tally warm;
        produce(1'000);
        warm.wait_for(1'000);
    }
    const std::string row =
        "submit, " + std::to_string(producers) + (producers == 1 ? " producer" : " producers");
    const tally done;
    std::latch ready(static_cast<std::ptrdiff_t>(producers) + 1);
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < producers; ++i)
        threads.emplace_back([&] {
            ready.arrive_and_wait();
            produce(each);
        });
    ready.count_down();
    const stopwatch watch;
    ready.arrive_and_wait();
    produce(each);
    done.wait_for(each * producers);
    write(row, "ns", watch.wall_ns() / static_cast<double>(each * producers));
    for (std::thread& thread : threads)
        thread.join();
}

template <class Toolkit>
void post_from_a_worker(const note& write, std::size_t count) {
    Toolkit toolkit;
    const auto burst = [&](std::size_t n) {
        const tally done;
        toolkit.post([&toolkit, n] {
            for (std::size_t i = 0; i < n; ++i)
                toolkit.post([] { tally::add(); });
        });
        done.wait_for(n);
    };
    burst(1'000);
    const stopwatch watch;
    burst(count);
    write("submit, from a worker", "ns", watch.wall_ns() / static_cast<double>(count));
}

template <class Toolkit>
void future_round_trip(const note& write, std::size_t count) {
    Toolkit toolkit;
    long sum = toolkit.submit([] { return 1; }).get();
    count_allocations(true);
    const std::uint64_t before = allocations();
    sum += toolkit.submit([] { return 1; }).get();
    const std::uint64_t allocated = allocations() - before;
    count_allocations(false);
    const stopwatch watch;
    for (std::size_t i = 0; i < count; ++i)
        sum += toolkit.submit([] { return 1; }).get();
    write("future round trip", "ns", watch.wall_ns() / static_cast<double>(count));
    write("future round trip, allocations", "", static_cast<double>(allocated));
    check(sum == static_cast<long>(count) + 2, "future round trip");
}

template <class Toolkit>
void wake_up(const note& write) {
    using namespace std::chrono_literals;
    class pause {
    public:
        const char* name;
        std::chrono::microseconds length;
        int samples;
    };
    for (const auto& [name, length, samples] :
         {pause{"50 us", 50us, 400}, pause{"1 ms", 1ms, 200}, pause{"10 ms", 10ms, 40}}) {
        Toolkit toolkit;
        std::vector<double> took;
        for (int i = 0; i < samples; ++i) {
            std::this_thread::sleep_for(length);
            std::atomic<double> begun{0};
            const double asked = now_ns(CLOCK_MONOTONIC);
            toolkit.post([&begun] { begun.store(now_ns(CLOCK_MONOTONIC)); });
            double at = 0;
            while ((at = begun.load()) == 0)
                std::this_thread::yield();
            took.push_back((at - asked) / 1e3);
        }
        const std::string row = std::string("wake-up after ") + name + " idle, ";
        write(row + "p50", "us", quantile(took, 0.5));
        write(row + "p99", "us", quantile(took, 0.99));
    }
}

template <class Toolkit>
void idle(const note& write) {
    Toolkit toolkit;
    const tally done;
    for (int i = 0; i < 1'000; ++i)
        toolkit.post([] { tally::add(); });
    done.wait_for(1'000);
    const stopwatch watch;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    write("CPU in the 300 ms after a burst", "ms", watch.cpu_ns() / 1e6);
}

template <class Toolkit>
void add_queue_cases(cases& all, std::size_t posts, std::size_t round_trips) {
    const auto add = [&all](const char* group, auto body) {
        all.emplace_back(group, Toolkit::name, [body](const note& write) { body(write); });
    };
    for (const std::size_t producers : {std::size_t{1}, std::size_t{4}})
        add(producers == 1 ? "submit, 1 producer" : "submit, 4 producers",
            [=](const note& write) { post_from_outside<Toolkit>(write, producers, posts); });
    add("submit, from a worker", [=](const note& write) { post_from_a_worker<Toolkit>(write, posts); });
    add("future", [=](const note& write) { future_round_trip<Toolkit>(write, round_trips); });
    add("wake-up", [](const note& write) { wake_up<Toolkit>(write); });
    add("idle", [](const note& write) { idle<Toolkit>(write); });
}

} // namespace bench
