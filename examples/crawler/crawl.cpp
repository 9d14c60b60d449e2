#include "examples/crawler/crawl.hpp"

#include "examples/crawler/fetcher.hpp"
#include "examples/crawler/links.hpp"
#include "examples/crawler/progress.hpp"

#include <tandem/concurrency/task_group.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include <sys/resource.h>

namespace crawler {

namespace {

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_rss_mb() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

// The workers of one loop share a client: connections belong to their loop.
tandem::task<> crawl_on_loop(crawl_state& state, std::size_t workers) {
    tandem::http::client web(client_settings(state.settings));
    const auto start = [&](tandem::task_group& group) -> tandem::task<> {
        for (std::size_t i = 0; i < workers; ++i)
            group.spawn(crawl_worker, std::ref(state), std::ref(web));
        co_return;
    };
    co_await tandem::with_task_group(start);
}

tandem::task<> crawl_on_loops(crawl_state& state, tandem::runtime& runtime) {
    const std::size_t loops = state.settings.loops;
    const auto start = [&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&frontier::keep_time, std::ref(state.visits));
        for (std::size_t i = 0; i < loops; ++i) {
            // All together `concurrency` workers: each has one request in flight at most.
            const std::size_t share =
                state.settings.concurrency / loops + (i < state.settings.concurrency % loops ? 1 : 0);
            if (share > 0) group.spawn_on(runtime.loop(i), crawl_on_loop, std::ref(state), share);
        }
        co_return;
    };
    co_await tandem::with_task_group(start);
}

tandem::task<> crawl_and_show(crawl_state& state, tandem::runtime& runtime) {
    const auto body = [&](tandem::task_group& group) -> tandem::task<> {
        if (!state.settings.quiet && !state.settings.verbose)
            group.spawn(show_progress, std::ref(state), std::ref(runtime));
        co_await crawl_on_loops(state, runtime);
        group.cancel();
    };
    co_await tandem::with_task_group(body);
}

} // namespace

tandem::task<crawl_figures> crawl(const options& o, sink& out, std::vector<tandem::url> seeds) {
    tandem::runtime& runtime = *tandem::runtime::current();
    auto where = std::make_shared<scope>(o.scope);
    std::vector<visit> first;
    for (tandem::url& seed : seeds) {
        where->add_seed(seed);
        first.emplace_back(visitable(seed), 0, std::string());
    }
    crawl_state state(o, std::move(where), out);
    if (state.visits.add(std::move(first)) == 0) state.visits.stop(); // no seeds: over before it begins

    const double cpu_before = cpu_seconds();
    const std::uint64_t loops_before = loops_busy_ns(runtime, o.loops);
    const auto pool_before = runtime.pool().stats().busy;
    const auto begun = std::chrono::steady_clock::now();
    bool interrupted = false;
    try {
        co_await crawl_and_show(state, runtime);
    } catch (const tandem::operation_cancelled&) {
        interrupted = true;
    }
    crawl_figures f = state.figures.figures();
    f.interrupted = interrupted;
    f.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    f.cpu_s = cpu_seconds() - cpu_before;
    f.loops = o.loops;
    f.workers = runtime.pool().workers();
    const double wall_ns = std::max(1.0, f.wall_s * 1e9);
    const auto share = [&](double busy_ns, std::size_t threads) {
        return std::clamp(busy_ns / wall_ns / static_cast<double>(threads), 0.0, 1.0);
    };
    f.loop_busy = share(static_cast<double>(loops_busy_ns(runtime, o.loops) - loops_before), f.loops);
    f.pool_busy = share(static_cast<double>((runtime.pool().stats().busy - pool_before).count()), f.workers);
    f.max_rss_mb = peak_rss_mb();
    co_return f;
}

} // namespace crawler
