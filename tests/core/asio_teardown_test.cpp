// The end of an execution context destroys the tasks that are suspended on it.
#include <tandem/asio.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/semaphore.hpp>

#include "tests/support/catch.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

namespace asio = boost::asio;
using namespace tandem;
using namespace std::chrono_literals;
using asio::ip::tcp;

namespace {

task<> sleeps(std::shared_ptr<int> marker) {
    co_await sleep_for(1h);
    static_cast<void>(marker);
}

// Starts `make(marker)` on a context of its own, lets it go as far as it can, and destroys the context.
// Whether the marker, which the task owns, was destroyed along.
template <class F>
bool goes_with_context(F make) {
    auto marker = std::make_shared<int>(1);
    const std::weak_ptr<int> left = marker;
    {
        asio::io_context io;
        spawn(io.get_executor(), make(std::move(marker)), asio::detached);
        for (int i = 0; i < 100; ++i)
            io.poll();
        if (left.expired()) return false; // it should have been suspended
    }
    return left.expired();
}

} // namespace

TEST_CASE("spawn: the context's end destroys suspended tasks") {
    using marker = std::shared_ptr<int>;
    SECTION("not yet begun") {
        auto shared = std::make_shared<int>(1);
        bool called = false;
        {
            asio::io_context io;
            spawn(io.get_executor(), sleeps(shared),
                  [&called, shared](const std::exception_ptr&) { called = true; });
            CHECK(shared.use_count() == 3);
        }
        CHECK(shared.use_count() == 1);
        CHECK(!called);
    }
    SECTION("in sleep_for") {
        CHECK(goes_with_context(sleeps));
    }
    SECTION("in an event, and in a group") {
        event never;
        auto waits = [&never](marker m) -> task<> {
            auto child = [&never, &m]() -> task<> {
                const marker own = m;
                co_await never.wait();
            };
            co_await with_task_group([&](task_group& group) -> task<> {
                group.spawn(std::ref(child));
                group.spawn(sleeps, m);
                co_await never.wait();
            });
        };
        CHECK(goes_with_context(waits));
    }
    SECTION("in an Asio timer, and in when_all") {
        auto timer = [](marker m) -> task<> {
            asio::steady_timer t(co_await this_executor(), 1h);
            co_await when_all(t.async_wait(asio::deferred), sleeps(m), with_timeout(1h, sleeps(m)));
        };
        CHECK(goes_with_context(timer));
    }
    SECTION("in a socket's read") {
        auto reads = [](marker m) -> task<> {
            const auto executor = co_await this_executor();
            tcp::acceptor acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
            tcp::socket client(executor);
            auto both = co_await when_all(acceptor.async_accept(asio::deferred),
                                          client.async_connect(acceptor.local_endpoint(), asio::deferred));
            char byte[1];
            co_await std::get<0>(both).async_read_some(asio::buffer(byte), asio::deferred);
            static_cast<void>(m);
        };
        CHECK(goes_with_context(reads));
    }
    SECTION("in an awaitable that awaits a task") {
        auto inner = [](marker m) -> asio::awaitable<void> {
            co_await spawn(co_await asio::this_coro::executor, sleeps(m), asio::use_awaitable);
        };
        auto outer = [&inner](marker m) -> task<> { co_await inner(std::move(m)); };
        CHECK(goes_with_context(outer));
    }
    SECTION("whose destructors wake each other") {
        semaphore slots(1);
        auto holds = [&slots](marker m) -> task<> {
            auto one = [&slots, &m]() -> task<> {
                const marker own = m;
                auto permit = co_await slots.acquire();
                co_await sleep_for(1h);
            };
            co_await when_all(one(), one(), one());
        };
        CHECK(goes_with_context(holds));
        CHECK(slots.available() == 1);

        // Tasks with schedulers of their own.
        auto alone = [&slots](marker m) -> task<> {
            auto permit = co_await slots.acquire();
            co_await sleeps(std::move(m));
        };
        auto shared = std::make_shared<int>(1);
        {
            asio::io_context io;
            for (int i = 0; i < 3; ++i)
                spawn(io.get_executor(), alone(shared), asio::detached);
            io.poll();
            CHECK(shared.use_count() == 4);
        }
        CHECK(shared.use_count() == 1);
        CHECK(slots.available() == 1);
    }
    SECTION("while its computation runs") {
        thread_pool pool(1);
        std::atomic<bool> running{false};
        std::atomic<bool> go_on{false};
        auto computes = [&](marker m) -> task<> {
            auto compute = [&running, &go_on, m] {
                running = true;
                while (!go_on)
                    std::this_thread::yield();
            };
            co_await offload(pool, std::move(compute));
        };
        auto shared = std::make_shared<int>(1);
        std::thread helper;
        {
            asio::io_context io;
            spawn(io.get_executor(), computes(shared), asio::detached);
            io.poll();
            while (!running)
                std::this_thread::yield();
            helper = std::thread([&go_on] { go_on = true; });
        }
        helper.join();
        CHECK(shared.use_count() == 1);
    }
    SECTION("on a pool") {
        auto shared = std::make_shared<int>(1);
        {
            asio::thread_pool pool(2);
            auto begun = std::make_shared<std::promise<void>>();
            auto waits = [](std::shared_ptr<std::promise<void>> p, marker m) -> task<> {
                p->set_value();
                co_await sleeps(std::move(m));
            };
            spawn(pool.get_executor(), waits(begun, shared), asio::detached);
            begun->get_future().wait();
            pool.stop();
        }
        CHECK(shared.use_count() == 1);
    }
}
