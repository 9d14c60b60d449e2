// What the tests of the primitives share: a context whose end destroys its waiting tasks, and a storm.
#pragma once

#include <tandem/asio.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/core/block_on.hpp>

#include "tests/support/tasks.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace tests {

// Tasks on a foreign context. Their frames are destroyed along with it, not cancelled.
class doomed_context {
public:
    void start(tandem::task<> t) {
        tandem::spawn(io_->get_executor(), std::move(t), boost::asio::detached);
        run();
    }
    void run() {
        for (int i = 0; i < 20; ++i)
            io_->poll();
    }
    void destroy() { io_.reset(); }

private:
    std::unique_ptr<boost::asio::io_context> io_ = std::make_unique<boost::asio::io_context>();
};

// Small and cheap; each thread and task has its own.
class dice {
public:
    explicit dice(std::size_t seed) noexcept : state_(seed * 2654435761u + 1) {}
    std::size_t below(std::size_t n) noexcept {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return (state_ >> 33) % n;
    }

private:
    std::size_t state_;
};

// Runs `worker(dice&)`, a callable that gives a task<>, `rounds` times in each of three tasks on each of two
// loops and through block_on in two plain threads. A lost wake-up shows as a test that never ends.
template <class Worker>
void storm(std::size_t rounds, Worker worker) {
    tandem::runtime rt(loops(2));
    auto many = [&](std::size_t seed) -> tandem::task<> {
        dice random(seed);
        for (std::size_t i = 0; i < rounds; ++i)
            co_await worker(random);
    };
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 2; ++t)
        threads.emplace_back([&, t] {
            dice random(100 + t);
            for (std::size_t i = 0; i < rounds; ++i)
                tandem::block_on(worker(random));
        });
    rt.run([&]() -> tandem::task<> {
        co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
            for (std::size_t i = 0; i < 6; ++i)
                group.spawn_on(rt.loop(i % 2), std::ref(many), i);
            co_return;
        });
    });
    for (std::thread& t : threads)
        t.join();
}

// What a lock races against in a storm: nothing at all, a few turns, or a real but tiny sleep.
inline tandem::task<> patience(dice& random) {
    const std::size_t kind = random.below(16);
    if (kind == 0)
        co_await tandem::sleep_for(std::chrono::microseconds(random.below(1500)));
    else
        co_await turns(kind % 5);
}

} // namespace tests
