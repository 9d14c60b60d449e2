// What a task can await, and how each kind is turned into an awaiter.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/detail/foreign_awaiter.hpp>

#include <concepts>
#include <coroutine>
#include <utility>

namespace tandem::detail {

// Specialised by bridges (tandem/asio.hpp): `static auto await(A&&, task_context&)` gives the awaiter.
template <class A>
struct await_bridge {
    static constexpr bool available = false;
};

// Operations of the library: `await_in(context)` gives the awaiter.
template <class A>
concept context_awaitable = requires(A&& a, task_context& context) { std::forward<A>(a).await_in(context); };

template <class A>
concept bridged = await_bridge<std::remove_cvref_t<A>>::available;

template <class A>
concept member_co_await = requires(A&& a) { std::forward<A>(a).operator co_await(); };

template <class A>
concept free_co_await = requires(A&& a) { operator co_await(std::forward<A>(a)); };

template <class A>
concept plain_awaiter = requires(A&& a) {
    { a.await_ready() } -> std::convertible_to<bool>;
    a.await_resume();
};

template <class A>
concept awaitable_in_task =
    context_awaitable<A> || bridged<A> || member_co_await<A> || free_co_await<A> || plain_awaiter<A>;

template <awaitable_in_task A>
auto get_awaiter(A&& a, task_context& context) {
    if constexpr (context_awaitable<A>)
        return std::forward<A>(a).await_in(context);
    else if constexpr (bridged<A>)
        return await_bridge<std::remove_cvref_t<A>>::await(std::forward<A>(a), context);
    else if constexpr (member_co_await<A>)
        return foreign_awaiter(std::forward<A>(a).operator co_await(), context);
    else if constexpr (free_co_await<A>)
        return foreign_awaiter(operator co_await(std::forward<A>(a)), context);
    else
        return foreign_awaiter<A&>(a, context);
}

} // namespace tandem::detail
