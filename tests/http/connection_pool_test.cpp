#include "tests/support/catch.hpp"

#include "lib/http/connection_pool.hpp"
#include "tests/http/scripted_server.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/task.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace tandem;
using http::connection_pool;

namespace {

constexpr auto no_deadline = scheduler::clock::time_point::max();

connection_pool::settings limits(std::size_t per_host, std::size_t total) {
    connection_pool::settings s;
    s.per_host = per_host;
    s.total = total;
    return s;
}

// Gives the connection a stream; the far end of it.
int open(connection_pool::lease& held) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    held->stream = net::stream(task_context::current()->home(), ends[0]);
    return ends[1];
}

template <class F>
void in_task(F body) {
    scripted::run(body());
}

} // namespace

TEST_CASE("the connection that was used last is taken first") {
    in_task([]() -> task<> {
        connection_pool pool(limits(3, 10));
        pool.bind(task_context::current()->home());
        auto a = co_await pool.acquire("http://a", no_deadline);
        auto b = co_await pool.acquire("http://a", no_deadline);
        CHECK_FALSE(a->stream.is_open());
        const int far_a = open(a);
        const int far_b = open(b);
        http::connection* const first = &*a;
        http::connection* const last = &*b;
        CHECK(pool.in_use() == 2);
        a.keep();
        b.keep();
        CHECK(pool.in_use() == 0);
        CHECK(pool.idle() == 2);
        auto c = co_await pool.acquire("http://a", no_deadline);
        CHECK(&*c == last);
        auto d = co_await pool.acquire("http://a", no_deadline);
        CHECK(&*d == first);
        auto other = co_await pool.acquire("https://a", no_deadline); // another scheme, another connection
        CHECK_FALSE(other->stream.is_open());
        c.reset();
        d.reset();
        other.reset();
        CHECK(pool.idle() == 0);
        CHECK(pool.origins() == 0); // nothing is remembered of hosts without connections
        ::close(far_a);
        ::close(far_b);
    });
}

TEST_CASE("what takes a wait is not given at once, and leaves no trace") {
    in_task([]() -> task<> {
        connection_pool pool(limits(1, 2));
        pool.bind(task_context::current()->home());
        auto first = pool.try_acquire("http://a");
        REQUIRE(first);
        CHECK_FALSE(pool.try_acquire("http://a")); // the limit of the host
        auto second = pool.try_acquire("http://b");
        REQUIRE(second);
        CHECK_FALSE(pool.try_acquire("http://c")); // the limit of all
        CHECK(pool.origins() == 2);
        CHECK(pool.waiting() == 0);

        bool granted = false;
        auto wait = [&]() -> task<> {
            const auto held = co_await pool.acquire("http://a", no_deadline);
            granted = true;
        };
        auto body = [&](task_group& group) -> task<> {
            group.spawn(wait);
            co_await yield();
            CHECK(pool.waiting() == 1);
            const int far = open(first);
            first.keep(); // to the one who waits, who has not run yet
            CHECK_FALSE(granted);
            CHECK_FALSE(pool.try_acquire("http://a"));
            ::close(far);
            co_return;
        };
        co_await with_task_group(body);
        CHECK(granted);
        CHECK(pool.in_use() == 1);
    });
}

TEST_CASE("a kept connection that the peer closed, or wrote to, is not taken") {
    in_task([]() -> task<> {
        for (int i = 0; i < 4; ++i) {
            const bool writes = i % 2 == 0;
            const bool loop_looks = i / 2 == 0;
            connection_pool pool(limits(3, 10));
            pool.bind(task_context::current()->home());
            auto a = co_await pool.acquire("http://a", no_deadline);
            const int far = open(a);
            a.keep();
            if (writes)
                CHECK(::send(far, "x", 1, MSG_NOSIGNAL) == 1);
            else
                ::close(far);
            if (loop_looks) // and knows without another system call
                co_await sleep_for(1ms);
            else // after so long the pool asks
                std::this_thread::sleep_for(1ms);
            auto b = co_await pool.acquire("http://a", no_deadline);
            CHECK_FALSE(b->stream.is_open());
            CHECK(pool.in_use() == 1);
            CHECK(pool.idle() == 0);
            if (writes) ::close(far);
        }
    });
}

TEST_CASE("waiters of a host are served in order, a newcomer does not overtake") {
    in_task([]() -> task<> {
        connection_pool pool(limits(1, 10));
        pool.bind(task_context::current()->home());
        std::vector<int> order;
        auto held = co_await pool.acquire("http://a", no_deadline);
        const int far = open(held);
        auto wait = [&](int i) -> task<> {
            auto mine = co_await pool.acquire("http://a", no_deadline);
            order.push_back(i);
            CHECK(pool.in_use() == 1);
            CHECK(mine->stream.is_open());
            co_await yield();
            mine.keep();
        };
        auto body = [&](task_group& group) -> task<> {
            for (int i = 0; i < 5; ++i)
                group.spawn(wait, i);
            co_await yield();
            CHECK(pool.waiting() == 5);
            held.keep();
            CHECK(pool.idle() == 0); // handed over
            auto late = co_await pool.acquire("http://a", no_deadline);
            order.push_back(5);
            late.keep();
        };
        co_await with_task_group(body);
        CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 5});
        CHECK(pool.idle() == 1);
        ::close(far);
    });
}

