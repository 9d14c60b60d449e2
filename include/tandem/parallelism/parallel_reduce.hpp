// Sums, minima and the like on all workers of a pool.
//
//     double sum = parallel_reduce(pool, values, 0.0, std::plus<>());
//     double squares = parallel_reduce(pool, values, 0.0, std::plus<>(), [](double x) { return x * x; });
//     auto best = co_await parallel_reduce(pages, page_score(), better, score);    // on the companion pool
//
// The result is op(init, ...) of transform(element) over all elements, with the type of `init`; of an empty
// range it is `init`. How the operations are grouped depends on the workers' timing, so `op` has to be
// associative; for arithmetic types also commutative, since several elements are added at a time (as
// std::reduce). With parallel_options().deterministic(true) it is grouped in one way in every run, whatever
// the pool. Other types keep the order of the elements in any case.
//
// The two forms, exceptions, stop tokens and cancellation: see parallel_for.hpp.
#pragma once

#include <tandem/parallelism/parallel_for.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem {

template <parallel_range R, class T, class Op, class Transform = std::identity>
    requires(!std::same_as<std::remove_cvref_t<Transform>, parallel_options>)
T parallel_reduce(thread_pool& pool, R&& range, T init, Op&& op, Transform&& transform = Transform(),
                  const parallel_options& options = parallel_options());
template <parallel_range R, class T, class Op>
T parallel_reduce(thread_pool& pool, R&& range, T init, Op&& op, const parallel_options& options);

template <parallel_range R, class T, class Op, class Transform = std::identity>
    requires(std::ranges::borrowed_range<R> && !std::same_as<Transform, parallel_options>)
[[nodiscard]] auto parallel_reduce(R&& range, T init, Op op, Transform transform = Transform(),
                                   parallel_options options = parallel_options());
template <parallel_range R, class T, class Op>
    requires std::ranges::borrowed_range<R>
[[nodiscard]] auto parallel_reduce(R&& range, T init, Op op, parallel_options options);

// Implementation

namespace detail {

template <class T, class It, class Op, class Transform>
class reduction {
public:
    reduction(It begin, Op& op, Transform& transform) : begin_(begin), op_(op), transform_(transform) {}

    T combine(T a, T b) const { return static_cast<T>(std::invoke(op_, std::move(a), std::move(b))); }

    T reduce(std::size_t first, std::size_t last) const { // not of an empty range
        if constexpr (std::is_arithmetic_v<T>) {
            if (last - first >= 2 * lanes) return reduce_in_lanes(first, last);
        }
        T result = at(first);
        while (++first != last)
            result = combine(std::move(result), at(first));
        return result;
    }

private:
    // As many independent chains of operations as it takes to hide their latency, in the shape that compilers
    // turn into vector instructions.
    static constexpr std::size_t lanes = 64 / std::min<std::size_t>(sizeof(T), 8) * 2;

    template <class Element>
    T of(Element&& element) const {
        return static_cast<T>(std::invoke(transform_, std::forward<Element>(element)));
    }
    T at(std::size_t i) const { return of(*(begin_ + static_cast<std::iter_difference_t<It>>(i))); }

    T reduce_in_lanes(std::size_t first, std::size_t last) const {
        using step = std::iter_difference_t<It>;
        It it = begin_ + static_cast<step>(first);
        T lane[lanes];
        for (std::size_t k = 0; k < lanes; ++k)
            lane[k] = of(it[static_cast<step>(k)]);
        for (std::size_t turns = (last - first) / lanes; --turns != 0;) {
            it += static_cast<step>(lanes);
            for (std::size_t k = 0; k < lanes; ++k)
                lane[k] = combine(lane[k], of(it[static_cast<step>(k)]));
        }
        it += static_cast<step>(lanes);
        for (std::size_t k = 0; k < (last - first) % lanes; ++k)
            lane[k] = combine(lane[k], of(it[static_cast<step>(k)]));
        for (std::size_t width = lanes / 2; width != 0; width /= 2)
            for (std::size_t k = 0; k < width; ++k)
                lane[k] = combine(lane[k], lane[k + width]);
        return lane[0];
    }

