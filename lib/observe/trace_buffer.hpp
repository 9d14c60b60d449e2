// What one thread notes for a timeline: a ring that the thread fills and one other empties.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tandem::detail {

enum class trace_kind : std::uint8_t {
    task_runs,
    task_waits,
    loop_waits,
    job_runs,
};

class trace_record {
public:
    std::int64_t begin = 0; // ns of the steady clock
    std::int64_t end = 0;
    std::uint64_t id = 0;            // of the task
    const char* operation = nullptr; // that it waited for: a literal
    trace_kind kind = trace_kind::task_runs;
    std::array<char, 31> name{}; // of the task, cut: its text may be gone before it is written
};
static_assert(sizeof(trace_record) == 64);

class trace_buffer {
public:
    trace_buffer(std::size_t capacity, long thread_id, std::string thread_name)
        : thread(thread_id), name(std::move(thread_name)), ring_(capacity) {}

    // The noting thread's.
    void push(const trace_record& record) noexcept {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        if (head - tail_.load(std::memory_order_acquire) == ring_.size()) {
            dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            return;
        }
        ring_[head % ring_.size()] = record;
        head_.store(head + 1, std::memory_order_release);
    }

    // The writing thread's: `take` gets each record that is there.
    template <class Take>
    void drain(Take take) {
        const std::uint64_t head = head_.load(std::memory_order_acquire);
        std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        for (; tail != head; ++tail)
            take(ring_[tail % ring_.size()]);
        tail_.store(tail, std::memory_order_release);
    }

    std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

    const long thread;
    const std::string name;
    bool announced = false; // the writer's: the lane's name is in the file

private:
    std::vector<trace_record> ring_;
    alignas(64) std::atomic<std::uint64_t> head_{0};
    std::atomic<std::uint64_t> dropped_{0};
    alignas(64) std::atomic<std::uint64_t> tail_{0};
};

} // namespace tandem::detail
