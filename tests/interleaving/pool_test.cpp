// The protocols of a worker of the pool: its deque, and parking. Each once as it is, and with bugs planted
// that the explorer must find.
#include "tests/interleaving/support.hpp"

#include "lib/parallelism/job_queue.hpp"
#include "lib/parallelism/parking.hpp"
#include "lib/parallelism/work_deque.hpp"

#include <array>
#include <memory>
#include <optional>

using explore::limits;
using explore::mutation;
using explore::world;
using tandem::detail::job_batch;
using tandem::detail::job_queue;
using tandem::detail::parking;
using tandem::detail::work_deque;
using effect = explore::mutation::effect;

namespace {

// What is in the deque: who takes it must see what was written before the push, and nobody takes it twice.
class item {
public:
    void take() {
        explore::require(payload.get() == 7, "what was written before the push is seen");
        explore::require(!taken, "each element is taken once");
        taken = true;
    }
    explore::cell<int> payload{0};
    bool taken = false;
};

class deque_scenario {
public:
    std::size_t capacity = 2;
    int before = 1; // pushed before the thieves begin
    int during = 0; // pushed and popped while they steal
    int thieves = 2;

    void operator()(world& w) const {
        work_deque<item> deque(capacity);
        std::array<item, 8> items;
        const auto total = static_cast<std::size_t>(before + during);
        std::size_t next = 0;
        const auto push = [&] {
            items[next].payload.set(7);
            explore::require(deque.push(&items[next++]), "there is memory");
        };
        for (int i = 0; i < before; ++i)
            push();
        w.thread("owner", [&] {
            for (int i = 0; i < during; ++i)
                push();
            for (std::size_t i = 0; i < total; ++i)
                if (item* const got = deque.pop()) got->take();
        });
        for (int i = 0; i < thieves; ++i)
            w.thread("thief " + std::to_string(i), [&] {
                if (item* const got = deque.steal()) got->take();
            });
        w.join();
        while (item* const got = deque.pop())
            got->take();
        for (std::size_t i = 0; i < total; ++i)
            explore::require(items[i].taken, "no element is lost");
        explore::require(deque.empty(), "the deque is empty");
    }
};

deque_scenario last_element() {
    return deque_scenario();
}
deque_scenario push_and_pop() {
    deque_scenario s;
    s.before = 0;
    s.during = 2;
    return s;
}
deque_scenario reuse_and_growth() { // three elements in two slots, the first of them stolen or not
    deque_scenario s;
    s.before = 2;
    s.during = 1;
    return s;
}

} // namespace

TEST_CASE("work_deque: each element is taken once, whoever is faster") {
    tests::holds("work_deque: last element, two thieves", last_element(), tests::thorough());
    tests::holds("work_deque: push and pop against two thieves", push_and_pop(), tests::thorough());
    deque_scenario one = reuse_and_growth();
    one.thieves = 1;
    tests::holds("work_deque: growth against a thief", one, tests::thorough());
    one.capacity = 4;
    one.before = 1;
    one.during = 3;
    tests::holds("work_deque: reuse of slots against a thief", one, tests::thorough());
}

TEST_CASE("work_deque: planted bugs are found") {
    const std::string_view file = "work_deque.hpp";
    tests::finds("bug: pop takes the last element without a swap", {file, "::pop", "cas", effect::succeed},
                 "taken once", last_element());
    tests::finds("bug: steal takes without a swap", {file, "::steal", "cas", effect::succeed}, "taken once",
                 last_element());
    tests::finds("bug: pop announces with release only", {file, "::pop", "store", effect::weaken},
                 "taken once", deque_scenario{2, 2, 0, 2});
    tests::finds("bug: steal reads bottom and top with acquire only",
                 {file, "::steal", "load", effect::weaken}, "taken once", deque_scenario{2, 2, 0, 2});
    tests::finds("bug: push publishes relaxed", {file, "::push", "store", effect::relax}, "races",
                 push_and_pop());
}

namespace {

// Two workers that sleep when there is nothing, as pool_worker does, and a thread that submits.
class pool_scenario {
public:
    std::size_t workers = 2;
    int jobs = 2;
    bool looks_again = true; // after it announced that it goes to sleep

