// Several items at once: receive_some and try_receive_some.
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/sync/channel.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

using box = std::unique_ptr<int>;

} // namespace

TEST_CASE("channel: unbounded, try_send of a temporary, batches") {
    run_on_loop([]() -> task<> {
        auto c = channel<box>::unbounded();
        for (int i = 0; i < 1'000; ++i)
            CHECK(c.try_send(std::make_unique<int>(i)));
        const bool sent = co_await c.send(std::make_unique<int>(1'000));
        CHECK(sent);
        CHECK(c.size() == 1'001);
        int next = 0;
        for (const std::size_t most : std::vector<std::size_t>{1, 0, 500}) {
            const std::vector<box> some = co_await c.receive_some(most);
            CHECK(some.size() == std::max<std::size_t>(most, 1));
            for (const box& item : some)
                CHECK(*item == next++);
        }
        CHECK(c.try_receive_some(0).empty());
        const std::vector<box> rest = c.try_receive_some(10'000);
        CHECK(rest.size() == 499);
        CHECK(*rest.front() == next);
        CHECK(c.try_receive_some(5).empty());
        c.close();
        const std::vector<box> end = co_await c.receive_some(5);
        CHECK(end.empty());
        CHECK_FALSE(c.try_send(std::make_unique<int>(1)));
    });
}

TEST_CASE("channel: a batch takes from waiting senders too, and waits for the first item") {
    run_on_loop([]() -> task<> {
        channel<int> c(2);
        std::vector<int> got;
        std::size_t sent = 0;
        auto sender = [&](int me) -> task<> {
            const bool taken = co_await c.send(me);
            if (taken) ++sent;
        };
        auto receiver = [&]() -> task<> {
            got = co_await c.receive_some(100);
            CHECK(got == std::vector<int>{0}); // was there first, got the first
            co_await tests::turns(3);
            got = co_await c.receive_some(100);
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(receiver));
            co_await yield();
            CHECK(c.try_send(0));
            co_await tests::turns(2);
            for (int i = 1; i <= 6; ++i)
                group.spawn(std::ref(sender), i);
        });
        CHECK(got == std::vector<int>{1, 2, 3, 4, 5, 6});
        CHECK(sent == 6);
    });
}

TEST_CASE("channel: batches cancelled at every suspension, no item is lost or doubled") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        std::unique_ptr<channel<int>> c;
        std::vector<int> sent;
        std::vector<int> received;
        auto producer = [&](int base) -> task<> {
            for (int i = 0; i < 8; ++i) {
                const bool taken = co_await c->send(base + i);
                if (taken) sent.push_back(base + i);
            }
        };
        auto consumer = [&](std::size_t most) -> task<> {
            for (;;) {
                const std::vector<int> items = co_await c->receive_some(most);
                if (items.empty()) co_return;
                received.insert(received.end(), items.begin(), items.end());
                co_await yield();
            }
        };
        auto produce = [&]() -> task<> {
            co_await when_all(producer(0), producer(100));
            c->close();
        };
        auto scenario = [&]() -> task<> {
            c = std::make_unique<channel<int>>(2);
            sent.clear();
            received.clear();
            co_await when_all(consumer(3), produce(), consumer(1));
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            for (const int left : c->try_receive_some(100))
                received.push_back(left);
            std::sort(sent.begin(), sent.end());
            std::sort(received.begin(), received.end());
            CHECK(sent == received);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 10);
}
