// Holds a worker of a pool, so that what is submitted meanwhile stays queued.
#pragma once

#include <tandem/parallelism/thread_pool.hpp>

#include <latch>
#include <thread>

namespace tests {

// Occupies one worker until it is opened or destroyed.
class pool_gate {
public:
    explicit pool_gate(tandem::thread_pool& pool) {
        done_ = pool.submit([this] {
            entered_.count_down();
            open_.wait();
        });
        entered_.wait();
    }
    pool_gate(const pool_gate&) = delete;
    pool_gate& operator=(const pool_gate&) = delete;
    ~pool_gate() {
        open();
        while (!done_.done()) // not wait(): this may be the thread of a loop
            std::this_thread::yield();
    }
    void open() {
        if (!opened_) open_.count_down();
        opened_ = true;
    }

private:
    std::latch entered_{1};
    std::latch open_{1};
    bool opened_ = false;
    tandem::future<void> done_;
};

} // namespace tests
