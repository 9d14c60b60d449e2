#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/semaphore.hpp>

#include "tests/support/build.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/sync/primitive_support.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

task<> hold_for_turns(semaphore& s, std::size_t n) {
    const semaphore_permit permit = co_await s.acquire();
    co_await tests::turns(n);
}

task<> note_order(semaphore& s, std::vector<int>& order, int me) {
    const semaphore_permit permit = co_await s.acquire();
    order.push_back(me);
    co_await yield();
}

} // namespace

TEST_CASE("semaphore: permits are counted, and given back by the guard") {
    semaphore s(2);
    CHECK(s.available() == 2);
    {
        semaphore_permit a = s.try_acquire();
        semaphore_permit b = s.try_acquire();
        semaphore_permit c = s.try_acquire();
        CHECK(a);
        CHECK(b);
        CHECK_FALSE(c);
        CHECK(s.available() == 0);
        a.release();
        CHECK_FALSE(a);
        a.release(); // idempotent
        CHECK(s.available() == 1);
        semaphore_permit moved = std::move(b);
        CHECK(moved);
        CHECK_FALSE(b);
        c = std::move(moved);
        CHECK(s.available() == 1);
        c = semaphore_permit(); // assigning over a permit gives it back
        CHECK(s.available() == 2);
    }
    CHECK(s.available() == 2);
    semaphore_permit kept = s.try_acquire();
    kept.forget();
    CHECK(s.available() == 1);
    s.release();
    CHECK(s.available() == 2);
    s.release(0);
    s.release(3);
    CHECK(s.available() == 5);
}

TEST_CASE("semaphore: first come, first served, and no newcomer overtakes") {
    std::vector<int> order;
    bool overtook = true;
    run_on_loop([&]() -> task<> {
        semaphore s(0);
        co_await with_task_group([&](task_group& group) -> task<> {
            for (int i = 0; i < 100; ++i)
                group.spawn(note_order, std::ref(s), std::ref(order), i);
            co_await tests::turns(3);
            s.release();
            overtook = static_cast<bool>(s.try_acquire()); // the permit is the first waiter's already
            co_await tests::turns(3);
            s.release(4);
        });
    });
    CHECK_FALSE(overtook);
    REQUIRE(order.size() == 100);
    for (int i = 0; i < 100; ++i)
        CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("semaphore: never more than N at a time") {
    std::size_t most = 0;
    std::size_t now = 0;
    std::size_t total = 0;
    run_on_loop([&]() -> task<> {
        semaphore s(3);
        auto work = [&](std::size_t n) -> task<> {
            const semaphore_permit permit = co_await s.acquire();
            most = std::max(most, ++now);
            co_await tests::turns(n);
            --now;
            ++total;
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 50; ++i)
                group.spawn(std::ref(work), i % 5);
            co_return;
        });
        CHECK(s.available() == 3);
    });
    CHECK(most == 3);
    CHECK(total == 50);
}

TEST_CASE("semaphore: cancelled at every suspension, permits are conserved and nobody waits") {
    std::size_t values = 0;
    const std::size_t cancelled = run_on_loop([&]() -> task<std::size_t> {
        semaphore s(1);
        auto body = [&s](task_group& group) -> task<> {
            for (std::size_t i = 0; i < 4; ++i)
                group.spawn(hold_for_turns, std::ref(s), i);
            const semaphore_permit mine = co_await s.acquire();
            co_await yield();
        };
        auto scenario = [&]() -> task<> { return with_task_group(body); };
        auto check = [&](ending how) {
            CHECK((how == ending::value || how == ending::cancelled));
            values += how == ending::value ? 1 : 0;
            const semaphore_permit free = s.try_acquire(); // fails too when somebody still waits
            CHECK(free);
            CHECK(s.available() == 0);
        };
        co_return co_await tests::cancel_everywhere(scenario, check);
    });
    CHECK(cancelled > 10);
    CHECK(values >= 2);
}

TEST_CASE("semaphore: a permit granted in the turn of a cancellation is handed over") {
    run_on_loop([]() -> task<> {
        semaphore s(0);
        semaphore_permit got;
        ending after = ending::value;
        auto wait = [&]() -> task<> {
            got = co_await s.acquire();
            after = co_await tests::ends(tests::turns(1)); // and the cancellation is told here
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(wait));
            co_await tests::turns(3);
            s.release();
            group.cancel();
        });
        CHECK(got);
        CHECK(after == ending::cancelled);
        got.release();
        CHECK(s.available() == 1);
    });
}

