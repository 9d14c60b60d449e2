// Running totals on all workers of a pool.
//
//     parallel_scan(pool, counts, offsets.begin(), 0);                    // 3 1 4 -> 3 4 8
//     parallel_exclusive_scan(pool, counts, offsets.begin(), 0);          // 3 1 4 -> 0 3 4
//     co_await parallel_scan(values, sums.begin(), 0.0);
//
// out[i] = op(init, op over range[0], ..., range[i]), without range[i] for the exclusive form, in the type of
// `init`. `op` is associative; it is called about twice for each element, always in their order, so two
// workers are hardly faster than one thread. The elements
// are read in blocks of a size that depends on their number only, so the result is the same in every run and
// on every pool. Memory: one result in some thousands of elements.
//
// `out` may be the range's own begin, else must not overlap it. The two forms, exceptions, stop tokens and
// cancellation: see parallel_for.hpp.
#pragma once

#include <tandem/parallelism/parallel_for.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

namespace tandem {

template <parallel_range R, std::random_access_iterator Out, class T, class Op = std::plus<>>
void parallel_scan(thread_pool& pool, R&& range, Out out, T init, Op op = Op(),
                   const parallel_options& options = parallel_options());
template <parallel_range R, std::random_access_iterator Out, class T, class Op = std::plus<>>
    requires std::ranges::borrowed_range<R>
[[nodiscard]] auto parallel_scan(R&& range, Out out, T init, Op op = Op(),
                                 parallel_options options = parallel_options());

template <parallel_range R, std::random_access_iterator Out, class T, class Op = std::plus<>>
void parallel_exclusive_scan(thread_pool& pool, R&& range, Out out, T init, Op op = Op(),
                             const parallel_options& options = parallel_options());
template <parallel_range R, std::random_access_iterator Out, class T, class Op = std::plus<>>
    requires std::ranges::borrowed_range<R>
[[nodiscard]] auto parallel_exclusive_scan(R&& range, Out out, T init, Op op = Op(),
                                           parallel_options options = parallel_options());

// Implementation

namespace detail {

// Twice over the blocks: first the total of each, then, from the totals before it, the results in it.
template <bool Inclusive, class It, class Out, class T, class Op>
void parallel_scan(thread_pool& pool, It begin, std::size_t count, Out out, T init, Op& op,
                   const parallel_options& options, const std::stop_token& cancelled) {
    const auto at = [begin](std::size_t i) { return begin + static_cast<std::iter_difference_t<It>>(i); };
    const auto join = [&op](auto&& a, auto&& b) {
        return static_cast<T>(std::invoke(op, std::forward<decltype(a)>(a), std::forward<decltype(b)>(b)));
    };
    const std::size_t block = options.grain() != 0 ? options.grain() : 4096;
    const std::size_t blocks = count / block + (count % block != 0 ? 1 : 0);
    const auto end_of = [&](std::size_t b) { return b + 1 == blocks ? count : (b + 1) * block; };
    std::vector<std::optional<T>> before(blocks); // first each block's total, then the total before it
    const parallel_options by_block = parallel_options().stop(options.stop());
    if (options.progress() != nullptr) options.progress()->expect(count);

    auto total = [&](std::size_t first, std::size_t last) {
        for (; first != last; ++first) {
            std::size_t i = first * block;
            T sum = static_cast<T>(*at(i));
            for (const std::size_t end = end_of(first); ++i != end;)
                sum = join(std::move(sum), *at(i));
            before[first].emplace(std::move(sum));
        }
    };
    loop_body totals(total);
    if (blocks > 1) // the last one's is not needed
        parallel_loop(pool, by_block, cancelled, totals, blocks - 1);
    for (auto& entry : before) {
        std::optional<T> sum = std::exchange(entry, std::nullopt);
        entry.emplace(init);
        if (sum) init = join(std::move(init), *std::move(sum));
    }

    auto write = [&](std::size_t first, std::size_t last) {
        const std::size_t written = std::min(count, last * block) - first * block;
        for (; first != last; ++first) {
            T sum = *std::move(before[first]);
            std::size_t i = first * block;
            Out to = out + static_cast<std::iter_difference_t<Out>>(i);
            for (const std::size_t end = end_of(first); i != end; ++i, ++to) {
                T next = join(sum, *at(i)); // read before `to`, which may be the same place
                if constexpr (Inclusive)
                    *to = next;
                else
                    *to = std::move(sum);
                sum = std::move(next);
            }
        }
        if (options.progress() != nullptr) options.progress()->add(written);
    };
    loop_body results(write);
    parallel_loop(pool, by_block, cancelled, results, blocks);
}

template <bool Inclusive, class R, class Out, class T, class Op>
auto offload_scan(R&& range, Out out, T init, Op op, parallel_options options) {
    return offload([begin = std::ranges::begin(range), count = std::size_t{std::ranges::size(range)},
                    out = std::move(out), init = std::move(init), op = std::move(op),
                    options = std::move(options)](std::stop_token cancelled) mutable {
        detail::parallel_scan<Inclusive>(*thread_pool::current(), begin, count, out, std::move(init), op,
                                         options, cancelled);
    });
}

} // namespace detail

template <parallel_range R, std::random_access_iterator Out, class T, class Op>
void parallel_scan(thread_pool& pool, R&& range, Out out, T init, Op op, const parallel_options& options) {
    detail::parallel_scan<true>(pool, std::ranges::begin(range), std::ranges::size(range), out,
                                std::move(init), op, options, {});
}
template <parallel_range R, std::random_access_iterator Out, class T, class Op>
    requires std::ranges::borrowed_range<R>
auto parallel_scan(R&& range, Out out, T init, Op op, parallel_options options) {
    return detail::offload_scan<true>(range, std::move(out), std::move(init), std::move(op),
                                      std::move(options));
}

template <parallel_range R, std::random_access_iterator Out, class T, class Op>
void parallel_exclusive_scan(thread_pool& pool, R&& range, Out out, T init, Op op,
                             const parallel_options& options) {
    detail::parallel_scan<false>(pool, std::ranges::begin(range), std::ranges::size(range), out,
                                 std::move(init), op, options, {});
}
template <parallel_range R, std::random_access_iterator Out, class T, class Op>
    requires std::ranges::borrowed_range<R>
auto parallel_exclusive_scan(R&& range, Out out, T init, Op op, parallel_options options) {
    return detail::offload_scan<false>(range, std::move(out), std::move(init), std::move(op),
                                       std::move(options));
}

} // namespace tandem
