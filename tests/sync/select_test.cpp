#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/priority_channel.hpp>
#include <tandem/sync/select.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

using box = std::unique_ptr<int>;

} // namespace

TEST_CASE("select: performs the one case that can go on, and only that") {
    run_on_loop([]() -> task<> {
        channel<int> a(4);
        channel<int> b(4);
        channel<box> full(0);
        CHECK(b.try_send(7));
        box mine = std::make_unique<int>(1);
        auto chosen = co_await select(on_receive(a), on_receive(b), on_send(full, mine));
        CHECK(chosen.index() == 1);
        CHECK(chosen.get<1>() == 7);
        CHECK(chosen.get<0>() == std::nullopt);
        CHECK_FALSE(chosen.get<2>());
        CHECK(mine); // not sent, not moved from

        channel<box> room(1);
        auto sent = co_await select(on_receive(a), on_send(room, mine));
        CHECK(sent.index() == 1);
        CHECK(sent.get<1>());
        CHECK_FALSE(mine);
        CHECK(room.size() == 1);
    });
}

TEST_CASE("select: waits for whichever comes first, and leaves the other queues") {
    run_on_loop([]() -> task<> {
        channel<int> a(0);
        channel<box> b(0);
        channel<box> c(0);
        std::vector<std::size_t> order;
        auto waiting = [&]() -> task<> {
            for (int i = 0; i < 3; ++i) {
                auto chosen =
                    co_await select(on_receive(a), on_receive(b), on_send(c, std::make_unique<int>(5)));
                order.push_back(chosen.index());
                if (chosen.index() == 0) CHECK(chosen.get<0>() == 1);
                if (chosen.index() == 1) CHECK((chosen.get<1>() && **chosen.get<1>() == 2));
                if (chosen.index() == 2) CHECK(chosen.get<2>());
            }
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(waiting));
            co_await yield();
            CHECK(a.try_send(1));
            CHECK_FALSE(b.try_send(std::make_unique<int>(9))); // decided: this case is not to be had any more
            CHECK_FALSE(c.try_receive());
            co_await tests::turns(2);
            CHECK(b.try_send(std::make_unique<int>(2)));
            CHECK_FALSE(a.try_send(9));
            co_await tests::turns(2);
            const auto got = c.try_receive();
            CHECK((got && **got == 5));
        });
        CHECK(order == std::vector<std::size_t>{0, 1, 2});
        CHECK_FALSE(a.try_send(1));
        CHECK_FALSE(c.try_receive());
    });
}

TEST_CASE("select: closed channels can go on") {
    run_on_loop([]() -> task<> {
        channel<int> a(1);
        channel<int> b(0);
        a.close();
        int value = 3;
        auto chosen = co_await select(on_receive(a), on_receive(b));
        CHECK(chosen.index() == 0);
        CHECK_FALSE(chosen.get<0>());
        auto refused = co_await select(on_send(a, value), on_receive(b));
        CHECK(refused.index() == 0);
        CHECK_FALSE(refused.get<0>());

        channel<int> c(0);
        std::size_t ended = 0;
        auto waiting = [&]() -> task<> {
            int mine = 1;
            auto end = co_await select(on_receive(b), on_receive(c), on_send(c, mine));
            ended += end.index() > 0 && !end.get<1>() && !end.get<2>() ? 1 : 0;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 3; ++i)
                group.spawn(std::ref(waiting));
            co_await tests::turns(3);
            c.close();
        });
        // The second met the first, each with one half of the same channel; the third was told of the end.
        CHECK(ended == 1);
    });
}

TEST_CASE("select: two selects meet, and none meets itself") {
    run_on_loop([]() -> task<> {
        channel<int> a(0);
        channel<int> b(0);
        int from_first = 0;
        bool second_sent = false;
        auto first = [&]() -> task<> {
            auto chosen = co_await select(on_receive(a), on_send(a, 10), on_receive(b));
            if (chosen.index() == 0) from_first = chosen.get<0>().value_or(-1);
        };
        auto second = [&]() -> task<> {
            auto chosen = co_await select(on_send(a, 20));
            second_sent = chosen.get<0>();
        };
        co_await when_all(first(), second());
        CHECK(from_first == 20);
        CHECK(second_sent);
    });
}

