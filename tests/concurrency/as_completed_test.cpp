#include <tandem/concurrency/as_completed.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

task<int> number_after(std::size_t n, int value) {
    co_await tests::turns(n);
    co_return value;
}

std::vector<task<int>> numbers(const std::vector<std::size_t>& turns) {
    std::vector<task<int>> tasks;
    for (std::size_t i = 0; i < turns.size(); ++i)
        tasks.push_back(number_after(turns[i], static_cast<int>(i)));
    return tasks;
}

task<> forever() {
    event never;
    co_await never.wait();
}

} // namespace

TEST_CASE("as_completed: in the order of completion, with the index, the body's result is returned") {
    run_on_loop([]() -> task<> {
        std::vector<std::size_t> order;
        auto body = [&](completions<int>& results) -> task<std::string> {
            CHECK(results.remaining() == 4);
            while (auto r = co_await results.next()) {
                CHECK(r->value() == static_cast<int>(r->index()));
                order.push_back(r->index());
            }
            CHECK(results.remaining() == 0);
            const auto after = co_await results.next();
            CHECK_FALSE(after.has_value());
            co_return "done";
        };
        std::vector<std::size_t> turns{30, 5, 20, 10};
        const std::string done = co_await as_completed(numbers(turns), 16, std::ref(body));
        CHECK(done == "done");
        CHECK(order == std::vector<std::size_t>{1, 3, 2, 0});
    });
}

TEST_CASE("as_completed: at most `limit` at a time, results not taken included, empty") {
    for (const std::size_t limit : std::vector<std::size_t>{0, 1, 4, 1000}) {
        run_on_loop([limit]() -> task<> {
            std::size_t begun = 0;
            std::size_t taken = 0;
            std::size_t most = 0;
            auto child = [&](std::size_t n) -> task<std::size_t> {
                most = std::max(most, ++begun - taken);
                co_await tests::turns(n % 5);
                co_return n;
            };
            std::vector<task<std::size_t>> tasks;
            for (std::size_t i = 0; i < 100; ++i)
                tasks.push_back(child(i));
            auto body = [&](completions<std::size_t>& results) -> task<> {
                std::set<std::size_t> seen;
                while (auto r = co_await results.next()) {
                    ++taken;
                    seen.insert(r->value());
                    if (taken % 10 == 0) co_await tests::turns(8); // slow
                }
                CHECK(seen.size() == 100);
            };
            co_await as_completed(std::move(tasks), limit, std::ref(body));
            CHECK(taken == 100);
            CHECK(most <= std::max<std::size_t>(limit, 1));
        });
    }
    run_on_loop([]() -> task<> {
        std::vector<task<>> none;
        bool empty = false;
        auto body = [&](completions<void>& results) -> task<> {
            const auto first = co_await results.next();
            empty = !first.has_value();
        };
        co_await as_completed(std::move(none), 4, std::ref(body));
        CHECK(empty);
    });
}

TEST_CASE("as_completed: left early, by return or exception, the rest is cancelled and awaited") {
    run_on_loop([]() -> task<> {
        std::size_t running = 0;
        std::size_t begun = 0;
        auto child = [&](std::size_t n) -> task<std::unique_ptr<std::size_t>> {
            ++begun;
            ++running;
            const ending how = co_await tests::ends(tests::turns(n));
            static_cast<void>(co_await tests::ends(tests::turns(3))); // cleaning up takes its time
            --running;
            if (how != ending::value) throw operation_cancelled();
            co_return std::make_unique<std::size_t>(n);
        };
        auto make = [&] {
            std::vector<task<std::unique_ptr<std::size_t>>> tasks;
            for (const std::size_t n : std::vector<std::size_t>{9, 2, 100'000, 4, 100'000, 1, 1})
                tasks.push_back(child(n));
            return tasks;
        };
        auto first = [](completions<std::unique_ptr<std::size_t>>& results) -> task<std::size_t> {
            auto r = co_await results.next();
            co_return r->index();
        };
        auto tasks = make();
        const std::size_t winner = co_await as_completed(std::move(tasks), 4, first);
        CHECK(winner == 1);
        CHECK(running == 0);
        CHECK(begun == 5); // the four, and one for the one that was taken

        auto throws = [](completions<std::unique_ptr<std::size_t>>& results) -> task<int> {
            static_cast<void>(co_await results.next());
            throw std::runtime_error("enough");
        };
        tasks = make();
        const std::string what = co_await tests::message_of(as_completed(std::move(tasks), 3, throws));
        CHECK(what == "enough");
        CHECK(running == 0);

        auto not_at_all = [](completions<std::unique_ptr<std::size_t>>&) -> task<> { co_return; };
        tasks = make();
        co_await as_completed(std::move(tasks), 2, not_at_all);
        CHECK(running == 0);
        auto not_a_coroutine = [](completions<std::unique_ptr<std::size_t>>&) -> task<> {
            throw std::runtime_error("at once");
        };
        tasks = make();
        const std::string at_once =
            co_await tests::message_of(as_completed(std::move(tasks), 2, not_a_coroutine));
        CHECK(at_once == "at once");
        CHECK(running == 0);
    });
}

