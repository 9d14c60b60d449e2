#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/sync/broadcast.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("broadcast: every subscriber gets what is sent after it came, in order") {
    run_on_loop([]() -> task<> {
        broadcast<int> b(100);
        CHECK(b.send(-1)); // nobody hears it
        std::vector<std::vector<int>> got(3);
        auto listen = [&](std::size_t me) -> task<> {
            auto receiver = b.subscribe();
            while (auto next = co_await receiver.receive()) {
                CHECK(next.lost() == 0);
                got[me].push_back(*next);
            }
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 3; ++i)
                group.spawn(std::ref(listen), i);
            co_await tests::turns(2);
            CHECK(b.subscribers() == 3);
            for (int i = 0; i < 50; ++i) {
                CHECK(b.send(i));
                if (i % 10 == 0) co_await yield();
            }
            b.close();
            b.close();
            CHECK(b.closed());
            CHECK_FALSE(b.send(99));
        });
        CHECK(b.subscribers() == 0);
        std::vector<int> expected;
        for (int i = 0; i < 50; ++i)
            expected.push_back(i);
        for (const auto& one : got)
            CHECK(one == expected);
    });
}

TEST_CASE("broadcast: who lags behind is told how many items were lost") {
    broadcast<int> b(4);
    auto slow = b.subscribe();
    auto quick = b.subscribe();
    for (int i = 0; i < 10; ++i) {
        CHECK(b.send(i));
        CHECK(quick.try_receive().value() == i);
    }
    CHECK_FALSE(quick.try_receive());
    auto first = slow.try_receive();
    REQUIRE(first);
    CHECK(*first == 6);
    CHECK(first.lost() == 6);
    CHECK(b.send(10));
    for (int i = 7; i <= 10; ++i) {
        auto next = slow.try_receive();
        REQUIRE(next);
        CHECK(*next == i);
        CHECK(next.lost() == 0);
    }
    CHECK_FALSE(slow.try_receive());
    CHECK_THROWS_AS(slow.try_receive().value(), std::bad_optional_access);
}

TEST_CASE("broadcast: items go as soon as nobody is to see them") {
    auto counted = std::make_shared<int>(0);
    std::weak_ptr<int> seen = counted;
    auto b = std::make_unique<broadcast<std::shared_ptr<int>>>(0); // as 1
    {
        auto one = b->subscribe();
        auto two = b->subscribe();
        CHECK(b->send(counted));
        counted.reset();
        CHECK(one.try_receive());
        CHECK_FALSE(seen.expired());
        auto moved = std::move(two);
        CHECK(moved.try_receive()); // the last one
        CHECK(seen.expired());

        counted = std::make_shared<int>(0);
        seen = counted;
        CHECK(b->send(std::move(counted)));
        CHECK(one.try_receive());
        moved = b->subscribe(); // the old handle goes, and takes its claim along
        CHECK(seen.expired());

        counted = std::make_shared<int>(0);
        seen = counted;
        CHECK(b->send(std::move(counted)));
        CHECK(b->send(nullptr)); // pushes it out
        CHECK(seen.expired());
    }
    auto last = b->subscribe();
    CHECK(b->send(std::make_shared<int>(5)));
    b.reset(); // closes
    auto left = last.try_receive();
    REQUIRE(left);
    CHECK(**left == 5);
    const bool more = run_on_loop([&]() -> task<bool> {
        auto end = co_await last.receive();
        co_return end.has_value();
    });
    CHECK_FALSE(more);
}

TEST_CASE("broadcast: one task at a time for a receiver") {
    run_on_loop([]() -> task<> {
        broadcast<int> b(4);
        auto receiver = b.subscribe();
        auto use = [&]() -> task<int> {
            auto next = co_await receiver.receive();
            co_return *next;
        };
        auto first = [&]() -> task<> {
            const int got = co_await use();
            CHECK(got == 1);
        };
        auto second = [&]() -> task<> {
            const ending how = co_await tests::ends(use());
            CHECK(how == ending::error);
            CHECK(b.send(1));
        };
        co_await when_all(first(), second());
    });
}