    It begin_;
    Op& op_;
    Transform& transform_;
};

template <class T, class Reduction>
class reduce_part {
public:
    explicit reduce_part(const Reduction& how) noexcept : how_(how) {}
    reduce_part(const reduce_part& other, split_tag) noexcept : how_(other.how_) {}

    void chunk(std::size_t first, std::size_t last) { add(how_.reduce(first, last)); }
    void merge(reduce_part& right) {
        if (right.value_) add(*std::move(right.value_));
    }
    T result(T init) {
        if (!value_) return init;
        return how_.combine(std::move(init), *std::move(value_));
    }

private:
    void add(T more) {
        if (value_)
            value_.emplace(how_.combine(*std::move(value_), std::move(more)));
        else
            value_.emplace(std::move(more));
    }

    const Reduction& how_;
    std::optional<T> value_;
};

template <class It, class T, class Op, class Transform>
T parallel_reduce(thread_pool& pool, It begin, std::size_t count, T init, Op& op, Transform& transform,
                  const parallel_options& options, const std::stop_token& cancelled) {
    const reduction<T, It, Op, Transform> how(begin, op, transform);
    if (!options.deterministic()) {
        reduce_part<T, reduction<T, It, Op, Transform>> part(how);
        parallel_loop(pool, options, cancelled, part, count);
        return part.result(std::move(init));
    }
    // Blocks that depend on nothing but the count, and their results in order.
    const std::size_t block = options.grain() != 0 ? options.grain() : 1024;
    std::vector<std::optional<T>> results(count / block + (count % block != 0 ? 1 : 0));
    if (options.progress() != nullptr) options.progress()->expect(count);
    auto chunk = [&](std::size_t b, std::size_t e) {
        const std::size_t first = b * block;
        for (; b != e; ++b)
            results[b].emplace(how.reduce(b * block, std::min(count, (b + 1) * block)));
        if (options.progress() != nullptr) options.progress()->add(std::min(count, e * block) - first);
    };
    loop_body part(chunk);
    parallel_loop(pool, parallel_options().stop(options.stop()), cancelled, part, results.size());
    for (auto& result : results)
        init = how.combine(std::move(init), *std::move(result));
    return init;
}

} // namespace detail

template <parallel_range R, class T, class Op, class Transform>
    requires(!std::same_as<std::remove_cvref_t<Transform>, parallel_options>)
T parallel_reduce(thread_pool& pool, R&& range, T init, Op&& op, Transform&& transform,
                  const parallel_options& options) {
    return detail::parallel_reduce(pool, std::ranges::begin(range), std::ranges::size(range), std::move(init),
                                   op, transform, options, {});
}

template <parallel_range R, class T, class Op>
T parallel_reduce(thread_pool& pool, R&& range, T init, Op&& op, const parallel_options& options) {
    return parallel_reduce(pool, range, std::move(init), op, std::identity(), options);
}

template <parallel_range R, class T, class Op, class Transform>
    requires(std::ranges::borrowed_range<R> && !std::same_as<Transform, parallel_options>)
auto parallel_reduce(R&& range, T init, Op op, Transform transform, parallel_options options) {
    return offload([begin = std::ranges::begin(range), count = std::size_t{std::ranges::size(range)},
                    init = std::move(init), op = std::move(op), transform = std::move(transform),
                    options = std::move(options)](std::stop_token cancelled) mutable {
        return detail::parallel_reduce(*thread_pool::current(), begin, count, std::move(init), op, transform,
                                       options, cancelled);
    });
}

template <parallel_range R, class T, class Op>
    requires std::ranges::borrowed_range<R>
auto parallel_reduce(R&& range, T init, Op op, parallel_options options) {
    return parallel_reduce(std::forward<R>(range), std::move(init), std::move(op), std::identity(),
                           std::move(options));
}

} // namespace tandem
