#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_cleanup.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

std::string reported;

void note(const std::exception_ptr& cleanup, const std::exception_ptr& body) noexcept {
    reported = describe(cleanup) + " / " + describe(body);
}

task<> fail(std::string with) {
    co_await yield();
    throw std::runtime_error(with);
}

} // namespace

TEST_CASE("with_cleanup: after a value of each kind") {
    run_on_loop([]() -> task<> {
        int cleaned = 0;
        auto cleanup = [&]() -> task<> {
            co_await tests::turns(2);
            ++cleaned;
        };
        auto boxed = [&]() -> task<std::unique_ptr<int>> {
            co_await yield();
            CHECK(cleaned == 0);
            co_return std::make_unique<int>(6);
        };
        const auto b = co_await with_cleanup(boxed(), cleanup);
        CHECK(*b == 6);
        CHECK(cleaned == 1);
        int place = 1;
        auto refer = [&]() -> task<int&> { co_return place; };
        int& r = co_await with_cleanup(refer, cleanup); // a callable
        CHECK(&r == &place);
        co_await with_cleanup(yield(), cleanup()); // an awaitable
        CHECK(cleaned == 3);
    });
}

TEST_CASE("with_cleanup: after an exception, the cleanup's own exception") {
    const auto before = set_cleanup_failure_handler(&note);
    reported.clear();
    run_on_loop([]() -> task<> {
        bool cleaned = false;
        auto cleanup = [&]() -> task<> {
            co_await yield();
            cleaned = true;
        };
        std::string what = co_await tests::message_of(with_cleanup(fail("body"), cleanup));
        CHECK(what == "body");
        CHECK(cleaned);
        what = co_await tests::message_of(with_cleanup(yield(), fail("cleanup")));
        CHECK(what == "cleanup");
        CHECK(reported.empty());
        what = co_await tests::message_of(with_cleanup(fail("body"), fail("cleanup")));
        CHECK(what == "body");
        CHECK(reported == "std::runtime_error: cleanup / std::runtime_error: body");
    });
    CHECK(set_cleanup_failure_handler(before) == &note);
}

TEST_CASE("with_cleanup: a cleanup that takes too long is cancelled and waited for") {
    run_on_loop([]() -> task<> {
        event never;
        bool told = false;
        auto slow = [&]() -> task<> {
            const ending how = co_await tests::ends([](event& e) -> task<> { co_await e.wait(); }(never));
            told = how == ending::cancelled;
            throw operation_cancelled();
        };
        const ending how = co_await tests::ends(with_cleanup(yield(), slow, 1ms));
        CHECK(how == ending::timeout);
        CHECK(told);
    });
}

TEST_CASE("with_cleanup: the deadline around does not shorten the cleanup") {
    run_on_loop([]() -> task<> {
        event never;
        bool cleaned = false;
        auto cleanup = [&]() -> task<> {
            co_await sleep_for(3ms);
            cleaned = true;
        };
        const ending how = co_await tests::ends(with_timeout(1ms, with_cleanup(never.wait(), cleanup)));
        CHECK(how == ending::timeout);
        CHECK(cleaned);
    });
}

TEST_CASE("with_cleanup: wherever it is cancelled, the cleanup runs to its end, once") {
    int bodies = 0;
    int begun = 0;
    int ended = 0;
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        auto scenario = [&]() -> task<> {
            auto body = [&]() -> task<int> {
                ++bodies;
                co_await tests::turns(3);
                co_return 4;
            };
            auto cleanup = [&]() -> task<> {
                ++begun;
                co_await tests::turns(3);
                ++ended;
            };
            const int n = co_await with_cleanup(body, cleanup);
            CHECK(n == 4);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(bodies == begun);
            CHECK(bodies == ended);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 10);
    CHECK(bodies > 0);
}

TEST_CASE("with_cleanup: cancelled in the cleanup, the value is handed over and the next operation fails") {
    run_on_loop([]() -> task<> {
        event in_cleanup;
        int value = 0;
        ending after = ending::value;
        auto body = []() -> task<int> { co_return 5; };
        auto cleanup = [&]() -> task<> {
            in_cleanup.set();
            co_await tests::turns(5);
        };
        auto caller = [&]() -> task<> {
            value = co_await with_cleanup(body, cleanup);
            after = co_await tests::ends(tests::turns(1));
        };
        co_await when_any(caller(), in_cleanup.wait());
        CHECK(value == 5);
        CHECK(after == ending::cancelled);
    });
}

TEST_CASE("with_cleanup: a runtime that is destroyed lets it clean up, then takes it along") {
    bool cleaned = false;
    auto kept = std::make_shared<int>(1);
    {
        runtime rt(tests::small());
        auto cleanup = [&cleaned]() -> task<> {
            co_await tests::turns(3);
            cleaned = true;
        };
        rt.spawn(with_cleanup(sleep_for(1h), cleanup));
        rt.run(tests::turns(5));
    }
    CHECK(cleaned);
    {
        runtime rt(tests::small().drain_timeout(0ms));
        auto hangs = [](std::shared_ptr<int>) -> task<> { co_await sleep_for(1h); };
        rt.spawn(with_cleanup(yield(), hangs(kept), 2h));
        rt.run(tests::turns(10));
        CHECK(kept.use_count() == 2);
    }
    CHECK(kept.use_count() == 1);
}

namespace {

// Throws when its last move is used up.
class brittle_receipt {
public:
    explicit brittle_receipt(int moves) noexcept : moves_(moves) {}
    brittle_receipt(brittle_receipt&& other) : moves_(other.moves_ - 1) {
        if (moves_ < 0) throw std::runtime_error("moved once too often");
    }

private:
    int moves_;
};

task<brittle_receipt> give_receipt(int moves) {
    co_return brittle_receipt(moves);
}
task<> note_cleanup(bool& cleaned) {
    cleaned = true;
    co_return;
}
task<> receipt_and_cleanup(int moves, bool& cleaned) {
    static_cast<void>(co_await with_cleanup(give_receipt(moves), [&] { return note_cleanup(cleaned); }));
}

} // namespace

TEST_CASE("with_cleanup: whichever move of the body's result throws, the cleanup is run") {
    bool succeeded = false;
    for (int moves = 0; !succeeded; ++moves) {
        REQUIRE(moves < 20);
        bool cleaned = false;
        try {
            tests::run_on_loop(receipt_and_cleanup(moves, cleaned));
            succeeded = true;
        } catch (const std::runtime_error&) {
        }
        CAPTURE(moves);
        CHECK(cleaned);
    }
}
