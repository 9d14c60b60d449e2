#include "tests/stress/pauses.hpp"
#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"

#include "lib/parallelism/work_deque.hpp"

#include <atomic>
#include <cstddef>
#include <random>
#include <thread>
#include <vector>

using tandem::detail::work_deque;

namespace {

class item {
public:
    std::atomic<int> taken{0};
    std::size_t written_before_push = 0; // plain: who takes it must see it
};

// An owner that pushes and pops in bursts of random length, and thieves; gives what went wrong.
std::size_t errors_of(unsigned seed, std::size_t count, std::size_t thieves, unsigned longest_burst) {
    work_deque<item> deque(2);
    std::vector<item> items(count);
    std::atomic<bool> over{false};
    std::atomic<std::size_t> wrong{0};
    const auto take = [&](item& got) {
        const auto index = static_cast<std::size_t>(&got - items.data());
        if (got.taken.fetch_add(1) != 0 || got.written_before_push != index + 1) wrong.fetch_add(1);
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < thieves; ++i)
        threads.emplace_back([&] {
            while (!over.load())
                if (item* const got = deque.steal()) take(*got);
        });
    std::mt19937 random(seed);
    for (std::size_t next = 0; next < count;) {
        for (auto burst = random() % longest_burst + 1; burst != 0 && next < count; --burst, ++next) {
            items[next].written_before_push = next + 1;
            if (!deque.push(&items[next])) wrong.fetch_add(1);
        }
        for (auto burst = random() % longest_burst + 1; burst != 0; --burst)
            if (item* const got = deque.pop()) take(*got);
    }
    while (item* const got = deque.pop())
        take(*got);
    over.store(true);
    for (std::thread& thread : threads)
        thread.join();
    for (const item& one : items)
        if (one.taken.load() != 1) wrong.fetch_add(1);
    return wrong.load();
}

} // namespace

TEST_CASE("work_deque: with random pauses, each element is taken once") {
    const std::size_t count = tests::repeat(200'000, 30'000);
    for (unsigned seed = 1; seed <= 3; ++seed) {
        stress::seed(seed);
        CHECK(errors_of(seed, count, 1, 3) == 0); // nearly always about the last element
        CHECK(errors_of(seed, count, 3, 3) == 0);
        CHECK(errors_of(seed, count, 3, 100) == 0); // grows, and slots are used again
    }
}
