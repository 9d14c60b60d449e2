#include <tandem/concurrency/concurrent_channel.hpp>
#include <tandem/concurrency/concurrent_map.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

task<> send_up_to(channel<int>& out, int n) {
    for (int i = 0; i < n; ++i) {
        if (!co_await out.send(i)) co_return;
    }
    out.close();
}

} // namespace

TEST_CASE(
    "concurrent_for_each over a channel: at most `limit` at a time, nothing received that cannot begin") {
    for (const std::size_t limit : std::vector<std::size_t>{0, 1, 4, 64}) {
        run_on_loop([limit]() -> task<> {
            channel<int> in(0);
            std::size_t now = 0;
            std::size_t most = 0;
            std::set<int> seen;
            auto use = [&](int item) -> task<> {
                most = std::max(most, ++now);
                co_await tests::turns(static_cast<std::size_t>(item % 5 + 1));
                --now;
                seen.insert(item);
            };
            co_await when_all(send_up_to(in, 200), concurrent_for_each(in, limit, std::ref(use)));
            CHECK(seen.size() == 200);
            CHECK(most == std::max<std::size_t>(limit, 1));
        });
    }
    run_on_loop([]() -> task<> {
        channel<std::unique_ptr<int>> in(4);
        std::size_t calls = 0;
        auto use = [&](std::unique_ptr<int> item) -> task<int> {
            ++calls;
            co_return *item;
        };
        in.close();
        co_await concurrent_for_each(in, 3, std::ref(use)); // closed and empty
        CHECK(calls == 0);
    });
}

TEST_CASE("concurrent_map over a channel: results go to another one, with backpressure from its reader") {
    run_on_loop([]() -> task<> {
        channel<int> in(2);
        channel<std::string> out(0);
        std::size_t begun = 0;
        std::size_t read = 0;
        std::size_t most = 0;
        bool all = false;
        auto f = [&](int item) -> task<std::string> {
            most = std::max(most, ++begun - read);
            co_await yield();
            co_return std::to_string(item);
        };
        auto map = [&]() -> task<> {
            all = co_await concurrent_map(in, 3, std::ref(f), out);
            CHECK_FALSE(out.closed());
            out.close();
        };
        std::set<std::string> seen;
        auto reader = [&]() -> task<> {
            while (auto text = co_await out.receive()) {
                ++read;
                seen.insert(*text);
                co_await tests::turns(3);
            }
        };
        co_await when_all(send_up_to(in, 50), map(), reader());
        CHECK(all);
        CHECK(seen.size() == 50);
        CHECK(most <= 4); // three calls, and one between them and the reader
    });
}

TEST_CASE("concurrent_map over a channel: a reader that closes `out` ends it, the rest stays in the source") {
    run_on_loop([]() -> task<> {
        channel<int> in(100);
        channel<int> out(1);
        for (int i = 0; i < 20; ++i)
            static_cast<void>(co_await in.send(int(i)));
        std::size_t begun = 0;
        auto f = [&](int item) -> task<int> {
            ++begun;
            co_await yield();
            co_return item;
        };
        bool all = true;
        auto map = [&]() -> task<> { all = co_await concurrent_map(in, 2, std::ref(f), out); };
        auto reader = [&]() -> task<> {
            static_cast<void>(co_await out.receive());
            static_cast<void>(co_await out.receive());
            out.close();
        };
        co_await when_all(map(), reader());
        CHECK_FALSE(all);
        CHECK(in.size() + begun == 20);
        CHECK(begun < 10);
        // The source is still open: those that waited for it have left it.
        static_cast<void>(co_await in.send(1));
    });
}

