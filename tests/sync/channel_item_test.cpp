// Items whose move throws, and those that nobody takes.
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/sync/channel.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <memory>
#include <stdexcept>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

// Its move throws when told to.
class fragile {
public:
    explicit fragile(bool* throws) noexcept : throws_(throws) {}
    fragile(fragile&& other) : throws_(other.throws_) {
        if (*throws_) throw std::runtime_error("move");
    }
    fragile& operator=(fragile&&) = delete;

private:
    bool* throws_;
};

// Its move throws when none is left.
class moves_down {
public:
    explicit moves_down(int* left) noexcept : left_(left) {}
    moves_down(moves_down&& other) : left_(other.left_) {
        if (--*left_ < 0) throw std::runtime_error("move");
    }
    moves_down& operator=(moves_down&&) = delete;

private:
    int* left_;
};

} // namespace

TEST_CASE("channel: an item whose move throws neither loses a waiter nor hangs it") {
    run_on_loop([]() -> task<> {
        bool throws = false;
        channel<fragile> c(0);
        bool received = false;
        auto receiver = [&]() -> task<> {
            const auto item = co_await c.receive();
            received = item.has_value();
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(receiver));
            co_await yield();
            fragile item(&throws);
            throws = true;
            CHECK_THROWS_AS(c.try_send(item), std::runtime_error);
            throws = false;
            CHECK(c.try_send(item)); // the receiver still waits
        });
        CHECK(received);
    });
}

TEST_CASE("channel: what is left in it is destroyed with it") {
    auto counted = std::make_shared<int>(0);
    {
        channel<std::shared_ptr<int>> c(10);
        for (int i = 0; i < 10; ++i) {
            std::shared_ptr<int> copy = counted;
            CHECK(c.try_send(copy));
        }
        CHECK(counted.use_count() == 11);
    }
    CHECK(counted.use_count() == 1);
}

TEST_CASE("channel: a sender whose item cannot be moved into the queue does not disturb the receiver") {
    run_on_loop([]() -> task<> {
        bool throws = false;
        bool never = false;
        channel<fragile> c(1);
        CHECK(c.try_send(fragile(&never)));
        bool sent = false;
        auto sender = [&]() -> task<> { sent = co_await c.send(fragile(&throws)); };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(sender));
            co_await tests::turns(2);
            throws = true;
            CHECK(c.try_receive());
            CHECK(c.size() == 0);
            CHECK_THROWS_AS(c.try_receive(), std::runtime_error);
            throws = false;
            CHECK(c.try_receive());
        });
        CHECK(sent);
    });
}

TEST_CASE("channel: senders that were served before an item's move throws go on") {
    run_on_loop([]() -> task<> {
        channel<moves_down> ch(1);
        int left = 100;
        bool sent = false;
        auto send = [&]() -> task<> {
            moves_down item(&left);
            sent = co_await ch.send(std::move(item));
        };
        CHECK(ch.try_send(moves_down(&left)));
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(send));
            co_await tests::turns(2); // it waits
            left = 2;                 // out of the queue, the sender's into the queue; not into the result
            CHECK_THROWS_AS(ch.try_receive_some(2), std::runtime_error);
            left = 100;
            co_await tests::turns(2);
            CHECK(sent);
            group.cancel();
        });
        CHECK(ch.size() == 1);
    });
}
