// `run`: exit codes and signals, each in a child process of its own.
#include <tandem/concurrency/sleep.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;

namespace {

class result {
public:
    result(int c, int s, std::string o, std::string e)
        : code(c), signal(s), out(std::move(o)), error(std::move(e)) {}
    int code;   // -1: ended by a signal
    int signal; // 0: none
    std::string out;
    std::string error;
};

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> buffer;
    for (;;) {
        const ssize_t n = read(fd, buffer.data(), buffer.size());
        if (n <= 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    close(fd);
    return text;
}

// What the threads of a process are at: system call, and the signals that they have pending and blocked.
std::string threads_of(pid_t pid) {
    std::ostringstream text;
    const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& thread : std::filesystem::directory_iterator(tasks)) {
        text << "\nthread " << thread.path().filename().string() << ": system call ";
        std::string line;
        std::ifstream call(thread.path() / "syscall");
        if (std::getline(call, line)) text << line;
        std::ifstream status(thread.path() / "status");
        while (std::getline(status, line))
            if (line.starts_with("Sig") || line.starts_with("ShdPnd") || line.starts_with("State"))
                text << "\n  " << line;
    }
    return std::move(text).str();
}

// Runs `body` in a forked child, whose exit code is what it returns. One that hangs is killed, and `error`
// tells where its threads were. `drive`, in this process, is told its id.
result in_child(const std::function<int()>& body, const std::function<void(pid_t, int)>& drive = nullptr) {
    std::array<int, 2> out{};
    std::array<int, 2> error{};
    REQUIRE(pipe(out.data()) == 0);
    REQUIRE(pipe(error.data()) == 0);
    // What Catch has buffered must not leave through the child (ThreadSanitizer's _exit flushes the streams).
    std::cout.flush();
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        dup2(error[1], 2);
        for (const int fd : {out[0], out[1], error[0], error[1]})
            close(fd);
        for (const int number : {SIGABRT, SIGINT, SIGTERM, SIGSEGV}) // Catch has handlers of its own
            std::signal(number, SIG_DFL);
        int code = 99;
        try {
            code = body();
        } catch (const std::exception& e) {
            dprintf(2, "left the child: %s", e.what());
        }
        _exit(code);
    }
    close(out[1]);
    close(error[1]);
    if (drive) drive(pid, out[0]);
    // The pipe ends with the child. Its output is short: it never waits for a reader.
    std::string hang;
    pollfd ended{error[0], 0, 0};
    if (poll(&ended, 1, 60'000) == 0) {
        hang = "the child hangs:" + threads_of(pid);
        kill(pid, SIGKILL);
    }
    std::string out_text = read_all(out[0]);
    std::string error_text = read_all(error[0]) + hang;
    int status = 0;
    waitpid(pid, &status, 0);
    return result(WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                  std::move(out_text), std::move(error_text));
}

void say(const char* text) {
    static_cast<void>(!write(1, text, std::char_traits<char>::length(text)));
}

// Waits until it is cancelled, by the signal that it sends to itself.
task<> interrupted(int number, std::string& log) {
    raise(number);
    const ending how = co_await tests::ends(as_task(sleep_for(1h)));
    if (how == ending::cancelled) log += "cancelled ";
}

} // namespace

TEST_CASE("run: the value is the exit code, 0 for void") {
    CHECK(in_child([] {
              return run([]() -> task<int> {
                  co_await yield();
                  co_return 7;
              });
          }).code == 7);
    CHECK(in_child([] { return run(tests::turns(2)); }).code == 0);
    CHECK(in_child([] { return run(tests::small(), tests::turns(2)); }).code == 0);
    CHECK(in_child([] {
              auto add = [](int a, std::unique_ptr<int> b) -> task<int> { co_return a + *b; };
              return run(add, 3, std::make_unique<int>(4));
          }).code == 7);
    CHECK(in_child([] {
              auto flag = []() -> task<bool> { co_return true; };
              return run(tests::small(), flag);
          }).code == 1);
}

TEST_CASE("run: an exception that leaves the main task is printed, 1") {
    const result r = in_child([] {
        return run([]() -> task<int> {
            co_await yield();
            throw std::runtime_error("the disk is full");
        });
    });
    CHECK(r.code == 1);
    CHECK(r.error.find("std::runtime_error: the disk is full") != std::string::npos);
    CHECK(r.out.empty());
    const result cancelled =
        in_child([] { return run([]() -> task<> { throw operation_cancelled("by itself"); }); });
    CHECK(cancelled.code == 1);
    CHECK(cancelled.error.find("by itself") != std::string::npos);
}

