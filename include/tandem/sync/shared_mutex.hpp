// shared_mutex: many readers or one writer.
//
//     shared_mutex table_mutex;
//     auto reading = co_await table_mutex.lock_shared();   // beside other readers
//     auto writing = co_await table_mutex.lock();          // alone
//
// Worth it when reading takes long and writing is rare; otherwise `mutex` is faster. Fair to both: strictly
// first come, first served. A reader that comes while a writer waits stands behind it, and readers next to
// each other in the queue go together. So nobody starves, and a reader must not lock again while it holds the
// mutex: a writer between the two locks would wait for it, and it for the writer.
//
// Thread-safe; a plain thread uses `block_on(table_mutex.lock())`. The mutex must outlive its waiters and
// guards. Cancellation of both locks: leaves the queue, throws operation_cancelled; when that was a writer,
// the readers behind it go on. A lock that was granted is in the guard, never lost. No allocation.
#pragma once

#include <tandem/core/wait_list.hpp>

#include <coroutine>
#include <cstddef>
#include <utility>

namespace tandem {

namespace detail {
enum class lock_mode : bool { shared, exclusive };
}

class shared_mutex {
    using mode = detail::lock_mode;
    template <mode M>
    class basic_guard;
    class awaiter_base;
    template <mode M>
    class lock_awaiter;
    template <mode M>
    class lock_operation;

public:
    // Hold the mutex until they are destroyed or `release()`d. Move-only; empty (false) by default.
    using write_guard = basic_guard<mode::exclusive>;
    using read_guard = basic_guard<mode::shared>;

    shared_mutex() noexcept {}
    shared_mutex(const shared_mutex&) = delete;
    shared_mutex& operator=(const shared_mutex&) = delete;
    ~shared_mutex();

    [[nodiscard]] lock_operation<mode::exclusive> lock() noexcept;     // yields a write_guard
    [[nodiscard]] lock_operation<mode::shared> lock_shared() noexcept; // yields a read_guard

    // Without waiting: empty when the mutex is held otherwise, or when somebody waits for it. From any
    // thread.
    write_guard try_lock() noexcept;
    read_guard try_lock_shared() noexcept;

private:
    bool free_for(mode m) const noexcept { return !writer_ && (m == mode::shared || readers_ == 0); }
    void give(mode m) noexcept;               // lock_ held, free_for(m)
    bool take(mode m) noexcept;               // lock_ held
    void serve(wake_chain& to_wake) noexcept; // lock_ held
    bool try_take(mode m) noexcept;
    void unlock(mode m) noexcept;

    detail::short_lock lock_;
    bool writer_ = false;
    std::size_t readers_ = 0;
    wait_list waiters_;
};

// Implementation

template <detail::lock_mode M>
class [[nodiscard]] shared_mutex::basic_guard {
public:
    basic_guard() noexcept {}
    basic_guard(basic_guard&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    basic_guard& operator=(basic_guard&& other) noexcept {
        if (this != &other) {
            release();
            owner_ = std::exchange(other.owner_, nullptr);
        }
        return *this;
    }
    ~basic_guard() { release(); }

    explicit operator bool() const noexcept { return owner_ != nullptr; }
    void release() noexcept {
        if (shared_mutex* const owner = std::exchange(owner_, nullptr)) owner->unlock(M);
    }

private:
    friend class shared_mutex;
    explicit basic_guard(shared_mutex& owner) noexcept : owner_(&owner) {} // takes over the lock
    shared_mutex* owner_ = nullptr;
};

class shared_mutex::awaiter_base : protected queued_operation {
public:
    awaiter_base(shared_mutex& owner, mode m, task_context& context) noexcept
        : queued_operation(context, owner.lock_), owner_(owner), mode_(m) {}
    ~awaiter_base();

    bool await_ready() noexcept;
    bool await_suspend(std::coroutine_handle<> at) noexcept;

protected:
    void hand_over(); // throws when cancelled

    shared_mutex& owner_;

private:
    friend class shared_mutex;
    void withdrawn(wake_chain& to_wake) noexcept final;

    const mode mode_;
    bool handed_over_ = false; // the guard has it
};

template <detail::lock_mode M>
class shared_mutex::lock_awaiter final : public awaiter_base {
public:
    lock_awaiter(shared_mutex& owner, task_context& context) noexcept : awaiter_base(owner, M, context) {}
    basic_guard<M> await_resume() {
        hand_over();
        return basic_guard<M>(owner_);
    }
};

template <detail::lock_mode M>
class shared_mutex::lock_operation {
public:
    explicit lock_operation(shared_mutex& owner) noexcept : owner_(owner) {}
    lock_awaiter<M> await_in(task_context& context) const noexcept {
        return lock_awaiter<M>(owner_, context);
    }

private:
    shared_mutex& owner_;
};

inline auto shared_mutex::lock() noexcept -> lock_operation<mode::exclusive> {
    return lock_operation<mode::exclusive>(*this);
}
inline auto shared_mutex::lock_shared() noexcept -> lock_operation<mode::shared> {
    return lock_operation<mode::shared>(*this);
}
inline auto shared_mutex::try_lock() noexcept -> write_guard {
    return try_take(mode::exclusive) ? write_guard(*this) : write_guard();
}
inline auto shared_mutex::try_lock_shared() noexcept -> read_guard {
    return try_take(mode::shared) ? read_guard(*this) : read_guard();
}

} // namespace tandem
