// Sorts a range on all workers of a pool.
//
//     parallel_sort(pool, values);
//     co_await parallel_sort(names, std::greater<>());      // on the companion pool
//
// Not stable; in place, without allocation; O(n log n) comparisons in the worst case, O(n k) for k different
// values, and about n for a range that is sorted already. A quicksort whose pieces are forked. Small
// trivially copyable elements are partitioned without branches, which a processor cannot predict. The first
// partition is one worker's, so more than about eight workers gain little.
//
// The two forms, exceptions (of the comparison or of moves), stop tokens and cancellation: see
// parallel_for.hpp. After a failure the elements are in any order; after a stop they are all there.
#pragma once

#include <tandem/parallelism/fork_join.hpp>
#include <tandem/parallelism/parallel_for.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <functional>
#include <iterator>
#include <limits>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace tandem {

// `less` is a strict weak order, called by several workers at a time. The grain is the size below which a
// piece is sorted by one worker (default 4096).
template <parallel_range R, class Less = std::less<>>
    requires std::sortable<std::ranges::iterator_t<R>, Less>
void parallel_sort(thread_pool& pool, R&& range, Less less = Less(),
                   const parallel_options& options = parallel_options());
template <parallel_range R, class Less = std::less<>>
    requires(std::ranges::borrowed_range<R> && std::sortable<std::ranges::iterator_t<R>, Less>)
[[nodiscard]] auto parallel_sort(R&& range, Less less = Less(),
                                 parallel_options options = parallel_options());

// Implementation

namespace detail {

template <class It, class Less>
class quicksort {
public:
    quicksort(loop_control& control, Less& less, std::size_t grain) noexcept
        : control_(control), less_(less),
          alone_(std::max(smallest, static_cast<difference>(std::min(grain != 0 ? grain : 4096, most)))) {}

    void operator()(fork_stack& forks, It first, It last) noexcept {
        // Twice the depth of a perfect one; beyond it the pivots are bad, and a heap sort takes over.
        const int depth = 2 * static_cast<int>(std::bit_width(static_cast<std::size_t>(last - first)));
        guarded([&] {
            if (std::is_sorted(first, last, std::ref(less_)))
                placed(last - first);
            else
                sort(forks, first, last, depth, true);
        });
    }

private:
    using value = std::iter_value_t<It>;
    using difference = std::iter_difference_t<It>;

    static constexpr bool cheap = std::is_trivially_copyable_v<value> && sizeof(value) <= 16;
    static constexpr difference smallest = 24;
    static constexpr auto most = static_cast<std::size_t>(std::numeric_limits<difference>::max());

    // What a piece throws stops the others.
    template <class F>
    void guarded(F f) noexcept {
        try {
            f();
        } catch (...) {
            control_.fail(std::current_exception());
        }
    }

    // So many elements are where they stay.
    void placed(difference elements) { control_.advance(static_cast<std::size_t>(elements)); }

    // `leftmost`: there is no element before `first`. Otherwise that one is a former pivot, which stays where
    // it is and which no element of the piece precedes.
    void sort(fork_stack& forks, It first, It last, int depth, bool leftmost) {
        while (last - first > alone_) {
            if (control_.stopped()) return;
            if (depth-- == 0) {
                heap_sort(first, last);
                placed(last - first);
                return;
            }
            pivot_to_front(first, last);
            if (equals_former_pivot(first, leftmost)) {
                const It equals = first;
                first = behind_equals(first, last);
                placed(first - equals);
                continue;
            }
            const It middle = split(first, last);
            placed(1);
            fork_two(
                forks,
                [&](fork_stack& here) { guarded([&] { sort(here, first, middle, depth, leftmost); }); },
                [&](fork_stack& there) { guarded([&] { sort(there, middle + 1, last, depth, false); }); });
            return;
        }
        sort_alone(first, last, depth, leftmost);
        placed(last - first);
    }

    // Without other workers.
    void sort_alone(It first, It last, int depth, bool leftmost) {
        while (last - first > smallest) {
            if (depth-- == 0) {
                heap_sort(first, last);
                return;
            }
            pivot_to_front(first, last);
            if (equals_former_pivot(first, leftmost)) {
                first = behind_equals(first, last);
                continue;
            }
            const It middle = split(first, last);
            sort_alone(first, middle, depth, leftmost);
            first = middle + 1;
            leftmost = false;
        }
        insertion_sort(first, last);
    }

