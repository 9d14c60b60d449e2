#include "examples/concurrency_vs_parallelism/ways.hpp"

#include <tandem/tandem.hpp>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <ranges>
#include <utility>

namespace four_ways {

namespace {

using steady = std::chrono::steady_clock;

// One run of the job: notes what happens to each page. A page's times are written by one thread at a time.
class run {
public:
    run(const job& j, way& w) : job_(j), way_(w) { way_.pages.resize(j.pages); }

    double now() const { return std::chrono::duration<double>(steady::now() - begin_).count(); }
    std::size_t size() const noexcept { return job_.pages; }
    steady::duration latency() const { return std::chrono::duration_cast<steady::duration>(job_.latency); }

    void ask(std::size_t i) { way_.pages[i].asked = now(); }
    // Called when somebody takes notice; the answer may have been there for long.
    void answered(std::size_t i) {
        page_times& p = way_.pages[i];
        p.answered = std::min(now(), p.asked + job_.latency.count());
    }
    void compute(std::size_t i) {
        page_times& p = way_.pages[i];
        p.thread = std::this_thread::get_id();
        p.begun = now();
        p.checksum = job_.work(i);
        p.done = now();
    }

    std::vector<double>& late() noexcept { return way_.late; }

private:
    const job& job_;
    way& way_;
    steady::time_point begin_ = steady::now();
};

template <class F>
way timed(std::string name, const job& j, F f) {
    way w;
    w.name = std::move(name);
    run r(j, w);
    const double cpu = process_cpu_seconds();
    f(r); // with starting and ending all threads that it uses
    w.wall = r.now();
    w.cpu = process_cpu_seconds() - cpu;
    return w;
}

// ---- ways 1 and 3: a thread waits, then computes

void wait_and_compute(run& r, std::size_t i) {
    r.ask(i);
    std::this_thread::sleep_for(r.latency());
    r.answered(i);
    r.compute(i);
}

// ---- ways 2 and 4: a task waits; they differ in where it computes

tandem::task<> page_inline(run& r, std::size_t i) {
    tandem::task_context::current()->set_name("page");
    r.ask(i);
    co_await tandem::sleep_for(r.latency());
    r.answered(i);
    r.compute(i); // the loop does nothing else meanwhile
}

tandem::task<> page_in_tandem(run& r, std::size_t i) {
    tandem::task_context::current()->set_name("page");
    r.ask(i);
    co_await tandem::sleep_for(r.latency());
    r.answered(i);
    co_await tandem::offload(&run::compute, &r, i); // the loop goes on
}

// ---- how long the loop is held: a timer each ms, and how late it comes

class stall_meter {
public:
    explicit stall_meter(std::vector<double>& late) : late_(late) {}

    tandem::task<> watch() {
        for (;;) {
            co_await tandem::sleep_until(due_);
            note();
        }
    }
    // Every timer that was due until now counts, also those that had no chance to run: a stall of 200 ms
    // makes 200 late, not one.
    void note() {
        for (const auto now = steady::now(); due_ <= now; due_ += std::chrono::milliseconds(1))
            late_.push_back(std::chrono::duration<double>(now - due_).count());
    }

private:
    std::vector<double>& late_;
    steady::time_point due_ = steady::now() + std::chrono::milliseconds(1);
};

using page_task = tandem::task<> (*)(run&, std::size_t);

tandem::task<> all_pages(run& r, page_task one) {
    stall_meter meter(r.late());
    const auto body = [&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&stall_meter::watch, &meter);
        const auto visit = [&](std::size_t i) { return one(r, i); };
        co_await tandem::concurrent_for_each(std::views::iota(std::size_t{0}, r.size()), r.size(), visit);
        meter.note();
        group.cancel();
    };
    co_await tandem::with_task_group(body);
}

void on_a_loop(run& r, page_task one, std::size_t workers) {
    tandem::runtime rt(tandem::runtime_options().workers(workers));
    rt.run(all_pages, std::ref(r), one);
}

// How many rounds it takes for `pages`, `at_once` at a time.
double rounds(std::size_t pages, std::size_t at_once) {
    const std::size_t whole = (pages + at_once - 1) / at_once;
    return static_cast<double>(whole);
}

} // namespace

double way::computing() const noexcept {
    return std::accumulate(pages.begin(), pages.end(), 0.0,
                           [](double sum, const page_times& p) { return sum + (p.done - p.begun); });
}

std::optional<double> way::stall_p99() const {
    if (late.empty()) return std::nullopt;
    std::vector<double> sorted = late;
    const auto at = static_cast<std::ptrdiff_t>(static_cast<double>(sorted.size() - 1) * 0.99);
    std::nth_element(sorted.begin(), sorted.begin() + at, sorted.end());
    return sorted[static_cast<std::size_t>(at)];
}

std::vector<std::thread::id> way::workers() const {
    std::vector<const page_times*> in_order;
    for (const page_times& p : pages)
        in_order.push_back(&p);
    std::ranges::sort(in_order, {}, [](const page_times* p) { return p->begun; });
    std::vector<std::thread::id> found;
    for (const page_times* p : in_order)
        if (std::ranges::find(found, p->thread) == found.end()) found.push_back(p->thread);
    return found;
}

way one_after_the_other(const job& j) {
    way w = timed("one after the other", j, [](run& r) {
        for (std::size_t i = 0; i < r.size(); ++i)
            wait_and_compute(r, i);
    });
    w.threads = 1;
    w.expected = static_cast<double>(j.pages) * (j.latency + j.compute).count();
    return w;
}

way concurrent_inline(const job& j) {
    way w = timed("concurrent: one loop, computing inline", j,
                  [](run& r) { on_a_loop(r, page_inline, 1); }); // its pool has nothing to do
    w.threads = 1;
    w.has_loop = true;
    w.expected = j.latency.count() + static_cast<double>(j.pages) * j.compute.count();
    return w;
}

way blocking_threads(const job& j, std::size_t threads) {
    way w = timed("parallel: threads that block", j, [threads](run& r) {
        std::atomic<std::size_t> next = 0;
        std::vector<std::jthread> all;
        for (std::size_t t = 0; t < std::min(threads, r.size()); ++t)
            all.emplace_back([&] {
                for (std::size_t i = next++; i < r.size(); i = next++)
                    wait_and_compute(r, i);
            });
    });
    w.threads = std::min(threads, j.pages);
    // With many threads it is the cores that are short.
    const double by_threads = rounds(j.pages, threads) * (j.latency + j.compute).count();
    const double by_cores = j.latency.count() + rounds(j.pages, cores()) * j.compute.count();
    w.expected = std::max(by_threads, by_cores);
    return w;
}

way in_tandem(const job& j, std::size_t threads) {
    way w =
        timed("in tandem: loop and pool", j, [threads](run& r) { on_a_loop(r, page_in_tandem, threads); });
    w.threads = 1 + threads;
    w.has_loop = true;
    w.expected = j.latency.count() + rounds(j.pages, std::min(threads, cores())) * j.compute.count();
    return w;
}

} // namespace four_ways
