#include <tandem/observe/trace.hpp>

#include <tandem/core/detail/trace_hooks.hpp>

#include "lib/core/task_registry.hpp"
#include "lib/observe/trace_file.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include <pthread.h>
#include <unistd.h>

namespace tandem {

namespace {

using detail::trace_buffer;
using detail::trace_kind;
using detail::trace_record;

std::int64_t now_ns() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// "loop 0" on a loop's thread; otherwise what the thread is called.
std::string lane_name() {
    if (detail::current_scheduler && detail::current_scheduler->owner())
        return detail::label_of(*detail::current_scheduler);
    std::array<char, 16> name{};
    pthread_getname_np(pthread_self(), name.data(), name.size());
    return name.data();
}

// What a thread is in the middle of, and the buffer that it notes it in.
class noting_thread {
public:
    static constexpr std::size_t deepest = 8; // runs within runs: one is the rule
    std::array<trace_record, deepest> running{};
    std::size_t depth = 0;
    std::int64_t waits_since = 0;
    std::uint64_t session = 0;
    std::shared_ptr<trace_buffer> buffer;
};
thread_local noting_thread this_thread_notes;

// Listens for the rest of the process, though mostly nobody calls it.
class recorder final : public detail::trace_hooks {
public:
    static recorder& instance() {
        static recorder& only = *new recorder; // threads may outlive main
        return only;
    }

    // Returns false when a trace is on.
    bool begin(std::size_t events_per_thread) {
        const std::lock_guard lock(mutex_);
        if (session_.load(std::memory_order_relaxed) != 0) return false;
        capacity_ = events_per_thread;
        session_.store(++last_session_, std::memory_order_release);
        detail::trace.store(this, std::memory_order_release);
        return true;
    }
    void end() {
        const std::lock_guard lock(mutex_);
        detail::trace.store(nullptr, std::memory_order_release);
        session_.store(0, std::memory_order_release);
    }
    void forget_buffers() {
        const std::lock_guard lock(mutex_);
        buffers_.clear();
    }
    std::vector<std::shared_ptr<trace_buffer>> buffers() {
        const std::lock_guard lock(mutex_);
        return buffers_;
    }

    void task_resumed(const task_context& task) noexcept override {
        noting_thread& here = this_thread_notes;
        if (here.depth++ >= noting_thread::deepest) return;
        trace_record& record = here.running[here.depth - 1];
        record.kind = trace_kind::task_runs;
        record.id = detail::task_registry::id_of(task);
        const std::string_view name = task.name();
        const std::size_t length = std::min(name.size(), record.name.size() - 1);
        std::copy_n(name.data(), length, record.name.data());
        record.name[length] = '\0';
        record.begin = now_ns();
        if (const char* const operation = detail::task_registry::operation_of(task)) {
            trace_record wait = record;
            wait.kind = trace_kind::task_waits;
            wait.operation = operation;
            wait.end = record.begin;
            const std::chrono::nanoseconds age = detail::task_registry::age_of(task);
            wait.begin = wait.end - std::max<std::int64_t>(age.count(), 0);
            note(here, wait);
        }
    }
    void task_left() noexcept override {
        noting_thread& here = this_thread_notes;
        if (--here.depth >= noting_thread::deepest) return;
        trace_record& record = here.running[here.depth];
        record.end = now_ns();
        note(here, record);
    }
    void loop_waits(const scheduler&) noexcept override { this_thread_notes.waits_since = now_ns(); }
    void loop_woke(const scheduler&) noexcept override {
        noting_thread& here = this_thread_notes;
        if (here.waits_since == 0) return; // the trace began meanwhile
        trace_record record;
        record.kind = trace_kind::loop_waits;
        record.begin = here.waits_since;
        record.end = now_ns();
        here.waits_since = 0;
        note(here, record);
    }
    void job_began(const pool_job&) noexcept override {
        noting_thread& here = this_thread_notes;
        if (here.depth++ >= noting_thread::deepest) return;
        trace_record& record = here.running[here.depth - 1];
        record = trace_record();
        record.kind = trace_kind::job_runs;
        record.begin = now_ns();
    }
    void job_ended() noexcept override { task_left(); }

private:
    void note(noting_thread& here, const trace_record& record) noexcept {
        const std::uint64_t session = session_.load(std::memory_order_relaxed);
        if (session == 0) return;
        if (here.session != session && !attach(here)) return;
        here.buffer->push(record);
    }