    void heap_sort(It first, It last) {
        std::make_heap(first, last, std::ref(less_));
        std::sort_heap(first, last, std::ref(less_));
    }

    // Then so do all that the pivot, at `first`, does not precede: many equal elements.
    bool equals_former_pivot(It first, bool leftmost) { return !leftmost && !less_(*(first - 1), *first); }
    It behind_equals(It first, It last) {
        return partition(first + 1, last,
                         [this](const value& pivot, const value& x) { return !less_(pivot, x); });
    }

    // Puts the pivot, at `first`, where it stays: behind all that precede it.
    It split(It first, It last) {
        const It middle = partition(first + 1, last,
                                    [this](const value& pivot, const value& x) { return less_(x, pivot); }) -
                          1;
        std::iter_swap(first, middle);
        return middle;
    }

    // The median of three, of three medians for large pieces.
    void pivot_to_front(It first, It last) {
        const difference n = last - first;
        const It middle = first + n / 2;
        if (n > 128) {
            order(first, middle, last - 1);
            order(first + 1, middle - 1, last - 2);
            order(first + 2, middle + 1, last - 3);
            order(middle - 1, middle, middle + 1);
            std::iter_swap(first, middle);
        } else {
            order(middle, first, last - 1);
        }
    }
    void order(It a, It b, It c) {
        if (less_(*b, *a)) std::iter_swap(a, b);
        if (less_(*c, *b)) std::iter_swap(b, c);
        if (less_(*b, *a)) std::iter_swap(a, b);
    }

    // Those that belong left of the pivot, which is at first - 1, come first; gives their end.
    template <class Left>
    static It partition(It first, It last, Left left) {
        if constexpr (cheap) {
            const value pivot = *(first - 1);
            for (It it = first; it != last; ++it) {
                const value x = *it;
                *it = *first;
                *first = x;
                first += static_cast<difference>(left(pivot, x));
            }
            return first;
        } else {
            const value& pivot = *(first - 1);
            return std::partition(first, last, [&](const value& x) { return left(pivot, x); });
        }
    }

    void insertion_sort(It first, It last) {
        if (first == last) return;
        for (It it = first + 1; it != last; ++it) {
            if (!less_(*it, *(it - 1))) continue;
            value x = std::move(*it);
            It hole = it;
            do {
                *hole = std::move(*(hole - 1));
                --hole;
            } while (hole != first && less_(x, *(hole - 1)));
            *hole = std::move(x);
        }
    }

    loop_control& control_;
    Less& less_;
    const difference alone_; // what one worker sorts
};

template <class It, class Less>
void parallel_sort(thread_pool& pool, It begin, std::size_t count, Less& less,
                   const parallel_options& options, const std::stop_token& cancelled) {
    loop_control control(options, cancelled, pool.workers());
    control.expect(count);
    quicksort<It, Less> sort(control, less, options.grain());
    on_worker_of(pool, [&](fork_stack& forks) {
        sort(forks, begin, begin + static_cast<std::iter_difference_t<It>>(count));
    });
    control.finish();
}

} // namespace detail

template <parallel_range R, class Less>
    requires std::sortable<std::ranges::iterator_t<R>, Less>
void parallel_sort(thread_pool& pool, R&& range, Less less, const parallel_options& options) {
    detail::parallel_sort(pool, std::ranges::begin(range), std::ranges::size(range), less, options, {});
}

template <parallel_range R, class Less>
    requires(std::ranges::borrowed_range<R> && std::sortable<std::ranges::iterator_t<R>, Less>)
auto parallel_sort(R&& range, Less less, parallel_options options) {
    return offload([begin = std::ranges::begin(range), count = std::size_t{std::ranges::size(range)},
                    less = std::move(less), options = std::move(options)](std::stop_token cancelled) mutable {
        detail::parallel_sort(*thread_pool::current(), begin, count, less, options, cancelled);
    });
}

} // namespace tandem