    void operator()(world& w) const {
        job_queue injected;
        std::array<job_batch, 2> batches;
        parking sleepers(workers, 1);
        explore::atomic<std::uint8_t> epoch(0);
        explore::atomic<int> left(jobs);
        class job : public tandem::pool_job {
        public:
            job() : pool_job(&job::run) {}
            static void run(pool_job& self, bool) noexcept {
                auto& me = static_cast<job&>(self);
                explore::require(me.payload.get() == 7, "what was written before the submit is seen");
                explore::require(!me.ran, "each job runs once");
                me.ran = true;
            }
            explore::cell<int> payload{0};
            bool ran = false;
        };
        std::array<job, 2> all;

        std::array<parking::spot, 2> spots;
        for (std::size_t i = 0; i < workers; ++i)
            w.thread("worker " + std::to_string(i), [&, i] {
                const auto next = [&]() -> tandem::pool_job* {
                    if (tandem::pool_job* const got = batches[i].take()) return got;
                    if (tandem::pool_job* const got = injected.take(batches[i], 1)) return got;
                    return workers > 1 ? batches[1 - i].steal() : nullptr;
                };
                const auto has_work = [&] {
                    return !injected.empty() || !batches[0].empty() || !batches[1].empty();
                };
                const auto run_all = [&] {
                    bool found = false;
                    while (tandem::pool_job* const got = next()) {
                        found = true;
                        job::run(*got, false);
                        if (left.fetch_sub(1) == 1) sleepers.close(); // the last one ends it
                    }
                    return found;
                };
                run_all();
                bool searching = sleepers.begin_search();
                for (;;) {
                    if (searching) {
                        tandem::pool_job* const got = next();
                        if (got) {
                            if (sleepers.end_search() && has_work()) sleepers.work_added();
                            job::run(*got, false);
                            if (left.fetch_sub(1) == 1) sleepers.close();
                            run_all();
                            searching = sleepers.begin_search();
                            continue;
                        }
                    }
                    if (left.load() == 0) return;
                    sleepers.park(spots[i], searching, [&] { return looks_again && has_work(); });
                    searching = true;
                }
            });
        w.thread("submitter", [&] {
            for (int i = 0; i < jobs; ++i) {
                auto& next = all[static_cast<std::size_t>(i)];
                next.payload.set(7);
                injected.push(next, epoch);
                sleepers.work_added();
            }
        });
        w.join();
        for (int i = 0; i < jobs; ++i)
            explore::require(all[static_cast<std::size_t>(i)].ran, "no job is lost");
    }
};

pool_scenario one_worker() {
    pool_scenario s;
    s.workers = 1;
    s.jobs = 1;
    return s;
}

} // namespace

TEST_CASE("parking: no wake-up is lost between a submit and a worker that goes to sleep") {
    tests::holds("parking: one worker, one job", one_worker(), tests::thorough());
    pool_scenario two_jobs = one_worker();
    two_jobs.jobs = 2;
    tests::holds("parking: one worker, two jobs", two_jobs, tests::thorough());
    pool_scenario two_workers;
    two_workers.jobs = 1;
    tests::holds("parking: two workers, one job", two_workers);
    limits sequential;
    sequential.stale_loads = 0;
    tests::holds("parking: two workers, two jobs", pool_scenario(), sequential);
}

TEST_CASE("parking: planted bugs are found") {
    pool_scenario forgetful = one_worker();
    forgetful.looks_again = false;
    tests::fails("bug: no second look after announcing sleep", "lost wake-up", forgetful);
    tests::finds("bug: work_added reads the sleepers with acquire only",
                 {"parking.hpp", "::work_added", "load", effect::weaken}, "lost wake-up", one_worker());
    tests::finds("bug: going to sleep is announced with acq_rel only",
                 {"parking.hpp", "::park", "fetch_add", effect::weaken}, "lost wake-up", one_worker());
    tests::finds("bug: the queue's size is written with release only",
                 {"job_queue.hpp", "::append", "store", effect::weaken}, "lost wake-up", one_worker());
    tests::finds("bug: the queue's size is read with acquire only",
                 {"job_queue.hpp", "::empty", "load", effect::weaken}, "lost wake-up", one_worker());
}

namespace {

// A worker that waits until another has run its fork, as pool_worker::work_until_done and sleep_until_done
// do, beside a job that may wake it for work instead.
class join_scenario {
public:
    bool works = true;     // it takes other work meanwhile, or only sleeps
    bool announces = true; // that it sleeps, before it does
    bool job = false;

    void operator()(world& w) const {
        enum : int { pending, awaited, done };
        job_queue injected;
        parking sleepers(2, 1);
        explore::atomic<std::uint8_t> epoch(0);
        explore::atomic<int> state(pending);
        explore::cell<int> result{0};
        parking::spot spot;
        tandem::pool_job other([](tandem::pool_job&, bool) noexcept {});
        w.thread("owner", [&] {
            bool searching = false;
            while (works && state.load() != done) {
                if (!searching) searching = sleepers.begin_search();
                if (searching && injected.pop() != nullptr) {
                    searching = false;
                    if (sleepers.end_search() && !injected.empty()) sleepers.work_added();
                    continue;
                }
                int expected = pending;
                if (announces && !state.compare_exchange_strong(expected, awaited)) break;
                sleepers.park(spot, searching, [&] { return state.load() == done || !injected.empty(); });
                searching = true;
                expected = awaited;
                state.compare_exchange_strong(expected, pending);
            }
            if (searching && sleepers.end_search() && !injected.empty()) sleepers.work_added();
            int expected = pending;
            if (state.compare_exchange_strong(expected, awaited))
                sleepers.sleep(spot, [&] { return state.load() == done; });
            explore::require(result.get() == 7, "what the fork wrote is seen");
        });
        w.thread("thief", [&] {
            result.set(7);
            if (state.exchange(done) == awaited) sleepers.wake(spot);
        });
        if (job)
            w.thread("submitter", [&] {
                injected.push(other, epoch);
                sleepers.work_added();
            });
        w.join();
    }
};

join_scenario with_job() {
    join_scenario s;
    s.job = true;
    return s;
}

} // namespace

TEST_CASE("parking: a worker that waits for a fork is woken when it is done") {
    join_scenario sleeper;
    sleeper.works = false;
    tests::holds("join: asleep", sleeper, tests::thorough());
    tests::holds("join: parked", join_scenario(), tests::thorough());
    limits sequential;
    sequential.stale_loads = 0;
    tests::holds("join: parked, and a job", with_job(), sequential);
    join_scenario silent;
    silent.announces = false;
    tests::fails("bug: parks unannounced", "lost wake-up", silent);
}
