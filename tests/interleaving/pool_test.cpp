// The pool's protocols: the deque of a worker, parking, the injection queue and its batches, the end of a
// call. Each once as it is, and with bugs planted that the explorer must find.
#include "tests/interleaving/support.hpp"

#include "tandem/parallelism/detail/completion_flag.hpp"

#include "lib/parallelism/job_queue.hpp"
#include "lib/parallelism/parking.hpp"
#include "lib/parallelism/work_deque.hpp"

#include <array>
#include <memory>
#include <optional>
#include <vector>

using explore::limits;
using explore::mutation;
using explore::world;
using tandem::detail::completion_flag;
using tandem::detail::completion_listener;
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

limits thorough() {
    limits most;
    most.preemptions = 3;
    most.stale_loads = 2;
    return most;
}

} // namespace

TEST_CASE("work_deque: each element is taken once, whoever is faster") {
    tests::holds("work_deque: last element, two thieves", last_element(), thorough());
    tests::holds("work_deque: push and pop against two thieves", push_and_pop(), thorough());
    deque_scenario one = reuse_and_growth();
    one.thieves = 1;
    tests::holds("work_deque: growth against a thief", one, thorough());
    one.capacity = 4;
    one.before = 1;
    one.during = 3;
    tests::holds("work_deque: reuse of slots against a thief", one, thorough());
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
    tests::holds("parking: one worker, one job", one_worker(), thorough());
    pool_scenario two_jobs = one_worker();
    two_jobs.jobs = 2;
    tests::holds("parking: one worker, two jobs", two_jobs, thorough());
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
    tests::holds("join: asleep", sleeper, thorough());
    tests::holds("join: parked", join_scenario(), thorough());
    limits sequential;
    sequential.stale_loads = 0;
    tests::holds("join: parked, and a job", with_job(), sequential);
    join_scenario silent;
    silent.announces = false;
    tests::fails("bug: parks unannounced", "lost wake-up", silent);
}

TEST_CASE("job_queue: a job is removed or popped, never both, and then its memory may go") {
    tests::holds("job_queue: remove against pop and push", [](world& w) {
        job_queue queue;
        explore::atomic<std::uint8_t> epoch(0);
        const auto action = [](tandem::pool_job&, bool) noexcept {};
        auto first = std::make_unique<tandem::pool_job>(action);
        tandem::pool_job second(action);
        tandem::pool_job* const plain = first.get();
        int got = 0;
        queue.push(*first, epoch);
        w.thread("remover", [&] {
            if (queue.remove(*first, {})) {
                ++got;
                first.reset(); // freed at once: nobody looks at it any more
            }
        });
        w.thread("worker", [&, plain] {
            while (tandem::pool_job* const job = queue.pop())
                if (job == plain) ++got;
        });
        w.thread("submitter", [&] { queue.push(second, epoch); });
        w.join();
        explore::require(got == 1, "the job is removed or popped, once");
        tandem::pool_job* const rest = queue.pop();
        explore::require(rest == nullptr || rest == &second, "nothing else is left");
        explore::require(queue.empty(), "the queue knows that it is empty");
    });
    tests::holds("job_queue: close against push", [](world& w) {
        job_queue queue;
        explore::atomic<std::uint8_t> epoch(0);
        const auto action = [](tandem::pool_job&, bool) noexcept {};
        tandem::pool_job one(action), two(action);
        bool first = false, second = false;
        w.thread("submitter", [&] {
            first = queue.push(one, epoch);
            second = queue.push(two, epoch);
        });
        w.thread("closer", [&] { queue.close(); });
        w.join();
        explore::require(first || !second, "closed stays closed");
        int jobs = 0;
        while (queue.pop())
            ++jobs;
        explore::require(jobs == int(first) + int(second), "what was accepted is there");
    });
}

namespace {

// A worker that takes jobs along, thieves, and the owner of one who wants it back.
class batch_scenario {
public:
    bool removes = true;
    std::size_t thieves = 1;
    bool pushes_late = false; // while the others are at it