TEST_CASE("as_completed: failures are outcomes and cancel nobody, references and void") {
    run_on_loop([]() -> task<> {
        auto child = [](int n) -> task<int> {
            co_await tests::turns(static_cast<std::size_t>(n));
            if (n % 2 == 1) throw std::runtime_error(std::to_string(n));
            co_return n;
        };
        std::vector<task<int>> tasks;
        for (int i = 0; i < 20; ++i)
            tasks.push_back(child(i));
        std::size_t failed = 0;
        std::size_t good = 0;
        auto body = [&](auto& results) -> task<> {
            while (auto r = co_await results.next()) {
                if (*r)
                    ++good;
                else
                    ++failed;
                CHECK_FALSE(r->cancelled());
            }
        };
        co_await as_completed(std::move(tasks), 5, std::ref(body));
        CHECK(failed == 10);
        CHECK(good == 10);

        int place = 1;
        auto refer = [&]() -> task<int&> { co_return place; };
        std::vector<task<int&>> references;
        references.push_back(refer());
        auto take = [](completions<int&>& results) -> task<int&> {
            auto r = co_await results.next();
            co_return r->value().get();
        };
        int& referred = co_await as_completed(std::move(references), 1, take);
        CHECK(&referred == &place);
        std::vector<task<>> voids;
        voids.push_back(tests::turns(2));
        auto count = [](completions<void>& results) -> task<int> {
            int n = 0;
            while (auto r = co_await results.next())
                ++n;
            co_return n;
        };
        const int one = co_await as_completed(std::move(voids), 3, count);
        CHECK(one == 1);
    });
}

TEST_CASE("as_completed: a timeout around next loses nothing") {
    run_on_loop([]() -> task<> {
        event go;
        auto child = [&](int n) -> task<int> {
            co_await go.wait();
            co_return n;
        };
        std::vector<task<int>> tasks;
        for (int i = 0; i < 3; ++i)
            tasks.push_back(child(i));
        auto body = [&](completions<int>& results) -> task<int> {
            const ending how = co_await tests::ends(with_timeout(1ms, results.next()));
            CHECK(how == ending::timeout);
            go.set();
            int n = 0;
            while (auto r = co_await with_timeout(1h, results.next()))
                ++n;
            co_return n;
        };
        const int three = co_await as_completed(std::move(tasks), 2, std::ref(body));
        CHECK(three == 3);
    });
}

TEST_CASE(
    "as_completed: cancelled at every suspension, nothing keeps running and nothing is handed out twice") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        int running = 0;
        auto child = [&](std::size_t n) -> task<std::size_t> {
            ++running;
            const ending how = co_await tests::ends(tests::turns(n));
            --running;
            if (how != ending::value) throw operation_cancelled();
            co_return n;
        };
        auto scenario = [&]() -> task<> {
            std::vector<task<std::size_t>> tasks;
            for (std::size_t i = 0; i < 6; ++i)
                tasks.push_back(child(i % 4));
            std::set<std::size_t> seen;
            auto body = [&](completions<std::size_t>& results) -> task<> {
                while (auto r = co_await results.next()) {
                    CHECK(seen.insert(r->index()).second);
                    co_await yield();
                }
                CHECK(seen.size() == 6);
            };
            co_await as_completed(std::move(tasks), 2, std::ref(body));
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            CHECK(running == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled >= 8);
}

