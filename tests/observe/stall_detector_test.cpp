#include <tandem/observe/stall_detector.hpp>

#include "lib/observe/stall_meter.hpp"
#include "lib/observe/thread_probe.hpp"

#include "tests/support/build.hpp"
#include "tests/support/capture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

using namespace tandem;
using namespace std::chrono_literals;
using detail::stall_meter;
using tests::contains;

namespace {

// Looks at a meter every 25 ms of a made-up time.
class looker {
public:
    stall_meter::event look(std::uint64_t heartbeat, std::chrono::milliseconds after = 25ms) {
        now_ += after;
        return meter.look(now_, heartbeat, 40ms);
    }
    stall_meter meter{100ms};

private:
    stall_meter::clock::time_point now_{1h};
};

constexpr auto none = stall_meter::event::none;
constexpr auto begun = stall_meter::event::begun;
constexpr auto ended = stall_meter::event::ended;

} // namespace

TEST_CASE("a heartbeat that stands still is a stall, told once and once more when it ends") {
    looker l;
    CHECK(l.look(2) == none);
    CHECK(l.look(2) == none); // 25 ms at least
    CHECK(l.look(2) == none);
    CHECK(l.look(2) == none);
    CHECK(l.look(2) == begun);
    CHECK(l.meter.held() == 100ms);
    for (int i = 0; i < 1000; ++i)
        CHECK(l.look(2) == none);
    CHECK(l.look(4) == ended);
    CHECK(l.meter.held() == 25100ms);
    CHECK(l.look(6) == none);
    CHECK(l.look(8) == none);
}

TEST_CASE("a loop that waits, or works in short pieces, does not stall") {
    looker l;
    for (int i = 0; i < 100; ++i)
        CHECK(l.look(3) == none);
    CHECK(l.meter.idle());
    for (std::uint64_t beat = 4; beat < 400; beat += 2)
        CHECK(l.look(beat) == none);
    CHECK(!l.meter.idle());
}

TEST_CASE("a stall ends in a wait, too, and a second one counts anew") {
    looker l;
    for (int i = 0; i < 4; ++i)
        CHECK(l.look(2) == none);
    CHECK(l.look(2) == begun);
    CHECK(l.look(5) == ended);
    CHECK(l.look(6) == none);
    for (int i = 0; i < 3; ++i)
        CHECK(l.look(6) == none);
    CHECK(l.look(6) == begun);
}

TEST_CASE("time in which the process stood still does not count") {
    looker l;
    CHECK(l.look(2) == none);
    CHECK(l.look(2, 1h) == none); // 40 ms of it
    CHECK(l.look(2, 1h) == none);
    CHECK(l.look(4) == none);
    for (int i = 0; i < 50; ++i) // a debugger that steps through
        CHECK(l.look(static_cast<std::uint64_t>(6 + 2 * i), 10s) == none);
}

