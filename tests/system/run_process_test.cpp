// run_process: the whole of a child process.
#include <tandem/concurrency/concurrent_map.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/system/subprocess.hpp>

#include "lib/system/child_process.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/system/process_support.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::shell;

namespace {

process_result run_here(process_options options) {
    return tests::run_on_loop(run_process(std::move(options)));
}
std::string failure_of(process_options options) {
    return tests::run_on_loop(tests::message_of(run_process(std::move(options))));
}

class without_pidfd {
public:
    without_pidfd() { detail::use_pidfd(false); }
    ~without_pidfd() { detail::use_pidfd(true); }
};

} // namespace

TEST_CASE("run_process: output, error output and exit code") {
    const process_result r = run_here(shell("echo out; echo err >&2; exit 3"));
    CHECK(r.out == "out\n");
    CHECK(r.err == "err\n");
    CHECK(r.status == exit_status::exited(3));
    CHECK_FALSE(r.status.success());
    CHECK(r.status.text() == "exit code 3");
    CHECK(run_here(process_options("true")).status.success());
    CHECK(tests::no_children());
}

TEST_CASE("run_process: arguments arrive as they are") {
    const process_result r = run_here(process_options("printf")
                                          .args("[%s]", "a b", "$HOME", "'\"*")
                                          .args(std::vector<std::string>{"", "\n"}));
    CHECK(r.out == "[a b][$HOME]['\"*][][\n]");
}

TEST_CASE("run_process: a signal that ends the program") {
    const process_result r = run_here(shell("kill -9 $$"));
    CHECK(r.status.signal() == SIGKILL);
    CHECK(r.status.code() == 137);
    CHECK(r.status.text() == "signal 9 (Killed)");
}

TEST_CASE("run_process: input") {
    CHECK(run_here(process_options("sort").input("b\na\n")).out == "a\nb\n");
    CHECK(run_here(process_options("cat").input("")).out.empty());
    CHECK(run_here(process_options("cat")).out.empty()); // stdin is /dev/null
}

TEST_CASE("run_process: large input and output at the same time") {
    const std::string text = tests::large_text(10'000'000);
    const process_result r = run_here(process_options("cat").input(text));
    CHECK(r.out == text);
    const process_result both = run_here(shell("tee /dev/stderr").input(text));
    CHECK(both.out == text);
    CHECK(both.err == text);
}

TEST_CASE("run_process: a program that does not read its input") {
    const process_result r = run_here(process_options("true").input(tests::large_text(1'000'000)));
    CHECK(r.status.success());
    const process_result first = run_here(shell("head -n 1").input(tests::large_text(1'000'000)));
    CHECK(first.out == "line 0\n");
}

TEST_CASE("run_process: NUL bytes and other binary output") {
    const process_result r = run_here(shell(R"(printf 'a\0b\377\n\0')"));
    CHECK(r.out == std::string("a\0b\xff\n\0", 6));
}

