// Random operations on one primitive, from tasks of two loops and from two pool threads at once, with random
// cancellations among them. What must always hold is checked on the way and at the end.
//
//     tests::model m("semaphore");
//     m.run([&](tests::participant& me) -> tandem::task<> { ... one operation or more ... });
//     CHECK(m.violations() == 0);
//
// A model that makes no progress for long has lost a wake-up: it prints its seed and its count, and aborts.
#pragma once

#include <tandem/concurrency/detail/join.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/core/block_on.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include "tests/support/build.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace tests {

// One of those who use the primitive: a task of a loop, or a thread of the pool.
class participant {
public:
    participant(std::size_t n, std::uint64_t seed, bool is_thread)
        : number(n), thread(is_thread), random_(seed * 1'000 + n) {}

    // 0 <= result < n.
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() >> 32) % n; }
    bool one_in(std::size_t n) { return below(n) == 0; }

    const std::size_t number;
    const bool thread;

private:
    std::mt19937_64 random_;
};

namespace detail {

inline tandem::task<> strike(tandem::detail::child_base& subject, std::size_t turns) {
    for (std::size_t i = 0; i < turns && !subject.ended; ++i)
        co_await tandem::yield();
    if (!subject.ended) subject.request_cancel();
}

} // namespace detail

// Awaits `operation`, but cancels it after so many turns of its loop. True when it has completed with a
// value, false when it was cancelled; other exceptions are passed on.
inline tandem::task<bool> completes(tandem::task<> operation, std::size_t turns) {
    tandem::detail::child<void> subject(std::move(operation));
    tandem::detail::child<void> driver(detail::strike(subject, turns));
    tandem::detail::join both(tandem::detail::join_policy::wait, "model");
    both.add(subject);
    both.add(driver);
    co_await both;
    const ending how = ending_of(subject.failure());
    if (how == ending::error || how == ending::timeout) std::rethrow_exception(subject.failure());
    co_return how == ending::value;
}

class model {
public:
    static constexpr std::size_t tasks_per_loop = 12;
    static constexpr std::size_t threads = 2;
    static constexpr std::size_t participants = 2 * tasks_per_loop + threads;

    // Operations in all. An optimized build without sanitizers does a million.
    static constexpr std::size_t full() {
#if defined(__OPTIMIZE__)
        return repeat(1'000'000, 20'000);
#else
        return repeat(100'000, 20'000);
#endif
    }

    explicit model(const char* name, std::size_t operations = full())
        : name_(name), seed_(chosen_seed()), operations_(operations), left_(static_cast<long>(operations)) {}

    // Each participant awaits `step(participant)` again and again until the operations are used up; a step
    // counts as `weight` of them. `leave()` is called by each at its end.
    template <class Step>
    void run(Step step, std::size_t weight = 1, std::function<void()> leave = nullptr) {
        auto take = [this, weight] { return take_operations(weight); };
        run_each(
            [&step, take](participant& me) -> tandem::task<> {
                while (take())
                    co_await step(me);
            },
            std::move(leave));
    }

    // Each participant awaits `life(participant)` once. Those on threads as one block_on, in a call that was
    // offloaded; they begin first.
    template <class Life>
    void run_each(Life life, std::function<void()> leave = nullptr) {
        std::vector<std::unique_ptr<participant>> all;
        for (std::size_t i = 0; i < participants; ++i)
            all.push_back(std::make_unique<participant>(i, seed_, i < threads));
        const watchdog guard(*this);
        auto live = [&life, &leave](participant& me) -> tandem::task<> {
            co_await life(me);
            if (leave) leave();
        };
        std::atomic<std::size_t> on_pool{0};
        auto live_on_pool = [&](participant& me) -> tandem::task<> {
            co_await tandem::offload([&] {
                expect(tandem::thread_pool::current() != nullptr, "the pool's threads take part");
                took_here_ = false;
                ++on_pool;
                tandem::block_on(live(me));
            });
        };
        tandem::runtime rt(tandem::runtime_options().loops(2).workers(threads));
        rt.run([&]() -> tandem::task<> {
            co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
                for (std::size_t i = 0; i < threads; ++i)
                    group.spawn(std::ref(live_on_pool), std::ref(*all[i]));
                while (on_pool != threads)
                    co_await tandem::yield();
                for (std::size_t i = threads; i < participants; ++i)
                    group.spawn_on(rt.loop(i % 2), std::ref(live), std::ref(*all[i]));
            });
        });
    }

    // True while operations are left; takes `n` of them. Always true for a pool thread's first time: it takes
    // part, however slowly it begins.
    bool take_operations(std::size_t n = 1) noexcept {
        const bool first = tandem::thread_pool::current() && !std::exchange(took_here_, true);
        return left_.fetch_sub(static_cast<long>(n), std::memory_order_relaxed) > 0 || first;
    }
    bool used_up() const noexcept { return left_.load(std::memory_order_relaxed) <= 0; }

    // What must hold. The first violations are printed.
    void expect(bool holds, const char* what) noexcept {
        if (holds) return;
        if (violations_.fetch_add(1) < 5)
            std::fprintf(stderr, "model of %s, TANDEM_MODEL_SEED=%llu: violated: %s\n", name_,
                         static_cast<unsigned long long>(seed_), what);
    }
    int violations() const noexcept { return violations_.load(); }
    std::size_t operations() const noexcept { return operations_; }
    std::string title() const { return std::string(name_) + ", TANDEM_MODEL_SEED=" + std::to_string(seed_); }

