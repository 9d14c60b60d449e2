#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/sync/priority_channel.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

using ranked = std::pair<int, int>; // rank, number

class by_rank {
public:
    bool operator()(const ranked& a, const ranked& b) const noexcept { return a.first < b.first; }
};

class by_pointee {
public:
    bool operator()(const std::unique_ptr<int>& a, const std::unique_ptr<int>& b) const noexcept {
        return *a < *b;
    }
};

} // namespace

TEST_CASE("priority_channel: the greatest first, equal ones in order of arrival") {
    run_on_loop([]() -> task<> {
        priority_channel<ranked, by_rank> c(1'000);
        std::vector<ranked> expected;
        for (int i = 0; i < 500; ++i) {
            const ranked item((i * 7919) % 10, i);
            expected.push_back(item);
            const bool sent = co_await c.send(item);
            CHECK(sent);
        }
        std::sort(expected.begin(), expected.end(), [](const ranked& a, const ranked& b) {
            return a.first != b.first ? a.first > b.first : a.second < b.second;
        });
        CHECK(c.size() == 500);
        c.close();
        std::vector<ranked> got;
        for (const ranked& item : co_await c.receive_some(100))
            got.push_back(item);
        CHECK(got.size() == 100);
        while (const auto item = co_await c.receive())
            got.push_back(*item);
        CHECK(got == expected);
        const bool refused = co_await c.send(ranked(1, 1));
        CHECK_FALSE(refused);
    });
}

TEST_CASE("priority_channel: bounded, with an order of one's own and items that only move") {
    run_on_loop([]() -> task<> {
        priority_channel<int, std::greater<int>> least_first(2);
        std::vector<int> got;
        auto sender = [&]() -> task<> {
            for (const int i : std::vector<int>{5, 3, 1, 4})
                static_cast<void>(co_await least_first.send(i));
            least_first.close();
        };
        auto receiver = [&]() -> task<> {
            co_await tests::turns(3);
            CHECK(least_first.size() == 2);
            while (const auto item = co_await least_first.receive())
                got.push_back(*item);
        };
        co_await when_all(sender(), receiver());
        CHECK(got == std::vector<int>{3, 1, 5, 4}); // 4 came only after 5 had been taken

        priority_channel<std::unique_ptr<int>, by_pointee> boxes(0); // as 1
        CHECK(boxes.capacity() == 1);
        CHECK(boxes.try_send(std::make_unique<int>(1)));
        CHECK_FALSE(boxes.try_send(std::make_unique<int>(2)));
        CHECK(boxes.try_receive());
        CHECK_FALSE(boxes.try_receive());
    });
}

TEST_CASE("priority_channel: cancelled at every suspension, no item is lost or doubled") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        std::unique_ptr<priority_channel<int>> c;
        std::vector<int> sent;
        std::vector<int> received;
        auto producer = [&](int base) -> task<> {
            for (int i = 0; i < 8; ++i) {
                const bool taken = co_await c->send(base + i);
                if (taken) sent.push_back(base + i);
            }
        };
        auto consumer = [&]() -> task<> {
            for (int i = 0; i < 8; ++i) {
                const std::optional<int> item = co_await c->receive();
                if (item) received.push_back(*item);
            }
        };
        auto body = [&](task_group& group) -> task<> {
            group.spawn(std::ref(producer), 0);
            group.spawn(std::ref(consumer));
            group.spawn(std::ref(producer), 100);
            group.spawn(std::ref(consumer));
            co_return;
        };
        auto scenario = [&]() -> task<> {
            c = std::make_unique<priority_channel<int>>(2);
            sent.clear();
            received.clear();
            return with_task_group(body);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            while (const std::optional<int> left = c->try_receive())
                received.push_back(*left);
            std::sort(sent.begin(), sent.end());
            std::sort(received.begin(), received.end());
            CHECK(sent == received);
            CHECK(c->try_send(1));
            CHECK(c->try_receive());
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 10);
}

TEST_CASE("priority_channel: a receive that races with a timer loses nothing") {
    constexpr int items = 3'000;
    std::vector<int> got;
    run_on_loop([&]() -> task<> {
        priority_channel<int> c(4);
        auto producer = [&]() -> task<> {
            for (int i = 0; i < items; ++i) {
                static_cast<void>(co_await c.send(i));
                if (i % 50 == 0) co_await sleep_for(1ms);
                if (i % 7 == 0) co_await yield();
            }
            c.close();
        };
        auto consumer = [&]() -> task<> {
            for (std::size_t round = 0;; ++round) {
                auto race =
                    co_await when_any(c.receive(), sleep_for(std::chrono::microseconds(round % 3 * 500)));
                if (!race.get<0>().has_value()) continue;
                std::optional<int>& item = race.get<0>().value();
                if (!item) break;
                got.push_back(*item);
            }
        };
        co_await when_all(producer(), consumer());
    });
    std::sort(got.begin(), got.end());
    REQUIRE(got.size() == items);
    for (int i = 0; i < items; ++i)
        REQUIRE(got[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("priority_channel: two loops and a plain thread") {
    const std::size_t each = tests::repeat(20'000, 2'000);
    runtime rt(tests::loops(2));
    priority_channel<std::size_t> c(8);
    std::atomic<std::size_t> sum{0};
    std::atomic<int> senders{3};
    auto sender = [&]() -> task<> {
        for (std::size_t i = 1; i <= each; ++i)
            static_cast<void>(co_await c.send(i));
        if (--senders == 0) c.close();
    };
    auto receiver = [&]() -> task<> {
        while (const auto item = co_await c.receive())
            sum += *item;
    };
    std::thread thread([&] {
        for (std::size_t i = 1; i <= each; ++i)
            while (!c.try_send(i))
                std::this_thread::yield();
        if (--senders == 0) c.close();
    });
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t loop = 0; loop < 2; ++loop) {
                group.spawn_on(rt.loop(loop), std::ref(sender));
                group.spawn_on(rt.loop(loop), std::ref(receiver));
            }
            co_return;
        });
    });
    thread.join();
    CHECK(sum == 3 * (each * (each + 1) / 2));
}