    bool attach(noting_thread& here) noexcept {
        try {
            const std::lock_guard lock(mutex_);
            const std::uint64_t session = session_.load(std::memory_order_relaxed);
            if (session == 0) return false;
            auto buffer = std::make_shared<trace_buffer>(capacity_, static_cast<long>(gettid()), lane_name());
            buffers_.push_back(buffer);
            here.buffer = std::move(buffer);
            here.session = session;
            return true;
        } catch (const std::bad_alloc&) {
            return false;
        }
    }

    std::mutex mutex_;
    std::vector<std::shared_ptr<trace_buffer>> buffers_; // of this session; guarded by mutex_
    std::size_t capacity_ = 0;                           // the same
    std::uint64_t last_session_ = 0;                     // the same
    std::atomic<std::uint64_t> session_{0};              // 0: none is on
};

} // namespace

class trace_to::impl {
public:
    impl(const std::string& path, const trace_options& options) {
        if (!recorder::instance().begin(options.events_per_thread()))
            throw std::logic_error("trace_to: one trace at a time in a process");
        try {
            file_.emplace(path);
            file_->flush(0);
            began_ = now_ns();
            thread_ = std::thread([this] {
                pthread_setname_np(pthread_self(), "tandem-trace");
                write_now_and_then();
            });
        } catch (...) {
            end_recording();
            throw;
        }
    }
    ~impl() { stop(); }

    void stop() {
        if (!thread_.joinable()) return;
        recorder::instance().end();
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        stopped_.notify_one();
        thread_.join();
        recorder::instance().forget_buffers();
        file_.reset();
    }

    std::uint64_t events() const noexcept { return events_.load(std::memory_order_relaxed); }
    std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

private:
    static void end_recording() {
        recorder::instance().end();
        recorder::instance().forget_buffers();
    }

    void write_now_and_then() {
        constexpr std::chrono::milliseconds period{100};
        std::unique_lock lock(mutex_);
        for (bool last = false; !last;) {
            last = stopped_.wait_for(lock, period, [this] { return stop_; });
            lock.unlock();
            write();
            lock.lock();
        }
    }

    void write() {
        std::uint64_t events = 0;
        std::uint64_t dropped = 0;
        for (const std::shared_ptr<trace_buffer>& buffer : recorder::instance().buffers()) {
            if (!buffer->announced) file_->add_thread(buffer->thread, buffer->name);
            buffer->announced = true;
            buffer->drain([&](const trace_record& record) {
                file_->add(record, buffer->thread, began_);
                ++events;
            });
            dropped += buffer->dropped();
        }
        if (events == 0 && dropped == full_) return;
        full_ = dropped;
        if (file_->flush(dropped + lost_))
            events_.fetch_add(events, std::memory_order_relaxed);
        else
            lost_ += events;
        dropped_.store(full_ + lost_, std::memory_order_relaxed);
    }

    std::optional<detail::trace_file> file_;
    std::int64_t began_ = 0;
    std::uint64_t full_ = 0; // the writing thread's: dropped because a buffer was full
    std::uint64_t lost_ = 0; // ... because the file could not be written
    std::atomic<std::uint64_t> events_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::mutex mutex_;
    std::condition_variable stopped_;
    bool stop_ = false; // guarded by mutex_
    std::thread thread_;
};

trace_to::trace_to(const std::string& path, trace_options options)
    : impl_(std::make_unique<impl>(path, options)) {}

trace_to::~trace_to() = default;

void trace_to::stop() {
    impl_->stop();
}
std::uint64_t trace_to::events() const noexcept {
    return impl_->events();
}
std::uint64_t trace_to::dropped() const noexcept {
    return impl_->dropped();
}

} // namespace tandem