TEST_CASE("broadcast: cancelled at every suspension, each receiver goes on where it was") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        std::unique_ptr<broadcast<int>> b;
        std::vector<broadcast<int>::receiver> receivers;
        std::vector<std::vector<int>> got;
        int sent = 0;
        auto listen = [&](std::size_t me) -> task<> {
            while (auto next = co_await receivers[me].receive())
                got[me].push_back(*next);
        };
        auto talk = [&]() -> task<> {
            for (int i = 0; i < 10; ++i) {
                b->send(sent++);
                co_await tests::turns(static_cast<std::size_t>(i % 3));
            }
            b->close();
        };
        auto body = [&](task_group& group) -> task<> {
            group.spawn(std::ref(listen), std::size_t{0});
            group.spawn(std::ref(talk));
            group.spawn(std::ref(listen), std::size_t{1});
            co_return;
        };
        auto scenario = [&]() -> task<> {
            b = std::make_unique<broadcast<int>>(32);
            receivers.clear();
            receivers.push_back(b->subscribe());
            receivers.push_back(b->subscribe());
            got.assign(2, {});
            sent = 0;
            return with_task_group(body);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            for (std::size_t me = 0; me < 2; ++me) {
                while (auto rest = receivers[me].try_receive()) {
                    CHECK(rest.lost() == 0);
                    got[me].push_back(*rest);
                }
                REQUIRE(got[me].size() == static_cast<std::size_t>(sent));
                for (int i = 0; i < sent; ++i)
                    CHECK(got[me][static_cast<std::size_t>(i)] == i);
            }
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 10);
}

TEST_CASE("broadcast: a receive that races with a timer loses nothing") {
    constexpr int items = 3'000;
    std::vector<int> got;
    run_on_loop([&]() -> task<> {
        broadcast<int> b(items);
        auto receiver = b.subscribe();
        auto producer = [&]() -> task<> {
            for (int i = 0; i < items; ++i) {
                b.send(i);
                if (i % 50 == 0) co_await sleep_for(1ms);
                if (i % 7 == 0) co_await yield();
            }
            b.close();
        };
        auto consumer = [&]() -> task<> {
            for (std::size_t round = 0;; ++round) {
                auto race = co_await when_any(receiver.receive(),
                                              sleep_for(std::chrono::microseconds(round % 3 * 500)));
                if (!race.get<0>().has_value()) continue;
                auto& item = race.get<0>().value();
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

TEST_CASE("broadcast: senders and subscribers on two loops and a thread, received and lost add up") {
    const std::size_t each = tests::repeat(20'000, 2'000);
    runtime rt(tests::loops(2));
    broadcast<std::size_t> b(16);
    std::atomic<int> senders{3};
    std::atomic<std::size_t> accounted{0};
    std::vector<broadcast<std::size_t>::receiver> receivers;
    for (int i = 0; i < 4; ++i)
        receivers.push_back(b.subscribe());
    auto done = [&] {
        if (--senders == 0) b.close();
    };
    auto sender = [&]() -> task<> {
        for (std::size_t i = 0; i < each; ++i) {
            b.send(i);
            if (i % 8 == 0) co_await yield();
        }
        done();
    };
    auto listen = [&](std::size_t me) -> task<> {
        while (auto next = co_await receivers[me].receive())
            accounted += 1 + next.lost();
    };
    std::thread thread([&] {
        for (std::size_t i = 0; i < each; ++i)
            b.send(i);
        done();
    });
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 4; ++i)
                group.spawn_on(rt.loop(i % 2), std::ref(listen), i);
            for (std::size_t i = 0; i < 2; ++i)
                group.spawn_on(rt.loop(i), std::ref(sender));
            co_return;
        });
    });
    thread.join();
    CHECK(accounted == 4 * 3 * each);
}

