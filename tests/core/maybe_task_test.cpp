#include "lib/core/maybe_task.hpp"

#include "tests/support/catch.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/core/runtime.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

using namespace tandem;
using tandem::detail::maybe_task;

namespace {

task<std::string> later(std::string text) {
    co_await yield();
    co_return text;
}

task<std::string> failing() {
    co_await yield();
    throw std::runtime_error("no");
}

task<> note_end(std::shared_ptr<int> held) {
    co_await yield();
    ++*held;
}

maybe_task<std::string> text_of(bool at_once) {
    if (at_once) return std::string("here");
    return later("there");
}

} // namespace

TEST_CASE("maybe_task: a result that is there is given without a turn of the loop") {
    auto work = []() -> task<> {
        maybe_task<std::string> one = text_of(true);
        CHECK(one.ready());
        CHECK(one.result() == "here");
        bool others_ran = false;
        auto note = [&]() -> task<> {
            others_ran = true;
            co_return;
        };
        auto body = [&](task_group& group) -> task<> {
            group.spawn(note);
            const std::string got = co_await std::move(one);
            CHECK(got == "here");
            CHECK_FALSE(others_ran);
        };
        co_await with_task_group(body);
        CHECK(others_ran);
    };
    run(work());
}

TEST_CASE("maybe_task: otherwise the task is awaited, and its failure is thrown") {
    auto work = []() -> task<> {
        maybe_task<std::string> one = text_of(false);
        CHECK_FALSE(one.ready());
        const std::string got = co_await std::move(one);
        CHECK(got == "there");
        const std::string direct = co_await text_of(false);
        CHECK(direct == "there");
        std::string thrown;
        try {
            co_await maybe_task<std::string>(failing());
        } catch (const std::runtime_error& e) {
            thrown = e.what();
        }
        CHECK(thrown == "no");
    };
    run(work());
}

TEST_CASE("maybe_task: one that is not awaited does nothing, and lets go of what its task holds") {
    const auto held = std::make_shared<int>(0);
    {
        auto begin = [&]() -> task<int> {
            co_await note_end(held);
            co_return 1;
        };
        const maybe_task<int> never(begin());
        const maybe_task<int> ready(2);
        CHECK_FALSE(never.ready());
        CHECK(ready.ready());
    }
    CHECK(*held == 0);
    CHECK(held.use_count() == 1);
}