TEST_CASE("run: SIGINT cancels the main task, 130, SIGTERM 143, quietly") {
    for (const int number : std::array<int, 2>{SIGINT, SIGTERM}) {
        const result passes_on = in_child([number] {
            return run([number]() -> task<> {
                raise(number);
                co_await sleep_for(1h);
            });
        });
        INFO(passes_on.error);
        CHECK(passes_on.code == 128 + number);
        CHECK(passes_on.error.empty());

        const result cleans_up = in_child([number] {
            return run([number]() -> task<int> {
                std::string log;
                co_await interrupted(number, log);
                say(log.c_str());
                say("cleaned up");
                co_return 5; // the signal's code all the same
            });
        });
        INFO(cleans_up.error);
        CHECK(cleans_up.code == 128 + number);
        CHECK(cleans_up.out == "cancelled cleaned up");

        const result from_outside = in_child(
            [] {
                return run([]() -> task<> {
                    say("r");
                    co_await sleep_for(1h);
                });
            },
            [number](pid_t pid, int out) {
                char byte = 0;
                CHECK(read(out, &byte, 1) == 1); // its main task has begun
                kill(pid, number);
            });
        INFO(from_outside.error);
        CHECK(from_outside.code == 128 + number);
    }
}

TEST_CASE("run: a failure after the signal is printed, with the signal's code") {
    const result r = in_child([] {
        return run([]() -> task<> {
            std::string log;
            co_await interrupted(SIGINT, log);
            throw std::runtime_error("could not save");
        });
    });
    CHECK(r.code == 130);
    CHECK(r.error.find("could not save") != std::string::npos);
}

TEST_CASE("run: the second signal ends the process at once") {
    for (const int number : std::array<int, 2>{SIGINT, SIGTERM}) {
        const result r = in_child([number] {
            return run([number]() -> task<> {
                std::string log;
                co_await interrupted(number, log);
                say("first");
                raise(number);
                say("never");
            });
        });
        CHECK(r.code == 128 + number);
        CHECK(r.out == "first");
    }
}

TEST_CASE("run: a main task that ignores the signal goes on, a blocked loop is left by the second") {
    const result r = in_child([] {
        return run([]() -> task<> {
            raise(SIGINT);
            for (;;)
                raise(SIGINT); // blocks its loop: no cancellation reaches it
            co_return;
        });
    });
    CHECK(r.code == 130);
}

TEST_CASE("run: handlers are restored, and a second run works") {
    const result r = in_child([] {
        struct sigaction before = {};
        sigaction(SIGINT, nullptr, &before);
        const int first = run([]() -> task<int> {
            raise(SIGINT);
            co_await tests::ends(as_task(sleep_for(1h)));
            co_return 0;
        });
        const int second = run([]() -> task<int> { co_return 9; });
        struct sigaction now = {};
        sigaction(SIGINT, nullptr, &now);
        return first == 130 && second == 9 && now.sa_handler == before.sa_handler ? 0 : 1;
    });
    CHECK(r.code == 0);
}

TEST_CASE("run: background tasks are cleaned up before it returns") {
    const result r = in_child([] {
        const int code = run([]() -> task<int> {
            co_await yield();
            co_return 3;
        });
        say("returned");
        return code;
    });
    CHECK(r.code == 3);
    CHECK(r.out == "returned");
}

TEST_CASE("run: an exception of a background task terminates, with type and message") {
    const result r = in_child([] {
        runtime rt(tests::small());
        auto fails = []() -> task<> {
            co_await yield();
            throw std::logic_error("nobody takes this");
        };
        rt.spawn(fails());
        rt.run(tests::turns(5));
        return 0;
    });
    CHECK(r.signal == SIGABRT);
    CHECK(r.error.find("std::logic_error: nobody takes this") != std::string::npos);
}

TEST_CASE("run: the main task's arguments may hold what belongs to its loop") {
    class on_loop { // as a socket: uses its loop when it is destroyed
    public:
        explicit on_loop(scheduler* s) noexcept : home(s) {}
        on_loop(on_loop&& other) noexcept : home(std::exchange(other.home, nullptr)) {}
        ~on_loop() {
            if (home) static_cast<void>(home->companion());
        }
        scheduler* home;
    };
    const result r = in_child([] {
        auto main_task = [](on_loop mine) -> task<> {
            mine.home = &task_context::current()->home();
            co_return;
        };
        return run(main_task(on_loop(nullptr)));
    });
    CHECK(r.code == 0);
    CHECK(r.error.empty());
}
