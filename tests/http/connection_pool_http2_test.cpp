// The pool where HTTP/2 may be spoken: the first connection is opened alone, and shared when it speaks it.
#include "tests/support/catch.hpp"

#include "lib/http/connection_pool.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/task_group.hpp>
#include <tandem/core/task.hpp>

#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

using namespace tandem;
using http::connection_pool;

namespace {

constexpr auto no_deadline = scheduler::clock::time_point::max();

connection_pool::settings by_alpn(std::size_t per_host, std::size_t total) {
    connection_pool::settings s;
    s.per_host = per_host;
    s.total = total;
    s.http2 = http::http2_use::by_alpn;
    return s;
}

int open(connection_pool::lease& held) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    held->stream = net::stream(task_context::current()->home(), ends[0]);
    return ends[1];
}

task<> wait_for_one(connection_pool& pool, std::string origin, std::vector<connection_pool::lease>& got) {
    got.push_back(co_await pool.acquire(origin, no_deadline));
}

// Three that wait while a first one is being opened.
template <class F>
void with_waiters(connection_pool::settings settings, F body) {
    auto work = [&]() -> task<> {
        connection_pool pool(settings);
        pool.bind(task_context::current()->home());
        std::vector<connection_pool::lease> got;
        auto first = co_await pool.acquire("https://a", no_deadline);
        task_group waiters;
        for (int i = 0; i < 3; ++i)
            waiters.spawn(wait_for_one(pool, "https://a", got));
        co_await tests::turns(3);
        CHECK(pool.waiting() == 3);
        CHECK(pool.in_use() == 1);
        co_await body(pool, first, got);
        first.reset();
        got.clear();
        while (pool.waiting() > 0) {
            co_await tests::turns(1);
            got.clear();
        }
        co_await waiters.join();
        got.clear();
        CHECK(pool.in_use() == 0);
        pool.close_idle();
        CHECK(pool.origins() == 0);
    };
    scripted::run(work());
}

} // namespace

TEST_CASE("who waits for a first connection shares it when it speaks HTTP/2") {
    int far = -1;
    with_waiters(by_alpn(6, 10), [&](connection_pool& pool, auto& first, auto& got) -> task<> {
        far = open(first);
        first.agree(true);
        co_await tests::turns(3);
        CHECK(got.size() == 3);
        CHECK(pool.in_use() == 1);
        for (auto& each : got)
            CHECK(&*each == &*first);
        first.reset();
        CHECK(pool.in_use() == 1); // others still use it
        got.clear();
        CHECK(pool.in_use() == 0);
        CHECK(pool.idle() == 1);
        auto again = co_await pool.acquire("https://a", no_deadline);
        CHECK(again->http2 != nullptr);
        CHECK(pool.idle() == 0);
        CHECK(pool.in_use() == 1);
    });
    ::close(far);
}

TEST_CASE("who waits for a first connection opens its own when that speaks HTTP/1.1") {
    with_waiters(by_alpn(3, 10), [](connection_pool& pool, auto& first, auto& got) -> task<> {
        first.agree(false);
        co_await tests::turns(3);
        CHECK(got.size() == 2); // three for each host
        CHECK(pool.in_use() == 3);
        CHECK(pool.waiting() == 1);
        got[0].agree(false);
        got[0].reset();
        co_await tests::turns(3);
        CHECK(got.size() == 3);
    });
}

TEST_CASE("when a first connection cannot be opened all in the queue try, side by side") {
    with_waiters(by_alpn(6, 10), [](connection_pool& pool, auto& first, auto& got) -> task<> {
        first.reset();
        co_await tests::turns(3);
        CHECK(got.size() == 3); // one after the other, each might wait out its time limit
        CHECK(pool.waiting() == 0);
        CHECK(pool.in_use() == 3);
    });
}

TEST_CASE("an origin that waits for its first connection keeps nobody else from theirs") {
    with_waiters(by_alpn(6, 2), [](connection_pool& pool, auto&, auto&) -> task<> {
        auto other = co_await pool.acquire("https://b", no_deadline);
        CHECK(other);
        CHECK(pool.in_use() == 2);
        auto work = pool.acquire("http://c", task_context::current()->home().now());
        const auto none = co_await work;
        CHECK_FALSE(none); // the total is used up
    });
}

TEST_CASE("a shared connection that takes no more requests is followed by another") {
    int far = -1;
    with_waiters(by_alpn(6, 10), [&](connection_pool& pool, auto& first, auto& got) -> task<> {
        far = open(first);
        first.agree(true);
        co_await tests::turns(3);
        first->http2->retire();
        auto fresh = co_await pool.acquire("https://a", no_deadline);
        CHECK(&*fresh != &*first);
        CHECK(pool.in_use() == 2);
        first.reset();
        got.clear();
        CHECK(pool.in_use() == 1); // the old one is closed with its last request
        CHECK(pool.idle() == 0);
    });
    ::close(far);
}
