// The parallel algorithms between two iterators.
//
//     parallel_sort(pool, values.begin(), values.begin() + 1'000);
//     co_await parallel_for_each(first, last, parse);
//
// Each is the algorithm of the same name on std::ranges::subrange(first, last), with its rules.
#pragma once

#include <tandem/parallelism/parallel_for.hpp>
#include <tandem/parallelism/parallel_reduce.hpp>
#include <tandem/parallelism/parallel_scan.hpp>
#include <tandem/parallelism/parallel_sort.hpp>

#include <concepts>
#include <functional>
#include <iterator>
#include <ranges>
#include <utility>

namespace tandem {

// f(element) for each element.
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, class F>
void parallel_for_each(thread_pool& pool, It first, S last, F&& f,
                       const parallel_options& options = parallel_options()) {
    parallel_for_each(pool, std::ranges::subrange(first, last), f, options);
}
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, class F>
[[nodiscard]] auto parallel_for_each(It first, S last, F f, parallel_options options = parallel_options()) {
    return parallel_for_each(std::ranges::subrange(first, last), std::move(f), std::move(options));
}

// out[i] = f(first[i]) for each i.
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, std::random_access_iterator Out,
          class F>
void parallel_transform(thread_pool& pool, It first, S last, Out out, F&& f,
                        const parallel_options& options = parallel_options()) {
    parallel_transform(pool, std::ranges::subrange(first, last), out, f, options);
}
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, std::random_access_iterator Out,
          class F>
[[nodiscard]] auto parallel_transform(It first, S last, Out out, F f,
                                      parallel_options options = parallel_options()) {
    return parallel_transform(std::ranges::subrange(first, last), out, std::move(f), std::move(options));
}

// op(init, ...) of transform(element) over all elements.
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, class T, class Op,
          class Transform = std::identity>
    requires(!std::same_as<std::remove_cvref_t<Transform>, parallel_options>)
T parallel_reduce(thread_pool& pool, It first, S last, T init, Op&& op, Transform&& transform = Transform(),
                  const parallel_options& options = parallel_options()) {
    return parallel_reduce(pool, std::ranges::subrange(first, last), std::move(init), op, transform, options);
}
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, class T, class Op>
T parallel_reduce(thread_pool& pool, It first, S last, T init, Op&& op, const parallel_options& options) {
    return parallel_reduce(pool, std::ranges::subrange(first, last), std::move(init), op, options);
}
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, class T, class Op,
          class Transform = std::identity>
    requires(!std::same_as<Transform, parallel_options>)
[[nodiscard]] auto parallel_reduce(It first, S last, T init, Op op, Transform transform = Transform(),
                                   parallel_options options = parallel_options()) {
    return parallel_reduce(std::ranges::subrange(first, last), std::move(init), std::move(op),
                           std::move(transform), std::move(options));
}
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, class T, class Op>
[[nodiscard]] auto parallel_reduce(It first, S last, T init, Op op, parallel_options options) {
    return parallel_reduce(std::ranges::subrange(first, last), std::move(init), std::move(op),
                           std::move(options));
}

// Running totals, with or without the element itself.
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, std::random_access_iterator Out,
          class T, class Op = std::plus<>>
void parallel_scan(thread_pool& pool, It first, S last, Out out, T init, Op op = Op(),
                   const parallel_options& options = parallel_options()) {
    parallel_scan(pool, std::ranges::subrange(first, last), out, std::move(init), std::move(op), options);
}
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, std::random_access_iterator Out,
          class T, class Op = std::plus<>>
[[nodiscard]] auto parallel_scan(It first, S last, Out out, T init, Op op = Op(),
                                 parallel_options options = parallel_options()) {
    return parallel_scan(std::ranges::subrange(first, last), out, std::move(init), std::move(op),
                         std::move(options));
}
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, std::random_access_iterator Out,
          class T, class Op = std::plus<>>
void parallel_exclusive_scan(thread_pool& pool, It first, S last, Out out, T init, Op op = Op(),
                             const parallel_options& options = parallel_options()) {
    parallel_exclusive_scan(pool, std::ranges::subrange(first, last), out, std::move(init), std::move(op),
                            options);
}
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, std::random_access_iterator Out,
          class T, class Op = std::plus<>>
[[nodiscard]] auto parallel_exclusive_scan(It first, S last, Out out, T init, Op op = Op(),
                                           parallel_options options = parallel_options()) {
    return parallel_exclusive_scan(std::ranges::subrange(first, last), out, std::move(init), std::move(op),
                                   std::move(options));
}

template <std::random_access_iterator It, std::sized_sentinel_for<It> S, class Less = std::less<>>
    requires std::sortable<It, Less>
void parallel_sort(thread_pool& pool, It first, S last, Less less = Less(),
                   const parallel_options& options = parallel_options()) {
    parallel_sort(pool, std::ranges::subrange(first, last), std::move(less), options);
}
template <std::random_access_iterator It, std::sized_sentinel_for<It> S, class Less = std::less<>>
    requires std::sortable<It, Less>
[[nodiscard]] auto parallel_sort(It first, S last, Less less = Less(),
                                 parallel_options options = parallel_options()) {
    return parallel_sort(std::ranges::subrange(first, last), std::move(less), std::move(options));
}

} // namespace tandem
