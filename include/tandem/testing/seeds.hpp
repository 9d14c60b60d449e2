// One test in many orders.
#pragma once

#include <tandem/testing/run.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>

namespace tandem::test {

// The first seed with which a test failed, and how.
class failed_seed {
public:
    failed_seed(std::uint64_t s, std::exception_ptr f) noexcept : seed(s), failure(std::move(f)) {}
    std::uint64_t seed;
    std::exception_ptr failure;
};

namespace detail {

// The seeds to try: `count` of them from `first`, or the one of the environment variable TANDEM_TEST_SEED.
class seed_range {
public:
    seed_range(std::uint64_t first, std::size_t count);
    std::uint64_t first;
    std::size_t count;
};

std::exception_ptr test_was_false(std::uint64_t seed);
[[noreturn]] void report_and_rethrow(const failed_seed& failed);

} // namespace detail

// Runs `f(args...)`, a task, under `count` seeds, from `how`'s own (default 1) upwards. It fails by an
// exception, by a deadlock, or as a task<bool> that gives false. Nothing is thrown or printed.
template <class F, class... Args>
    requires invocable_task<F, Args...>
std::optional<failed_seed> find_failing_seed(const options& how, std::size_t count, F f, Args... args) {
    const detail::seed_range seeds(how.seed().value_or(1), count);
    for (std::size_t i = 0; i < seeds.count; ++i) {
        const std::uint64_t seed = seeds.first + i;
        options seeded = how;
        seeded.seed(seed);
        try {
            if constexpr (std::is_same_v<invoke_awaited_t<F, Args...>, bool>) {
                if (!detail::run_quietly(seeded, tandem::invoke(f, args...)))
                    return failed_seed(seed, detail::test_was_false(seed));
            } else {
                static_cast<void>(detail::run_quietly(seeded, tandem::invoke(f, args...)));
            }
        } catch (...) {
            return failed_seed(seed, std::current_exception());
        }
    }
    return std::nullopt;
}

template <class F, class... Args>
    requires invocable_task<F, Args...>
std::optional<failed_seed> find_failing_seed(std::size_t count, F f, Args... args) {
    return find_failing_seed(options(), count, std::move(f), std::move(args)...);
}

// The same, for a test: the failing seed is printed on stderr, and the failure thrown on. With the
// environment variable TANDEM_TEST_SEED only that seed is run.
template <class F, class... Args>
    requires invocable_task<F, Args...>
void for_each_seed(const options& how, std::size_t count, F f, Args... args) {
    if (const auto failed = find_failing_seed(how, count, std::move(f), std::move(args)...))
        detail::report_and_rethrow(*failed);
}

template <class F, class... Args>
    requires invocable_task<F, Args...>
void for_each_seed(std::size_t count, F f, Args... args) {
    for_each_seed(options(), count, std::move(f), std::move(args)...);
}

} // namespace tandem::test
