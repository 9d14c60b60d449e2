#include <tandem/observe/stall_detector.hpp>

#include <tandem/core/runtime.hpp>

#include "lib/core/loop.hpp"
#include "lib/observe/stall_meter.hpp"
#include "lib/observe/text.hpp"
#include "lib/observe/thread_probe.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include <pthread.h>

namespace tandem {

std::string stall_report::text() const {
    std::string text = "tandem: loop " + std::to_string(loop) +
                       (ended ? " was held for " : " has been held for ") + detail::duration_text(held);
    if (in_task) text += " by " + detail::task_text(task_id, task_name);
    text += "\n";
    if (ended) return text;
    for (const task_frame& frame : stack) {
        const std::string line = detail::frame_text(frame);
        if (!line.empty()) text += "    in " + line + "\n";
    }
    if (!native.empty()) text += "  native stack:\n";
    for (const std::string& line : native)
        text += "    " + line + "\n";
    return text;
}

class stall_detector::impl {
public:
    impl(runtime& watched, stall_options options) : options_(std::move(options)) {
        for (std::size_t i = 0; i < watched.loops(); ++i)
            loops_.emplace_back(static_cast<detail::loop&>(watched.loop(i)), options_.threshold());
        thread_ = std::thread([this] {
            pthread_setname_np(pthread_self(), "tandem-stalls");
            watch();
        });
    }
    ~impl() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        stopped_.notify_one();
        thread_.join();
    }

private:
    using clock = detail::stall_meter::clock;

    class watched_loop {
    public:
        watched_loop(detail::loop& l, clock::duration threshold) noexcept : loop(l), meter(threshold) {}
        detail::loop& loop;
        detail::stall_meter meter;
        stall_report report; // of the stall that goes on
    };

    void watch() {
        constexpr clock::duration when_idle = std::chrono::milliseconds(100);
        const clock::duration when_busy = std::min<clock::duration>(options_.threshold() / 4, when_idle);
        clock::duration period = when_busy;
        std::unique_lock lock(mutex_);
        while (!stopped_.wait_for(lock, period, [this] { return stop_; })) {
            lock.unlock();
            bool all_idle = true;
            for (watched_loop& w : loops_) {
                look(w, period + period / 2);
                all_idle = all_idle && w.meter.idle();
            }
            period = all_idle ? when_idle : when_busy;
            lock.lock();
        }
    }

    void look(watched_loop& w, clock::duration longest_gap) {
        const std::uint64_t heartbeat = w.loop.running() ? w.loop.heartbeat() : 1; // it waits to be run
        switch (w.meter.look(clock::now(), heartbeat, longest_gap)) {
        case detail::stall_meter::event::none:
            return;
        case detail::stall_meter::event::begun:
            w.report = stall_report();
            w.report.loop = w.loop.index();
            w.report.held = w.meter.held();
            if (options_.stacks()) find_out(w, heartbeat);
            break;
        case detail::stall_meter::event::ended:
            w.report.ended = true;
            w.report.held = w.meter.held();
            w.report.native.clear();
            break;
        }
        if (options_.on_stall())
            options_.on_stall()(w.report);
        else
            std::fputs(w.report.text().c_str(), stderr);
    }

    static void find_out(watched_loop& w, std::uint64_t heartbeat) {
        const std::optional<detail::thread_state> seen = detail::probe(w.loop);
        if (!seen || w.loop.heartbeat() != heartbeat) return; // it has ended: what was seen is something else
        w.report.in_task = seen->task.known;
        if (seen->task.known) {
            w.report.task_id = seen->task.id;
            w.report.task_name = seen->task.name;
            w.report.stack = detail::frames_of(seen->task.frames, seen->task.count);
        }
        w.report.native = detail::symbols(seen->native);
    }

    const stall_options options_;
    std::vector<watched_loop> loops_;
    std::mutex mutex_;
    std::condition_variable stopped_;
    bool stop_ = false;
    std::thread thread_;
};

stall_detector::stall_detector(runtime& watched, stall_options options)
    : impl_(std::make_unique<impl>(watched, std::move(options))) {}

stall_detector::~stall_detector() = default;

} // namespace tandem