TEST_CASE("semaphore: a cancelled waiter in the middle leaves the others in order") {
    std::vector<int> order;
    run_on_loop([&]() -> task<> {
        semaphore s(0);
        co_await with_task_group([&](task_group& outer) -> task<> {
            auto cancellable = [&]() -> task<> {
                task_group inner;
                inner.spawn(note_order, std::ref(s), std::ref(order), 1);
                co_await tests::turns(2);
                inner.cancel();
                co_await inner.join();
            };
            outer.spawn(note_order, std::ref(s), std::ref(order), 0);
            outer.spawn(std::ref(cancellable));
            co_await tests::turns(1);
            outer.spawn(note_order, std::ref(s), std::ref(order), 2);
            co_await tests::turns(6);
            s.release(1);
        });
        CHECK(s.available() == 1);
    });
    CHECK(order == std::vector<int>{0, 2});
}

TEST_CASE("semaphore: an exception of the holder gives the permit back") {
    run_on_loop([]() -> task<> {
        semaphore s(1);
        auto fail = [&s]() -> task<> {
            const semaphore_permit permit = co_await s.acquire();
            throw std::runtime_error("holder");
        };
        const ending how = co_await tests::ends(fail());
        CHECK(how == ending::error);
        CHECK(s.available() == 1);
    });
}

TEST_CASE("semaphore: the loser of a race that got its permit hands it over") {
    run_on_loop([]() -> task<> {
        semaphore s(0);
        for (std::size_t k = 0; k < 12; ++k) {
            auto release = [&s](std::size_t n) -> task<> {
                co_await tests::turns(n);
                s.release();
            };
            auto race = [&]() -> task<bool> {
                auto result = co_await when_any(s.acquire(), tests::turns(6));
                const bool got = result.get<0>().has_value() && static_cast<bool>(result.get<0>().value());
                co_return got;
            };
            auto both = co_await when_all(release(k), race());
            const bool got = std::get<1>(both);
            // In the race's result, given back when that went; or still free. Never lost.
            CHECK(s.available() == 1);
            if (k < 4) CHECK(got);
            semaphore_permit used = s.try_acquire();
            CHECK(used);
            used.forget();
        }
    });
}

