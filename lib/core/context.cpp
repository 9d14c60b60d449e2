#include <tandem/core/context.hpp>

#include <tandem/core/detail/trace_hooks.hpp>

#include "lib/core/task_registry.hpp"

#include <utility>

namespace tandem {

namespace {

// Numbers of tasks, handed to schedulers in blocks.
std::atomic<std::uint64_t> next_id_block{1};

// After this many hand-overs between coroutines that never waited, the chain goes to the end of the ready
// queue, so that the loop's other tasks and its I/O get their turn.
constexpr int most_transfers = 256;

} // namespace

void task_context::run_node(ready_node& node) noexcept {
    static_cast<task_context&>(node).resume_now();
}

void task_context::resume_now() noexcept {
    leaf_ = nullptr;
    budget_ = full_budget;
    task_context* const outer = std::exchange(detail::current_context, this);
    std::coroutine_handle<> coroutine = resume_;
    detail::pump pump;
    pump_ = &pump;
    int transfers = 0;
    detail::trace_hooks* const trace = detail::trace.load(std::memory_order_acquire);
    if (trace) [[unlikely]] {
        if (!in_registry()) enter_registry();
        trace->task_resumed(*this);
    }
#ifndef TANDEM_NO_TASK_REGISTRY
    operation_ = nullptr;
    pump.context = this;
    pump.running = coroutine;
    detail::pump* const outer_pump = std::exchange(detail::current_pump, &pump);
#endif
    // A coroutine that suspended or finished leaves the slot empty; this context may then be gone already.
    for (;;) {
        pump.next = nullptr;
        coroutine.resume();
        coroutine = pump.next;
        if (!coroutine) break;
#ifndef TANDEM_NO_TASK_REGISTRY
        pump.running = coroutine;
#endif
        if (++transfers == most_transfers) {
            requeue(coroutine);
            break;
        }
    }
#ifndef TANDEM_NO_TASK_REGISTRY
    detail::current_pump = outer_pump;
#endif
    detail::current_context = outer;
    if (trace) [[unlikely]]
        trace->task_left();
}

#ifndef TANDEM_NO_TASK_REGISTRY

void task_context::enter_registry() noexcept {
    scheduler& home = *home_;
    if (!home.listed_) [[unlikely]]
        detail::task_registry::enlist(home);
    if (home.next_id_ == home.last_id_) {
        constexpr std::uint64_t block = 256;
        home.next_id_ = next_id_block.fetch_add(block, std::memory_order_relaxed);
        home.last_id_ = home.next_id_ + block;
    }
    id_ = home.next_id_++;
    registry_prev_ = nullptr;
    registry_next_ = home.tasks_;
    if (registry_next_) registry_next_->registry_prev_ = this;
    home.tasks_ = this;
}

void task_context::leave_registry() noexcept {
    (registry_prev_ ? registry_prev_->registry_next_ : home_->tasks_) = registry_next_;
    if (registry_next_) registry_next_->registry_prev_ = registry_prev_;
    id_ = 0;
}

#else

void task_context::enter_registry() noexcept {}
void task_context::leave_registry() noexcept {}

#endif

void task_context::finish() noexcept {
    if (in_registry()) leave_registry();
#ifndef TANDEM_NO_TASK_REGISTRY
    pump_->context = nullptr;
#endif
    // From here on no message can be sent (the sender sees the flag); one that is on its way is waited for,
    // because it lives in this context.
    if (shared_) {
        const unsigned before = state_.fetch_or(finished, std::memory_order_acq_rel);
        if ((before & cancel_posted) != 0 && !message_delivered_) return;
    }
    on_done_(*this);
}

void task_context::request_cancel() noexcept {
    if (!shared_ || home_->is_current()) {
        if ((state_.load(std::memory_order_relaxed) & finished) == 0) deliver_cancel();
        return;
    }
    const unsigned before = state_.fetch_or(cancel_posted, std::memory_order_acq_rel);
    if ((before & (cancel_posted | finished)) == 0) home_->schedule(cancel_message_);
}

void task_context::deliver_node(ready_node& node) noexcept {
    task_context& self = static_cast<cancel_message&>(node).owner;
    self.message_delivered_ = true;
    if ((self.state_.load(std::memory_order_relaxed) & finished) != 0)
        self.on_done_(self);
    else
        self.deliver_cancel();
}

void task_context::deliver_cancel() noexcept {
    if (std::exchange(cancelled_, true)) return;
    for (cancel_hook* scope = scopes_; scope != nullptr; scope = scope->next_)
        scope->cancel();
    if (cancel_hook* leaf = std::exchange(leaf_, nullptr)) leaf->cancel();
    if (stop_) stop_->request_stop();
}

std::stop_token task_context::stop_token() {
    if (!stop_) {
        stop_ = std::make_unique<std::stop_source>();
        if (cancelled_) stop_->request_stop();
    }
    return stop_->get_token();
}

void task_context::add_scope(cancel_hook& scope) noexcept {
    scope.prev_ = nullptr;
    scope.next_ = scopes_;
    if (scopes_) scopes_->prev_ = &scope;
    scopes_ = &scope;
}

void task_context::remove_scope(cancel_hook& scope) noexcept {
    if (scope.prev_)
        scope.prev_->next_ = scope.next_;
    else
        scopes_ = scope.next_;
    if (scope.next_) scope.next_->prev_ = scope.prev_;
}

} // namespace tandem