TEST_CASE("broadcast: destroyed with its runtime while receivers wait") {
    auto b = std::make_unique<broadcast<int>>(4);
    {
        runtime rt(tests::small().drain_timeout(0ms));
        auto listen = [](broadcast<int>& from) -> task<> {
            auto receiver = from.subscribe();
            static_cast<void>(co_await receiver.receive());
        };
        for (int i = 0; i < 10; ++i)
            rt.spawn(listen(*b));
        rt.run(tests::turns(3));
        CHECK(b->subscribers() == 10);
    }
    CHECK(b->subscribers() == 0);
    CHECK(b->send(1));
}

namespace {

// The move of one throws when none is left.
class moves_down {
public:
    moves_down(int number, int* left) noexcept : number_(number), left_(left) {}
    moves_down(const moves_down&) = default;
    moves_down(moves_down&& other) : number_(std::exchange(other.number_, 0)), left_(other.left_) {
        if (--*left_ < 0) throw std::runtime_error("move");
    }
    moves_down& operator=(moves_down&&) = delete;
    int number() const noexcept { return number_; }

private:
    int number_;
    int* left_;
};

} // namespace

TEST_CASE("broadcast: a send whose move throws has not happened") {
    int failures = 0;
    for (int moves = 0; moves < 4; ++moves) {
        CAPTURE(moves);
        int left = 100;
        broadcast<moves_down> b(1);
        auto one = b.subscribe();
        auto two = b.subscribe();
        CHECK(b.send(moves_down(1, &left)));
        left = moves;
        bool thrown = false;
        try {
            b.send(moves_down(2, &left));
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        left = 100;
        if (thrown) ++failures;
        for (auto* receiver : {&one, &two}) {
            auto next = receiver->try_receive();
            REQUIRE(next.has_value());
            CHECK(next->number() == (thrown ? 1 : 2));
            CHECK(next.lost() == (thrown ? 0 : 1));
            CHECK_FALSE(receiver->try_receive().has_value());
        }
    }
    CHECK(failures > 0);
}

TEST_CASE("broadcast: any capacity") {
    broadcast<int> all(static_cast<std::size_t>(-1));
    auto reader = all.subscribe();
    for (int i = 0; i < 100; ++i)
        CHECK(all.send(i));
    for (int i = 0; i < 100; ++i) {
        auto next = reader.try_receive();
        REQUIRE(next.has_value());
        CHECK(*next == i);
        CHECK(next.lost() == 0);
    }
    broadcast<int> none(0); // counts as 1
    auto other = none.subscribe();
    none.send(1);
    none.send(2);
    CHECK(*other.try_receive() == 2);
}

namespace {

// When it goes it uses the broadcast that it was in.
class uses_its_broadcast {
public:
    uses_its_broadcast(broadcast<uses_its_broadcast>& of, int& gone) noexcept : of_(&of), gone_(&gone) {}
    uses_its_broadcast(uses_its_broadcast&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)), gone_(other.gone_) {}
    uses_its_broadcast(const uses_its_broadcast& other) noexcept : of_(nullptr), gone_(other.gone_) {}
    uses_its_broadcast& operator=(uses_its_broadcast&&) = delete;
    ~uses_its_broadcast() {
        if (!of_) return;
        static_cast<void>(of_->subscribers());
        ++*gone_;
    }

private:
    broadcast<uses_its_broadcast>* of_;
    int* gone_;
};

} // namespace

TEST_CASE("broadcast: items are destroyed outside of its lock") {
    int gone = 0;
    broadcast<uses_its_broadcast> b(3);
    {
        auto slow = b.subscribe();
        for (int i = 0; i < 5; ++i)
            b.send(uses_its_broadcast(b, gone));
        CHECK(gone == 2); // pushed out
    }
    CHECK(gone == 5); // nobody else wanted them
    {
        auto first = b.subscribe();
        auto second = b.subscribe();
        b.send(uses_its_broadcast(b, gone));
        auto copy = first.try_receive();
        CHECK(copy.has_value());
    }
    CHECK(gone == 6);
}
