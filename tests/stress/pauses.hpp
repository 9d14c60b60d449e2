// What TANDEM_SYNC_POLICY names: the library's atomics and locks, with a random pause before every step. What
// two threads do within nanoseconds, and then nearly always in the same order, happens in all orders then.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <type_traits>

namespace stress {

// Most often nothing, now and then some turns of a loop, seldom a sleep: long enough for the other threads to
// get through a whole protocol.
void pause() noexcept;

// Each thread's pauses follow from this and from how many threads there were before it.
void seed(std::uint64_t value) noexcept;

template <class T>
class atomic : private std::atomic<T> {
    using base = std::atomic<T>;

public:
    using base::base;

    T load(std::memory_order order = std::memory_order_seq_cst) const noexcept {
        pause();
        return base::load(order);
    }
    void store(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
        pause();
        base::store(value, order);
    }
    T exchange(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
        pause();
        return base::exchange(value, order);
    }
    template <class... Orders>
    bool compare_exchange_strong(T& expected, T desired, Orders... orders) noexcept {
        pause();
        return base::compare_exchange_strong(expected, desired, orders...);
    }
    template <class... Orders>
    bool compare_exchange_weak(T& expected, T desired, Orders... orders) noexcept {
        pause();
        return base::compare_exchange_weak(expected, desired, orders...);
    }
    // A number becomes one of T's; a pointer is moved by elements.
    template <class Amount>
    static auto in_units(Amount amount) noexcept {
        if constexpr (std::is_pointer_v<T>)
            return amount;
        else
            return static_cast<T>(amount);
    }
    template <class Amount>
    T fetch_add(Amount amount, std::memory_order order = std::memory_order_seq_cst) noexcept {
        pause();
        return base::fetch_add(in_units(amount), order);
    }
    template <class Amount>
    T fetch_sub(Amount amount, std::memory_order order = std::memory_order_seq_cst) noexcept {
        pause();
        return base::fetch_sub(in_units(amount), order);
    }
    T fetch_or(T bits, std::memory_order order = std::memory_order_seq_cst) noexcept {
        pause();
        return base::fetch_or(bits, order);
    }
    T fetch_and(T bits, std::memory_order order = std::memory_order_seq_cst) noexcept {
        pause();
        return base::fetch_and(bits, order);
    }

    operator T() const noexcept { return load(); }
    T operator=(T value) noexcept {
        store(value);
        return value;
    }
    T operator++() noexcept { return fetch_add(1) + 1; }
    T operator++(int) noexcept { return fetch_add(1); }
    T operator--() noexcept { return fetch_sub(1) - 1; }
    T operator--(int) noexcept { return fetch_sub(1); }
};

class mutex {
public:
    void lock() {
        pause();
        native_.lock();
    }
    bool try_lock() {
        pause();
        return native_.try_lock();
    }
    void unlock() {
        pause();
        native_.unlock();
    }

private:
    friend class condition_variable;
    std::mutex native_;
};

class condition_variable {
public:
    void wait(std::unique_lock<mutex>& lock) {
        pause();
        std::unique_lock native(lock.mutex()->native_, std::adopt_lock);
        native_.wait(native);
        native.release(); // held again, by `lock`
    }
    template <class Ready>
    void wait(std::unique_lock<mutex>& lock, Ready ready) {
        while (!ready())
            wait(lock);
    }
    void notify_one() noexcept {
        pause();
        native_.notify_one();
    }
    void notify_all() noexcept {
        pause();
        native_.notify_all();
    }

private:
    std::condition_variable native_;
};

} // namespace stress

namespace tandem::detail {

template <class T>
using atomic = stress::atomic<T>;
using short_lock = stress::mutex;
using short_condition = stress::condition_variable;

inline void cpu_relax() noexcept {
    stress::pause();
}

} // namespace tandem::detail
