// concurrent_map and concurrent_for_each: one coroutine per element, at most `limit` at a time.
//
//     auto pages = co_await concurrent_map(urls, 64, fetch);      // results, in the order of `urls`
//     co_await concurrent_for_each(std::move(files), 8, upload);
//
// `f(element)` returns a task (or any awaitable). Elements are taken in order. An lvalue range is referred to
// and must outlive the call, an rvalue range is moved into it; elements are passed as lvalues of the range,
// and moved when the range is an rvalue that owns them (not a view: a span's elements are somebody else's).
// What a range makes on the fly (a transform view, an istream view) is kept until its call has ended.
// `f` is moved in. Failure: the first exception cancels the other calls, no further element is begun, and it
// is rethrown once all have ended. Cancellation: the same, with operation_cancelled. An empty range gives an
// empty result at once. `limit` 0 counts as 1, and it may be any number. Cost: coroutines that each take one
// element after the other: at most `limit`, at most one for each element, at most 256 at first, and then
// twice as many whenever all are busy; memory does not grow with the range.
#pragma once

#include <tandem/concurrency/detail/crew.hpp>
#include <tandem/concurrency/outcome.hpp>
#include <tandem/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <iterator>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem {

namespace detail {

// A range held by value (rvalue) or by reference (lvalue).
template <class Range>
class held_range {
public:
    explicit held_range(Range&& range) : range_(std::forward<Range>(range)) {}
    auto begin() { return std::begin(range_); }
    auto end() { return std::end(range_); }

    // An element as `f` gets it.
    template <class Iterator>
    static decltype(auto) element(Iterator& it) {
        if constexpr (std::is_lvalue_reference_v<Range> || std::ranges::view<std::remove_cvref_t<Range>> ||
                      !std::is_lvalue_reference_v<decltype(*it)>)
            return *it;
        else
            return std::move(*it);
    }

private:
    Range range_;
};

template <class Range>
using element_t = decltype(held_range<Range>::element(
    std::declval<decltype(std::begin(std::declval<std::remove_reference_t<Range>&>()))&>()));

template <class Range>
using iterator_t = decltype(std::begin(std::declval<std::remove_reference_t<Range>&>()));

// A reference where that stays good while the range goes on, otherwise a value.
template <class Range>
using kept_element_t =
    std::conditional_t<!std::is_reference_v<element_t<Range>> ||
                           (!std::forward_iterator<iterator_t<Range>> &&
                            std::is_constructible_v<std::iter_value_t<iterator_t<Range>>, element_t<Range>>),
                       std::conditional_t<std::is_reference_v<element_t<Range>>,
                                          std::iter_value_t<iterator_t<Range>>, element_t<Range>>,
                       element_t<Range>>;

// The distance, but at most `limit`: a range may be endless.
template <class Iterator, class Sentinel>
std::size_t count_up_to(Iterator from, const Sentinel& end, std::size_t limit) {
    if constexpr (std::sized_sentinel_for<Sentinel, Iterator>) {
        return std::min(limit, static_cast<std::size_t>(end - from));
    } else {
        std::size_t n = 0;
        for (; n < limit && from != end; ++from)
            ++n;
        return n;
    }
}

template <class F, class Range>
using mapped_t = await_result_t<std::invoke_result_t<F&, element_t<Range>>>;

// What the workers of a map share. Plain variables: they all run on one scheduler.
template <class Range, class F, class Take>
class mapping {
public:
    mapping(held_range<Range>& r, F& function, Take& t) : range(r), next(r.begin()), f(function), take(t) {}

    held_range<Range>& range;
    decltype(range.begin()) next;
    std::size_t index = 0;
    F& f;
    Take& take;
};

template <class Range, class F, class Take>
task<> map_worker(crew& all, mapping<Range, F, Take>& shared) {
    held_range<Range>& range = shared.range;
    auto& next = shared.next;
    while (next != range.end()) {
        // A call may have completed in spite of a cancellation; nothing is begun after it.
        if (task_context::current()->cancelled()) throw operation_cancelled("a concurrent map was cancelled");
        const std::size_t i = shared.index++;
        // What the range only lends until the next step, or makes on the fly, is kept until the call has
        // ended: `f` may take it by reference.
        using kept = kept_element_t<Range>;
        kept item = held_range<Range>::element(next);
        auto call = as_task(std::invoke(shared.f, std::forward<element_t<Range>>(item)));
        ++next;
        all.has_item(next != range.end());
        if constexpr (std::is_void_v<mapped_t<F, Range>>)
            co_await std::move(call);
        else
            shared.take(i, co_await std::move(call));
        all.wants_item();
    }
    all.finds_none();
}

template <class Mapping>
task<> make_map_worker(crew& all, void* shared) {
    return map_worker(all, *static_cast<Mapping*>(shared));
}

template <class Range, class F, class Take>
task<> run_workers(held_range<Range>& range, std::size_t limit, F& f, Take& take) {
    using work = mapping<Range, F, Take>;
    work shared(range, f, take);
    if (shared.next == range.end()) co_return;
    std::size_t items = crew::most_at_first;
    if constexpr (std::forward_iterator<decltype(shared.next)>)
        items = count_up_to(shared.next, range.end(), items);
    crew all(limit, items, "concurrent_map", &make_map_worker<work>, &shared);
    co_await all;
    if (all.first_failure()) std::rethrow_exception(all.first_failure());
}

template <class Range, class F>
task<std::vector<non_void_t<mapped_t<F, Range>>>> map_range(held_range<Range> range, std::size_t limit, F f) {
    using result = non_void_t<mapped_t<F, Range>>;
    std::vector<std::optional<result>> found;
    auto take = [&found](std::size_t i, auto&& value) {
        if (found.size() <= i) found.resize(i + 1);
        found[i].emplace(std::forward<decltype(value)>(value));
    };
    co_await run_workers(range, limit, f, take);
    std::vector<result> results;
    results.reserve(found.size());
    for (std::optional<result>& r : found)
        results.push_back(std::move(*r));
    co_return results;
}

template <class Range, class F>
task<> visit_range(held_range<Range> range, std::size_t limit, F f) {
    auto take = [](std::size_t, auto&&) {};
    co_await run_workers(range, limit, f, take);
}

} // namespace detail

template <class Range, class F>
    requires(!std::is_void_v<detail::mapped_t<F, Range>>)
task<std::vector<non_void_t<detail::mapped_t<F, Range>>>> concurrent_map(Range&& range, std::size_t limit,
                                                                         F f) {
    return detail::map_range(detail::held_range<Range>(std::forward<Range>(range)), limit, std::move(f));
}

// Results of `f`, if any, are dropped.
template <class Range, class F>
task<> concurrent_for_each(Range&& range, std::size_t limit, F f) {
    return detail::visit_range(detail::held_range<Range>(std::forward<Range>(range)), limit, std::move(f));
}

} // namespace tandem
