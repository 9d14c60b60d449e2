// select: waits until one of several channel operations can go on, and performs exactly that one.
//
//     auto chosen = co_await select(on_receive(orders), on_receive(cancellations), on_send(log, line));
//     switch (chosen.index()) {
//     case 0: if (auto& order = chosen.get<0>()) take(*order); break;     // empty: `orders` is closed
//     case 1: ...
//     case 2: if (!chosen.get<2>()) ...                                   // false: `log` is closed
//     }
//
// Unlike when_any, which runs all its children and may complete several, here the others have not happened:
// no item was taken from their channels, none was sent. When several can go on, one of them is chosen at
// random, so none is starved. A closed channel can always go on: leave out one that has come to its end.
// Works with channel and priority_channel, on any loops, mixed with plain sends and receives (and other
// selects), FIFO among them. For a time limit: `with_timeout(1s, select(...))` loses nothing either.
//
// Cancellation: leaves all queues, throws operation_cancelled; nothing was sent or received. A case that was
// chosen at the same time is returned instead. The channels must outlive the wait. No allocation.
//
// How it works. A select takes the locks of all its channels, in the order of their addresses, and looks for
// a case that can go on; if there is none it puts a waiter into each channel's queue before it lets go of any
// lock. So nothing happens between looking and waiting. All waiters of a select share one atomic state, which
// goes from open to decided once: whoever wants to serve one of them, under its channel's lock, must win it,
// and otherwise drops this waiter and takes the next. Exactly one case happens, therefore.
//   No deadlock: only a select holds several locks, always in the same order, and claims are never waited
// for. The one who claims is not in any queue itself (it has just arrived), so two selects never have to win
// each other. The select that was served leaves its other queues when it resumes, one lock at a time.
#pragma once

#include <tandem/core/context.hpp>
#include <tandem/core/error.hpp>
#include <tandem/sync/detail/channel_core.hpp>

#include <array>
#include <coroutine>
#include <cstddef>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tandem {

namespace detail {

template <class Core>
class receive_case;
template <class Core>
class send_case;
template <class... Cases>
class select_operation;

} // namespace detail

// A receive of `from` (a channel or priority_channel). Its result: std::optional<T>, empty when the channel
// is closed and drained.
template <class T, class Store>
detail::receive_case<detail::channel_core<T, Store>>
on_receive(detail::channel_core<T, Store>& from) noexcept;

// A send of `value`, which is moved from only if this case is the one that happens; it must live until then.
// Its result: bool, false when the channel is closed.
template <class T, class Store>
detail::send_case<detail::channel_core<T, Store>> on_send(detail::channel_core<T, Store>& to,
                                                          std::type_identity_t<T>& value) noexcept;

// The same with a value of its own, which goes with the operation if another case happens.
template <class T, class Store>
detail::send_case<detail::channel_core<T, Store>> on_send(detail::channel_core<T, Store>& to,
                                                          std::type_identity_t<T>&& value) noexcept;

// Which case happened, and its result.
template <class... Results>
class select_result {
public:
    select_result(std::size_t index, std::tuple<Results...> results) noexcept
        : index_(index), results_(std::move(results)) {}

    std::size_t index() const noexcept { return index_; } // in the order given
    // Of a receive: std::optional<T>&; of a send: bool&. Empty or false for a case that did not happen.
    template <std::size_t I>
    auto& get() noexcept {
        return std::get<I>(results_);
    }

private:
    std::size_t index_;
    std::tuple<Results...> results_;
};

// Yields select_result<std::optional<T> or bool, ...>.
template <class... Cases>
    requires(sizeof...(Cases) > 0)
[[nodiscard]] detail::select_operation<Cases...> select(Cases... cases) noexcept {
    return detail::select_operation<Cases...>(std::move(cases)...);
}

// Without waiting, from any thread: one of the cases that can go on at this moment, or nothing.
template <class... Cases>
    requires(sizeof...(Cases) > 0)
std::optional<select_result<typename Cases::result...>> try_select(Cases... cases);

// Implementation

namespace detail {

template <class Case>
class case_place { // what a waiter of a select is made from
public:
    case_place(Case& w, task_context& c, selection& s, int i) noexcept
        : what(w), context(c), of(s), index(i) {}
    Case& what;
    task_context& context;
    selection& of;
    int index;
};

template <class Core>
class receive_case {
public:
    using value_type = typename Core::value_type;
    using result = std::optional<value_type>;
    static_assert(std::is_nothrow_move_constructible_v<value_type>,
                  "select: the move of an item may not throw");

    explicit receive_case(Core& channel) noexcept : channel_(channel) {}

    short_lock& guard() const noexcept { return channel_.guard(); }
    bool settle(result& into, wake_chain& to_wake) { return channel_.settle_receive(into, to_wake); }

    class node : public Core::receiver {
    public:
        explicit node(const case_place<receive_case>& at) noexcept
            : Core::receiver(at.context, at.what.channel_, at.of, at.index) {}
        void enqueue(receive_case& what) noexcept { what.channel_.receivers().push_back(*this); }
        result& outcome() noexcept { return this->item_; }
    };

private:
    Core& channel_;
};

template <class Core>
class send_case {
public:
    using value_type = typename Core::value_type;
    using result = bool;
    static_assert(std::is_nothrow_move_constructible_v<value_type>,
                  "select: the move of an item may not throw");

    send_case(Core& channel, value_type& value) noexcept : channel_(channel), elsewhere_(&value) {}
    send_case(Core& channel, value_type&& value) noexcept : channel_(channel), own_(std::move(value)) {}

    short_lock& guard() const noexcept { return channel_.guard(); }
    bool settle(result& sent, wake_chain& to_wake) { return channel_.settle_send(value(), sent, to_wake); }

