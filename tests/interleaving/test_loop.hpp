// A loop of the explored world: the library's ready queue, inbox and gate, with a `signal` where the real
// loop blocks in Asio; and tasks on it that other threads may cancel.
#pragma once

#include <tandem/core/task.hpp>

#include "lib/core/ready_queue.hpp"
#include "lib/core/wake_gate.hpp"
#include "tests/interleaving/blocking.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace tests {

inline const bool pointers_kept = explore::keep_per_fiber(tandem::detail::current_scheduler) &&
                                  explore::keep_per_fiber(tandem::detail::current_pump);

class test_loop final : public tandem::scheduler {
public:
    // As ~loop does it. `hasty`: a planted bug.
    explicit test_loop(bool hasty = false) : hasty_(hasty) {}
    ~test_loop() {
        delist();
        while (!hasty_ && (has_wakers() || !gate_.quiet()))
            explore::yield();
    }

    // Runs until `pending` things have ended. The fiber that calls it is the loop's thread.
    void run() {
        tandem::detail::current_scheduler = this;
        while (pending_ > 0) {
            inbox_.take(ready());
            while (tandem::ready_node* const node = ready().pop())
                node->run();
            if (pending_ == 0 || !inbox_.empty()) continue;
            if (!gate_.fall_asleep([this] { return !inbox_.empty(); })) continue;
            wake_ups_.wait();
            gate_.awake();
        }
        explore::require(inbox_.empty() && ready().empty(), "nothing is left behind that nobody waits for");
        tandem::detail::current_scheduler = nullptr;
    }

    // Before `run`, or on the loop's own thread.
    void expect(int more = 1) noexcept { pending_ += more; }
    void ended() noexcept { --pending_; }

    bool is_current() const noexcept override { return tandem::detail::current_scheduler == this; }
    void arm(tandem::timer_node&, clock::time_point) noexcept override {
        explore::fail("the explored loop has no timers");
    }
    void disarm(tandem::timer_node&) noexcept override {}
    tandem::thread_pool* companion() const noexcept override { return nullptr; }
    boost::asio::any_io_executor executor() const override { explore::fail("the explored loop has no I/O"); }

private:
    void schedule_from_outside(tandem::ready_node& node) noexcept override {
        gate_.push(inbox_, node, [this] { wake_ups_.post(); });
    }

    const bool hasty_;
    int pending_ = 0;
    tandem::detail::inbox inbox_;
    tandem::detail::wake_gate gate_;
    explore::signal wake_ups_;
};

// A task on a test_loop, with a context of its own that is freed at its end, as a task group's children are.
class test_task {
public:
    // Begins at once; `run` waits for its end.
    test_task(test_loop& home, tandem::task<> body) : running_(new chain(*this, home, std::move(body))) {
        home.expect();
        running_->start();
    }
    test_task(const test_task&) = delete;
    test_task& operator=(const test_task&) = delete;

    // From any thread, any time.
    void request_cancel() noexcept {
        const std::scoped_lock lock(guard_);
        if (running_) running_->request_cancel();
    }

private:
    class chain : public tandem::task_context {
    public:
        chain(test_task& handle, test_loop& home, tandem::task<> body)
            : task_context(home, nullptr, &chain::done, true), handle_(handle), home_(home),
              body_(std::move(body)) {}
        void start() { task_context::start(body_.bind(*this)); }

    private:
        static void done(task_context& context) noexcept {
            auto& self = static_cast<chain&>(context);
            test_loop& home = self.home_;
            {
                const std::scoped_lock lock(self.handle_.guard_);
                explore::require(self.handle_.running_ == &self, "a task ends once");
                self.handle_.running_ = nullptr;
            }
            explore::require(!self.body_.failure(), "no exception leaves the task");
            delete &self;
            home.ended();
        }

        test_task& handle_;
        test_loop& home_;
        tandem::task<> body_;
    };

    explore::mutex guard_;
    chain* running_;
};

} // namespace tests
