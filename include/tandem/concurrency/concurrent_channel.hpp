// concurrent_for_each and concurrent_map with a channel as their source: one coroutine per item, at most
// `limit` at a time (0 counts as 1). They end when the channel is closed and drained.
//
//     co_await concurrent_for_each(urls, 16, fetch_and_store);
//
//     co_await concurrent_map(urls, 16, fetch, pages);    // results go to the channel `pages` as they come
//     pages.close();                                      // by whoever knows that this was the last source
//
// Backpressure: an item is received only when a call of `f` can begin with it; with `concurrent_map` a call
// keeps its place until its result was sent. `out` is not closed, because several maps may feed one channel.
//
// Failure: the first exception of a call cancels the others, no further item is received, and it is rethrown
// when they have ended. Cancellation: the same, with operation_cancelled.
// Items: none is lost in between. What was not received stays in the channel. What was received is given to
// `f`, even when a cancellation came at that moment: `f` sees it at its first operation and decides. A result
// that `f` has given although it was cancelled is not sent any more: `send` throws operation_cancelled. An
// item of a call that was cut short is `f`'s to put back. When `out` is closed by its reader, nobody wants
// the rest: the calls that run are cancelled, nothing further is received, and concurrent_map yields false.
// Cost: coroutines that each take one item after the other: at most `limit`, which may be any number, at most
// 256 at first, and then twice as many whenever all are busy.
#pragma once

#include <tandem/concurrency/detail/crew.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/task.hpp>
#include <tandem/sync/channel.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace tandem {

namespace detail {

template <class T, class Use>
class channel_work {
public:
    channel_work(channel<T>& from, Use& u) noexcept : in(from), use(u) {}
    channel<T>& in;
    Use& use;
    bool stopped = false;
};

template <class T, class Use>
task<> channel_worker(crew& all, channel_work<T, Use>& shared) {
    while (auto item = co_await shared.in.receive()) {
        all.has_item(true);
        if (!co_await shared.use(std::move(*item))) {
            shared.stopped = true;
            all.cancel_members();
            co_return;
        }
        all.wants_item();
    }
    all.finds_none();
}

template <class Work>
task<> make_channel_worker(crew& all, void* shared) {
    return channel_worker(all, *static_cast<Work*>(shared));
}

// `use(item)` yields whether to go on. Yields false when one of them said no.
template <class T, class Use>
task<bool> run_channel_workers(channel<T>& in, std::size_t limit, Use& use) {
    using work = channel_work<T, Use>;
    work shared(in, use);
    crew all(limit, crew::most_at_first, "concurrent_for_each", &make_channel_worker<work>, &shared);
    co_await all;
    const std::exception_ptr failure = all.first_failure();
    if (failure && !(shared.stopped && is_cancellation(failure))) std::rethrow_exception(failure);
    co_return !shared.stopped;
}

} // namespace detail

// Results of `f`, if any, are dropped.
template <class T, class F>
    requires std::is_invocable_v<F&, T>
task<> concurrent_for_each(channel<T>& in, std::size_t limit, F f) {
    auto use = [&f](T item) -> task<bool> {
        static_cast<void>(co_await std::invoke(f, std::move(item)));
        co_return true;
    };
    static_cast<void>(co_await detail::run_channel_workers(in, limit, use));
}

// Sends each result to `out`. Yields whether all were taken: false when `out` was closed before `in`.
template <class T, class F, class R>
    requires std::is_invocable_v<F&, T>
task<bool> concurrent_map(channel<T>& in, std::size_t limit, F f, channel<R>& out) {
    auto use = [&](T item) -> task<bool> {
        R result = co_await std::invoke(f, std::move(item));
        co_return co_await out.send(std::move(result));
    };
    co_return co_await detail::run_channel_workers(in, limit, use);
}

} // namespace tandem
