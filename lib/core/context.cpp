#include <tandem/core/context.hpp>

#include <tandem/core/detail/trace_hooks.hpp>

#include "lib/core/task_registry.hpp"

#include <utility>

namespace tandem {

namespace {

// Numbers of tasks, handed to schedulers in blocks.
std::atomic<std::uint64_t> next_id_block{1};

} // namespace

[[gnu::noinline]] void detail::pump::give_way() noexcept {
    context->requeue(coroutine);
}

void task_context::run_node(ready_node& node) noexcept {
    static_cast<task_context&>(static_cast<detail::context_step&>(node)).resume_now();
}

void task_context::resume_now() noexcept {
    detail::trace_hooks* const listener = detail::trace.load(std::memory_order_acquire);
    if (listener) [[unlikely]]
        run_traced(*listener);
    else
        run();
}

inline void task_context::run() noexcept {
    const std::coroutine_handle<> at = resume_;
    detail::pump pump(at, *this);
    std::atomic_signal_fence(std::memory_order_release); // a signal handler may look at it from here on
    detail::pump* const outer = std::exchange(detail::current_pump, &pump);
    leaf_ = nullptr;
    budget_ = full_budget;
#ifndef TANDEM_NO_TASK_REGISTRY
    operation_ = nullptr;
#endif
    pump.run(at);
    detail::current_pump = outer;
}

// Tells while it is still known what the task waited for.
[[gnu::noinline]] void task_context::run_traced(detail::trace_hooks& listener) noexcept {
    if (!in_registry()) enter_registry();
    listener.task_resumed(*this);
    run();
    listener.task_left();
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
    // In this order: see suspend.
    detail::current_pump->context = nullptr;
    std::atomic_signal_fence(std::memory_order_release);
    detail::current_pump->coroutine = nullptr;
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
    if ((before & (cancel_posted | finished)) == 0)
        home_->schedule(static_cast<detail::cancel_message&>(*this));
}

void task_context::deliver_node(ready_node& node) noexcept {
    auto& self = static_cast<task_context&>(static_cast<detail::cancel_message&>(node));
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
