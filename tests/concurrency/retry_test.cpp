#include <tandem/concurrency/retry.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/system/errc.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

// Without pauses.
retry_policy at_once(std::size_t attempts) {
    return retry_policy().attempts(attempts).initial_delay(0ns).max_delay(0ns);
}

class own_error : public std::runtime_error {
public:
    explicit own_error(int n) : std::runtime_error("own"), number(n) {}
    int number;
};

} // namespace

TEST_CASE("retry: until it succeeds, with fresh copies of the arguments") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        std::vector<std::string> seen;
        auto flaky = [&](std::string text, std::vector<int> numbers) -> task<std::string> {
            seen.push_back(text + std::to_string(numbers.size()));
            text.clear();
            numbers.clear();
            co_await yield();
            if (++calls < 4) throw std::runtime_error("not yet");
            co_return "done";
        };
        std::vector<int> numbers{1, 2, 3};
        const std::string result = co_await retry(at_once(9), flaky, std::string("a"), numbers);
        CHECK(result == "done");
        CHECK(calls == 4);
        CHECK(seen == std::vector<std::string>(4, "a3"));
        const std::string first = co_await retry(flaky, std::string("b"), numbers); // the default policy
        CHECK(first == "done");
        CHECK(calls == 5);
    });
}

TEST_CASE("retry: arguments that are taken by reference live as long as the attempt") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        auto by_reference = [&](const std::string& text, std::vector<int>&& numbers) -> task<std::string> {
            co_await yield();
            const std::size_t size = std::exchange(numbers, {}).size();
            if (++calls < 3) throw std::runtime_error("not yet");
            co_return text + std::to_string(size);
        };
        const std::string text(100, 'x'); // on the heap
        const std::vector<int> three{1, 2, 3};
        const std::string result = co_await retry(at_once(9), by_reference, text, three);
        CHECK(result == text + "3");
        const std::tuple<int> one(1);
        auto of_tuple = [](const std::tuple<int>& t) -> task<int> { co_return std::get<0>(t); };
        const int got = co_await retry(of_tuple, one);
        CHECK(got == 1);
    });
}

TEST_CASE("retry: results of every kind") {
    run_on_loop([]() -> task<> {
        int place = 0;
        auto refer = [&]() -> task<int&> { co_return place; };
        int& r = co_await retry(refer);
        CHECK(&r == &place);
        auto boxed = [](int n) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(n); };
        const auto b = co_await retry(at_once(2), boxed, 3);
        CHECK(*b == 3);
        co_await retry(
            at_once(2),
            [](int& n) {
                ++n;
                return yield();
            },
            std::ref(place));
        CHECK(place == 1);
    });
}

TEST_CASE("retry: the last exception is rethrown as it was, and tells the number of attempts") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        auto fails = [&]() -> task<> {
            co_await yield();
            throw own_error(++calls);
        };
        int number = 0;
        try {
            co_await retry(at_once(5), fails);
        } catch (const own_error& e) {
            number = e.number;
        }
        CHECK(number == 5);

        auto runtime_fails = []() -> task<> {
            co_await yield();
            throw std::runtime_error("bad");
        };
        std::string what = co_await tests::message_of(retry(at_once(3), runtime_fails));
        CHECK(what == "bad (after 3 attempts)");
        what = co_await tests::message_of(retry(at_once(1), runtime_fails));
        CHECK(what == "bad");

        auto refused = []() -> task<> {
            co_await yield();
            throw system_error(make_error_code(boost::system::errc::connection_refused), "connect");
        };
        error_code code;
        try {
            co_await retry(at_once(2), refused);
        } catch (const system_error& e) {
            code = e.code();
            what = e.what();
        }
        CHECK(code == boost::system::errc::connection_refused);
        CHECK(what.find("connect (after 2 attempts): ") == 0);
    });
}

TEST_CASE("retry: the predicate decides, cancellations are not repeated") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        auto fails = [&]() -> task<> {
            co_await yield();
            throw own_error(++calls);
        };
        auto only_small = [](const std::exception_ptr& e) {
            try {
                std::rethrow_exception(e);
            } catch (const own_error& own) {
                return own.number < 3;
            }
        };
        const ending how =
            co_await tests::ends(retry(at_once(retry_policy::unlimited).when(only_small), fails));
        CHECK(how == ending::error);
        CHECK(calls == 3);

        calls = 0;
        auto was_cancelled = [&]() -> task<> {
            ++calls;
            co_await yield();
            throw operation_cancelled();
        };
        const ending ended = co_await tests::ends(retry(at_once(5), was_cancelled));
        CHECK(ended == ending::cancelled);
        CHECK(calls == 1);
        const ending asked = co_await tests::ends(
            retry(at_once(5).when([](const std::exception_ptr&) { return true; }), was_cancelled));
        CHECK(asked == ending::cancelled);
        CHECK(calls == 6);
    });
}

