#include "lib/core/readiness_set.hpp"

#include "lib/core/loop.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/asio.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__

using boost::system::error_code;
using tandem::runtime;
using tandem::task;
using tandem::task_context;
using tandem::task_group;
using tandem::detail::direction;
using tandem::detail::readiness;
using tandem::detail::readiness_set;
using namespace std::chrono_literals;
namespace error = boost::asio::error;

namespace {

// Two connected sockets; the first is non-blocking and known to the running task's loop.
class pair {
public:
    enum class kind { local, tcp };

    explicit pair(kind k = kind::local) : known(task_context::current()->home()) {
        std::tie(near, far) = k == kind::local ? tests::local_pair() : tests::tcp_pair();
        REQUIRE(::fcntl(near, F_SETFL, O_NONBLOCK) == 0);
        const error_code ec =
            known.add(*readiness_set::of(task_context::current()->home()), near, k == kind::tcp);
        REQUIRE(ec == error_code());
    }
    pair(const pair&) = delete;
    ~pair() {
        known.remove();
        ::close(near);
        if (far >= 0) ::close(far);
    }

    void send(const std::string& text) const {
        REQUIRE(::send(far, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }
    // As a stream does it: what came is told.
    std::string read(std::size_t most) {
        std::string text(most, '\0');
        const ssize_t n = ::recv(near, text.data(), most, 0);
        known.received(n, most);
        if (n < 0) return "nothing";
        text.resize(static_cast<std::size_t>(n));
        return text;
    }
    void end() { ::close(std::exchange(far, -1)); }

    int near = -1;
    int far = -1;
    readiness known;
};

task<error_code> wait(readiness& known, direction what) {
    co_return co_await known.wait(what, "test");
}

task<> set_when_run(bool& flag) {
    flag = true;
    co_return;
}

} // namespace

TEST_CASE("readiness: a runtime's loops have a set, a foreign executor has none") {
    tests::run_on_loop([]() -> task<> {
        CHECK(readiness_set::of(task_context::current()->home()) != nullptr);
        co_return;
    });
    boost::asio::io_context io;
    auto look = []() -> task<bool> {
        co_return readiness_set::of(task_context::current()->home()) == nullptr;
    };
    auto none = tandem::spawn(io.get_executor(), look(), boost::asio::use_future);
    io.run();
    CHECK(none.get());
}

TEST_CASE("readiness: each arrival is reported once, and its wait is over") {
    tests::run_on_loop([]() -> task<> {
        pair p;
        CHECK_FALSE(p.known.ready(direction::read));
        for (int i = 0; i < 3; ++i) {
            auto send = [&]() -> task<> {
                p.send("x");
                co_return;
            };
            const auto [ec, none] = co_await tandem::when_all(wait(p.known, direction::read), send());
            static_cast<void>(none);
            CHECK(ec == error_code());
            CHECK(p.known.ready(direction::read));
            std::string text = p.read(10);
            CHECK(text == "x");
            CHECK(p.known.ready(direction::read)); // a short read of a Unix socket says nothing
            text = p.read(10);
            CHECK(text == "nothing");
            CHECK_FALSE(p.known.ready(direction::read));
        }
    });
}

TEST_CASE("readiness: a short read of a TCP socket has taken everything, but for the end and urgent data") {
    tests::run_on_loop([]() -> task<> {
        for (const bool urgent : {false, true}) {
            pair p(pair::kind::tcp);
            p.send("one");
            co_await wait(p.known, direction::read);
            std::string text = p.read(10);
            CHECK(text == "one");
            CHECK_FALSE(p.known.ready(direction::read));
            p.send("two");
            if (urgent) {
                REQUIRE(::send(p.far, "!", 1, MSG_OOB) == 1);
                p.send("three");
            } else {
                p.end();
            }
            co_await tandem::sleep_for(20ms); // for everything to be there when it is reported
            co_await wait(p.known, direction::read);
            text = p.read(100);
            CHECK(text == "two");
            CHECK(p.known.ready(direction::read));
            text = p.read(100);
            CHECK(text == (urgent ? "three" : ""));
        }
    });
}

TEST_CASE("readiness: what is ready goes on at once, within the budget") {
    tests::run_on_loop([]() -> task<> {
        pair p;
        p.send("x");
        co_await wait(p.known, direction::read);
        bool others_ran = false;
        task_group group;
        group.spawn(set_when_run, std::ref(others_ran));
        co_await p.known.wait(direction::read, "test");
        CHECK_FALSE(others_ran);
        for (int i = 0; i < 1000; ++i)
            co_await p.known.wait(direction::read, "test");
        CHECK(others_ran);
        co_await group.join();
    });
}

TEST_CASE("readiness: a writer gives way, and waits for room") {
    tests::run_on_loop([]() -> task<> {
        pair p;
        CHECK(p.known.ready(direction::write));
        bool others_ran = false;
        task_group group;
        group.spawn(set_when_run, std::ref(others_ran));
        error_code ec = co_await p.known.wait(direction::write, "test");
        CHECK(ec == error_code());
        CHECK(others_ran);
        co_await group.join();

        const std::string much(std::size_t{1} << 20, 'x');
        while (::send(p.near, much.data(), much.size(), MSG_NOSIGNAL) > 0) {
        }
        p.known.used_up(direction::write);
        auto drain = [&]() -> task<> {
            std::string into(std::size_t{1} << 20, '\0');
            while (::recv(p.far, into.data(), into.size(), MSG_DONTWAIT) > 0) {
            }
            co_return;
        };
        const auto [waited, none] = co_await tandem::when_all(wait(p.known, direction::write), drain());
        static_cast<void>(none);
        CHECK(waited == error_code());
        CHECK(::send(p.near, "x", 1, MSG_NOSIGNAL) == 1);
    });
}

TEST_CASE("readiness: cancelling ends every wait, and none that is over") {
    tests::run_on_loop([]() -> task<> {
        pair p;
        p.known.used_up(direction::write);
        const std::string much(std::size_t{1} << 20, 'x');
        while (::send(p.near, much.data(), much.size(), MSG_NOSIGNAL) > 0) {
        }
        std::vector<error_code> ended;
        auto waiting = [&](direction what) -> task<> {
            const error_code ec = co_await p.known.wait(what, "test");
            ended.push_back(ec);
        };
        {
            task_group group;
            for (const direction what : {direction::read, direction::write, direction::read})
                group.spawn(waiting, what);
            co_await tests::turns(3);
            CHECK(ended.empty());
            p.known.cancel();
            CHECK(ended.empty()); // nobody runs inside the call
            co_await group.join();
            CHECK(ended == std::vector<error_code>(3, error_code(error::operation_aborted)));
        }
        ended.clear();
        {
            task_group group; // of cancelled tasks: the one in the middle of the list first
            for (int i = 0; i < 3; ++i)
                group.spawn(waiting, direction::read);
            co_await tests::turns(3);
            group.cancel();
            co_await group.join();
            CHECK(ended == std::vector<error_code>(3, error_code(error::operation_aborted)));
        }
        p.send("x");
        const error_code ec = co_await p.known.wait(direction::read, "test");
        CHECK(ec == error_code());
    });
}

TEST_CASE("readiness: a socket that was removed reports no more, although another still has it") {
    tests::run_on_loop([]() -> task<> {
        int copy = -1;
        {
            auto p = std::make_unique<pair>();
            copy = ::dup(p->near);
            p->send("x"); // on its way to be reported
        }
        pair other;
        other.send("y");
        const error_code ec = co_await other.known.wait(direction::read, "test");
        CHECK(ec == error_code());
        CHECK(other.read(10) == "y");
        ::close(copy);
    });
}

TEST_CASE("readiness: more sockets than one look takes") {
    tests::run_on_loop([]() -> task<> {
        constexpr std::size_t count = 300;
        std::vector<std::unique_ptr<pair>> pairs;
        for (std::size_t i = 0; i < count; ++i)
            pairs.push_back(std::make_unique<pair>());
        std::size_t woken = 0;
        auto waiting = [&](std::size_t i) -> task<> {
            const error_code ec = co_await pairs[i]->known.wait(direction::read, "test");
            if (!ec) ++woken;
        };
        task_group group;
        for (std::size_t i = 0; i < count; ++i)
            group.spawn(waiting, i);
        co_await tests::turns(2);
        for (const auto& p : pairs)
            p->send("x");
        co_await group.join();
        CHECK(woken == count);
    });
}

// Two tasks that keep the sockets busy: handlers of Asio's and timers get their turn all the same.
TEST_CASE("readiness: busy sockets do not keep others waiting") {
    runtime rt(tests::small());
    rt.run([]() -> task<> {
        pair p;
        bool over = false;
        auto bounce = [&]() -> task<> {
            while (!over) {
                p.send("x");
                co_await p.known.wait(direction::read, "test");
                p.read(10);
            }
        };
        task_group group;
        group.spawn(bounce);
        for (int i = 0; i < 20; ++i) {
            co_await boost::asio::post(co_await tandem::this_executor(), boost::asio::deferred);
            co_await tandem::sleep_for(1ms);
        }
        over = true;
        co_await group.join();
    });
}

TEST_CASE("readiness: a runtime goes away while tasks wait") {
    for (int i = 0; i < 3; ++i) {
        runtime rt(tests::small().drain_timeout(0ms));
        auto waiting = [](direction what) -> task<> {
            pair p;
            p.known.used_up(what);
            if (what == direction::write) {
                const std::string much(std::size_t{1} << 20, 'x');
                while (::send(p.near, much.data(), much.size(), MSG_NOSIGNAL) > 0) {
                }
            }
            co_await p.known.wait(what, "test");
        };
        rt.spawn(tandem::invoke(waiting, direction::read));
        rt.spawn(tandem::invoke(waiting, direction::write));
        rt.run([]() -> task<> { co_await tests::turns(5); });
    }
}

#endif
