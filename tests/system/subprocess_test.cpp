// subprocess and with_subprocess: talking with a child process.
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/block_on.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/system/subprocess.hpp>

#include "lib/system/child_process.hpp"
#include "lib/system/spawn.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/system/process_support.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::shell;
using tests::stubborn;

TEST_CASE("subprocess: a conversation, line by line") {
    auto body = []() -> task<> {
        process_options options("cat");
        options.in(process_io::pipe).out(process_io::pipe);
        subprocess child(options);
        for (const std::string text : {"one", "two", ""}) {
            co_await child.write(text + "\n");
            const auto line = co_await child.out().read_line();
            CHECK(line == text);
        }
        co_await child.write("no newline");
        child.close_stdin();
        child.close_stdin();
        const auto last = co_await child.out().read_line();
        CHECK(last == "no newline");
        const auto end = co_await child.out().read_line();
        CHECK_FALSE(end.has_value());
        const auto nothing = co_await child.err().read_line(); // not a pipe
        CHECK_FALSE(nothing.has_value());
        const exit_status status = co_await child.wait();
        const exit_status again = co_await child.wait();
        CHECK(status.success());
        CHECK(again == status);
        CHECK_FALSE(child.signal(SIGTERM));
        child.terminate(); // of no effect
        const exit_status stopped = co_await child.stop();
        CHECK(stopped == status);
    };
    tests::run_on_loop(body());
}

TEST_CASE("subprocess: lines longer than the limit are refused, and can be read otherwise") {
    auto body = []() -> task<> {
        subprocess child(shell("printf '12345678901\nshort\n'").out(process_io::pipe));
        auto line = [&](std::size_t limit) -> task<> {
            static_cast<void>(co_await child.out().read_line(limit));
        };
        const std::string message = co_await tests::message_of(line(10));
        CHECK(message.find("a line is longer than the limit of 10 bytes") != std::string::npos);
        char piece[4];
        const std::size_t n = co_await child.out().read_some(piece, sizeof(piece));
        CHECK(std::string(piece, n) == "1234");
        const auto rest = co_await child.out().read_line(10);
        CHECK(rest == "5678901");
        const std::string all = co_await child.out().read_all(100);
        CHECK(all == "short\n");
        co_await child.wait();
    };
    tests::run_on_loop(body());
}

TEST_CASE("subprocess: EPIPE is an error and no signal") {
    const auto before = std::signal(SIGPIPE, SIG_DFL); // it would end this program
    auto body = []() -> task<> {
        process_options options("true");
        options.in(process_io::pipe);
        subprocess child(options);
        co_await child.wait();
        const std::string message = co_await tests::message_of(child.write("text"));
        CHECK(message.find("write the input of true: Broken pipe") == 0);
        child.close_stdin();
        const std::string closed = co_await tests::message_of(child.write("text"));
        CHECK(closed.find("write the input of true: Bad file descriptor") == 0);
        subprocess unconnected(process_options("true"));
        auto write = [&]() -> task<> { co_await unconnected.write("text"); };
        const std::string no_pipe = co_await tests::message_of(write());
        CHECK(no_pipe.find("which has no pipe") != std::string::npos);
    };
    tests::run_on_loop(body());
    sigset_t pending;
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGPIPE) == 0);
    std::signal(SIGPIPE, before);
}

TEST_CASE("subprocess: close_stdin ends a write that waits") {
    auto body = []() -> task<> {
        process_options options("sleep");
        options.args("100").in(process_io::pipe);
        subprocess child(options);
        const std::string text = tests::large_text(1'000'000);
        auto close = [&]() -> task<> {
            co_await tests::turns(3);
            child.close_stdin();
        };
        auto [message, closed] = co_await when_all(tests::message_of(child.write(text)), close());
        static_cast<void>(closed);
        CHECK(message.find("closed: the input of sleep") == 0);
        child.kill();
        const exit_status status = co_await child.wait();
        CHECK(status.signal() == SIGKILL);
    };
    tests::run_on_loop(body());
}

TEST_CASE("subprocess: signals") {
    auto body = []() -> task<> {
        subprocess child(shell("trap 'echo usr1; exit 5' USR1; echo ready; while :; do sleep 0.01; done")
                             .out(process_io::pipe));
        CHECK(child.pid() > 0);
        const auto ready = co_await child.out().read_line();
        CHECK(ready == "ready");
        CHECK(child.signal(SIGUSR1));
        const auto line = co_await child.out().read_line();
        CHECK(line == "usr1");
        const exit_status status = co_await child.wait();
        CHECK(status.code() == 5);

        subprocess sleeper(process_options("sleep").args("100"));
        CHECK_THROWS_AS(sleeper.signal(12345), system_error);
        sleeper.terminate();
        const exit_status end = co_await sleeper.wait();
        CHECK(end.signal() == SIGTERM);
    };
    tests::run_on_loop(body());
}

