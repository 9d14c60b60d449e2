// Awaiting Asio's operations and coroutines in tasks. (Tasks on foreign executors: asio_spawn_test.cpp.)
#include <tandem/asio.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/testing.hpp>

#include "tests/support/build.hpp"
#include "tests/support/capture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace asio = boost::asio;
using namespace tandem;
using namespace std::chrono_literals;
using asio::ip::tcp;
using tests::ending;
using tests::run_on_loop;

namespace {

// Calls its handler inside the initiation.
template <class Signature, class... Args>
auto at_once(Args... args) {
    return asio::async_initiate<const asio::deferred_t, Signature>(
        [](auto handler, auto... values) { std::move(handler)(std::move(values)...); }, asio::deferred,
        std::move(args)...);
}

template <class Handler>
class completes_when_cancelled {
public:
    completes_when_cancelled(Handler handler, error_code ec) : handler_(std::move(handler)), ec_(ec) {}
    void operator()(asio::cancellation_type) { std::move(handler_)(ec_, 5); }

private:
    Handler handler_;
    error_code ec_;
};

// Completes when it is cancelled, inside the signal, with `ec` and 5.
auto until_cancelled(error_code ec) {
    return asio::async_initiate<const asio::deferred_t, void(error_code, int)>(
        [](auto handler, error_code code) {
            auto slot = asio::get_associated_cancellation_slot(handler);
            slot.template emplace<completes_when_cancelled<decltype(handler)>>(std::move(handler), code);
        },
        asio::deferred, ec);
}

auto fails_to_start() {
    return asio::async_initiate<const asio::deferred_t, void(error_code)>(
        [](auto handler) {
            static_cast<void>(handler);
            throw std::runtime_error("not started");
        },
        asio::deferred);
}

// An operation that allocates as Asio's do, through the handler's allocator; the values say where.
auto allocates() {
    return asio::async_initiate<const asio::deferred_t, void(bool, bool)>(
        [](auto handler) {
            auto base = asio::get_associated_allocator(handler);
            using allocator =
                typename std::allocator_traits<decltype(base)>::template rebind_alloc<unsigned char>;
            allocator memory(base);
            unsigned char* const first = memory.allocate(200);
            unsigned char* const nested = memory.allocate(200);
            memory.deallocate(first, 200);
            unsigned char* const again = memory.allocate(200);
            const bool recycled = again == first && nested != first;
            memory.deallocate(again, 200);
            memory.deallocate(nested, 200);
            unsigned char* const large = memory.allocate(5000);
            const bool elsewhere = large != first;
            memory.deallocate(large, 5000);
            std::move(handler)(recycled, elsewhere);
        },
        asio::deferred);
}

asio::awaitable<int> doubled(int value) {
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_return value * 2;
}
asio::awaitable<void> fails() {
    throw std::runtime_error("from Asio");
    co_return;
}
asio::awaitable<void> waits(bool& destroyed) {
    const std::shared_ptr<void> guard(nullptr, [&destroyed](void*) { destroyed = true; });
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    co_await timer.async_wait(asio::use_awaitable);
}
asio::awaitable<std::unique_ptr<int>> move_only() {
    co_return std::make_unique<int>(3);
}

task<> wait_for(asio::steady_timer& timer) {
    co_await timer.async_wait(asio::deferred);
}
task<int> value_of(error_code ec) {
    co_return co_await until_cancelled(ec);
}
task<> await_void(bool& destroyed) {
    co_await waits(destroyed);
}

// Both ends of a connection on the loopback device.
class connection {
public:
    connection(tcp::socket c, tcp::socket s) : client(std::move(c)), server(std::move(s)) {}
    tcp::socket client;
    tcp::socket server;
};
task<connection> connect() {
    const auto executor = co_await this_executor();
    tcp::acceptor acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    tcp::socket client(executor);
    auto both = co_await when_all(acceptor.async_accept(asio::deferred),
                                  client.async_connect(acceptor.local_endpoint(), asio::deferred));
    co_return connection(std::move(client), std::move(std::get<0>(both)));
}

} // namespace