    void operator()(world& w) const {
        class job : public tandem::pool_job {
        public:
            explicit job(int& t) : pool_job([](tandem::pool_job&, bool) noexcept {}), times(t) {}
            explore::cell<int> payload{0};
            int& times;
        };
        const auto run = [](tandem::pool_job* got) {
            auto& self = static_cast<job&>(*got);
            explore::require(self.payload.get() == 7, "what was written before the submit is seen");
            ++self.times;
        };
        job_queue queue;
        job_batch batch;
        const std::vector<job_batch*> batches{&batch};
        explore::atomic<std::uint8_t> epoch(0);
        std::array<int, 3> times{};
        std::array<std::unique_ptr<job>, 3> jobs;
        const auto push_all = [&] {
            for (auto& next : jobs) {
                next->payload.set(7);
                queue.push(*next, epoch);
            }
        };
        for (std::size_t i = 0; i < jobs.size(); ++i)
            jobs[i] = std::make_unique<job>(times[i]);
        if (!pushes_late) push_all();
        const auto work = [&] {
            for (;;) {
                tandem::pool_job* got = batch.take();
                if (got == nullptr) got = queue.take(batch, 1);
                if (got == nullptr) return;
                run(got);
            }
        };
        w.thread("worker", work);
        for (std::size_t i = 0; i < thieves; ++i)
            w.thread("thief " + std::to_string(i), [&] {
                if (tandem::pool_job* const got = batch.steal()) run(got);
            });
        if (removes)
            w.thread("remover", [&] {
                if (!queue.remove(*jobs[1], batches)) return;
                ++times[1];
                jobs[1].reset(); // freed at once: nobody looks at it any more
            });
        if (pushes_late) w.thread("submitter", push_all);
        w.join();
        work();
        for (const int count : times)
            explore::require(count == 1, "each job runs or is removed, once");
        explore::require(queue.empty() && batch.empty(), "nothing is left");
    }
};

// One job is always in the queue or in the batch: nobody may see it in neither.
void observed(world& w) {
    job_queue queue;
    job_batch batch;
    explore::atomic<std::uint8_t> epoch(0);
    const auto action = [](tandem::pool_job&, bool) noexcept {};
    tandem::pool_job one(action), two(action);
    queue.push(one, epoch);
    queue.push(two, epoch);
    w.thread("worker", [&] { explore::require(queue.take(batch, 1) == &one, "first in, first out"); });
    w.thread("observer",
             [&] { explore::require(!queue.empty() || !batch.empty(), "the second job is in sight"); });
    w.join();
    explore::require(batch.take() == &two, "the worker has taken it along");
}

} // namespace

TEST_CASE("job_batch: what a worker takes along is run, stolen or removed, once") {
    tests::holds("job_batch: take against steal and remove", batch_scenario());
    batch_scenario late;
    late.removes = false;
    late.pushes_late = true;
    tests::holds("job_batch: push against take and steal", late);
    batch_scenario thieves;
    thieves.removes = false;
    thieves.thieves = 2;
    tests::holds("job_batch: two thieves", thieves, thorough());
    tests::holds("job_batch: never in sight nowhere", observed, thorough());
}

TEST_CASE("job_batch: planted bugs are found") {
    const std::string_view file = "job_queue.hpp";
    batch_scenario late;
    late.removes = false;
    late.pushes_late = true;
    tests::finds("bug: the batch is published relaxed", {file, "::take", "store", effect::relax}, "races",
                 late);
    tests::finds("bug: take and steal do not exchange", {file, "::take", "exchange", effect::split}, "once",
                 batch_scenario());
    tests::finds("bug: a removal does not compare", {file, "::remove_from_batch", "cas", effect::succeed},
                 "once", batch_scenario());
    tests::finds("bug: the batch is filled after the queue was emptied",
                 {file, "::take", "store", effect::relax}, "in sight", observed);
}

namespace {

// Who waits for the end of a call, and may give up; the flag goes as soon as that is settled.
class end_scenario {
public:
    bool gives_up = false;

    void operator()(world& w) const {
        class listener : public completion_listener {
        public:
            listener() : completion_listener(&listener::tell) {}
            static void tell(completion_listener& self) noexcept { static_cast<listener&>(self).told.post(); }
            explore::signal told;
        };
        auto flag = std::make_unique<completion_flag>();
        explore::cell<int> result{0};
        w.thread("caller", [&, plain = flag.get()] {
            result.set(7);
            plain->complete();
        });
        w.thread("waiter", [&] {
            auto here = std::make_unique<listener>();
            if (flag->listen(*here)) {
                if (gives_up && flag->unlisten(*here)) {
                    here.reset(); // nobody tells it any more
                    while (!flag->done())
                        explore::yield();
                } else {
                    here->told.wait();
                    explore::require(flag->done(), "told after the end");
                }
            }
            explore::require(result.get() == 7, "the result is seen");
            flag.reset();
        });
        w.join();
    }
};

} // namespace

TEST_CASE("completion_flag: who waits is told, or finds that it is over") {
    tests::holds("completion_flag: waits", end_scenario(), thorough());
    end_scenario impatient;
    impatient.gives_up = true;
    tests::holds("completion_flag: gives up", impatient, thorough());
    const std::string_view file = "completion_flag.hpp";
    tests::finds("bug: the end is published relaxed", {file, "::complete", "exchange", effect::relax},
                 "races", end_scenario());
    tests::finds("bug: the end looks for a listener, then writes",
                 {file, "::complete", "exchange", effect::split}, "lost wake-up", end_scenario());
}
