// Rate limits under random use; see tests/support/model.hpp.
#include <tandem/sync/keyed_rate_limiter.hpp>
#include <tandem/sync/rate_limiter.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/model.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>

using namespace tandem;
using tests::completes;
using tests::model;
using tests::participant;

TEST_CASE("model: rate_limiter") {
    constexpr std::uint64_t each_ms = 2'000, burst = 500;
    model m("rate_limiter");
    INFO(m.title());
    rate_limiter limit(each_ms, std::chrono::milliseconds(1), burst);
    std::atomic<std::uint64_t> taken{0};
    const auto begin = std::chrono::steady_clock::now();
    m.run([&](participant& me) -> task<> {
        const std::uint64_t n = 1 + me.below(3);
        bool got = true;
        auto acquire = [&]() -> task<> { co_await limit.acquire(n); };
        if (me.one_in(4))
            got = limit.try_acquire(n);
        else if (me.one_in(3))
            got = co_await completes(acquire(), me.below(6));
        else
            co_await acquire();
        if (!got) co_return;
        const std::uint64_t before = taken.fetch_add(n) + n;
        const auto passed = std::chrono::steady_clock::now() - begin;
        const auto ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(passed).count());
        m.expect(before <= burst + ns * each_ms / 1'000'000, "no more than the rate allows");
    });
    CHECK(m.violations() == 0);
}

TEST_CASE("model: keyed_rate_limiter") {
    // More keys than are remembered: full buckets are forgotten and made anew all the time.
    constexpr std::uint64_t each_ms = 1'000, burst = 50;
    constexpr std::size_t keys = 24, remembered = 16;
    model m("keyed_rate_limiter");
    INFO(m.title());
    keyed_rate_limiter<std::size_t> limit(each_ms, std::chrono::milliseconds(1), burst, remembered);
    std::array<std::atomic<std::uint64_t>, keys> taken{};
    const auto begin = std::chrono::steady_clock::now();
    m.run([&](participant& me) -> task<> {
        const std::size_t key = me.below(keys);
        const std::uint64_t n = 1 + me.below(3);
        bool got = true;
        auto acquire = [&]() -> task<> { co_await limit.acquire(key, n); };
        try {
            if (me.one_in(4))
                got = limit.try_acquire(key, n);
            else if (me.one_in(3))
                got = co_await completes(acquire(), me.below(6));
            else
                co_await acquire();
        } catch (const std::length_error&) {
            got = false; // as many keys as are remembered are in use, or not full yet
        }
        m.expect(limit.size() <= remembered, "no more keys than are remembered");
        if (!got) co_return;
        const std::uint64_t before = taken[key].fetch_add(n) + n;
        const auto passed = std::chrono::steady_clock::now() - begin;
        const auto ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(passed).count());
        m.expect(before <= burst + ns * each_ms / 1'000'000, "no more for one key than the rate allows");
    });
    CHECK(m.violations() == 0);
    for (const auto& of_key : taken)
        CHECK(of_key > 0);
}
