#include <tandem/concurrency/task_group.hpp>
#include <tandem/core/task.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

// Logs when it goes.
class trace {
public:
    trace(std::vector<std::string>& log, std::string name) : log_(&log), name_(std::move(name)) {}
    trace(trace&& other) noexcept : log_(std::exchange(other.log_, nullptr)), name_(std::move(other.name_)) {}
    ~trace() {
        if (log_) log_->push_back(name_);
    }

private:
    std::vector<std::string>* log_;
    std::string name_;
};

// Neither copyable nor movable but for construction, no default constructor.
class rigid {
public:
    explicit rigid(int v) noexcept : value(v) {}
    rigid(rigid&& other) noexcept : value(std::exchange(other.value, -1)) {}
    rigid& operator=(rigid&&) = delete;
    int value;
};

class alignas(64) wide {
public:
    explicit wide(int v) noexcept : value(v) {}
    int value;
};

task<int> forty_two() {
    co_return 42;
}

task<> fail(const char* what) {
    co_await yield();
    throw std::runtime_error(what);
}

task<int> deep(int levels) {
    if (levels == 0) {
        co_await yield();
        co_return 0;
    }
    const int below = co_await deep(levels - 1);
    co_return below + 1;
}

} // namespace

TEST_CASE("task: is lazy, move-only, empty when moved from") {
    static_assert(!std::is_copy_constructible_v<task<int>>);
    static_assert(std::is_nothrow_move_constructible_v<task<int>>);
    bool ran = false;
    auto set = [&]() -> task<> {
        ran = true;
        co_return;
    };
    {
        task<> t = set();
        CHECK(t);
        task<> u = std::move(t);
        CHECK_FALSE(t);
        CHECK(u);
        u = task<>();
        CHECK_FALSE(u);
        CHECK_FALSE(u.completed());
    }
    CHECK_FALSE(ran);
    run_on_loop(set());
    CHECK(ran);
}

TEST_CASE("task: a task that was not started destroys its arguments and nothing else") {
    std::vector<std::string> log;
    bool ran = false;
    {
        auto body = [&ran](trace) -> task<> {
            ran = true;
            co_return;
        };
        task<> t = body(trace(log, "argument"));
        CHECK(log.empty());
    }
    CHECK_FALSE(ran);
    CHECK(log == std::vector<std::string>{"argument"});
}

TEST_CASE("task: results: values, move-only, references, const, over-aligned, bool, void") {
    run_on_loop([]() -> task<> {
        const int n = co_await forty_two();
        CHECK(n == 42);
        auto boxed = []() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
        const std::unique_ptr<int> b = co_await boxed();
        CHECK(*b == 3);
        int place = 0;
        auto refer = [&]() -> task<int&> { co_return place; };
        int& r = co_await refer();
        r = 9;
        CHECK(place == 9);
        auto refer_const = [&]() -> task<const int&> { co_return place; };
        const int& c = co_await refer_const();
        CHECK(&c == &place);
        auto make_rigid = []() -> task<rigid> { co_return rigid(5); };
        const rigid stiff = co_await make_rigid();
        CHECK(stiff.value == 5);
        auto make_wide = []() -> task<wide> { co_return wide(6); };
        const wide w = co_await make_wide();
        CHECK(w.value == 6);
        auto converted = []() -> task<std::string> { co_return "converted"; };
        const std::string s = co_await converted();
        CHECK(s == "converted");
        task<int> named = forty_two();
        const int again = co_await std::move(named);
        CHECK(again == 42);
    });
    CHECK(run_on_loop(forty_two()) == 42);
}

TEST_CASE("task: exceptions pass through, with the frames' variables destroyed in order") {
    std::vector<std::string> log;
    std::string what;
    run_on_loop([&]() -> task<> {
        auto inner = [&](trace) -> task<> {
            const trace a(log, "a");
            const trace b(log, "b");
            co_await fail("inner");
        };
        auto outer = [&]() -> task<int> {
            const trace c(log, "c");
            co_await inner(trace(log, "argument"));
            co_return 1;
        };
        what = co_await tests::message_of(outer());
    });
    CHECK(what == "inner");
    CHECK(log == std::vector<std::string>{"b", "a", "argument", "c"});
    CHECK_THROWS_AS(run_on_loop(fail("to run")), std::runtime_error);
}

