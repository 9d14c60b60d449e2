#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/sync/watch.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

TEST_CASE("watch: a view waits for a change that it has not seen, and gets the latest value") {
    run_on_loop([]() -> task<> {
        watch<std::string> w("a");
        CHECK(w.get() == "a");
        auto view = w.subscribe();
        CHECK_FALSE(view.has_changed());
        CHECK(w.set("b"));
        CHECK(w.set("c"));
        CHECK(view.has_changed());
        const bool changed = co_await view.changed();
        CHECK(changed);
        CHECK(view.get() == "c");
        CHECK_FALSE(view.has_changed());

        CHECK(w.set("d"));
        CHECK(view.get() == "d"); // seen this way too
        CHECK_FALSE(view.has_changed());

        std::vector<std::string> seen;
        auto follow = [&]() -> task<> {
            while (co_await view.changed())
                seen.push_back(view.get());
        };
        auto change = [&]() -> task<> {
            co_await yield();
            w.set("e");
            co_await tests::turns(2);
            w.update([](std::string& s) { s += "!"; });
            co_await tests::turns(2);
            w.set("f");
            w.set("g");
            w.close(); // the last value is still reported
            CHECK_FALSE(w.set("h"));
            CHECK_FALSE(w.update([](std::string& s) { s = "h"; }));
        };
        co_await when_all(follow(), change());
        CHECK(seen == std::vector<std::string>{"e", "e!", "g"});
        CHECK(w.closed());
        CHECK(w.get() == "g");
    });
}

TEST_CASE("watch: an update may decline, or fail") {
    watch<int> w(1);
    auto view = w.subscribe();
    CHECK(w.update([](int& value) {
        value = 5;
        return false;
    }));
    CHECK_FALSE(view.has_changed());
    CHECK(w.get() == 1);
    CHECK(w.update([](int& value) {
        ++value;
        return true;
    }));
    CHECK(view.has_changed());
    CHECK(view.get() == 2);
    auto fail = [](int& value) {
        value = 9;
        throw std::runtime_error("update");
    };
    CHECK_THROWS_AS(w.update(fail), std::runtime_error);
    CHECK(w.get() == 2);
    CHECK_FALSE(view.has_changed());
}

TEST_CASE("watch: views outlive it, and see its end") {
    auto w = std::make_unique<watch<int>>(1);
    auto view = w->subscribe();
    w->set(2);
    w.reset();
    run_on_loop([&]() -> task<> {
        const bool last = co_await view.changed();
        const bool end = co_await view.changed();
        CHECK(last);
        CHECK_FALSE(end);
        CHECK(view.get() == 2);
    });
}

TEST_CASE("watch: one task at a time for a view") {
    run_on_loop([]() -> task<> {
        watch<int> w(1);
        auto view = w.subscribe();
        auto wait = [&]() -> task<bool> { co_return co_await view.changed(); };
        auto second = [&]() -> task<> {
            const ending how = co_await tests::ends(wait());
            CHECK(how == ending::error);
            w.set(2);
        };
        auto both = co_await when_all(wait(), second());
        CHECK(std::get<0>(both));
    });
}

TEST_CASE("watch: cancelled at every suspension, the last change is still seen") {
    const std::size_t cancelled = run_on_loop([]() -> task<std::size_t> {
        std::unique_ptr<watch<int>> w;
        std::vector<watch<int>::receiver> views;
        std::vector<int> last;
        auto follow = [&](std::size_t me) -> task<> {
            while (co_await views[me].changed())
                last[me] = views[me].get();
        };
        auto change = [&]() -> task<> {
            for (int i = 1; i <= 8; ++i) {
                w->set(i);
                co_await tests::turns(static_cast<std::size_t>(i % 3));
            }
            w->close();
        };
        auto body = [&](task_group& group) -> task<> {
            group.spawn(std::ref(follow), std::size_t{0});
            group.spawn(std::ref(change));
            group.spawn(std::ref(follow), std::size_t{1});
            co_return;
        };
        auto scenario = [&]() -> task<> {
            w = std::make_unique<watch<int>>(0);
            views.clear();
            views.push_back(w->subscribe());
            views.push_back(w->subscribe());
            last.assign(2, 0);
            return with_task_group(body);
        };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            for (std::size_t me = 0; me < 2; ++me)
                CHECK(views[me].has_changed() == (last[me] != w->get()));
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 10);
}

TEST_CASE("watch: changes on one loop and a thread, followed on two, nobody misses the last") {
    const int each = static_cast<int>(tests::repeat(20'000, 2'000));
    runtime rt(tests::loops(2));
    watch<int> w(0);
    std::vector<watch<int>::receiver> views;
    for (int i = 0; i < 4; ++i)
        views.push_back(w.subscribe());
    std::vector<int> last(4, 0);
    std::atomic<bool> went_back{false}; // assertions are for the main thread
    std::atomic<bool> closed{false};
    auto follow = [&](std::size_t me) -> task<> {
        while (last[me] != 2 * each) {
            const bool changed = co_await views[me].changed();
            if (!changed) closed = true;
            const int value = views[me].get();
            if (value < last[me]) went_back = true;
            last[me] = value;
        }
    };
    std::thread thread([&] {
        for (int i = 0; i < each; ++i)
            w.update([](int& value) { ++value; });
    });
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 4; ++i)
                group.spawn_on(rt.loop(i % 2), std::ref(follow), i);
            for (int i = 0; i < each; ++i) {
                w.update([](int& value) { ++value; });
                if (i % 16 == 0) co_await yield();
            }
        });
    });
    thread.join();
    CHECK(w.get() == 2 * each);
    CHECK_FALSE(went_back.load());
    CHECK_FALSE(closed.load());
    CHECK(last == std::vector<int>(4, 2 * each));
}

TEST_CASE("watch: destroyed with its runtime while views wait") {
    watch<int> w(1);
    {
        runtime rt(tests::small().drain_timeout(0ms));
        auto wait = [](watch<int>& of) -> task<> {
            auto view = of.subscribe();
            static_cast<void>(co_await view.changed());
        };
        for (int i = 0; i < 10; ++i)
            rt.spawn(wait(w));
        rt.run(tests::turns(3));
    }
    CHECK(w.set(2)); // nobody is left to be woken
}
