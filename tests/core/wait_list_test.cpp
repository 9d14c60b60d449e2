#include <tandem/core/runtime.hpp>
#include <tandem/core/wait_list.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <random>
#include <vector>

using namespace tandem;

TEST_CASE("wait_list: first in, first out, removal anywhere, as a deque does") {
    runtime rt(tests::small());
    task_context context(rt.loop(0), nullptr, [](task_context&) noexcept {}, false);
    wait_list list;
    CHECK(list.empty());
    CHECK(list.front() == nullptr);
    CHECK(list.pop_front() == nullptr);

    std::vector<std::unique_ptr<waiter>> waiters;
    for (int i = 0; i < 50; ++i)
        waiters.push_back(std::make_unique<waiter>(context));
    std::deque<waiter*> reference;
    std::mt19937 random(3);
    for (int i = 0; i < 20'000; ++i) {
        waiter* const w = waiters[random() % waiters.size()].get();
        const bool in = std::find(reference.begin(), reference.end(), w) != reference.end();
        REQUIRE(w->linked() == in);
        switch (random() % 3) {
        case 0:
            if (in) break;
            list.push_back(*w);
            reference.push_back(w);
            break;
        case 1:
            if (!in) break;
            list.remove(*w);
            reference.erase(std::find(reference.begin(), reference.end(), w));
            break;
        default: {
            waiter* const expected = reference.empty() ? nullptr : reference.front();
            REQUIRE(list.front() == expected);
            // By who only takes it out, and by who will wake it.
            const bool to_wake = random() % 2 == 0;
            REQUIRE((to_wake ? list.take_front() : list.pop_front()) == expected);
            CHECK(rt.loop(0).has_wakers() == (to_wake && expected));
            if (to_wake && expected) rt.loop(0).waker_done();
            if (!reference.empty()) reference.pop_front();
        }
        }
        REQUIRE(list.empty() == reference.empty());
    }
    while (list.pop_front()) {
    }
}
