#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/sync/channel.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

using box = std::unique_ptr<int>;

} // namespace

TEST_CASE("channel: items arrive in order, whatever the capacity") {
    for (const std::size_t capacity : std::vector<std::size_t>{0, 1, 2, 64}) {
        std::vector<int> got;
        run_on_loop([&]() -> task<> {
            channel<box> c(capacity);
            CHECK(c.capacity() == capacity);
            std::size_t longest = 0;
            auto producer = [&]() -> task<> {
                for (int i = 0; i < 500; ++i) {
                    const bool sent = co_await c.send(std::make_unique<int>(i));
                    CHECK(sent);
                    longest = std::max(longest, c.size());
                }
                c.close();
            };
            auto consumer = [&]() -> task<> {
                while (auto item = co_await c.receive())
                    got.push_back(**item);
            };
            co_await when_all(producer(), consumer());
            CHECK(longest <= capacity);
            CHECK(c.closed());
        });
        std::vector<int> expected(500);
        std::iota(expected.begin(), expected.end(), 0);
        CHECK(got == expected);
    }
}

TEST_CASE("channel: receivers and senders are served first come, first served") {
    run_on_loop([]() -> task<> {
        channel<int> c(0);
        std::vector<int> order(20, -1);
        auto receiver = [&](std::size_t me) -> task<> {
            const std::optional<int> item = co_await c.receive();
            order[me] = item.value_or(-2);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 20; ++i)
                group.spawn(std::ref(receiver), i);
            co_await yield();
            for (int i = 0; i < 20; ++i)
                static_cast<void>(co_await c.send(i));
        });
        for (int i = 0; i < 20; ++i)
            CHECK(order[static_cast<std::size_t>(i)] == i);

        channel<int> d(1);
        std::vector<int> got;
        auto sender = [&](int me) -> task<> { static_cast<void>(co_await d.send(me)); };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 20; ++i)
                group.spawn(std::ref(sender), i);
            co_await yield();
            for (int i = 0; i < 20; ++i) {
                const std::optional<int> item = co_await d.receive();
                got.push_back(item.value_or(-2));
            }
        });
        for (int i = 0; i < 20; ++i)
            CHECK(got[static_cast<std::size_t>(i)] == i);
    });
}

TEST_CASE("channel: close refuses sends, lets waiting senders go and receivers drain") {
    run_on_loop([]() -> task<> {
        channel<int> c(2);
        int refused = 0;
        auto sender = [&](int i) -> task<> {
            const bool sent = co_await c.send(i);
            if (!sent) ++refused;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 5; ++i)
                group.spawn(std::ref(sender), i);
            co_await tests::turns(2);
            c.close();
            c.close();
        });
        CHECK(refused == 3);
        CHECK(c.size() == 2);
        int more = 9;
        CHECK_FALSE(c.try_send(more));
        CHECK(more == 9);
        const bool sent = co_await c.send(7);
        CHECK_FALSE(sent);
        const auto first = co_await c.receive();
        const auto second = co_await c.receive();
        const auto third = co_await c.receive();
        CHECK(first == 0);
        CHECK(second == 1);
        CHECK(third == std::nullopt);
        CHECK(c.try_receive() == std::nullopt);

        channel<int> empty(0);
        int ended = 0;
        auto receiver = [&]() -> task<> {
            const auto item = co_await empty.receive();
            if (!item) ++ended;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 5; ++i)
                group.spawn(std::ref(receiver));
            co_await tests::turns(2);
            empty.close();
        });
        CHECK(ended == 5);
    });
}

TEST_CASE("channel: try_send and try_receive meet those who wait") {
    run_on_loop([]() -> task<> {
        channel<box> c(0);
        box value = std::make_unique<int>(1);
        CHECK_FALSE(c.try_send(value));
        CHECK(value);
        CHECK_FALSE(c.try_receive());
        box got;
        bool sent = false;
        auto receiver = [&]() -> task<> {
            auto item = co_await c.receive();
            got = std::move(*item);
        };
        auto sender = [&]() -> task<> { sent = co_await c.send(std::make_unique<int>(2)); };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(receiver));
            co_await yield();
            CHECK(c.try_send(value));
            CHECK_FALSE(value);
            co_await yield();
            group.spawn(std::ref(sender));
            co_await yield();
            auto item = c.try_receive();
            CHECK((item && **item == 2));
        });
        CHECK((got && *got == 1));
        CHECK(sent);
    });
}

TEST_CASE("channel: cancelled at every suspension, no item is lost or doubled") {
    for (const std::size_t capacity : std::vector<std::size_t>{0, 1, 3}) {
        const std::size_t cancelled = run_on_loop([capacity]() -> task<std::size_t> {
            std::unique_ptr<channel<int>> c;
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
                c = std::make_unique<channel<int>>(capacity);
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
                int probe = 1; // nobody waits any more
                CHECK(c->try_send(probe) == (capacity > 0));
            };
            co_return co_await tests::cancel_everywhere(scenario, check);
        });
        CHECK(cancelled > 10);
    }
}