private:
    static std::uint64_t chosen_seed() {
        if (const char* const text = std::getenv("TANDEM_MODEL_SEED"))
            return std::strtoull(text, nullptr, 10);
        return std::random_device()();
    }

    class watchdog {
    public:
        explicit watchdog(model& m) : model_(m), thread_([this] { watch(); }) {}
        ~watchdog() {
            {
                const std::lock_guard lock(mutex_);
                over_ = true;
            }
            wake_.notify_one();
            thread_.join();
        }

    private:
        void watch() {
            std::unique_lock lock(mutex_);
            long before = model_.left_.load();
            int silent = 0;
            while (!wake_.wait_for(lock, std::chrono::seconds(1), [this] { return over_; })) {
                const long now = model_.left_.load();
                silent = now == before ? silent + 1 : 0;
                before = now;
                if (silent < 60) continue;
                std::fprintf(stderr, "model of %s: stuck with %ld operations left, TANDEM_MODEL_SEED=%llu\n",
                             model_.name_, now, static_cast<unsigned long long>(model_.seed_));
                std::abort();
            }
        }

        model& model_;
        std::mutex mutex_;
        std::condition_variable wake_;
        bool over_ = false;
        std::thread thread_;
    };

    inline static thread_local bool took_here_ = false;

    const char* const name_;
    const std::uint64_t seed_;
    const std::size_t operations_;
    std::atomic<long> left_;
    std::atomic<int> violations_{0};
};

// Which values have arrived: each exactly once, and those of one sender in its order as far as one receiver
// can tell.
class delivery {
public:
    class item {
    public:
        item() noexcept {}
        item(std::size_t s, std::size_t n) noexcept : sender(s), number(n) {}
        std::size_t sender = 0;
        std::size_t number = 0;
    };

    delivery(model& m, std::size_t senders, std::size_t most)
        : model_(m), most_(most), seen_(senders * most), sent_(senders * most) {}

    void sent(const item& i) noexcept { sent_[index(i)].store(true, std::memory_order_relaxed); }
    // `last`: the receiver's own memory, one for each sender; begins with zeros.
    void received(const item& i, std::vector<std::size_t>& last) noexcept {
        received_unordered(i);
        model_.expect(i.number >= last[i.sender], "the items of one sender arrive in order");
        last[i.sender] = i.number + 1;
    }
    void received_unordered(const item& i) noexcept {
        model_.expect(!seen_[index(i)].exchange(true, std::memory_order_relaxed), "no item arrives twice");
    }
    // When all is over.
    void compare() noexcept {
        for (std::size_t i = 0; i < seen_.size(); ++i)
            model_.expect(seen_[i].load() == sent_[i].load(), "what was sent has arrived, and nothing else");
    }
    std::size_t most() const noexcept { return most_; }

private:
    std::size_t index(const item& i) const noexcept { return i.sender * most_ + i.number; }

    model& model_;
    const std::size_t most_;
    std::vector<std::atomic<bool>> seen_;
    std::vector<std::atomic<bool>> sent_;
};

} // namespace tests