TEST_CASE("select: chooses at random among those that can go on") {
    run_on_loop([]() -> task<> {
        auto a = channel<int>::unbounded();
        auto b = channel<int>::unbounded();
        priority_channel<int> c(5'000);
        for (int i = 0; i < 3'000; ++i) {
            CHECK(a.try_send(i));
            CHECK(b.try_send(i));
            CHECK(c.try_send(i));
        }
        std::size_t counts[3] = {};
        for (int i = 0; i < 3'000; ++i) {
            auto chosen = co_await select(on_receive(a), on_receive(b), on_receive(c));
            ++counts[chosen.index()];
        }
        for (const std::size_t n : counts) {
            CHECK(n > 800);
            CHECK(n < 1'200);
        }
        CHECK(a.size() + b.size() + c.size() == 6'000);
    });
}

TEST_CASE("try_select: at once or not at all, also outside of tasks") {
    channel<int> a(1);
    channel<int> b(1);
    CHECK_FALSE(try_select(on_receive(a), on_receive(b)));
    auto sent = try_select(on_receive(a), on_send(b, 4));
    REQUIRE(sent);
    CHECK(sent->index() == 1);
    CHECK(sent->get<1>());
    auto got = try_select(on_receive(a), on_receive(b));
    REQUIRE(got);
    CHECK(got->index() == 1);
    CHECK(got->get<1>() == 4);
    a.close();
    auto end = try_select(on_receive(a), on_receive(b));
    REQUIRE(end);
    CHECK(end->index() == 0);
    CHECK_FALSE(end->get<0>());
}

TEST_CASE("select: cancelled at every suspension, no item is lost or doubled, nobody is left in a queue") {
    for (const std::size_t capacity : std::vector<std::size_t>{0, 1}) {
        const std::size_t cancelled = run_on_loop([capacity]() -> task<std::size_t> {
            std::unique_ptr<channel<int>> a;
            std::unique_ptr<channel<int>> b;
            std::vector<int> sent;
            std::vector<int> received;
            auto producer = [&](int base) -> task<> {
                for (int i = 0; i < 6; ++i) {
                    int item = base + i;
                    auto chosen = co_await select(on_send(*a, item), on_send(*b, item));
                    if (chosen.get<0>() || chosen.get<1>()) sent.push_back(base + i);
                }
            };
            auto consumer = [&]() -> task<> {
                for (int i = 0; i < 6; ++i) {
                    auto chosen = co_await select(on_receive(*a), on_receive(*b));
                    if (chosen.get<0>()) received.push_back(*chosen.get<0>());
                    if (chosen.get<1>()) received.push_back(*chosen.get<1>());
                }
            };
            auto plain = [&]() -> task<> {
                for (int i = 0; i < 3; ++i) {
                    const auto item = co_await a->receive();
                    if (item) received.push_back(*item);
                    const bool taken = co_await b->send(1'000 + i);
                    if (taken) sent.push_back(1'000 + i);
                }
            };
            auto body = [&](task_group& group) -> task<> {
                group.spawn(std::ref(producer), 0);
                group.spawn(std::ref(consumer));
                group.spawn(std::ref(plain));
                group.spawn(std::ref(producer), 100);
                group.spawn(std::ref(consumer));
                co_await tests::turns(60);
                group.cancel(); // some may have nobody to meet
            };
            auto scenario = [&]() -> task<> {
                a = std::make_unique<channel<int>>(capacity);
                b = std::make_unique<channel<int>>(capacity);
                sent.clear();
                received.clear();
                return with_task_group(body);
            };
            auto check = [&](ending how) {
                CHECK((how == ending::value || how == ending::cancelled));
                for (channel<int>* c : {a.get(), b.get()})
                    while (const std::optional<int> left = c->try_receive())
                        received.push_back(*left);
                std::sort(sent.begin(), sent.end());
                std::sort(received.begin(), received.end());
                CHECK(sent == received);
                CHECK(a->try_send(1) == (capacity > 0));
                CHECK(b->try_send(1) == (capacity > 0));
            };
            co_return co_await tests::cancel_everywhere(scenario, check);
        });
        CHECK(cancelled > 10);
    }
}

TEST_CASE("select: a limit on its time loses nothing") {
    constexpr int items = 3'000;
    std::vector<int> got;
    run_on_loop([&]() -> task<> {
        channel<int> a(0);
        channel<int> b(2);
        auto producer = [&]() -> task<> {
            for (int i = 0; i < items; ++i) {
                if (i % 2 == 0)
                    static_cast<void>(co_await a.send(i));
                else
                    static_cast<void>(co_await b.send(i));
                if (i % 50 == 0) co_await sleep_for(1ms);
                if (i % 7 == 0) co_await yield();
            }
        };
        auto consumer = [&]() -> task<> {
            for (std::size_t round = 0; got.size() < items; ++round) {
                try {
                    auto chosen = co_await with_timeout(std::chrono::microseconds(round % 3 * 500),
                                                        select(on_receive(a), on_receive(b)));
                    if (chosen.get<0>()) got.push_back(*chosen.get<0>());
                    if (chosen.get<1>()) got.push_back(*chosen.get<1>());
                } catch (const timeout_error&) {
                }
            }
        };
        co_await when_all(producer(), consumer());
    });
    std::sort(got.begin(), got.end());
    REQUIRE(got.size() == items);
    for (int i = 0; i < items; ++i)
        REQUIRE(got[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("select: senders, receivers and selects of both on three loops and plain threads") {
    for (const std::size_t capacity : std::vector<std::size_t>{0, 2}) {
        const std::size_t each = tests::repeat(10'000, 1'500);
        runtime rt(tests::loops(3));
        channel<std::size_t> a(capacity);
        channel<std::size_t> b(capacity);
        std::atomic<std::size_t> sent{0};
        std::atomic<std::size_t> received{0};
        std::atomic<std::size_t> senders{7};
        auto ended = [&] {
            if (--senders > 0) return;
            a.close();
            b.close();
        };
        auto sender = [&]() -> task<> {
            for (std::size_t i = 1; i <= each; ++i) {
                // The order of the cases differs from the receivers': a deadlock if locks followed it.
                auto chosen = co_await select(on_send(b, i), on_send(a, i));
                if (chosen.get<0>() || chosen.get<1>()) sent += i;
            }
            ended();
        };
        auto plain_sender = [&]() -> task<> {
            for (std::size_t i = 1; i <= each; ++i)
                if (co_await a.send(i)) sent += i;
            ended();
        };
        auto receiver = [&]() -> task<> {
            for (;;) {
                auto chosen = co_await select(on_receive(a), on_receive(b));
                if (chosen.get<0>())
                    received += *chosen.get<0>();
                else if (chosen.get<1>())
                    received += *chosen.get<1>();
                else
                    break;
            }
            for (channel<std::size_t>* c : {&a, &b})
                while (const auto rest = co_await c->receive())
                    received += *rest;
        };
        std::thread thread([&] {
            for (std::size_t i = 1; i <= each; ++i) {
                while (!try_select(on_send(a, i), on_send(b, i)))
                    std::this_thread::yield();
                sent += i;
            }
            ended();
        });
        rt.run([&]() -> task<> {
            co_await with_task_group([&](task_group& group) -> task<> {
                for (std::size_t loop = 0; loop < 3; ++loop) {
                    group.spawn_on(rt.loop(loop), std::ref(sender));
                    group.spawn_on(rt.loop(loop), std::ref(receiver));
                    group.spawn_on(rt.loop(loop), std::ref(plain_sender));
                }
                co_return;
            });
        });
        thread.join();
        CHECK(sent == received);
        CHECK(sent == 7 * (each * (each + 1) / 2));
    }
}

TEST_CASE("select: cancellations on two loops conserve the items") {
    const std::size_t rounds = tests::repeat(2'000, 300);
    runtime rt(tests::loops(2));
    channel<int> a(0);
    channel<int> b(1);
    std::atomic<std::size_t> sent{0};
    std::atomic<std::size_t> received{0};
    auto one_send = [&]() -> task<> {
        auto chosen = co_await select(on_send(a, 1), on_send(b, 1));
        if (chosen.get<0>() || chosen.get<1>()) ++sent;
    };
    auto one_receive = [&]() -> task<> {
        auto chosen = co_await select(on_receive(b), on_receive(a));
        if (chosen.get<0>() || chosen.get<1>()) ++received;
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
    while (b.try_receive())
        ++left;
    CHECK_FALSE(a.try_receive());
    CHECK(sent == received + left);
}

TEST_CASE("select: a runtime is destroyed while selects wait") {
    auto counted = std::make_shared<int>(0);
    channel<std::shared_ptr<int>> a(0);
    channel<std::shared_ptr<int>> b(0);
    {
        runtime rt(tests::small().drain_timeout(0ms));
        auto stubborn = [&]() -> task<> {
            for (;;) {
                try {
                    auto chosen = co_await select(on_receive(a), on_receive(b), on_send(b, counted));
                } catch (const operation_cancelled&) {
                    break;
                }
            }
        };
        rt.spawn(stubborn());
        rt.run([]() -> task<> { co_await tests::turns(3); });
    }
    CHECK(counted.use_count() == 1);
    CHECK_FALSE(a.try_send(std::make_shared<int>(1))); // nobody waits any more
    CHECK_FALSE(b.try_receive());
}