TEST_CASE("channel: a receive that races with a timer loses nothing") {
    constexpr int items = 3000;
    std::vector<int> got;
    run_on_loop([&]() -> task<> {
        channel<int> c(4);
        auto producer = [&]() -> task<> {
            for (int i = 0; i < items; ++i) {
                static_cast<void>(co_await c.send(i));
                if (i % 50 == 0) co_await sleep_for(1ms); // lets the other side's timer win now and then
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
    REQUIRE(got.size() == items);
    for (int i = 0; i < items; ++i)
        REQUIRE(got[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("channel: a send that races with a yield has sent or not, never half") {
    std::vector<int> sent;
    std::vector<int> got;
    run_on_loop([&]() -> task<> {
        channel<int> c(0);
        auto producer = [&]() -> task<> {
            for (int i = 0; i < 2000; ++i) {
                auto race = co_await when_any(c.send(i), tests::turns(static_cast<std::size_t>(i % 5)));
                if (race.get<0>().has_value() && race.get<0>().value()) sent.push_back(i);
            }
            c.close();
        };
        auto consumer = [&]() -> task<> {
            for (std::size_t round = 0;; ++round) {
                co_await tests::turns(round % 3);
                const std::optional<int> item = co_await c.receive();
                if (!item) break;
                got.push_back(*item);
            }
        };
        co_await when_all(producer(), consumer());
    });
    CHECK(sent == got);
    CHECK(!got.empty());
}

TEST_CASE("channel: a never-empty channel does not starve another task") {
    std::size_t others_turns = 0;
    run_on_loop([&]() -> task<> {
        channel<int> c(200'000);
        for (int i = 0; i < 200'000; ++i)
            static_cast<void>(c.try_send(i));
        bool stop = false;
        std::size_t received = 0;
        auto greedy = [&]() -> task<> {
            while (!stop && received < 200'000) {
                static_cast<void>(co_await c.receive());
                ++received;
            }
        };
        auto other = [&]() -> task<> {
            for (; others_turns < 500; ++others_turns)
                co_await yield();
            stop = true;
        };
        co_await when_all(greedy(), other());
        CHECK(stop);
        CHECK(received < 100'000); // about 64 for each turn of the other
    });
    CHECK(others_turns == 500);
}

TEST_CASE("channel: many senders and receivers on three loops and plain threads") {
    for (const std::size_t capacity : std::vector<std::size_t>{0, 1, 16}) {
        const std::size_t each = tests::repeat(20'000, 2'000);
        runtime rt(tests::loops(3));
        channel<std::size_t> c(capacity);
        std::atomic<std::size_t> sum{0};
        std::atomic<std::size_t> count{0};
        std::atomic<std::size_t> senders{6};
        auto sender = [&]() -> task<> {
            for (std::size_t i = 1; i <= each; ++i)
                static_cast<void>(co_await c.send(i));
            if (--senders == 0) c.close();
        };
        auto receiver = [&]() -> task<> {
            while (const auto item = co_await c.receive()) {
                sum += *item;
                ++count;
            }
        };
        rt.run([&]() -> task<> {
            co_await with_task_group([&](task_group& group) -> task<> {
                for (std::size_t loop = 0; loop < 3; ++loop) {
                    group.spawn_on(rt.loop(loop), std::ref(sender));
                    group.spawn_on(rt.loop(loop), std::ref(receiver));
                    group.spawn_on(rt.loop(loop), std::ref(sender));
                }
                co_return;
            });
        });
        CHECK(count == 6 * each);
        CHECK(sum == 6 * (each * (each + 1) / 2));
        CHECK(c.size() == 0);
    }
}

TEST_CASE("channel: cancellations and hand-overs on two loops conserve the items") {
    const std::size_t rounds = tests::repeat(3'000, 500);
    runtime rt(tests::loops(2));
    channel<int> c(1);
    std::atomic<std::size_t> sent{0};
    std::atomic<std::size_t> received{0};
    auto one_send = [&]() -> task<> {
        const bool taken = co_await c.send(1);
        if (taken) ++sent;
    };
    auto one_receive = [&]() -> task<> {
        const std::optional<int> item = co_await c.receive();
        if (item) ++received;
    };
    rt.run([&]() -> task<> {
        for (std::size_t i = 0; i < rounds; ++i) {
            co_await with_task_group([&](task_group& group) -> task<> {
                group.spawn_on(rt.loop(1), std::ref(one_receive));
                group.spawn_on(rt.loop(0), std::ref(one_receive));
                group.spawn_on(rt.loop(1), std::ref(one_send));
                group.spawn_on(rt.loop(0), std::ref(one_send));
                group.spawn_on(rt.loop(1), std::ref(one_send));
                co_await tests::turns(i % 7);
                group.cancel();
            });
        }
    });
    std::size_t left = 0;
    while (c.try_receive())
        ++left;
    CHECK(sent == received + left);
}
