// The pool's injection queue with its batches, and the end of a call. Each once as it is, and with bugs
// planted that the explorer must find.
#include "tests/interleaving/support.hpp"

#include "tandem/parallelism/detail/completion_flag.hpp"

#include "lib/parallelism/job_queue.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using explore::mutation;
using explore::world;
using tandem::detail::completion_flag;
using tandem::detail::completion_listener;
using tandem::detail::job_batch;
using tandem::detail::job_queue;
using effect = explore::mutation::effect;

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
    tests::holds("job_batch: two thieves", thieves, tests::thorough());
    tests::holds("job_batch: never in sight nowhere", observed, tests::thorough());
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
    tests::holds("completion_flag: waits", end_scenario(), tests::thorough());
    end_scenario impatient;
    impatient.gives_up = true;
    tests::holds("completion_flag: gives up", impatient, tests::thorough());
    const std::string_view file = "completion_flag.hpp";
    tests::finds("bug: the end is published relaxed", {file, "::complete", "exchange", effect::relax},
                 "races", end_scenario());
    tests::finds("bug: the end looks for a listener, then writes",
                 {file, "::complete", "exchange", effect::split}, "lost wake-up", end_scenario());
}