TEST_CASE("run_process: too much output ends it, with the limit's name") {
    CHECK(run_here(shell("head -c 1000 /dev/zero").output_limit(1000)).out.size() == 1000);
    const std::string message = failure_of(process_options("yes").output_limit(100'000));
    CHECK(message.find(
              "stdout of yes (process_options::output_limit) is longer than the limit of 100000 bytes") !=
          std::string::npos);
    CHECK(failure_of(shell("yes >&2").output_limit(10)).find("stderr of /bin/sh") != std::string::npos);
    CHECK(tests::no_children());
}

TEST_CASE("run_process: a timeout is a timeout_error, and nothing is left") {
    CHECK(tests::run_on_loop(tests::ends(run_process(process_options("sleep").args("100").timeout(30ms)))) ==
          ending::timeout);
    CHECK(
        failure_of(process_options("sleep").args("100").timeout(30ms)).find("sleep: not done within 30 ms") ==
        0);
    CHECK(tests::no_children());
    // What it has started goes with it, though it ignores SIGTERM: else the read end would stay open for
    // long.
    auto nested = shell("(trap '' TERM; sleep 100) & echo $!; wait").timeout(500ms).grace(20ms);
    CHECK(tests::run_on_loop(tests::ends(run_process(std::move(nested)))) == ending::timeout);
    CHECK(tests::no_children());
    CHECK(run_here(process_options("echo").args("in time").timeout(60s)).out == "in time\n");
}

TEST_CASE("run_process: programs that cannot be started are named") {
    CHECK(failure_of(process_options("no-such-program"))
              .find("start no-such-program: No such file or directory") == 0);
    CHECK(failure_of(process_options("/no/such/program")).find("start /no/such/program: No such file") == 0);
    CHECK(failure_of(process_options("/etc/passwd")).find("start /etc/passwd: Permission denied") == 0);
    CHECK(failure_of(process_options("/tmp")).find("start /tmp: Permission denied") == 0);
    CHECK(failure_of(process_options("true").directory("/no/such"))
              .find("start true in /no/such: No such file or directory") == 0);
    CHECK(failure_of(process_options("")).find("no program") != std::string::npos);
    CHECK(tests::no_children());
}

TEST_CASE("run_process: NUL bytes are refused") {
    const std::string nul("a\0b", 3);
    for (const auto& options :
         {process_options(nul), process_options("true").args(nul), process_options("true").directory(nul),
          process_options("true").env("A", nul), process_options("true").env(nul, "A"),
          process_options("true").env("A=B", "A"), process_options("true").unset_env("")}) {
        auto attempt = [&]() -> task<> { static_cast<void>(co_await run_process(options)); };
        CHECK_THROWS_AS(tests::run_on_loop(attempt()), std::invalid_argument);
    }
}

TEST_CASE("run_process: directory and environment") {
    CHECK(run_here(process_options("pwd").directory("/")).out == "/\n");
    setenv("TANDEM_TEST_A", "inherited", 1);
    setenv("TANDEM_TEST_B", "inherited", 1);
    const std::string show = "echo $TANDEM_TEST_A,$TANDEM_TEST_B,$TANDEM_TEST_C";
    CHECK(run_here(shell(show)).out == "inherited,inherited,\n");
    CHECK(run_here(
              shell(show).env("TANDEM_TEST_A", "new").unset_env("TANDEM_TEST_B").env("TANDEM_TEST_C", "x=y"))
              .out == "new,,x=y\n");
    CHECK(run_here(process_options("/usr/bin/env").clear_env().env("ONLY", "this")).out == "ONLY=this\n");
    CHECK(run_here(process_options("env").clear_env()).out.empty()); // found in the default PATH
    CHECK(failure_of(process_options("env").env("PATH", "/nowhere")).find("start env: No such file") == 0);
    unsetenv("TANDEM_TEST_A");
    unsetenv("TANDEM_TEST_B");
}

TEST_CASE("run_process: the child has its standard streams only, and no blocked or ignored signals") {
    const int leaked = open("/dev/null", O_RDONLY); // NOLINT: without O_CLOEXEC on purpose
    sigset_t block;
    sigset_t before;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &block, &before);
    const auto old_pipe = std::signal(SIGPIPE, SIG_IGN);
    const auto old_hup = std::signal(SIGHUP, SIG_IGN);
    const process_result fds = run_here(process_options("ls").args("/proc/self/fd"));
    const process_result masks = run_here(shell("grep -E 'Sig(Blk|Ign)' /proc/self/status"));
    std::signal(SIGPIPE, old_pipe);
    std::signal(SIGHUP, old_hup);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    close(leaked);
    CHECK(fds.out == "0\n1\n2\n3\n"); // 3: the directory itself
    // SIGHUP stays ignored, as under nohup. (32 and 33, which glibc's posix_spawn leaves ignored, are its
    // own.)
    unsigned long long blocked = 1;
    unsigned long long ignored = 0;
    REQUIRE(std::sscanf(masks.out.c_str(), "SigBlk: %llx SigIgn: %llx", &blocked, &ignored) == 2);
    CHECK(blocked == 0);
    CHECK((ignored & 0x7fffffff) == 1);
}

TEST_CASE("run_process: the streams elsewhere") {
    CHECK(run_here(shell("echo a; echo b >&2").err(process_io::merged)).out == "a\nb\n");
    CHECK(run_here(shell("echo a; echo b >&2").out(process_io::null)).out.empty());
    CHECK(run_here(shell("echo a; echo b >&2").out(process_io::null)).err == "b\n");
}

TEST_CASE("run_process: works when this program has closed its own standard streams") {
    const int saved = fcntl(0, F_DUPFD_CLOEXEC, 10);
    close(0);
    const process_result r = run_here(process_options("cat").input("through"));
    if (saved >= 0) {
        dup2(saved, 0);
        close(saved);
    }
    CHECK(r.out == "through");
}

TEST_CASE("run_process: cancelled anywhere, it leaves nothing") {
    const std::size_t before = tests::open_descriptors();
    auto scenario = []() -> task<> {
        const process_result r = co_await run_process(process_options("cat").input("text"));
        if (r.out != "text") throw std::runtime_error("wrong output");
    };
    auto cut_short = [&](ending how) {
        if (how != ending::value && how != ending::cancelled) FAIL("neither completed nor cancelled");
        if (!tests::no_children()) FAIL("a child is left");
    };
    auto body = [&]() -> task<std::size_t> {
        co_return co_await tests::cancel_everywhere(scenario, cut_short);
    };
    CHECK(tests::run_on_loop(body()) > 4);
    CHECK(tests::open_descriptors() == before);
}

TEST_CASE("run_process: cancelled before it begins, it starts nothing") {
    auto body = []() -> task<ending> {
        task_context::current()->request_cancel();
        co_return co_await tests::ends(run_process(process_options("sleep").args("100")));
    };
    CHECK(tests::run_on_loop(body()) == ending::cancelled);
}

TEST_CASE("run_process: a hundred at once") {
    const std::size_t before = tests::open_descriptors();
    auto body = []() -> task<std::size_t> {
        std::vector<int> numbers(100);
        std::iota(numbers.begin(), numbers.end(), 0);
        auto one = [](int n) -> task<std::size_t> {
            const std::string text = std::to_string(n);
            const process_result r = co_await run_process(process_options("cat").input(text));
            co_return r.out == text&& r.status.success() ? 1U : 0U;
        };
        const auto right = co_await concurrent_map(numbers, 100, one);
        co_return std::accumulate(right.begin(), right.end(), std::size_t{0});
    };
    CHECK(tests::run_on_loop(body()) == 100);
    CHECK(tests::no_children());
    CHECK(tests::open_descriptors() == before);
}

TEST_CASE("run_process: from two loops at once") {
    runtime rt(tests::loops(2));
    event done;
    auto some = []() -> task<std::size_t> {
        std::size_t right = 0;
        for (int i = 0; i < 20; ++i) {
            const process_result r = co_await run_process(process_options("cat").input("abc"));
            right += r.out == "abc" ? 1U : 0U;
        }
        co_return right;
    };
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
    CHECK(rt.run(here()) == 20);
    CHECK(there == 20);
    CHECK(tests::no_children());
}

TEST_CASE("run_process: without pidfd") {
    const without_pidfd old_kernel;
    CHECK(run_here(shell("cat; exit 4").input("x")).status.code() == 4);
    CHECK(tests::run_on_loop(tests::ends(run_process(process_options("sleep").args("100").timeout(30ms)))) ==
          ending::timeout);
    CHECK(tests::no_children());
}