TEST_CASE("as_completed: a body that swallows its cancellation still comes to an end") {
    run_on_loop([]() -> task<> {
        std::size_t turns = 0;
        auto subject = [&]() -> task<> {
            std::vector<task<>> tasks;
            for (int i = 0; i < 5; ++i)
                tasks.push_back(forever());
            auto body = [&](completions<void>& results) -> task<> {
                while (results.remaining() > 0 && turns < 10) {
                    ++turns;
                    try {
                        if (!co_await results.next()) break;
                    } catch (const operation_cancelled&) {
                    }
                }
            };
            co_await as_completed(std::move(tasks), 2, std::ref(body));
        };
        task_group group;
        group.spawn(std::ref(subject));
        co_await tests::turns(3);
        group.cancel();
        co_await group.join();
        CHECK(turns == 10);
    });
}

TEST_CASE("as_completed: ten thousand tasks that use the pool") {
    const std::size_t n = tests::repeat(10'000, 1'000);
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        auto child = [](std::size_t i) -> task<std::size_t> {
            auto same = [](std::size_t x) { return x; };
            if (i % 3 == 0) co_return co_await offload(same, i);
            co_await tests::turns(i % 4);
            co_return i;
        };
        std::vector<task<std::size_t>> tasks;
        for (std::size_t i = 0; i < n; ++i)
            tasks.push_back(child(i));
        std::size_t sum = 0;
        auto body = [&](completions<std::size_t>& results) -> task<> {
            while (auto r = co_await results.next())
                sum += r->value();
        };
        co_await as_completed(std::move(tasks), 64, std::ref(body));
        CHECK(sum == n * (n - 1) / 2);
    });
}

TEST_CASE("as_completed: a runtime that is destroyed while it waits") {
    auto token = std::make_shared<int>(1);
    {
        runtime rt(tests::small().drain_timeout(0ms));
        rt.run([&]() -> task<> {
            auto root = [](std::shared_ptr<int> held) -> task<> {
                auto child = [](std::shared_ptr<int>) -> task<int> {
                    for (;;)
                        static_cast<void>(co_await tests::ends(forever()));
                };
                std::vector<task<int>> tasks;
                for (int i = 0; i < 3; ++i)
                    tasks.push_back(tandem::invoke(child, held));
                auto body = [](completions<int>& results) -> task<> {
                    for (;;)
                        static_cast<void>(co_await tests::ends(as_task(results.next())));
                };
                co_await as_completed(std::move(tasks), 2, body);
            };
            rt.spawn(tandem::invoke(root, token));
            co_await tests::turns(3);
        });
    }
    CHECK(token.use_count() == 1);
}

namespace {

// Throws when its last move is used up.
class brittle_page {
public:
    explicit brittle_page(int moves) noexcept : moves_(moves) {}
    brittle_page(brittle_page&& other) : moves_(other.moves_ - 1) {
        if (moves_ < 0) throw std::domain_error("moved once too often");
    }

private:
    int moves_;
};

task<brittle_page> give_page(int moves) {
    co_return brittle_page(moves);
}
task<int> count_pages(completions<brittle_page>& pages, int& broken) {
    int taken = 0;
    for (;;) {
        try {
            const auto page = co_await pages.next();
            if (!page) break;
            taken += page->has_value() ? 1 : 0;
            broken += page->has_value() ? 0 : 1;
        } catch (const std::domain_error&) {
            ++broken;
        }
    }
    co_return taken;
}
task<int> brittle_pages(int moves, int& broken) {
    std::vector<task<brittle_page>> pages;
    for (int i = 0; i < 3; ++i)
        pages.push_back(give_page(moves));
    auto body = [&broken](completions<brittle_page>& all) { return count_pages(all, broken); };
    co_return co_await with_timeout(std::chrono::seconds(20), as_completed(std::move(pages), 1, body));
}

} // namespace

TEST_CASE("as_completed: a value whose move throws is one failure, the tasks after it still begin") {
    int taken = 0;
    for (int moves = 0; taken != 3; ++moves) {
        REQUIRE(moves < 20);
        int broken = 0;
        taken = tests::run_on_loop(brittle_pages(moves, broken));
        CAPTURE(moves);
        CHECK(taken + broken == 3);
    }
}