TEST_CASE("concurrent_for_each over a channel: the first failure cancels the others, the rest stays") {
    run_on_loop([]() -> task<> {
        channel<int> in(100);
        for (int i = 0; i < 20; ++i)
            static_cast<void>(co_await in.send(int(i)));
        std::size_t begun = 0;
        std::size_t cancelled = 0;
        auto use = [&](int item) -> task<> {
            ++begun;
            if (item == 1) {
                co_await yield();
                throw std::runtime_error("one");
            }
            const ending how = co_await tests::ends(tests::turns(1'000));
            if (how == ending::cancelled) ++cancelled;
        };
        const std::string what = co_await tests::message_of(concurrent_for_each(in, 3, std::ref(use)));
        CHECK(what == "one");
        CHECK(begun == 3);
        CHECK(cancelled == 2);
        CHECK(in.size() == 17);
    });
}

TEST_CASE(
    "concurrent_for_each over a channel: cancelled at every suspension, each item is used or still there") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        std::size_t sent = 0;
        std::size_t begun = 0;
        std::size_t left = 0;
        auto scenario = [&]() -> task<> {
            sent = begun = left = 0;
            channel<int> in(2);
            auto produce = [&]() -> task<> {
                for (int i = 0; i < 8; ++i) {
                    if (co_await in.send(int(i))) ++sent;
                }
                in.close();
            };
            auto use = [&](int) -> task<> {
                ++begun;
                co_await tests::turns(2);
            };
            std::exception_ptr failure;
            try {
                co_await when_all(produce(), concurrent_for_each(in, 3, std::ref(use)));
            } catch (...) {
                failure = std::current_exception();
            }
            left = in.size();
            if (failure) std::rethrow_exception(failure);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(sent == begun + left);
            if (how == ending::value) CHECK(begun == 8);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 8);

    const std::size_t mapped = run_on_loop([]() -> task<std::size_t> {
        auto scenario = [&]() -> task<> {
            channel<int> in(1);
            channel<int> out(1);
            auto f = [&](int item) -> task<int> {
                co_await tests::turns(1);
                co_return item;
            };
            auto map = [&]() -> task<> {
                static_cast<void>(co_await concurrent_map(in, 2, std::ref(f), out));
                out.close();
            };
            auto read = [&]() -> task<int> {
                int sum = 0;
                while (auto item = co_await out.receive())
                    sum += *item;
                co_return sum;
            };
            auto all = co_await when_all(send_up_to(in, 6), map(), read());
            CHECK(std::get<2>(all) == 15);
        };
        auto check = [&](ending how) { CHECK((how == ending::value || how == ending::cancelled)); };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(mapped >= 8);
}

TEST_CASE("concurrent_map over a channel: a pipeline over two loops") {
    const int n = static_cast<int>(tests::repeat(20'000, 2'000));
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        channel<int> in(8);
        channel<long> squares(8);
        channel<long> halves(8);
        std::atomic<long> sum{0};
        auto body = [&](task_group& group) -> task<> {
            auto square = [](int x) -> task<long> { co_return static_cast<long>(x) * x; };
            auto half = [](long x) -> task<long> {
                co_await yield();
                co_return x / 2;
            };
            auto first = [&]() -> task<> {
                static_cast<void>(co_await concurrent_map(in, 4, square, squares));
                squares.close();
            };
            auto second = [&]() -> task<> {
                static_cast<void>(co_await concurrent_map(squares, 4, half, halves));
                halves.close();
            };
            auto third = [&]() -> task<> {
                auto add = [&](long x) -> task<> {
                    sum += x;
                    co_return;
                };
                co_await concurrent_for_each(halves, 2, std::ref(add));
            };
            auto produce = [&]() -> task<> { return send_up_to(in, n); };
            auto a = group.spawn_result_on(rt.loop(0), std::ref(first));
            auto b = group.spawn_result_on(rt.loop(1), std::ref(second));
            auto c = group.spawn_result_on(rt.loop(0), std::ref(third));
            auto d = group.spawn_result_on(rt.loop(1), std::ref(produce));
            co_await d.result();
            co_await a.result();
            co_await b.result();
            co_await c.result();
        };
        co_await with_task_group(std::ref(body));
        long expected = 0;
        for (long i = 0; i < n; ++i)
            expected += i * i / 2;
        CHECK(sum == expected);
    });
}

TEST_CASE("concurrent_for_each over a channel: a limit of any size costs what is used of it") {
    run_on_loop([]() -> task<> {
        channel<int> in(4);
        int sum = 0;
        auto add = [&sum](int n) -> task<> {
            co_await tests::turns(3);
            sum += n;
        };
        co_await when_all(send_up_to(in, 100), concurrent_for_each(in, static_cast<std::size_t>(-1), add));
        CHECK(sum == 4950);
    });
}

TEST_CASE("concurrent_for_each over a channel: more workers when all are busy") {
    run_on_loop([]() -> task<> {
        channel<int> in(0);
        int now = 0;
        event all_there;
        auto wait = [&](int) -> task<> {
            if (++now == 1'000) all_there.set();
            co_await all_there.wait();
        };
        co_await when_all(send_up_to(in, 1'000), concurrent_for_each(in, 1'000, wait));
        CHECK(now == 1'000);
    });
}
