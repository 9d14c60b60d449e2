// Loops on all workers of a pool.
//
//     parallel_for(pool, 0, height, [&](int row) { render(row); });            // blocks until all is done
//     co_await parallel_for(0, height, [&](int row) { render(row); });         // on the companion pool
//     parallel_for(pool, 0, n, [&](int begin, int end) { ... });               // a chunk at a time
//     parallel_for_each(pool, pages, [](page& p) { p.parse(); });
//     parallel_transform(pool, pages, scores.begin(), score);
//
// The form with a pool blocks: on a worker of that pool it does not block the worker, which takes part (so
// loops nest freely); on a loop's thread it throws std::logic_error. The form without a pool is for
// `co_await` in a task: it runs on the companion pool while the task waits as in `offload`, with its rules
// for cancellation: the loop is stopped before its next chunk, and the task waits until it has ended. For
// another pool: `co_await offload(pool, ...)` around the blocking form.
//
// The work is split while other workers have nothing to do, down to single elements if need be; see
// parallel_options for the grain. The body is shared by all workers, called in several threads at a time, in
// any order. When it throws, no further chunk begins, and the first exception is thrown once all have ended.
// A stop token (parallel_options) stops the same way, with operation_cancelled. std::runtime_error when the
// pool has stopped. Nothing is allocated.
//
// Ranges are of random access and known size (two iterators: parallel_iterators.hpp). The awaitable forms
// keep iterators: the range must live as long as the wait (an lvalue in the task's frame, a span).
#pragma once

#include <tandem/parallelism/detail/parallel_loop.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/parallelism/parallel_options.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace tandem {

// What parallel algorithms take.
template <class R>
concept parallel_range = std::ranges::random_access_range<R> && std::ranges::sized_range<R>;

// body(i) for each i in [first, last), or body(begin, end) for pieces of it, whichever the body can be called
// with. Indices have the common type of both bounds.
template <std::integral I, std::integral J, class F>
void parallel_for(thread_pool& pool, I first, J last, F&& body,
                  const parallel_options& options = parallel_options());
template <std::integral I, std::integral J, class F>
[[nodiscard]] auto parallel_for(I first, J last, F body, parallel_options options = parallel_options());

// f(element) for each element.
template <parallel_range R, class F>
void parallel_for_each(thread_pool& pool, R&& range, F&& f,
                       const parallel_options& options = parallel_options());
template <parallel_range R, class F>
    requires std::ranges::borrowed_range<R>
[[nodiscard]] auto parallel_for_each(R&& range, F f, parallel_options options = parallel_options());

// out[i] = f(range[i]) for each i. `out` may be the range's own begin, else must not overlap it; not the
// begin of a std::vector<bool>, whose elements share bytes.
template <parallel_range R, std::random_access_iterator Out, class F>
void parallel_transform(thread_pool& pool, R&& range, Out out, F&& f,
                        const parallel_options& options = parallel_options());
template <parallel_range R, std::random_access_iterator Out, class F>
    requires std::ranges::borrowed_range<R>
[[nodiscard]] auto parallel_transform(R&& range, Out out, F f, parallel_options options = parallel_options());

// Implementation

namespace detail {

template <class I, class F>
void parallel_for(thread_pool& pool, I first, I last, F& body, const parallel_options& options,
                  const std::stop_token& cancelled) {
    using number = std::make_unsigned_t<I>; // wraps, where the range is wider than I's positive half
    const auto at = [first](std::size_t n) {
        return static_cast<I>(static_cast<number>(first) + static_cast<number>(n));
    };
    auto chunk = [at, &body](std::size_t b, std::size_t e) {
        I i = at(b);
        const I end = at(e);
        if constexpr (std::is_invocable_v<F&, I, I>)
            std::invoke(body, i, end);
        else
            for (; i != end; ++i)
                std::invoke(body, i);
    };
    loop_body part(chunk);
    std::size_t n = 0;
    if (first < last) n = static_cast<number>(static_cast<number>(last) - static_cast<number>(first));
    parallel_loop(pool, options, cancelled, part, n);
}

// Two iterators are all that a loop needs of a range; this is also what an awaitable form keeps.
template <class It, class F>
void parallel_for_each(thread_pool& pool, It begin, std::size_t count, F& f, const parallel_options& options,
                       const std::stop_token& cancelled) {
    using difference = std::iter_difference_t<It>;
    auto chunk = [begin, &f](std::size_t b, std::size_t e) {
        const It end = begin + static_cast<difference>(e);
        for (It it = begin + static_cast<difference>(b); it != end; ++it)
            std::invoke(f, *it);
    };
    loop_body part(chunk);
    parallel_loop(pool, options, cancelled, part, count);
}

template <class It, class Out, class F>
void parallel_transform(thread_pool& pool, It begin, std::size_t count, Out out, F& f,
                        const parallel_options& options, const std::stop_token& cancelled) {
    auto chunk = [begin, out, &f](std::size_t b, std::size_t e) {
        It from = begin + static_cast<std::iter_difference_t<It>>(b);
        Out to = out + static_cast<std::iter_difference_t<Out>>(b);
        for (; b != e; ++b, ++from, ++to)
            *to = std::invoke(f, *from);
    };
    loop_body part(chunk);
    parallel_loop(pool, options, cancelled, part, count);
}

} // namespace detail

template <std::integral I, std::integral J, class F>
void parallel_for(thread_pool& pool, I first, J last, F&& body, const parallel_options& options) {
    using index = std::common_type_t<I, J>;
    detail::parallel_for(pool, static_cast<index>(first), static_cast<index>(last), body, options, {});
}

template <std::integral I, std::integral J, class F>
auto parallel_for(I first, J last, F body, parallel_options options) {
    using index = std::common_type_t<I, J>;
    return offload([b = static_cast<index>(first), e = static_cast<index>(last), body = std::move(body),
                    options = std::move(options)](std::stop_token cancelled) mutable {
        detail::parallel_for(*thread_pool::current(), b, e, body, options, cancelled);
    });
}

template <parallel_range R, class F>
void parallel_for_each(thread_pool& pool, R&& range, F&& f, const parallel_options& options) {
    detail::parallel_for_each(pool, std::ranges::begin(range), std::ranges::size(range), f, options, {});
}

template <parallel_range R, class F>
    requires std::ranges::borrowed_range<R>
auto parallel_for_each(R&& range, F f, parallel_options options) {
    return offload([begin = std::ranges::begin(range), count = std::size_t{std::ranges::size(range)},
                    f = std::move(f), options = std::move(options)](std::stop_token cancelled) mutable {
        detail::parallel_for_each(*thread_pool::current(), begin, count, f, options, cancelled);
    });
}

template <parallel_range R, std::random_access_iterator Out, class F>
void parallel_transform(thread_pool& pool, R&& range, Out out, F&& f, const parallel_options& options) {
    detail::parallel_transform(pool, std::ranges::begin(range), std::ranges::size(range), std::move(out), f,
                               options, {});
}

template <parallel_range R, std::random_access_iterator Out, class F>
    requires std::ranges::borrowed_range<R>
auto parallel_transform(R&& range, Out out, F f, parallel_options options) {
    return offload([begin = std::ranges::begin(range), count = std::size_t{std::ranges::size(range)},
                    out = std::move(out), f = std::move(f),
                    options = std::move(options)](std::stop_token cancelled) mutable {
        detail::parallel_transform(*thread_pool::current(), begin, count, out, f, options, cancelled);
    });
}

} // namespace tandem