TEST_CASE("asio: deferred operations: connect, accept, read, write, composed ones") {
    run_on_loop([]() -> task<> {
        connection c = co_await connect();
        const std::string sent(300'000, 'x'); // more than a socket's buffer: several writes
        std::string received(sent.size(), '\0');
        auto both = co_await when_all(asio::async_write(c.client, asio::buffer(sent), asio::deferred),
                                      asio::async_read(c.server, asio::buffer(received), asio::deferred));
        CHECK(std::get<0>(both) == sent.size());
        CHECK(std::get<1>(both) == sent.size());
        CHECK(received == sent);
        const std::size_t n = co_await c.server.async_write_some(asio::buffer("ab", 2), asio::deferred);
        char back[2] = {};
        const std::size_t m = co_await asio::async_read(c.client, asio::buffer(back), asio::deferred);
        CHECK(n == 2);
        CHECK(m == 2);
        CHECK(std::string(back, 2) == "ab");
    });
}

TEST_CASE("asio: an error code is thrown, as_tuple hands it over with the values") {
    run_on_loop([]() -> task<> {
        connection c = co_await connect();
        c.client.shutdown(tcp::socket::shutdown_send);
        char byte = 0;
        error_code ec;
        try {
            co_await asio::async_read(c.server, asio::buffer(&byte, 1), asio::deferred);
        } catch (const system_error& e) {
            ec = e.code();
        }
        CHECK(ec == asio::error::eof);
        const auto result =
            co_await c.server.async_read_some(asio::buffer(&byte, 1), asio::as_tuple(asio::deferred));
        CHECK(std::get<0>(result) == asio::error::eof);
        CHECK(std::get<1>(result) == 0);
        asio::steady_timer timer(co_await this_executor(), 1ms);
        const auto only_code = co_await timer.async_wait(asio::as_tuple(asio::deferred));
        CHECK(!std::get<0>(only_code));
    });
}

TEST_CASE("asio: an operation aborted by its own object is a system_error, no cancellation") {
    run_on_loop([]() -> task<> {
        asio::steady_timer timer(co_await this_executor(), 1h);
        task_group group;
        error_code ec;
        bool cancelled = false;
        auto waiter = [&]() -> task<> {
            try {
                co_await timer.async_wait(asio::deferred);
            } catch (const operation_cancelled&) {
                cancelled = true;
            } catch (const system_error& e) {
                ec = e.code();
            }
        };
        group.spawn(std::ref(waiter));
        co_await yield();
        timer.cancel();
        co_await group.join();
        CHECK(!cancelled);
        CHECK(ec == asio::error::operation_aborted);
    });
}

TEST_CASE("asio: cancellation and timeouts reach the operation") {
    run_on_loop([]() -> task<> {
        asio::steady_timer timer(co_await this_executor(), 1h);
        connection c = co_await connect();
        char byte = 0;
        const ending a = co_await tests::ends(with_timeout(2ms, timer.async_wait(asio::deferred)));
        const ending b = co_await tests::ends(
            with_timeout(2ms, asio::async_read(c.server, asio::buffer(&byte, 1), asio::deferred)));
        CHECK(a == ending::timeout);
        CHECK(b == ending::timeout);

        ending inside = ending::value;
        ending later = ending::value;
        auto subject = [&]() -> task<> {
            inside = co_await tests::ends(wait_for(timer));
            later = co_await tests::ends(wait_for(timer)); // not even begun
        };
        task_group group;
        group.spawn(std::ref(subject));
        co_await yield();
        group.cancel();
        co_await group.join();
        CHECK(inside == ending::cancelled);
        CHECK(later == ending::cancelled);
        CHECK(timer.cancel() == 0);

        // The connection still works: nothing of the operations is left.
        const std::size_t n = co_await asio::async_write(c.client, asio::buffer("z", 1), asio::deferred);
        const std::size_t m = co_await c.server.async_read_some(asio::buffer(&byte, 1), asio::deferred);
        CHECK(n == 1);
        CHECK(m == 1);
        CHECK(byte == 'z');
    });
}

TEST_CASE("asio: completed in spite of the cancellation, an operation hands its result over") {
    run_on_loop([]() -> task<> {
        const int value = co_await with_timeout(1ms, until_cancelled(error_code()));
        CHECK(value == 5);
        const ending aborted =
            co_await tests::ends(with_timeout(1ms, value_of(asio::error::operation_aborted)));
        const ending failed = co_await tests::ends(with_timeout(1ms, value_of(asio::error::eof)));
        CHECK(aborted == ending::timeout);
        CHECK(failed == ending::error);
        // A cancelled sibling completes inside of its signal, while the children are being gone through.
        int got = 0;
        auto sibling = [&]() -> task<> { got = co_await until_cancelled(error_code()); };
        auto failing = []() -> task<> {
            co_await yield();
            throw std::runtime_error("first");
        };
        const std::string what = co_await tests::message_of(when_all(sibling(), failing(), sibling()));
        CHECK(what == "first");
        CHECK(got == 5);
    });
}

TEST_CASE("asio: completion inside the initiation, every kind of signature") {
    run_on_loop([]() -> task<> {
        co_await at_once<void()>();
        co_await at_once<void(error_code)>(error_code());
        co_await at_once<void(std::exception_ptr)>(std::exception_ptr());
        const int one = co_await at_once<void(int)>(1);
        const int two = co_await at_once<void(error_code, int)>(error_code(), 2);
        const auto many =
            co_await at_once<void(error_code, int, std::string)>(error_code(), 3, std::string("s"));
        const std::unique_ptr<int> moved = co_await at_once<void(std::exception_ptr, std::unique_ptr<int>)>(
            std::exception_ptr(), std::make_unique<int>(4));
        CHECK(one == 1);
        CHECK(two == 2);
        CHECK(many == std::make_tuple(3, std::string("s")));
        CHECK(*moved == 4);
        std::string what;
        try {
            co_await at_once<void(std::exception_ptr, int)>(
                std::make_exception_ptr(std::runtime_error("stored")), 0);
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "stored");
        int sum = 0;
        for (int i = 0; i < 10'000; ++i) // a loop of them does not use up the stack
            sum += co_await at_once<void(int)>(1);
        CHECK(sum == 10'000);
    });
}

TEST_CASE("asio: cancelled after its completion inside the initiation, an operation is left alone") {
    run_on_loop([]() -> task<> {
        bool emitted = false;
        auto operation = [&]() {
            return asio::async_initiate<const asio::deferred_t, void(int)>(
                [&emitted](auto handler) {
                    auto slot = asio::get_associated_cancellation_slot(handler);
                    slot.assign([&emitted](asio::cancellation_type) { emitted = true; });
                    std::move(handler)(6);
                },
                asio::deferred);
        };
        int got = 0;
        auto subject = [&]() -> task<> { got = co_await operation(); };
        task_group group;
        auto canceller = [&]() -> task<> {
            group.cancel(); // the subject has completed its operation, and stands behind this task in the
                            // queue
            co_return;
        };
        group.spawn(std::ref(subject));
        group.spawn(std::ref(canceller));
        co_await group.wait();
        CHECK(got == 6);
        CHECK(!emitted);
    });
}

TEST_CASE("asio: an operation that another task completes does not run inside of that task") {
    run_on_loop([]() -> task<> {
        std::function<void()> complete;
        std::string order;
        auto operation = [&complete]() {
            return asio::async_initiate<const asio::deferred_t, void()>(
                [&complete](auto handler) {
                    auto kept = std::make_shared<decltype(handler)>(std::move(handler));
                    complete = [kept] { std::move (*kept)(); };
                },
                asio::deferred);
        };
        auto waits = [&]() -> task<> {
            co_await operation();
            order += "waiter";
        };
        auto completes = [&]() -> task<> {
            complete();
            order += "completer ";
            co_return;
        };
        co_await when_all(waits(), completes());
        CHECK(order == "completer waiter");
    });
}

TEST_CASE("asio: an initiation that throws") {
    run_on_loop([]() -> task<> {
        ending after = ending::value;
        std::string what;
        auto subject = [&](task_group& group) -> task<> {
            try {
                co_await fails_to_start();
            } catch (const std::runtime_error& e) {
                what = e.what();
            }
            group.cancel(); // itself, running: nothing of the operation may be told
            after = co_await tests::ends(tests::turns(1));
        };
        task_group group;
        group.spawn(std::ref(subject), std::ref(group));
        co_await group.join();
        CHECK(what == "not started");
        CHECK(after == ending::cancelled);
    });
}

TEST_CASE("asio: an operation's memory is in the awaiting frame, for one block at a time") {
    run_on_loop([]() -> task<> {
        const auto [recycled, elsewhere] = co_await allocates();
        CHECK(recycled);
        CHECK(elsewhere);
    });
}

TEST_CASE("asio: an operation bound to another executor, the task goes on at home") {
    asio::thread_pool pool(2);
    run_on_loop([&pool]() -> task<> {
        const std::thread::id home = std::this_thread::get_id();
        int away = 0;
        for (int i = 0; i < 200; ++i) {
            co_await asio::post(asio::bind_executor(pool.get_executor(), asio::deferred));
            if (std::this_thread::get_id() != home) ++away;
        }
        CHECK(away == 0);
    });
    pool.join();
}

TEST_CASE("asio: awaitables: values, exceptions, cancellation") {
    run_on_loop([]() -> task<> {
        const int four = co_await doubled(2);
        const std::unique_ptr<int> three = co_await move_only();
        const auto both = co_await when_all(doubled(1), doubled(5));
        CHECK(four == 4);
        CHECK(*three == 3);
        CHECK(both == std::make_tuple(2, 10));
        std::string what;
        try {
            co_await fails();
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "from Asio");

        bool destroyed = false;
        const ending timed_out = co_await tests::ends(with_timeout(2ms, waits(destroyed)));
        CHECK(timed_out == ending::timeout);
        CHECK(destroyed);
        destroyed = false;
        ending cancelled = ending::value;
        auto subject = [&]() -> task<> { cancelled = co_await tests::ends(await_void(destroyed)); };
        task_group group;
        group.spawn(std::ref(subject));
        co_await yield();
        group.cancel();
        co_await group.join();
        CHECK(cancelled == ending::cancelled);
        CHECK(destroyed);
    });
}

TEST_CASE("asio: this_executor is that of the own loop, a suspended operation goes with the runtime") {
    std::weak_ptr<int> left;
    {
        runtime rt(tests::small().drain_timeout(0ms));
        auto stays = [](std::shared_ptr<int> marker) -> task<> {
            asio::steady_timer timer(co_await this_executor(), 1h);
            for (;;) { // deaf to cancellation
                co_await timer.async_wait(asio::as_tuple(asio::deferred));
                if (task_context::current()->cancelled()) co_await std::suspend_always();
            }
            static_cast<void>(marker);
        };
        auto marker = std::make_shared<int>(1);
        left = marker;
        rt.spawn(tandem::invoke(stays, std::move(marker)));
        rt.run([&]() -> task<> {
            const bool same = co_await this_executor() == rt.loop(0).executor();
            CHECK(same);
            co_await yield();
        });
        CHECK(!left.expired());
    }
    CHECK(left.expired());
}

TEST_CASE("asio: an exception that leaves a handler of one's own ends the process, on every loop") {
    if (tests::thread_sanitized) return; // threads after a fork are not to its liking
    class of_a_handler {
    public:
        void operator()() const { throw std::runtime_error("out of a handler"); }
    };
    for (const std::size_t where : {std::size_t{0}, std::size_t{1}}) {
        const tests::child_result child = tests::in_child([&] {
            try {
                runtime rt(tests::loops(2));
                rt.run([&]() -> task<> {
                    asio::post(rt.loop(where).executor(), of_a_handler());
                    event never;
                    co_await never.wait();
                });
            } catch (...) {
                std::fputs("it left run", stderr);
            }
        });
        INFO(child.errors);
        CHECK(WIFSIGNALED(child.status));
        CHECK(WTERMSIG(child.status) == SIGABRT);
        CHECK(tests::contains(child.errors, "a handler that Asio ran on loop " + std::to_string(where)));
        CHECK(tests::contains(child.errors, "out of a handler"));
        CHECK(tests::contains(child.errors, "tandem::spawn"));
    }
    // Under a clock of a test's own, too.
    const tests::child_result child = tests::in_child([&] {
        test::run([]() -> task<> {
            asio::post(co_await this_executor(), of_a_handler());
            co_await sleep_for(1h);
        });
    });
    INFO(child.errors);
    CHECK(WIFSIGNALED(child.status));
    CHECK(tests::contains(child.errors, "out of a handler"));
    CHECK(tests::contains(child.errors, "a handler that Asio ran on loop 0"));
}
