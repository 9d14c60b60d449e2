// Bugs that are not one operation's: a small semaphore of the library's shape, right and wrong.
#include "tests/interleaving/support.hpp"
#include "tests/interleaving/test_loop.hpp"

#include <tandem/core/error.hpp>
#include <tandem/core/wait_list.hpp>

#include <memory>
#include <mutex>
#include <optional>

using explore::world;
using tests::test_loop;
using tests::test_task;

namespace {

enum class bug {
    none,
    no_second_look,        // await_suspend joins the queue without trying again
    grant_outside_of_lock, // chosen under the lock, taken out and granted later
    wake_before_unlink,    // woken while it still stands in the queue
    permit_dropped         // what was granted is forgotten when a cancellation comes, too
};

class gate {
public:
    gate(std::size_t permits, bug planted) : permits_(permits), bug_(planted) {}

    class pass : private tandem::queued_operation {
    public:
        pass(gate& owner, tandem::task_context& context)
            : queued_operation(context, owner.lock_), owner_(owner) {}

        bool await_ready() noexcept {
            if (cancelled_before()) return true;
            const std::lock_guard lock(guard());
            return owner_.take() && grant_now();
        }
        bool await_suspend(std::coroutine_handle<> at) noexcept {
            if (granted()) return requeue(at);
            const std::lock_guard lock(guard());
            if (owner_.bug_ != bug::no_second_look && owner_.take()) {
                grant();
                return requeue(at);
            }
            return enqueue(owner_.waiters_, at, "gate.pass");
        }
        void await_resume() const {
            if (!granted() || (owner_.bug_ == bug::permit_dropped && context().cancelled()))
                throw tandem::operation_cancelled("cancelled");
        }

    private:
        friend class gate;
        gate& owner_;
    };

    class operation {
    public:
        explicit operation(gate& owner) : owner_(owner) {}
        pass await_in(tandem::task_context& context) const { return pass(owner_, context); }

    private:
        gate& owner_;
    };
    operation enter() { return operation(*this); }

    void leave() noexcept {
        switch (bug_) {
        case bug::grant_outside_of_lock:
            return leave_in_two_steps();
        case bug::wake_before_unlink:
            return leave_too_early();
        default:
            break;
        }
        tandem::wake_chain to_wake;
        {
            const std::lock_guard lock(lock_);
            ++permits_;
            while (permits_ > 0) {
                tandem::waiter* const w = waiters_.take_front();
                if (!w) break;
                --permits_;
                static_cast<pass*>(w)->grant();
                to_wake.add(*w);
            }
        }
        to_wake.wake_all();
    }

    std::size_t permits() const noexcept { return permits_; }

private:
    bool take() noexcept {
        if (permits_ == 0 || !waiters_.empty()) return false;
        --permits_;
        return true;
    }

    void leave_in_two_steps() noexcept {
        tandem::waiter* w = nullptr;
        {
            const std::lock_guard lock(lock_);
            w = waiters_.front();
            if (!w) ++permits_;
        }
        if (!w) return;
        static_cast<pass*>(w)->grant();
        {
            const std::lock_guard lock(lock_);
            waiters_.remove(*w);
        }
        w->wake();
    }

    void leave_too_early() noexcept {
        tandem::waiter* w = nullptr;
        {
            const std::lock_guard lock(lock_);
            w = waiters_.front();
            if (!w) {
                ++permits_;
                return;
            }
            static_cast<pass*>(w)->grant();
        }
        w->wake();
        const std::lock_guard lock(lock_);
        waiters_.remove(*w);
    }

    tandem::detail::short_lock lock_;
    std::size_t permits_;
    const bug bug_;
    tandem::wait_list waiters_;
};

tandem::task<> pass_through(gate& g, bool& passed) {
    try {
        co_await g.enter();
        passed = true;
    } catch (const tandem::operation_cancelled&) {
    }
}

void one_task(world& w, bug planted, bool cancelled) {
    gate g(0, planted);
    bool passed = false;
    test_loop loop;
    test_task task(loop, pass_through(g, passed));
    w.thread("loop", [&] { loop.run(); });
    w.thread("leaver", [&] { g.leave(); });
    if (cancelled) w.thread("canceller", [&] { task.request_cancel(); });
    w.join();
    explore::require(passed || cancelled, "the task passes");
    explore::require(g.permits() + (passed ? 1 : 0) == 1, "the permit is there");
}

} // namespace

TEST_CASE("mutants: the semaphore as it should be holds") {
    tests::holds("gate: leave against enter", [](world& w) { one_task(w, bug::none, false); });
    tests::holds("gate: leave against enter against cancel", [](world& w) { one_task(w, bug::none, true); });
}

TEST_CASE("mutants: each bug in the use of a waiter list is found") {
    tests::fails("bug: no second look before it waits", "lost wake-up",
                 [](world& w) { one_task(w, bug::no_second_look, false); });
    tests::fails("bug: granted outside of the lock", "",
                 [](world& w) { one_task(w, bug::grant_outside_of_lock, true); });
    tests::fails("bug: woken before it is taken out", "",
                 [](world& w) { one_task(w, bug::wake_before_unlink, false); });
    tests::fails("bug: a granted permit is dropped by a cancellation", "the permit is there",
                 [](world& w) { one_task(w, bug::permit_dropped, true); });
}
