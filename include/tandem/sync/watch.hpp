// watch<T>: one value that changes; whoever is interested waits for the next change and sees the latest.
//
//     watch<config> settings(load());
//     settings.set(load());                        // from any thread; also update([](config& c) { ... })
//
//     auto view = settings.subscribe();            // in each interested task
//     while (co_await view.changed()) apply(view.get());   // ends when the watch is closed
//
// A reader that is slow misses values in between, never the last one. Values are copied out; keep large ones
// behind a std::shared_ptr<const T>; swapping two may not throw. Thread-safe across loops; a view belongs to
// one task at a time. The watch may go before its views: that closes it. Cancellation of `changed`: throws
// operation_cancelled, and the change, if there is one, is still reported by the next call.
#pragma once

#include <tandem/core/error.hpp>
#include <tandem/core/wait_list.hpp>

#include <coroutine>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace tandem {

template <class T>
class watch {
    static_assert(std::is_nothrow_swappable_v<T>, "watch: the swap of two values may not throw");
    class state;

public:
    class receiver;
    class changed_awaiter;
    class changed_operation;

    explicit watch(T initial) : state_(std::make_shared<state>(std::move(initial))) {}
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;
    ~watch() { close(); }

    // A copy of the present value.
    T get() const { return state_->get(); }

    // Replaces the value and wakes who waits for a change, even if it is equal. False when closed.
    bool set(T value);

    // Lets `f(T&)` change a copy that then takes the value's place, as one step: false when closed. An `f`
    // that returns false has changed nothing, and nobody is woken. When it throws the value is as before. It
    // runs under a lock: quick, and without using this watch.
    template <class F>
    bool update(F f);

    // A view that has seen the present value: its first `changed` waits for the next one.
    [[nodiscard]] receiver subscribe() const { return receiver(state_); }

    // No more changes; views report the last one if they have not seen it, then the end. Idempotent.
    void close() noexcept { state_->close(); }
    bool closed() const noexcept { return state_->closed(); }

private:
    std::shared_ptr<state> state_;
};

template <class T>
class watch<T>::receiver {
public:
    receiver(receiver&&) noexcept = default;
    receiver& operator=(receiver&&) noexcept = default;

    // Waits for a value that this view has not seen, and takes it as seen. Yields bool: false when the watch
    // is closed and its last value was seen. One task at a time (std::logic_error otherwise). No allocation.
    [[nodiscard]] changed_operation changed() noexcept { return changed_operation(*this); }

    // Whether `changed` would go on at once, with true.
    bool has_changed() const noexcept {
        const std::lock_guard lock(state_->mutex);
        return state_->version != seen_;
    }

    // A copy of the present value, which is taken as seen.
    T get() {
        const std::lock_guard lock(state_->mutex);
        T copy = state_->value;
        seen_ = state_->version;
        return copy;
    }

private:
    friend class watch;
    explicit receiver(std::shared_ptr<state> of) noexcept : state_(std::move(of)) {
        const std::lock_guard lock(state_->mutex);
        seen_ = state_->version;
    }

    std::shared_ptr<state> state_;
    std::uint64_t seen_ = 0;
    bool awaited_ = false;
};

// Implementation

// Its own, because views may live longer than the watch.
template <class T>
class watch<T>::state {
public:
    explicit state(T&& initial) : value(std::move(initial)) {}
    ~state() { waiters.abandon(); }

    T get() const {
        const std::lock_guard lock(mutex);
        return value;
    }
    bool closed() const noexcept {
        const std::lock_guard lock(mutex);
        return is_closed;
    }
    void close() noexcept {
        wake_chain to_wake;
        {
            const std::lock_guard lock(mutex);
            is_closed = true;
            grant_all(to_wake);
        }
        to_wake.wake_all();
    }
    void grant_all(wake_chain& to_wake) noexcept {
        while (waiter* const w = waiters.take_front()) {
            static_cast<changed_awaiter*>(w)->grant();
            to_wake.add(*w);
        }
    }

    mutable detail::short_lock mutex;
    T value;
    std::uint64_t version = 0;
    bool is_closed = false;
    wait_list waiters;
};

template <class T>
bool watch<T>::set(T value) {
    state& shared = *state_;
    wake_chain to_wake;
    {
        const std::lock_guard lock(shared.mutex);
        if (shared.is_closed) return false;
        using std::swap;
        swap(shared.value, value); // the old one goes after the lock was released
        ++shared.version;
        shared.grant_all(to_wake);
    }
    to_wake.wake_all();
    return true;
}

template <class T>
template <class F>
bool watch<T>::update(F f) {
    state& shared = *state_;
    std::optional<T> next; // the old value in the end, which goes after the lock was released
    wake_chain to_wake;
    {
        const std::lock_guard lock(shared.mutex);
        if (shared.is_closed) return false;
        next.emplace(shared.value);
        if constexpr (std::is_void_v<std::invoke_result_t<F&, T&>>) {
            f(*next);
        } else {
            if (!f(*next)) return true;
        }
        using std::swap;
        swap(shared.value, *next);
        ++shared.version;
        shared.grant_all(to_wake);
    }
    to_wake.wake_all();
    return true;
}

template <class T>
class watch<T>::changed_awaiter : public queued_operation {
public:
    changed_awaiter(receiver& view, task_context& context) noexcept
        : queued_operation(context, view.state_->mutex), view_(view) {}
    ~changed_awaiter() {
        if (waits_) view_.awaited_ = false;
    }

    bool await_ready() const noexcept { return cancelled_before() && refuse_now(); }
    bool await_suspend(std::coroutine_handle<> at) {
        if (cancelled_before()) return requeue(at);
        if (view_.awaited_) throw std::logic_error("a view of a watch is awaited by two tasks at once");
        state& shared = *view_.state_;
        const std::lock_guard lock(guard());
        if (shared.version == view_.seen_ && !shared.is_closed) {
            waits_ = view_.awaited_ = true;
            return enqueue(shared.waiters, at, "watch.changed");
        }
        return grant_now() ? false : requeue(at);
    }
    bool await_resume() const {
        if (!granted()) throw operation_cancelled("the wait for a change was cancelled");
        const std::lock_guard lock(guard());
        return std::exchange(view_.seen_, view_.state_->version) != view_.state_->version;
    }

private:
    receiver& view_;
    bool waits_ = false;
};

template <class T>
class watch<T>::changed_operation {
public:
    explicit changed_operation(receiver& view) noexcept : view_(view) {}
    changed_awaiter await_in(task_context& context) const noexcept { return changed_awaiter(view_, context); }

private:
    receiver& view_;
};

} // namespace tandem