TEST_CASE("semaphore: uncontended acquisitions do not starve another task") {
    std::size_t others_turns = 0;
    run_on_loop([&]() -> task<> {
        semaphore s(1);
        bool stop = false;
        auto greedy = [&]() -> task<> {
            for (std::size_t i = 0; i < 100'000 && !stop; ++i)
                const semaphore_permit permit = co_await s.acquire();
        };
        auto other = [&]() -> task<> {
            for (; others_turns < 100; ++others_turns)
                co_await yield();
            stop = true;
        };
        co_await when_all(greedy(), other());
        CHECK(stop);
    });
    CHECK(others_turns == 100);
}

TEST_CASE("semaphore: shared by three loops and released from threads") {
    const std::size_t each = tests::repeat(20'000, 2'000);
    runtime rt(tests::loops(3));
    semaphore s(2);
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::atomic<std::size_t> total{0};
    auto worker = [&]() -> task<> {
        for (std::size_t i = 0; i < each; ++i) {
            const semaphore_permit permit = co_await s.acquire();
            const int now = ++inside;
            if (now > most) most = now;
            ++total;
            --inside;
        }
    };
    rt.run([&]() -> task<> {
        co_await with_task_group([&](task_group& group) -> task<> {
            for (std::size_t loop = 0; loop < 3; ++loop)
                for (int i = 0; i < 3; ++i)
                    group.spawn_on(rt.loop(loop), std::ref(worker));
            co_return;
        });
    });
    CHECK(total == 9 * each);
    CHECK(most <= 2);
    CHECK(s.available() == 2);

    semaphore gate(0);
    std::thread opener([&] {
        for (std::size_t i = 0; i < each; ++i)
            gate.release();
    });
    rt.run([&]() -> task<> {
        for (std::size_t i = 0; i < each; ++i) {
            semaphore_permit permit = co_await gate.acquire();
            permit.forget();
        }
    });
    opener.join();
    CHECK(gate.available() == 0);
}

TEST_CASE("semaphore: several permits at once") {
    semaphore s(5);
    semaphore_permit three = s.try_acquire(3);
    CHECK(three);
    CHECK(three.count() == 3);
    CHECK(s.available() == 2);
    CHECK_FALSE(s.try_acquire(3));
    semaphore_permit two = block_on(s.acquire(2));
    CHECK(two.count() == 2);
    CHECK(s.available() == 0);
    semaphore_permit moved = std::move(three);
    CHECK(three.count() == 0);
    CHECK(moved.count() == 3);
    moved.release();
    CHECK(moved.count() == 0);
    CHECK(s.available() == 3);
    two.forget();
    CHECK(two.count() == 0);
    CHECK(s.available() == 3);
    s.release(2);
    CHECK(s.try_acquire(0)); // a permit for nothing
    CHECK_FALSE(s.try_acquire(semaphore::most));
    CHECK(s.available() == 5);
}

namespace {

task<> note_amount(semaphore& s, std::vector<std::size_t>& order, std::size_t n) {
    const semaphore_permit permit = co_await s.acquire(n);
    order.push_back(n);
    co_await tests::turns(2);
}

} // namespace

TEST_CASE("semaphore: a large request at the front is not overtaken by small ones") {
    std::vector<std::size_t> order;
    bool overtook = true;
    run_on_loop([&]() -> task<> {
        semaphore s(4);
        semaphore_permit mine = s.try_acquire(2);
        co_await with_task_group([&](task_group& group) -> task<> {
            for (const std::size_t n : std::vector<std::size_t>{3, 1, 2, 4, 1})
                group.spawn(note_amount, std::ref(s), std::ref(order), n);
            co_await tests::turns(3);
            CHECK(order.empty());
            CHECK(s.available() == 2);
            overtook = static_cast<bool>(s.try_acquire());
            mine.release();
        });
        CHECK(s.available() == 4);
    });
    CHECK_FALSE(overtook);
    CHECK(order == std::vector<std::size_t>{3, 1, 2, 4, 1});
}

TEST_CASE("semaphore: when the large request at the front withdraws, those behind it that fit go on") {
    std::vector<std::size_t> order;
    run_on_loop([&]() -> task<> {
        semaphore s(2);
        task_group large;
        large.spawn(note_amount, std::ref(s), std::ref(order), std::size_t(3));
        co_await tests::turns(2);
        co_await with_task_group([&](task_group& small) -> task<> {
            for (const std::size_t n : std::vector<std::size_t>{1, 1, 2})
                small.spawn(note_amount, std::ref(s), std::ref(order), n);
            co_await tests::turns(2);
            CHECK(order.empty());
            large.cancel();
            co_await tests::turns(2);
            CHECK(order == std::vector<std::size_t>{1, 1});
        });
        co_await large.join();
        CHECK(s.available() == 2);
    });
    CHECK(order == std::vector<std::size_t>{1, 1, 2});
}

TEST_CASE("semaphore: the same when the front is destroyed with its context") {
    semaphore s(1);
    std::vector<std::size_t> order;
    tests::doomed_context first;
    tests::doomed_context second;
    first.start(note_amount(s, order, 2));
    second.start(note_amount(s, order, 1));
    CHECK(order.empty());
    first.destroy();
    second.run();
    CHECK(order == std::vector<std::size_t>{1});
    CHECK(s.available() == 1);
}

TEST_CASE("semaphore: a storm of requests of all sizes that give up conserves the permits") {
    constexpr std::size_t permits = 6;
    semaphore s(permits);
    std::atomic<std::size_t> taken{0};
    std::atomic<bool> too_many{false};
    auto worker = [&](tests::dice& random) -> task<> {
        const std::size_t n = 1 + random.below(permits);
        auto race = co_await when_any(s.acquire(n), tests::patience(random));
        if (!race.get<0>()) co_return;
        semaphore_permit permit = std::move(race.get<0>().value());
        if (taken.fetch_add(n) + n > permits) too_many = true;
        if (random.below(4) == 0) co_await yield();
        taken -= n;
    };
    tests::storm(tests::repeat(5'000, 500), worker);
    CHECK_FALSE(too_many);
    CHECK(s.available() == permits);
    CHECK(s.try_acquire(permits));
}

TEST_CASE("semaphore: any number of permits") {
    constexpr std::size_t all = static_cast<std::size_t>(-1);
    semaphore unlimited(all);
    CHECK(unlimited.available() == semaphore::most);
    {
        const semaphore_permit many = unlimited.try_acquire(semaphore::most);
        CHECK(many.count() == semaphore::most);
        CHECK(unlimited.available() == 0);
        CHECK_FALSE(unlimited.try_acquire());
    }
    CHECK(unlimited.available() == semaphore::most);
    unlimited.release(all); // there are as many as there can be
    CHECK(unlimited.available() == semaphore::most);
    CHECK_FALSE(unlimited.try_acquire(all));

    semaphore s(0);
    s.release(all);
    CHECK(s.available() == semaphore::most);
    run_on_loop([]() -> task<> {
        semaphore empty(0);
        bool got = false;
        auto wait = [&]() -> task<> {
            const semaphore_permit permit = co_await empty.acquire(3);
            got = permit.count() == 3;
        };
        auto give = [&]() -> task<> {
            co_await tests::turns(2);
            empty.release(static_cast<std::size_t>(-1)); // somebody waits
        };
        co_await when_all(wait(), give());
        CHECK(got);
        CHECK(empty.available() == semaphore::most);
    });
}
