// child_result<T>: what a child of a group will yield. started<T>: how a child says that it is ready.
//
//     child_result<int> sum = group.spawn_result(add_up, std::move(numbers));
//     use(co_await sum.result());
//
//     task<> serve(started<unsigned short>& start, options o) {
//         listener incoming(o);
//         start.ready(incoming.port());                                   // `start` returns it
//         ...
//     }
//     unsigned short port = co_await group.start<unsigned short>(serve, o);
#pragma once

#include <tandem/concurrency/detail/result_state.hpp>

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace tandem {

// Given by `task_group::spawn_result`. May be dropped (the child runs on), and may outlive the child and the
// group. Movable; to be awaited on any loop.
template <class T = void>
class [[nodiscard]] child_result {
public:
    child_result() noexcept {}
    explicit child_result(std::shared_ptr<detail::result_state<T>> state) noexcept
        : state_(std::move(state)) {}

    // False for a default-constructed or moved-from one; the functions below need true.
    explicit operator bool() const noexcept { return state_ != nullptr; }

    // Whether the child has ended, so that `result` would not wait.
    bool done() const noexcept { return state_->settled(); }

    // Cancels this child, and no other: `result` then throws operation_cancelled, unless the child completes
    // nevertheless. A child that has not begun is cancelled when it does. To the group it is no failure.
    // No-op when the child has ended. Thread-safe, idempotent.
    void cancel() noexcept { state_->cancel(); }

    // Waits for the child and moves its value out, or rethrows what it threw: operation_cancelled when it was
    // cancelled or refused. Once: a second call throws std::logic_error. The handle must stay until then.
    // Cancellation: leaves the child alone, throws operation_cancelled.
    [[nodiscard]] auto result() & noexcept {
        return typename detail::result_state<T>::operation(*state_, "task_group.result");
    }
    [[nodiscard]] auto result() && noexcept { return result(); }

    // `co_await std::move(handle)` or `co_await group.spawn_result(...)`: the same.
    auto await_in(task_context& context) && noexcept { return result().await_in(context); }

private:
    std::shared_ptr<detail::result_state<T>> state_;
};

// Given by `task_group::start` to the child, whose frame it lives in.
template <class T = void>
class started {
public:
    started(detail::result_state<T>& state, task_context& child) noexcept : state_(state) {
        state_.set_child(&child);
    }
    started(const started&) = delete;
    started& operator=(const started&) = delete;
    ~started() { state_.set_child(nullptr); }

    // Lets `start` return `value` (nothing for void). False when nobody waits for it: said before, or the
    // starter was cancelled, and then this child is cancelled, too.
    template <class... Value>
        requires(std::is_void_v<T>
                     ? sizeof...(Value) == 0
                     : sizeof...(Value) == 1 && std::is_constructible_v<non_void_t<T>, Value && ...>)
    bool ready(Value&&... value) {
        return state_.settle(outcome<T>(non_void_t<T>(std::forward<Value>(value)...)));
    }

    // For the group: false when the starter was told before, or has gone.
    bool fail(std::exception_ptr failure) { return state_.settle(outcome<T>(std::move(failure))); }

private:
    detail::result_state<T>& state_;
};

} // namespace tandem