TEST_CASE("the total limit closes the oldest idle connection, then hosts take turns") {
    in_task([]() -> task<> {
        connection_pool pool(limits(2, 2));
        pool.bind(task_context::current()->home());
        auto a = co_await pool.acquire("http://a", no_deadline);
        auto b = co_await pool.acquire("http://b", no_deadline);
        const int far_a = open(a);
        const int far_b = open(b);
        a.keep();
        b.keep();
        auto c = co_await pool.acquire("http://c", no_deadline); // a's goes
        char byte;
        CHECK(::recv(far_a, &byte, 1, 0) == 0);
        CHECK(pool.idle() == 1);
        auto d = co_await pool.acquire("http://c", no_deadline); // b's goes
        CHECK(pool.idle() == 0);
        CHECK(pool.in_use() == 2);

        std::string order;
        auto wait = [&](std::string host) -> task<> {
            auto mine = co_await pool.acquire(host, no_deadline);
            order += host.back();
            CHECK(pool.in_use() <= 2);
            co_await yield();
        };
        auto body = [&](task_group& group) -> task<> {
            for (const char* const host : {"http://x", "http://x", "http://x", "http://y", "http://z"})
                group.spawn(wait, std::string(host));
            co_await yield();
            c.reset();
            co_await yield();
            d.reset();
        };
        co_await with_task_group(body);
        REQUIRE(order.size() == 5);
        CHECK(order.substr(0, 3).find('y') != std::string::npos); // x does not come first three times
        CHECK(pool.in_use() == 0);
        CHECK(pool.origins() == 0);
        ::close(far_a);
        ::close(far_b);
    });
}

TEST_CASE("a connection is not kept while other hosts wait for room") {
    in_task([]() -> task<> {
        connection_pool pool(limits(2, 1));
        pool.bind(task_context::current()->home());
        auto a = co_await pool.acquire("http://a", no_deadline);
        const int far = open(a);
        bool got = false;
        auto wait = [&]() -> task<> {
            auto b = co_await pool.acquire("http://b", no_deadline);
            got = true;
        };
        auto body = [&](task_group& group) -> task<> {
            group.spawn(wait);
            co_await yield();
            a.keep();
            CHECK(pool.idle() == 0);
        };
        co_await with_task_group(body);
        CHECK(got);
        ::close(far);
    });
}

TEST_CASE("waiting ends by deadline or cancellation without a trace") {
    in_task([]() -> task<> {
        connection_pool pool(limits(1, 1));
        pool.bind(task_context::current()->home());
        auto held = co_await pool.acquire("http://a", no_deadline);
        for (const char* const host : {"http://a", "http://b"}) {
            const auto soon = task_context::current()->home().now() + 10ms;
            auto nothing = co_await pool.acquire(host, soon);
            CHECK_FALSE(nothing);
            bool cancelled = false;
            auto wait = [&]() -> task<> { auto never = co_await pool.acquire(host, no_deadline); };
            try {
                auto waiting = wait();
                co_await with_timeout(10ms, std::move(waiting));
            } catch (const timeout_error&) {
                cancelled = true;
            }
            CHECK(cancelled);
            CHECK(pool.waiting() == 0);
            CHECK(pool.in_use() == 1);
        }
        held.reset();
        CHECK(pool.origins() == 0);
        auto b = co_await pool.acquire("http://b", no_deadline);
        CHECK(b);
    });
}

TEST_CASE("a connection granted to a task that is cancelled at the same time is not lost") {
    in_task([]() -> task<> {
        connection_pool pool(limits(1, 1));
        pool.bind(task_context::current()->home());
        auto held = co_await pool.acquire("http://a", no_deadline);
        auto wait = [&]() -> task<> { auto mine = co_await pool.acquire("http://a", no_deadline); };
        auto body = [&](task_group& group) -> task<> {
            group.spawn(wait);
            co_await yield();
            held.reset(); // granted, but not yet resumed
            group.cancel();
        };
        co_await with_task_group(body);
        CHECK(pool.in_use() == 0);
        CHECK(pool.waiting() == 0);
    });
}

TEST_CASE("idle connections are closed after their time") {
    in_task([]() -> task<> {
        connection_pool::settings s = limits(2, 10);
        s.idle_timeout = 20ms;
        connection_pool pool(s);
        pool.bind(task_context::current()->home());
        auto a = co_await pool.acquire("http://a", no_deadline);
        const int far = open(a);
        a.keep();
        CHECK(pool.idle() == 1);
        co_await sleep_for(60ms);
        CHECK(pool.idle() == 0);
        char byte;
        CHECK(::recv(far, &byte, 1, 0) == 0);
        ::close(far);
    });
}

TEST_CASE("a connection that is too old is not kept, and not taken when it has grown old") {
    in_task([]() -> task<> {
        connection_pool::settings young = limits(3, 10);
        young.max_age = 30min;
        connection_pool pool(young);
        scheduler& home = task_context::current()->home();
        pool.bind(home);
        auto a = co_await pool.acquire("http://a", no_deadline);
        auto b = co_await pool.acquire("http://a", no_deadline);
        const int far_a = open(a);
        const int far_b = open(b);
        a->opened_at = home.now() - 30min;
        b->opened_at = home.now() - 29min;
        http::connection* const grows_old = &*b;
        a.keep();
        CHECK(pool.idle() == 0);
        b.keep();
        CHECK(pool.idle() == 1);
        b = co_await pool.acquire("http://a", no_deadline);
        CHECK(&*b == grows_old);
        b.keep();
        grows_old->opened_at -= 2min;
        b = co_await pool.acquire("http://a", no_deadline);
        CHECK_FALSE(b->stream.is_open()); // a new one
        CHECK(pool.idle() == 0);
        ::close(far_a);
        ::close(far_b);
    });
}