TEST_CASE("retry: pauses grow, are random, bounded, and the same for the same seed") {
    run_on_loop([]() -> task<> {
        auto fails = []() -> task<> {
            co_await yield();
            throw std::runtime_error("bad");
        };
        std::vector<std::chrono::nanoseconds> pauses;
        auto note = [&](std::size_t attempt, const std::exception_ptr& e, std::chrono::nanoseconds pause) {
            CHECK(attempt == pauses.size() + 1);
            CHECK(e);
            pauses.push_back(pause);
        };
        const auto policy =
            retry_policy().attempts(60).initial_delay(1us).max_delay(1ms).seed(7).on_retry(note);
        static_cast<void>(co_await tests::ends(retry(policy, fails)));
        const auto first = pauses;
        CHECK(first.size() == 59);
        std::chrono::nanoseconds ceiling = 1us;
        bool some_large = false;
        for (const std::chrono::nanoseconds p : first) {
            CHECK(p >= 0ns);
            CHECK(p <= ceiling);
            some_large = some_large || p > 500us;
            ceiling = std::min<std::chrono::nanoseconds>(ceiling * 2, 1ms);
        }
        CHECK(some_large);
        pauses.clear();
        static_cast<void>(co_await tests::ends(retry(policy, fails)));
        CHECK(pauses == first);
        pauses.clear();
        static_cast<void>(co_await tests::ends(retry(retry_policy(policy).seed(8), fails)));
        CHECK(pauses != first);
    });
}

TEST_CASE("retry: the longest delays do not overflow") {
    run_on_loop([]() -> task<> {
        int told = 0;
        auto fails = []() -> task<> {
            co_await yield();
            throw std::runtime_error("bad");
        };
        auto note = [&](std::size_t, const std::exception_ptr&, std::chrono::nanoseconds pause) {
            CHECK(pause >= 0ns);
            if (++told == 3) throw own_error(1); // leaves retry
        };
        const auto most = std::chrono::nanoseconds::max();
        auto policy = retry_policy().attempts(70).initial_delay(1ns).max_delay(most).on_retry(note).seed(3);
        int number = 0;
        try {
            co_await retry(policy, fails);
        } catch (const own_error& e) {
            number = e.number;
        }
        CHECK(number == 1);
        policy.initial_delay(most).budget(1000h);
        const ending how = co_await tests::ends(retry(policy, fails));
        CHECK(how == ending::error);
        policy.initial_delay(-1h).max_delay(-1h).budget(1h);
        told = -1000;
        const ending negative = co_await tests::ends(retry(policy, fails));
        CHECK(negative == ending::error);
        CHECK(told == -1000 + 69);
    });
}

TEST_CASE("retry: a pause that would outlast the budget is not begun") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        auto fails = [&]() -> task<> {
            co_await yield();
            throw own_error(++calls);
        };
        const auto policy =
            retry_policy().attempts(1000).initial_delay(1000h).max_delay(1000h).budget(1s).seed(1);
        const ending how = co_await tests::ends(retry(policy, fails));
        CHECK(how == ending::error);
        CHECK(calls == 1);
        // An attempt that hangs is cut short at the end of the budget.
        event never;
        auto hangs = [&]() -> task<> { co_await never.wait(); };
        const ending cut = co_await tests::ends(retry(at_once(1000).budget(2ms), hangs));
        CHECK(cut == ending::timeout);
    });
}

TEST_CASE("retry: each attempt has its time") {
    run_on_loop([]() -> task<> {
        int calls = 0;
        event never;
        auto hangs_twice = [&]() -> task<int> {
            if (++calls < 3) co_await never.wait();
            co_return calls;
        };
        const int n = co_await retry(at_once(5).attempt_timeout(1ms), hangs_twice);
        CHECK(n == 3);
        calls = -10;
        const std::string what =
            co_await tests::message_of(retry(at_once(2).attempt_timeout(1ms), hangs_twice));
        CHECK(what.find("after 2 attempts") != std::string::npos);
    });
}

TEST_CASE("retry: cancellation ends it at once, wherever it is") {
    int calls = 0;
    int begun = 0;
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        auto flaky = [&]() -> task<> {
            ++begun;
            co_await tests::turns(2);
            if (++calls % 3 != 0) throw std::runtime_error("again");
        };
        auto scenario = [&]() -> task<> {
            calls = 0;
            co_await retry(at_once(10), std::ref(flaky));
        };
        auto check = [](ending how) { CHECK((how == ending::value || how == ending::cancelled)); };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 6);
    // In a long pause; and a failure after the cancellation is not repeated.
    run_on_loop([&]() -> task<> {
        auto fails = []() -> task<> {
            co_await yield();
            throw std::runtime_error("bad");
        };
        auto pausing = retry(retry_policy().initial_delay(1000h).max_delay(1000h).seed(1), fails);
        auto race = co_await when_any(std::move(pausing), tests::turns(10));
        CHECK(race.index() == 1);
        CHECK(race.get<0>().cancelled());

        int tries = 0;
        auto breaks = [&]() -> task<> {
            ++tries;
            event never;
            static_cast<void>(co_await tests::ends([](event& e) -> task<> { co_await e.wait(); }(never)));
            throw own_error(tries);
        };
        auto broken = co_await when_any(retry(at_once(100), breaks), tests::turns(10));
        CHECK(tries == 1);
        CHECK(tests::ending_of(broken.get<0>().failure()) == ending::error);
    });
}