    class node : public Core::sender {
    public:
        explicit node(const case_place<send_case>& at) noexcept
            : Core::sender(&at.what.value(), at.context, at.what.channel_, at.of, at.index) {}
        void enqueue(send_case& what) noexcept { what.channel_.senders().push_back(*this); }
        result& outcome() noexcept { return this->sent_; }
    };

private:
    value_type& value() noexcept { return elsewhere_ ? *elsewhere_ : *own_; }

    Core& channel_;
    value_type* elsewhere_ = nullptr;
    std::optional<value_type> own_;
};

// Calls `f(index constant)` for each of `count` cases, the first one at random, until one gives true.
template <std::size_t... I, class F>
int first_that(std::index_sequence<I...>, F f) {
    constexpr std::size_t count = sizeof...(I);
    const std::size_t start = random_case(count);
    for (std::size_t k = 0; k < count; ++k) {
        const std::size_t at = (start + k) % count;
        bool done = false;
        static_cast<void>(((at == I && (done = f(std::integral_constant<std::size_t, I>()), true)) || ...));
        if (done) return static_cast<int>(at);
    }
    return selection::open;
}

template <class... Cases>
class select_awaiter : private selection, private cancel_hook {
    using indices = std::index_sequence_for<Cases...>;
    using result = select_result<typename Cases::result...>;

public:
    select_awaiter(std::tuple<Cases...>&& cases, task_context& context) noexcept
        : select_awaiter(std::move(cases), context, indices()) {}

    bool await_ready() noexcept { return context_.cancelled() && claim(cancelled) && context_.spend(); }

    bool await_suspend(std::coroutine_handle<> at) {
        if (chosen() == cancelled) { // refused above, but the budget is spent
            context_.requeue(at);
            return true;
        }
        wake_chain to_wake;
        {
            std::array<short_lock*, sizeof...(Cases)> locks =
                std::apply([](auto&... c) { return std::array{&c.guard()...}; }, cases_);
            const lock_all lock(locks.data(), locks.size());
            const int found = first_that(indices(), [&](auto i) {
                return std::get<i>(cases_).settle(std::get<i>(nodes_).outcome(), to_wake);
            });
            if (found == open) {
                context_.suspend(at, this, "select");
                enqueue(indices());
                return true;
            }
            claim(found);
        }
        to_wake.wake_all();
        if (context_.spend()) return false;
        context_.requeue(at);
        return true;
    }

    result await_resume() {
        std::apply([](auto&... node) { (node.leave(), ...); }, nodes_);
        if (chosen() == cancelled) throw operation_cancelled("a select was cancelled");
        return std::apply(
            [&](auto&... node) {
                return result(static_cast<std::size_t>(chosen()),
                              std::tuple<typename Cases::result...>(std::move(node.outcome())...));
            },
            nodes_);
    }

private:
    template <std::size_t... I>
    select_awaiter(std::tuple<Cases...>&& cases, task_context& context, std::index_sequence<I...>) noexcept
        : cancel_hook(&select_awaiter::on_cancel), context_(context), cases_(std::move(cases)),
          nodes_(case_place<Cases>(std::get<I>(cases_), context, *this, static_cast<int>(I))...) {}

    template <std::size_t... I>
    void enqueue(std::index_sequence<I...>) noexcept {
        (std::get<I>(nodes_).enqueue(std::get<I>(cases_)), ...);
    }

    // No lock: whoever meets a waiter of this select from now on fails to claim it.
    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<select_awaiter&>(hook);
        if (self.claim(cancelled)) self.context_.wake();
    }

    task_context& context_;
    std::tuple<Cases...> cases_;
    std::tuple<typename Cases::node...> nodes_;
};

template <class... Cases>
class select_operation {
public:
    explicit select_operation(Cases... cases) noexcept : cases_(std::move(cases)...) {}
    select_awaiter<Cases...> await_in(task_context& context) noexcept {
        return select_awaiter<Cases...>(std::move(cases_), context);
    }

private:
    std::tuple<Cases...> cases_;
};

} // namespace detail

template <class T, class Store>
detail::receive_case<detail::channel_core<T, Store>>
on_receive(detail::channel_core<T, Store>& from) noexcept {
    return detail::receive_case<detail::channel_core<T, Store>>(from);
}

template <class T, class Store>
detail::send_case<detail::channel_core<T, Store>> on_send(detail::channel_core<T, Store>& to,
                                                          std::type_identity_t<T>& value) noexcept {
    return detail::send_case<detail::channel_core<T, Store>>(to, value);
}

template <class T, class Store>
detail::send_case<detail::channel_core<T, Store>> on_send(detail::channel_core<T, Store>& to,
                                                          std::type_identity_t<T>&& value) noexcept {
    return detail::send_case<detail::channel_core<T, Store>>(to, std::move(value));
}

template <class... Cases>
    requires(sizeof...(Cases) > 0)
std::optional<select_result<typename Cases::result...>> try_select(Cases... cases) {
    std::tuple<Cases&...> all(cases...);
    std::tuple<typename Cases::result...> results{};
    wake_chain to_wake;
    // One lock at a time is enough: this caller stands in no queue, so nobody can serve it meanwhile.
    const int found = detail::first_that(std::index_sequence_for<Cases...>(), [&](auto i) {
        const std::lock_guard lock(std::get<i>(all).guard());
        return std::get<i>(all).settle(std::get<i>(results), to_wake);
    });
    to_wake.wake_all();
    if (found == detail::selection::open) return std::nullopt;
    return select_result<typename Cases::result...>(static_cast<std::size_t>(found), std::move(results));
}

} // namespace tandem