TEST_CASE("subprocess: stop asks first, then insists") {
    auto body = []() -> task<> {
        subprocess polite(shell("trap 'exit 6' TERM; echo ready; while :; do sleep 0.01; done")
                              .out(process_io::pipe)
                              .err(process_io::null));
        co_await polite.out().read_line();
        const exit_status first = co_await polite.stop();
        CHECK(first.code() == 6);

        subprocess other(stubborn());
        co_await other.out().read_line();
        const exit_status second = co_await other.stop();
        CHECK(second.signal() == SIGKILL);

        subprocess halted(process_options("sleep").args("100"));
        halted.signal(SIGSTOP);
        const exit_status third = co_await halted.stop();
        CHECK(third.signal() == SIGTERM);
    };
    tests::run_on_loop(body());
    CHECK(tests::no_children());
}

TEST_CASE("subprocess: stop ends what is left of the group also when another task waits for the end") {
    auto body = []() -> task<> {
        subprocess parent(shell("(trap '' TERM; echo ready; exec sleep 1000) & wait").out(process_io::pipe));
        co_await parent.out().read_line();
        auto stop = [&]() -> task<> { co_await parent.stop(); };
        auto [end, nothing] = co_await when_all(parent.wait(), stop());
        static_cast<void>(nothing);
        CHECK(end.signal() == SIGTERM);
        const std::string rest = co_await parent.out().read_all(1000); // ends with the last that has the pipe
        CHECK(rest.empty());
    };
    tests::run_on_loop(body());
    CHECK(tests::no_children());
}

TEST_CASE("subprocess: several tasks wait for one end, cancelling one of them does not end it") {
    auto body = []() -> task<> {
        process_options options("cat");
        options.in(process_io::pipe);
        subprocess child(options);
        auto limited = [&]() -> task<> { co_await with_timeout(10ms, child.wait()); };
        const ending cut = co_await tests::ends(limited());
        CHECK(cut == ending::timeout);
        auto close = [&]() -> task<> {
            child.close_stdin();
            co_return;
        };
        auto [a, b, c] = co_await when_all(child.wait(), child.wait(), close());
        static_cast<void>(c);
        CHECK(a.success());
        CHECK(b.success());
    };
    tests::run_on_loop(body());
}

TEST_CASE("subprocess: cancelling a read loses nothing") {
    auto body = []() -> task<> {
        process_options options("cat");
        options.in(process_io::pipe).out(process_io::pipe);
        subprocess child(options);
        co_await child.write("half");
        auto limited = [&]() -> task<> { co_await with_timeout(20ms, child.out().read_line()); };
        const ending cut = co_await tests::ends(limited());
        CHECK(cut == ending::timeout);
        co_await child.write(" and half\n");
        const auto line = co_await child.out().read_line();
        CHECK(line == "half and half");
    };
    tests::run_on_loop(body());
    CHECK(tests::no_children()); // the destructor has ended it
}

TEST_CASE("subprocess: a write that is cancelled has written a part, in order") {
    auto body = []() -> task<> {
        subprocess child(shell("read go; cat").in(process_io::pipe).out(process_io::pipe));
        const std::string text = tests::large_text(1'000'000);
        co_await child.write("go\n");
        auto limited = [&]() -> task<> { co_await with_timeout(20ms, child.write(text)); };
        const ending cut =
            co_await tests::ends(limited()); // nobody reads what cat writes: the pipes are full
        CHECK(cut == ending::timeout);
        child.close_stdin();
        const std::string got = co_await child.out().read_all(text.size());
        CHECK(got.size() < text.size());
        CHECK(got == text.substr(0, got.size()));
    };
    tests::run_on_loop(body());
    CHECK(tests::no_children());
}

TEST_CASE("subprocess: an output that never ends does not hold the loop") {
    auto body = []() -> task<> {
        bool stop = false;
        auto read = [&](subprocess& child) -> task<> {
            while (!stop)
                static_cast<void>(co_await child.out().read_line());
            child.kill();
        };
        auto timer = [&]() -> task<> {
            co_await sleep_for(5ms);
            stop = true;
        };
        auto options = process_options("yes").out(process_io::pipe);
        auto [status, ended] = co_await when_all(with_subprocess(options, read), timer());
        static_cast<void>(ended);
        CHECK(status.signal() == SIGKILL);
    };
    tests::run_on_loop(body());
}