namespace {

// Takes reports; a task may block its loop until there is one.
class reports {
public:
    stall_options options() {
        return stall_options().threshold(20ms).on_stall([this](const stall_report& r) {
            const std::lock_guard lock(mutex_);
            all_.push_back(r);
            changed_.notify_all();
        });
    }
    stall_report wait_for(bool ended_one, std::size_t loop = 0) {
        std::unique_lock lock(mutex_);
        stall_report found;
        changed_.wait(lock, [&] {
            for (const stall_report& r : all_)
                if (r.ended == ended_one && r.loop == loop) {
                    found = r;
                    return true;
                }
            return false;
        });
        return found;
    }
    std::size_t count() {
        const std::lock_guard lock(mutex_);
        return all_.size();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<stall_report> all_;
};

task<> hold_loop(reports& r, std::size_t loop) {
    static_cast<void>(r.wait_for(false, loop)); // blocks the thread
    co_return;
}
task<> outer(reports& r, std::size_t loop) {
    task_context::current()->set_name("holder");
    co_await yield();
    co_await hold_loop(r, loop);
}

} // namespace

TEST_CASE("what holds a loop is reported with its task and stacks, and again when it ends") {
    reports r;
    runtime rt(tests::small());
    const stall_detector watch(rt, r.options());
    rt.run(outer, std::ref(r), std::size_t{0});
    const stall_report first = r.wait_for(false);
    CHECK(first.held >= 20ms);
    CHECK(first.loop == 0);
    CHECK(contains(first.text(), "loop 0 has been held for "));
#ifndef TANDEM_NO_TASK_REGISTRY
    if (!tests::thread_sanitized) { // it holds signals back while the thread blocks
        CHECK(first.in_task);
        CHECK(first.task_id != 0);
        CHECK(first.task_name == "holder");
        REQUIRE(first.stack.size() >= 2);
        CHECK(contains(first.stack[0].function, "hold_loop("));
        CHECK(contains(first.stack[1].function, "outer("));
        CHECK(contains(first.text(), " holder\n"));
        CHECK(contains(first.text(), "in "));
    }
#endif
    if (!tests::thread_sanitized) {
        REQUIRE(!first.native.empty());
        CHECK(contains(first.text(), "native stack:"));
    }
    const stall_report last = r.wait_for(true);
    CHECK(last.held >= first.held);
    CHECK(last.task_name == first.task_name);
    CHECK(last.native.empty());
    CHECK(contains(last.text(), "loop 0 was held for "));
    CHECK(r.count() == 2);
}

TEST_CASE("each loop is watched, and a detector may go while a loop is held") {
    reports r;
    runtime rt(tests::loops(3));
    auto watch = std::make_unique<stall_detector>(rt, r.options());
    std::promise<void> first_is_held;
    std::promise<void> let_go;
    auto hold_first = [&]() -> task<> {
        first_is_held.set_value();
        let_go.get_future().wait();
        co_return;
    };
    rt.spawn(outer(r, 1), 1);
    rt.spawn(outer(r, 2), 2);
    std::thread runner([&] { rt.run(hold_first); });
    first_is_held.get_future().wait();
    CHECK(r.wait_for(false, 0).loop == 0);
    CHECK(r.wait_for(false, 1).loop == 1);
    CHECK(r.wait_for(false, 2).loop == 2);
    watch.reset();
    let_go.set_value();
    runner.join();
}

TEST_CASE("without stacks nothing is interrupted") {
    runtime rt(tests::small());
    { // the library's handler is in place, so that ours stays
        reports r;
        const stall_detector watch(rt, r.options());
        rt.run(outer, std::ref(r), std::size_t{0});
    }
    static std::atomic<int> interruptions{0};
    struct sigaction counting = {};
    struct sigaction before = {};
    counting.sa_handler = [](int) { ++interruptions; };
    REQUIRE(sigaction(SIGURG, &counting, &before) == 0);
    {
        reports r;
        const stall_detector watch(rt, r.options().stacks(false));
        rt.run(outer, std::ref(r), std::size_t{0});
        const stall_report first = r.wait_for(false);
        CHECK(!first.in_task);
        CHECK(first.native.empty());
    }
    REQUIRE(sigaction(SIGURG, &before, nullptr) == 0);
    CHECK(interruptions == 0);
}

TEST_CASE("a loop whose thread ends between two looks") {
    runtime rt(tests::small());
    for (std::size_t i = 0; i < 3; ++i) {
        reports r; // each round is held until its own report is there
        const stall_detector watch(rt, r.options());
        std::thread runner([&] { rt.run(outer, std::ref(r), std::size_t{0}); });
        runner.join();
        CHECK(r.count() >= 1);
    }
}

TEST_CASE("a runtime's own detector prints to stderr") {
    tests::stderr_capture errors;
    runtime rt(runtime_options().workers(1).stall_threshold(20ms));
    auto body = [&]() -> task<> {
        task_context::current()->set_name("reader");
        co_await yield();
        errors.wait_for("has been held for"); // blocks the loop
    };
    rt.run(body);
    CHECK(contains(errors.wait_for("was held for"), "tandem: loop 0 has been held for "));
}

// The thread that is interrupted makes and ends tasks as fast as it can: whatever the handler finds is good
// to read.
TEST_CASE("a loop that is held by many short tasks may be interrupted anywhere") {
    reports r;
    runtime rt(tests::small());
    std::atomic<bool> stop{false};
    auto leaf = [](int depth) -> task<int> {
        task_context::current()->set_name(depth % 2 ? "odd" : "even, with a longer name");
        co_return depth;
    };
    auto churn = [&]() -> task<> {
        auto once = [&](int i) -> task<> {
            static_cast<void>(co_await leaf(i));
            static_cast<void>(co_await leaf(i + 1));
        };
        for (int i = 0; !stop.load(std::memory_order_relaxed); ++i) {
            co_await once(i);
            if (i % 64 == 0) co_await yield();
        }
    };
    std::thread runner([&] { rt.run(churn); });
    auto& loop = static_cast<detail::loop&>(rt.loop(0));
    std::size_t answers = 0;
    std::size_t in_task = 0;
    const std::size_t rounds = tests::thread_sanitized ? 5 : tests::repeat(3000, 300);
    while (answers < rounds) { // at first nobody runs the loop
        if (const auto seen = detail::probe(loop)) {
            ++answers;
            if (seen->task.known) ++in_task;
        }
    }
    stop = true;
    runner.join();
#ifndef TANDEM_NO_TASK_REGISTRY
    CHECK(in_task > 0);
#endif
}