TEST_CASE("task: an exception of a destructor's neighbour after co_return wins over the value") {
    class thrower {
    public:
        ~thrower() noexcept(false) { throw std::runtime_error("on the way out"); }
    };
    auto body = []() -> task<std::string> {
        const thrower at_end;
        co_return std::string(100, 'x'); // constructed, and destroyed with the frame
    };
    run_on_loop([&]() -> task<> {
        const std::string what = co_await tests::message_of(body());
        CHECK(what == "on the way out");
    });
}

TEST_CASE("task: a child's frame is gone when its full expression is") {
    std::vector<std::string> log;
    run_on_loop([&]() -> task<> {
        auto child = [](trace) -> task<> { co_return; };
        co_await child(trace(log, "child's argument"));
        log.push_back("after");
        task<> kept = child(trace(log, "kept"));
        co_await std::move(kept);
        log.push_back("still");
    });
    CHECK(log == std::vector<std::string>{"child's argument", "after", "still", "kept"});
}

TEST_CASE("task: 10 million children that complete at once, in constant stack") {
    // ThreadSanitizer needs longer than 20 s for ten million.
    constexpr std::size_t rounds = tests::thread_sanitized ? 1'000'000 : 10'000'000;
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    std::size_t sum = 0;
    run_on_loop([&]() -> task<> {
        auto child = [&](std::size_t i) -> task<std::size_t> {
            if (i == 0) first = tests::stack_position();
            if (i + 1 == rounds) last = tests::stack_position();
            co_return i & 1;
        };
        for (std::size_t i = 0; i < rounds; ++i)
            sum += co_await child(i);
    });
    CHECK(sum == rounds / 2);
    CHECK(tests::apart(first, last) < 4096);
}

TEST_CASE("task: a million children that throw at once, in constant stack") {
    const std::size_t rounds = tests::repeat(200'000, 20'000);
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    std::size_t caught = 0;
    run_on_loop([&]() -> task<> {
        auto child = [&](std::size_t i) -> task<> {
            last = tests::stack_position();
            if (i == 0) first = last;
            throw 1;
            co_return;
        };
        for (std::size_t i = 0; i < rounds; ++i) {
            try {
                co_await child(i);
            } catch (int) {
                ++caught;
            }
        }
    });
    CHECK(caught == rounds);
    CHECK(tests::apart(first, last) < 4096);
}

TEST_CASE("task: a chain of 100,000 tasks resumes and returns in constant stack") {
    const int levels = static_cast<int>(tests::repeat(100'000, 20'000));
    CHECK(run_on_loop(deep(levels)) == levels);
}

TEST_CASE("task: children that complete at once let the loop's other tasks have their turn") {
    std::size_t others = 0;
    run_on_loop([&]() -> task<> {
        bool stop = false;
        auto greedy = [&]() -> task<> {
            for (std::size_t i = 0; i < 10'000'000 && !stop; ++i)
                static_cast<void>(co_await forty_two());
        };
        auto other = [&]() -> task<> {
            for (; others < 50; ++others)
                co_await yield();
            stop = true;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(greedy));
            group.spawn(std::ref(other));
            co_return;
        });
        CHECK(stop);
    });
    CHECK(others == 50);
}

TEST_CASE("task: cancellation is level-triggered: swallowed once, the next operation throws again") {
    std::vector<ending> seen;
    run_on_loop([&]() -> task<> {
        event never;
        event set(true);
        auto subject = [&]() -> task<> {
            seen.push_back(co_await tests::ends(as_task(never.wait())));
            const int n = co_await forty_two(); // awaiting a child is not an operation by itself
            CHECK(n == 42);
            seen.push_back(co_await tests::ends(as_task(never.wait())));
            seen.push_back(co_await tests::ends(as_task(set.wait())));
            seen.push_back(co_await tests::ends(tests::turns(1)));
            CHECK(task_context::current()->cancelled());
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(subject));
            co_await tests::turns(2);
            group.cancel();
        });
    });
    CHECK(seen == std::vector<ending>(4, ending::cancelled));
}

TEST_CASE("task: as_task of a task is the task itself, of others a task") {
    run_on_loop([]() -> task<> {
        event e(true);
        co_await as_task(e.wait());
        const int n = co_await as_task(forty_two());
        CHECK(n == 42);
    });
    static_assert(std::is_same_v<await_result_t<task<int>>, int>);
    static_assert(std::is_same_v<await_result_t<task<int&>>, int&>);
    static_assert(std::is_same_v<await_result_t<event::wait_operation>, void>);
    static_assert(is_task<task<>>::value);
    static_assert(!is_task<int>::value);
}
