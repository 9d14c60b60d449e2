// Peak memory, each toolkit's in a process of its own: this program starts itself again.
#include "bench/pool/cases.hpp"

#include <tandem/parallelism/thread_pool.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#ifdef TANDEM_BENCH_TBB
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#endif

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <latch>
#include <memory>
#include <string>

namespace bench {

namespace {

constexpr std::size_t queued = 1'000'000;

double peak_kib() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return static_cast<double>(used.ru_maxrss);
}

// While every worker is held up, tasks pile up.
template <class Post>
void pile_up(Post post) {
    std::latch busy(workers);
    std::latch go(1);
    std::latch done(queued);
    for (std::size_t i = 0; i < workers; ++i)
        post([&] {
            busy.count_down();
            go.wait();
        });
    busy.wait();
    const double before = peak_kib();
    for (std::size_t i = 0; i < queued; ++i)
        post([&done] { done.count_down(); });
    const double after = peak_kib();
    go.count_down();
    done.wait();
    std::printf("%.0f %.1f\n", before, (after - before) * 1024 / static_cast<double>(queued));
}

} // namespace

int report_memory(std::string_view toolkit) {
    if (toolkit == "tandem") {
        tandem::thread_pool pool(workers);
        pile_up([&pool](auto f) { pool.post(f); });
    } else if (toolkit == "Asio") {
        boost::asio::thread_pool pool(workers);
        pile_up([&pool](auto f) { boost::asio::post(pool, f); });
        pool.join();
#ifdef TANDEM_BENCH_TBB
    } else if (toolkit == "oneTBB") {
        const tbb::global_control allowed(tbb::global_control::max_allowed_parallelism, workers + 1);
        tbb::task_arena arena(static_cast<int>(workers), 0);
        pile_up([&arena](auto f) { arena.enqueue(f); });
#endif
    } else {
        return 2;
    }
    return 0;
}

void add_memory_cases(cases& all) {
    for (const char* const toolkit : {"tandem", "Asio", "oneTBB"}) {
#ifndef TANDEM_BENCH_TBB
        if (std::string_view(toolkit) == "oneTBB") continue;
#endif
        all.emplace_back("memory", toolkit, [toolkit](const note& write) {
            // By its real path: for the shell that popen starts, /proc/self is another one.
            std::string command(4096, '\0');
            const ssize_t length = readlink("/proc/self/exe", command.data(), command.size());
            check(length > 0, "memory");
            command.resize(static_cast<std::size_t>(length));
            command.append(" --memory ").append(toolkit);
            const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
            double idle_kib = 0;
            double each = 0;
            check(pipe && std::fscanf(pipe.get(), "%lf %lf", &idle_kib, &each) == 2, "memory");
            write("peak memory of the process, pool idle", "MiB", idle_kib / 1024);
            write("peak memory for each queued task", "bytes", each);
        });
    }
}

} // namespace bench
