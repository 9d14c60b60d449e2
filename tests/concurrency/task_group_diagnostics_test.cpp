#include <tandem/concurrency/task_group.hpp>
#include <tandem/core/context.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <csignal>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

using namespace tandem;
using tests::run_on_loop;

namespace {

task<> forever() {
    event never;
    co_await never.wait();
}

} // namespace

TEST_CASE("task_group: names and places of children") {
    run_on_loop([]() -> task<> {
        std::string first;
        std::string second;
        std::string third;
        unsigned line_of_named = 0;
        unsigned line_of_await = 0;
        std::string file_of_await;
        auto body = [&](task_group& group) -> task<> {
            auto child = [](std::string& name, unsigned& line) -> task<> {
                name = task_context::current()->name();
                line = task_context::current()->spawned_at().line();
                co_return;
            };
            unsigned ignored = 0;
            task_context::current()->set_name("body");
            group.spawn(named("flush"), child, std::ref(first), std::ref(line_of_named));
            const unsigned here = __LINE__ - 1;
            group.spawn_on(task_context::current()->home(), named("other"), child, std::ref(second),
                           std::ref(ignored));
            co_await yield();
            const unsigned await_line = __LINE__ - 1;
            auto shows_file = [&]() -> task<> {
                file_of_await = task_context::current()->spawned_at().file_name();
                third = task_context::current()->name();
                line_of_await = task_context::current()->spawned_at().line();
                co_return;
            };
            group.spawn(std::ref(shows_file));
            co_await tests::turns(2);
#ifndef TANDEM_NO_TASK_REGISTRY
            CHECK(line_of_named == here);
            CHECK(line_of_await == await_line);
            CHECK(file_of_await.find("task_group_diagnostics_test.cpp") != std::string::npos);
#else
            static_cast<void>(here);
            static_cast<void>(await_line);
#endif
        };
        co_await with_task_group(std::ref(body));
        CHECK(first == "flush");
        CHECK(second == "other");
        CHECK(third.empty()); // the group's owner has none
    });
}

TEST_CASE("task_group: a destructor of what the last child owned may spawn") {
    int ran = 0;
    run_on_loop([&]() -> task<> {
        class spawns {
        public:
            spawns(task_group& group, int& count) noexcept : group_(&group), count_(&count) {}
            spawns(spawns&& other) noexcept
                : group_(std::exchange(other.group_, nullptr)), count_(other.count_) {}
            ~spawns() {
                if (!group_) return;
                auto late = [](int* count) -> task<> {
                    co_await tests::turns(3);
                    ++*count;
                };
                group_->spawn(late, count_);
            }

        private:
            task_group* group_;
            int* count_;
        };
        task_group group;
        // By reference: the argument goes with the child's outermost frame, after everything else of it.
        auto child = [](const spawns&) -> task<> { co_await tests::turns(2); };
        group.spawn(child, spawns(group, ran));
        auto captured = [held = spawns(group, ran)]() -> task<> { co_await tests::turns(4); };
        group.spawn(std::move(captured));
        co_await group.join();
        CHECK(group.size() == 0);
        group.spawn(child, spawns(group, ran));
        co_await group.join();
    });
    CHECK(ran == 3);
}

TEST_CASE("task_group: destroyed without a join, it names the tasks that still run") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        std::signal(SIGABRT, SIG_DFL);
        run_on_loop([]() -> task<> {
            task_group group(task_group_options().limit(2));
            group.spawn(named("flush"), forever);
            group.spawn(named("serve"), forever);
            group.spawn(named("late"), forever);
            co_await tests::turns(2);
        });
        _exit(0);
    }
    close(ends[1]);
    std::string text;
    char buffer[512];
    for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof(buffer))) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    INFO(text);
    CHECK(text.find("3 of its tasks") != std::string::npos);
    CHECK(text.find("flush, spawned at ") != std::string::npos);
    CHECK(text.find("task_group_diagnostics_test.cpp:") != std::string::npos);
    CHECK(text.find("late, spawned at ") < text.find("waits for a free place"));
}
