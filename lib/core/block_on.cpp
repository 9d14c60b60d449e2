#include <tandem/core/block_on.hpp>

#include <tandem/parallelism/thread_pool.hpp>

#include "lib/core/ready_queue.hpp"
#include "lib/core/timer_wheel.hpp"
#include "lib/core/wake_gate.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace tandem::detail {

namespace {

// A loop without I/O: a ready queue, an inbox, timers, and a condition variable to sleep on; wake_gate.hpp
// says when. A wake-up that comes late, for a sleep that is over, only ends the next one early.
class blocking_scheduler final : public scheduler {
public:
    explicit blocking_scheduler(thread_pool* companion) noexcept : companion_(companion) {
        set_turn_time(clock::now());
    }
    ~blocking_scheduler() {
        delist();
        // A thread that woke the task for the last time may not have left `schedule` yet.
        wait_for_wakers();
        while (!gate_.quiet())
            std::this_thread::yield();
    }

    void run_until(const bool& done) noexcept {
        const scheduler* const outer = std::exchange(current_scheduler, this);
        while (!done) {
            set_turn_time(clock::now());
            if (timers_) timers_->advance(turn_time());
            inbox_.take(ready());
            for (int n = 0; n < most_ready && !done; ++n) {
                ready_node* const node = ready().pop();
                if (!node) break;
                node->run();
            }
            if (!done && ready().empty()) sleep();
        }
        current_scheduler = outer;
        tear_down(); // whatever a finished task's arguments still hold here is destroyed, not run
    }

    // The thread runs nothing else until the end.
    bool is_current() const noexcept override { return current_scheduler == this; }

    // A wheel is large, and most waits need none.
    void arm(timer_node& timer, clock::time_point when) noexcept override {
        if (!timers_) timers_.emplace(clock::now());
        timers_->insert(timer, when);
    }
    void disarm(timer_node& timer) noexcept override {
        if (timers_) timers_->remove(timer);
    }

    thread_pool* companion() const noexcept override { return companion_; }
    boost::asio::any_io_executor executor() const override {
        throw std::logic_error("block_on runs without a loop, so there is no I/O in it; use a runtime");
    }

private:
    void schedule_from_outside(ready_node& node) noexcept override {
        gate_.push(inbox_, node, [this] {
            const std::lock_guard lock(mutex_);
            woken_ = true;
            work_.notify_one();
        });
    }

    void sleep() noexcept {
        const auto next = timers_ ? timers_->next_expiry() : std::nullopt;
        std::unique_lock lock(mutex_);
        woken_ = false;
        if (!gate_.fall_asleep([this] { return !inbox_.empty(); })) return;
        while (!woken_) {
            if (!next)
                work_.wait(lock);
            else if (work_.wait_until(lock, *next) == std::cv_status::timeout)
                break;
        }
        gate_.awake();
    }

    static constexpr int most_ready = 256;

    inbox inbox_;
    std::optional<timer_wheel> timers_;
    thread_pool* const companion_;
    wake_gate gate_;
    std::mutex mutex_;
    std::condition_variable work_;
    bool woken_ = false; // guarded by mutex_
};

} // namespace

class blocking_run::impl {
public:
    impl() noexcept : scheduler_(thread_pool::current()), context_(scheduler_, done_) {}

    class main_context : public task_context {
    public:
        main_context(scheduler& home, bool& done) noexcept
            : task_context(home, nullptr, &main_context::finished, false), done_(done) {}

    private:
        static void finished(task_context& context) noexcept {
            static_cast<main_context&>(context).done_ = true;
        }
        bool& done_;
    };

    bool done_ = false;
    blocking_scheduler scheduler_;
    main_context context_;
};

blocking_run::blocking_run() {
    if (current_scheduler != nullptr)
        throw std::logic_error(
            "block_on was called on a thread that runs a loop or a task, and would block the "
            "loop; co_await instead");
    impl_ = std::make_unique<impl>();
}

blocking_run::~blocking_run() = default;

task_context& blocking_run::context() noexcept {
    return impl_->context_;
}

void blocking_run::execute(std::coroutine_handle<> entry) noexcept {
    impl_->context_.start(entry);
    impl_->scheduler_.run_until(impl_->done_);
}

} // namespace tandem::detail
