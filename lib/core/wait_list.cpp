#include <tandem/core/wait_list.hpp>

#include "lib/core/async_stack.hpp"

#include <cstdio>
#include <string>
#include <string_view>
#include <thread>

namespace tandem {

void scheduler::wait_for_wakers() const noexcept {
    while (has_wakers())
        std::this_thread::yield();
}

void queued_operation::leave_destroyed() noexcept {
    bool was_waiting = false;
    wake_chain to_wake;
    if (where() == place::queued) { // otherwise the primitive may be gone
        const std::lock_guard lock(guard_);
        if (linked()) {
            list()->remove(*this);
            withdrawn(to_wake);
            was_waiting = true;
        }
    }
    to_wake.wake_all();
    if (!was_waiting) wait_for_waker();
    if (was_waiting && !context().home().torn_down()) {
        const std::string_view name = context().name();
        std::fprintf(
            stderr,
            "tandem: a coroutine%s%.*s was destroyed while it waited in a queue; its waiter was taken out. "
            "Cancel a task and await it instead of destroying it\n%s",
            name.empty() ? "" : " of task ", static_cast<int>(name.size()), name.data(),
            detail::async_stack_text(context()).c_str());
    }
}

void queued_operation::withdrawn(wake_chain&) noexcept {}

void queued_operation::on_cancel(cancel_hook& hook) noexcept {
    auto& self = static_cast<queued_operation&>(hook);
    wake_chain to_wake;
    {
        const std::lock_guard lock(self.guard_);
        if (!self.linked()) return; // granted already: what it was given is handed over
        self.list()->remove(self);
        self.withdrawn(to_wake);
    }
    to_wake.wake_all();
    self.wake(); // the last touch; on its own scheduler, so no other thread's
}

} // namespace tandem
