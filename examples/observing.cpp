// Seeing what a program does: the program of docs/observing.md, which shows each of its tools once.
//
//     observing        prints its tasks to stderr, reports what holds a loop, and writes a timeline
#include <tandem/tandem.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include <unistd.h>

using namespace std::chrono_literals;

// ---- why does it hang? Here all connections are taken: both fetches wait for one, in vain.

tandem::task<> connect(tandem::semaphore& connections) {
    const auto one = co_await connections.acquire();
}

tandem::task<> fetch(tandem::semaphore& connections) {
    tandem::task_context::current()->set_name("fetch");
    co_await connect(connections);
}

tandem::task<> crawl() {
    tandem::semaphore connections(0);
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(fetch, std::ref(connections));
        group.spawn(fetch, std::ref(connections));
        co_await tandem::sleep_for(5ms);
        std::raise(SIGUSR1); // as `kill -USR1` does from outside: a thread prints all tasks to stderr
        std::printf("%zu tasks\n", tandem::list_tasks().size());
        group.cancel();
    });
}

// ---- what blocks my loop?

std::atomic<int> stalls{0};

void count_stall(const tandem::stall_report& report) {
    ++stalls; // on the detector's thread
    if (!report.ended) std::printf("a loop is held, in %s\n", report.in_task ? "a task" : "a handler");
}

tandem::task<> hold_the_loop() {
    co_await tandem::yield();
    for (int i = 0; i < 10'000 && stalls == 0; ++i)
        std::this_thread::sleep_for(1ms); // what belongs into offload
}

void watch_a_loop() {
    tandem::runtime rt;
    tandem::stall_detector watch(rt, tandem::stall_options().threshold(50ms).on_stall(count_stall));
    rt.run(hold_the_loop);
}

// ---- where does the time go?

tandem::task<> some_work() {
    co_await tandem::when_all(tandem::sleep_for(2ms), tandem::sleep_for(1ms));
}

std::uint64_t trace_a_loop(const std::string& path) {
    tandem::runtime rt;
    tandem::trace_to trace(path);
    rt.run(some_work);
    trace.stop(); // as its destructor does
    return trace.events();
}

tandem::task<int> main_task() {
    co_await crawl();

    co_await tandem::offload(watch_a_loop); // a runtime of its own, on another thread
    const std::string path =
        (std::filesystem::temp_directory_path() / ("tandem-trace-" + std::to_string(::getpid()))).string();
    const std::uint64_t events = co_await tandem::offload(trace_a_loop, path);
    const bool written = std::filesystem::file_size(path) > 0;
    std::filesystem::remove(path);
    std::printf("a timeline of %llu events\n", static_cast<unsigned long long>(events));
    co_return stalls > 0 && events > 0 && written ? 0 : 1;
}

int main() {
    return tandem::run(tandem::runtime_options().dump_tasks_on(SIGUSR1), main_task);
}