TEST_CASE("with_subprocess: ends the child when its body fails or is cancelled") {
    auto body = []() -> task<> {
        auto fails = [](subprocess&) -> task<> {
            co_await yield();
            throw std::logic_error("from the body");
        };
        const std::string message =
            co_await tests::message_of(with_subprocess(process_options("sleep").args("100"), fails));
        CHECK(message == "from the body");
        CHECK(tests::no_children());

        auto waits = [](subprocess& child) -> task<> {
            co_await child.out().read_line();
            co_await sleep_for(1h);
        };
        auto limited = [&]() -> task<> { co_await with_timeout(300ms, with_subprocess(stubborn(), waits)); };
        const ending how = co_await tests::ends(limited());
        CHECK(how == ending::timeout);
        CHECK(tests::no_children());

        auto cat = process_options("cat").in(process_io::pipe); // ends because its stdin ends
        auto nothing = [](subprocess&) -> task<> { co_return; };
        const exit_status status = co_await with_subprocess(cat, nothing);
        CHECK(status.success());
    };
    tests::run_on_loop(body());
}

TEST_CASE("subprocess: a runtime that is destroyed leaves no child") {
    const std::size_t before = tests::open_descriptors();
    {
        runtime rt(tests::small().drain_timeout(0ms));
        event started;
        auto forever = [&]() -> task<> {
            subprocess child(stubborn());
            co_await child.out().read_line();
            started.set();
            co_await child.wait();
        };
        auto ending_badly = [&]() -> task<> { // is in `stop` when the runtime goes
            subprocess child(stubborn().grace(1h));
            co_await child.out().read_line();
            co_await child.stop();
        };
        rt.spawn(forever());
        rt.spawn(ending_badly());
        rt.spawn([]() -> task<> {
            static_cast<void>(co_await run_process(process_options("sleep").args("100")));
        }());
        auto wait = [&]() -> task<> { co_await started.wait(); };
        rt.run(wait());
    }
    CHECK(tests::no_children());
    CHECK(tests::open_descriptors() == before);
}

TEST_CASE("subprocess: outside of a task it is refused") {
    CHECK_THROWS_AS(subprocess(process_options("true")), std::logic_error);
}

TEST_CASE("subprocess: when somebody else has reaped it, waiting says so") {
    auto body = []() -> task<std::string> {
        subprocess child(process_options("true"));
        siginfo_t info{};
        waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED);
        auto wait = [&]() -> task<> { co_await child.wait(); };
        co_return co_await tests::message_of(wait());
    };
    CHECK(tests::run_on_loop(body()).find("wait for true: No child processes") == 0);
}

TEST_CASE("subprocess: where there is no loop nothing is started") {
    const std::size_t before = tests::open_descriptors();
    auto body = []() -> task<> {
        subprocess child(process_options("sleep").args("100"));
        co_await child.wait();
    };
    CHECK_THROWS_AS(block_on(body()), std::logic_error);
    CHECK(tests::no_children());
    CHECK(tests::open_descriptors() == before);
}

TEST_CASE("subprocess: a child that cannot be watched is ended") {
    detail::spawned_process started = detail::spawn_process(process_options("sleep").args("100"));
    auto watch = [&]() -> task<> { // there is no executor: it throws
        detail::child_process child(task_context::current()->home(), started.pid, true, "sleep");
        co_return;
    };
    const std::size_t before = tests::open_descriptors();
    CHECK_THROWS_AS(block_on(watch()), std::logic_error);
    CHECK(tests::open_descriptors() == before);
    CHECK(tests::no_children());
    if (!tests::no_children()) { // for the next test
        ::kill(started.pid, SIGKILL);
        ::waitpid(started.pid, nullptr, 0);
    }
}

TEST_CASE("subprocess: a child that has left its group is ended all the same") {
    // As if it had left: it never led a group.
    detail::spawned_process started =
        detail::spawn_process(process_options("sleep").args("100").own_group(false));
    auto body = [&]() -> task<exit_status> {
        detail::child_process child(task_context::current()->home(), started.pid, true, "sleep");
        co_await child.stop(1ms);
        co_return *child.status();
    };
    const exit_status status = tests::run_on_loop(body());
    CHECK(status.signal() != 0);
    CHECK(tests::no_children());
}

TEST_CASE("subprocess: the reason why a program is not found does not depend on what failed before") {
    char name[] = "/tmp/tandem-test-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    const std::string directory = std::string(name) + "/prog";
    REQUIRE(mkdir(directory.c_str(), 0700) == 0); // not a file
    std::string message;
    errno = EACCES;
    try {
        detail::spawn_process(process_options("prog").clear_env().env("PATH", name));
    } catch (const system_error& e) {
        message = e.what();
    }
    rmdir(directory.c_str());
    rmdir(name);
    CHECK(message.find("start prog: No such file or directory") == 0);
}
