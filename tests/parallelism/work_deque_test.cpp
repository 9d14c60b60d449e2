#include "tests/support/catch.hpp"

#include "lib/parallelism/work_deque.hpp"

#include <atomic>
#include <cstddef>
#include <deque>
#include <random>
#include <thread>
#include <vector>

using tandem::detail::work_deque;

namespace {

struct item {
    std::atomic<int> taken{0};
    int written_before_push = 0; // plain: ThreadSanitizer checks that push publishes it
};

} // namespace

TEST_CASE("work_deque: pops the newest and steals the oldest") {
    work_deque<int> deque(4);
    int values[3] = {};
    CHECK(deque.empty());
    CHECK(deque.pop() == nullptr);
    CHECK(deque.steal() == nullptr);
    for (int& value : values)
        REQUIRE(deque.push(&value));
    CHECK_FALSE(deque.empty());
    CHECK(deque.steal() == &values[0]);
    CHECK(deque.pop() == &values[2]);
    CHECK(deque.pop() == &values[1]);
    CHECK(deque.pop() == nullptr);
    CHECK(deque.steal() == nullptr);
    CHECK(deque.empty());
}

TEST_CASE("work_deque: grows and keeps the order") {
    work_deque<int> deque(2);
    std::vector<int> values(1000);
    for (int& value : values)
        REQUIRE(deque.push(&value));
    for (int& value : values)
        REQUIRE(deque.steal() == &value);
    CHECK(deque.empty());
}

TEST_CASE("work_deque: does what a model does, over random sequences") {
    for (unsigned seed = 0; seed < 50; ++seed) {
        std::mt19937 random(seed);
        work_deque<int> deque(2);
        std::deque<int*> model;
        std::vector<int> values(2000);
        std::size_t pushed = 0;
        for (int step = 0; step < 5000; ++step) {
            const auto choice = random() % (seed % 2 == 0 ? 4 : 3); // pushes prevail, or not
            if (choice >= 2 && pushed < values.size()) {
                REQUIRE(deque.push(&values[pushed]));
                model.push_back(&values[pushed++]);
            } else if (choice == 0) {
                int* expected = model.empty() ? nullptr : model.back();
                if (expected != nullptr) model.pop_back();
                REQUIRE(deque.pop() == expected);
            } else {
                int* expected = model.empty() ? nullptr : model.front();
                if (expected != nullptr) model.pop_front();
                REQUIRE(deque.steal() == expected);
            }
            REQUIRE(deque.empty() == model.empty());
        }
    }
}

TEST_CASE("work_deque: several thieves and the owner take each element once") {
    constexpr std::size_t count = 100'000;
    std::vector<item> items(count);
    work_deque<item> deque(2);
    std::atomic<std::size_t> taken{0};
    std::atomic<bool> wrong{false};
    const auto take = [&](item* it) {
        if (it == nullptr) return;
        if (it->taken.fetch_add(1) != 0 || it->written_before_push != 42) wrong = true;
        taken.fetch_add(1);
    };
    std::vector<std::thread> thieves;
    for (int i = 0; i < 3; ++i)
        thieves.emplace_back([&] {
            while (taken.load() < count) {
                item* it = deque.steal();
                take(it);
                if (it == nullptr) std::this_thread::yield();
            }
        });
    std::mt19937 random(1);
    for (std::size_t next = 0; next < count;) {
        // Short bursts keep the deque near empty, where owner and thieves meet at the last element.
        for (auto burst = random() % 4 + (random() % 256 == 0 ? 500 : 0); burst > 0 && next < count;
             --burst) {
            items[next].written_before_push = 42;
            if (!deque.push(&items[next])) wrong = true;
            ++next;
        }
        for (auto burst = random() % 4; burst > 0; --burst)
            take(deque.pop());
    }
    while (item* it = deque.pop())
        take(it);
    for (auto& thief : thieves)
        thief.join();
    CHECK(taken.load() == count);
    CHECK_FALSE(wrong.load());
    CHECK(deque.empty());
}
