// What is lost is told of on stderr, with the place.
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/sync/semaphore.hpp>

#include "tests/support/build.hpp"
#include "tests/support/capture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <optional>
#include <stdexcept>

using namespace tandem;
using tests::contains;

namespace {

task<> stand_in_queue(semaphore& permits) {
    const auto permit = co_await permits.acquire();
    static_cast<void>(permit);
}
task<> user_of(semaphore& permits) {
    co_await stand_in_queue(permits);
}

task<> fail_deep() {
    co_await yield();
    throw std::runtime_error("out of order");
}
task<> background() {
    task_context::current()->set_name("background");
    co_await fail_deep();
}

} // namespace

TEST_CASE("a coroutine that is destroyed while it stands in a queue is told of, with its callers") {
    tests::stderr_capture errors;
    auto body = []() -> task<> {
        semaphore permits(0);
        // A chain of its own that is destroyed by hand, as no program should.
        std::optional<task_context> chain(
            std::in_place, task_context::current()->home(), nullptr, [](task_context&) noexcept {}, false);
        chain->set_name("lost");
        std::optional<task<>> work(user_of(permits));
        chain->start(work->bind(*chain));
        co_await tests::turns(2);
        work.reset();
    };
    tests::run_on_loop(body);
    const std::string& text = errors.finish();
    CAPTURE(text);
    CHECK(contains(text, "a coroutine of task lost was destroyed while it waited in a queue"));
#ifndef TANDEM_NO_TASK_REGISTRY
    CHECK(contains(text, "    in "));
    CHECK(contains(text, "stand_in_queue("));
    CHECK(contains(text, "user_of("));
    CHECK(contains(text, "diagnostics_test.cpp:"));
    CHECK(text.find("stand_in_queue(") < text.find("user_of("));
#endif
}

TEST_CASE("an exception that nobody takes is printed with the task's place and spawn, and ends the process") {
    if (tests::thread_sanitized) return; // threads after a fork are not to its liking
    const tests::child_result child = tests::in_child([] {
        runtime rt(tests::small());
        rt.spawn(background());
        rt.run(tests::turns(10));
    });
    CAPTURE(child.errors);
    CHECK(WIFSIGNALED(child.status));
    CHECK(contains(child.errors, "an exception left a background task (background): "));
    CHECK(contains(child.errors, "out of order"));
#ifndef TANDEM_NO_TASK_REGISTRY
    CHECK(contains(child.errors, "    out of "));
    CHECK(contains(child.errors, "background("));
    CHECK(contains(child.errors, "    spawned in "));
    CHECK(contains(child.errors, "diagnostics_test.cpp:"));
#endif
}
