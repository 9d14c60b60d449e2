#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/system/signals.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/system/process_support.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;

namespace {

void (*handler_of(int number))(int) {
    struct sigaction now = {};
    sigaction(number, nullptr, &now);
    return now.sa_handler;
}

extern "C" void handler_of_the_user(int) {}

// Runs `body` in a forked child; its exit code, or minus the signal that ended it.
template <class Body>
int in_child(Body body) {
    std::cout.flush(); // what Catch has buffered must not leave through the child
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid == 0) {
        for (const int number : {SIGABRT, SIGINT, SIGTERM, SIGSEGV}) // Catch has handlers of its own
            std::signal(number, SIG_DFL);
        alarm(60);
        _exit(body());
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

} // namespace

TEST_CASE("signal_set: gives the numbers that come") {
    auto body = []() -> task<> {
        signal_set signals(SIGUSR1, SIGUSR2);
        raise(SIGUSR1);
        const int first = co_await signals.next();
        CHECK(first == SIGUSR1);
        auto raise_later = []() -> task<> {
            co_await tests::turns(3);
            raise(SIGUSR2);
        };
        auto [second, raised] = co_await when_all(signals.next(), raise_later());
        static_cast<void>(raised);
        CHECK(second == SIGUSR2);
    };
    tests::run_on_loop(body());
}

TEST_CASE("signal_set: what comes while nobody waits is kept, equal ones once") {
    auto body = []() -> task<> {
        signal_set signals(SIGUSR2, SIGUSR1, SIGUSR1);
        raise(SIGUSR2);
        raise(SIGUSR1);
        raise(SIGUSR1);
        const int first = co_await signals.next();
        const int second = co_await signals.next();
        CHECK(first == SIGUSR1); // the lower number
        CHECK(second == SIGUSR2);
        auto limited = [&]() -> task<> { co_await with_timeout(5ms, signals.next()); };
        const ending third = co_await tests::ends(limited());
        CHECK(third == ending::timeout);
    };
    tests::run_on_loop(body());
}

TEST_CASE("signal_set: each of several sets gets the signal, each of several waiters of one set gets one") {
    auto body = []() -> task<> {
        signal_set a(SIGUSR1);
        signal_set b(SIGUSR1, SIGUSR2);
        raise(SIGUSR1);
        const int in_a = co_await a.next();
        const int in_b = co_await b.next();
        CHECK(in_a == SIGUSR1);
        CHECK(in_b == SIGUSR1);
        auto raise_both = []() -> task<> {
            co_await tests::turns(3);
            raise(SIGUSR1);
            raise(SIGUSR2);
        };
        auto [x, y, raised] = co_await when_all(b.next(), b.next(), raise_both());
        static_cast<void>(raised);
        CHECK(x + y == SIGUSR1 + SIGUSR2);
    };
    tests::run_on_loop(body());
}

TEST_CASE("signal_set: the disposition of before comes back with the last set") {
    std::signal(SIGUSR1, handler_of_the_user);
    auto body = []() -> task<> {
        std::optional<signal_set> a(std::in_place, SIGUSR1);
        CHECK(handler_of(SIGUSR1) != handler_of_the_user);
        std::optional<signal_set> b(std::in_place, SIGUSR1, SIGUSR2);
        a.reset();
        CHECK(handler_of(SIGUSR1) != handler_of_the_user);
        b.reset();
        CHECK(handler_of(SIGUSR1) == handler_of_the_user);
        CHECK(handler_of(SIGUSR2) == SIG_DFL);
        signal_set c(SIGUSR1);
        std::signal(SIGUSR1, SIG_IGN); // somebody else's stays
        co_return;
    };
    tests::run_on_loop(body());
    CHECK(handler_of(SIGUSR1) == SIG_IGN);
    std::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("signal_set: refuses what cannot be waited for, and leaves nothing behind") {
    auto body = []() -> task<> {
        for (const int number :
             {0, -1, 65, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, 32}) // 32 is glibc's
            CHECK_THROWS_AS(signal_set(SIGUSR1, number), std::invalid_argument);
        co_return;
    };
    const std::size_t before = tests::open_descriptors();
    tests::run_on_loop(body());
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
    CHECK(tests::open_descriptors() == before);
    CHECK_THROWS_AS(signal_set(SIGUSR1), std::logic_error); // no task
}

TEST_CASE("signal_set: cancelled anywhere, no signal is lost") {
    auto body = []() -> task<> {
        signal_set signals(SIGUSR1);
        int seen = 0;
        auto scenario = [&]() -> task<> {
            const int number = co_await signals.next();
            seen = number;
        };
        auto with_raise = [&]() -> task<> {
            seen = 0;
            raise(SIGUSR1);
            co_await scenario();
        };
        auto check = [&](ending how) {
            if (how == ending::value && seen != SIGUSR1) FAIL("a value without a signal");
            if (how != ending::value && how != ending::cancelled) FAIL("another failure");
            if (how == ending::cancelled && seen != 0) FAIL("taken and lost");
        };
        co_await tests::cancel_everywhere(with_raise, check);
        raise(SIGUSR1);
        co_await scenario(); // there is one again, whatever was cancelled
        CHECK(seen == SIGUSR1);
    };
    tests::run_on_loop(body());
}

TEST_CASE("wait_for_signal: in a race with a timer") {
    auto body = []() -> task<> {
        auto kill_later = []() -> task<> {
            co_await tests::turns(3);
            ::kill(getpid(), SIGUSR1);
        };
        auto [number, sent] = co_await when_all(wait_for_signal(SIGUSR1, SIGUSR2), kill_later());
        static_cast<void>(sent);
        CHECK(number == SIGUSR1);
        auto limited = []() -> task<> { co_await with_timeout(5ms, wait_for_signal(SIGUSR1)); };
        const ending how = co_await tests::ends(limited());
        CHECK(how == ending::timeout);
    };
    tests::run_on_loop(body());
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
}

TEST_CASE("signal_set: sets of two loops come and go while another thread sends") {
    std::signal(SIGUSR1, SIG_IGN); // between the sets
    runtime rt(tests::loops(2));
    std::atomic<bool> stop{false};
    std::thread sender([&] {
        while (!stop) {
            ::kill(getpid(), SIGUSR1);
            std::this_thread::yield();
        }
    });
    auto some = []() -> task<std::size_t> {
        std::size_t n = 0;
        for (std::size_t i = 0; i < tests::repeat(2000, 200); ++i) {
            signal_set a(SIGUSR1);
            signal_set b(SIGUSR1, SIGUSR2);
            if (i % 4 == 0) n += co_await b.next() == SIGUSR1 ? 1U : 0U;
        }
        co_return n;
    };
    event done;
    std::size_t there = 0;
    auto other = [&]() -> task<> {
        there = co_await some();
        done.set();
    };
    rt.spawn(other(), 1);
    auto here = [&]() -> task<std::size_t> {
        const std::size_t n = co_await some();
        co_await done.wait();
        co_return n;
    };
    CHECK(rt.run(here()) == tests::repeat(500, 50));
    CHECK(there == tests::repeat(500, 50));
    stop = true;
    sender.join();
    CHECK(handler_of(SIGUSR1) == SIG_IGN);
    std::signal(SIGUSR1, SIG_DFL);
}

TEST_CASE("signal_set: takes SIGINT over from a program while it lives") {
    const int code = in_child([] {
        return run([]() -> task<int> {
            {
                signal_set signals(SIGINT);
                raise(SIGINT);
                if (co_await signals.next() != SIGINT) co_return 1;
                co_await tests::turns(3);
                if (task_context::current()->cancelled()) co_return 2;
                raise(SIGTERM); // is the program's
                const ending how = co_await tests::ends(as_task(sleep_for(1h)));
                if (how != ending::cancelled) co_return 3;
            }
            co_return 4;
        });
    });
    CHECK(code == 143);
    const int after = in_child([] {
        return run([]() -> task<int> {
            {
                signal_set signals(SIGINT);
                raise(SIGINT);
                co_await signals.next();
            }
            raise(SIGINT);
            co_await sleep_for(1h);
            co_return 5;
        });
    });
    CHECK(after == 130);
}

TEST_CASE("signal_set: of a background task that outlives its program's handlers") {
    const int code = in_child([] {
        const int result = run([]() -> task<int> {
            auto background = []() -> task<> {
                signal_set signals(SIGINT);
                co_await signals.next();
            };
            runtime::current()->spawn(background());
            co_await tests::turns(3);
            co_return 7;
        });
        return result == 7 && handler_of(SIGINT) == SIG_DFL ? 0 : 1;
    });
    CHECK(code == 0);
}

TEST_CASE("signal_set: a runtime that is destroyed while a task waits") {
    const std::size_t before = tests::open_descriptors();
    {
        runtime rt(tests::small().drain_timeout(0ms));
        rt.spawn([]() -> task<> { static_cast<void>(co_await wait_for_signal(SIGUSR1)); }());
        rt.run(tests::turns(3));
        CHECK(handler_of(SIGUSR1) != SIG_DFL);
    }
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
    CHECK(tests::open_descriptors() == before);
}
