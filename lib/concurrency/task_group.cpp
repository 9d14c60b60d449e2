#include <tandem/concurrency/task_group.hpp>

#include <tandem/core/error.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <utility>

namespace tandem {

namespace {

task_context& running_context() {
    task_context* const context = task_context::current();
    if (!context)
        throw std::logic_error(
            "task_group: made outside of a task; it belongs to the task that waits for it");
    return *context;
}

} // namespace

task_group::member::member(task_group& group, scheduler& home, bool owned) noexcept
    : task_context(home, group.inherited_, &member::done, true), group_(group), owned_(owned) {}

void task_group::member::done(task_context& context) noexcept {
    auto& self = static_cast<member&>(context);
    self.group_.ended(self);
}

task_group::task_group()
    : cancel_hook(&task_group::on_cancel), home_(running_context().home()), owner_(running_context()),
      inherited_(owner_) {
    owner_.add_scope(*this);
    cancelled_ = owner_.cancelled();
}

task_group::~task_group() {
    if (size_ != 0) {
        if (!home_.torn_down()) {
            std::fprintf(
                stderr,
                "tandem: a task_group was destroyed while %zu of its tasks were running: wait for it with "
                "co_await group.join(), or use with_task_group\n",
                size_);
            std::abort();
        }
        destroy_children();
    }
    owner_.remove_scope(*this);
}

// The runtime is being destroyed: nothing runs any more, the children go with the group.
void task_group::destroy_children() noexcept {
    while (member* m = first_) {
        first_ = m->next_;
        if (first_) first_->prev_ = nullptr;
        m->next_ = nullptr;
        --size_;
        if (m->owned_) delete m;
    }
}

void task_group::link(member& m) noexcept {
    m.next_ = first_;
    if (first_) first_->prev_ = &m;
    first_ = &m;
    ++size_;
}

bool task_group::add(scheduler& where, task<> work) {
    {
        const std::lock_guard lock(mutex_);
        if (cancelled_) return false;
    }
    auto child = std::make_unique<member>(*this, where, true);
    member& m = *child;
    m.work = std::move(work);
    m.entry = m.work.bind(m);
    m.promise = &detail::promise_base::of(m.entry);
    {
        const std::lock_guard lock(mutex_);
        if (cancelled_) return false;
        link(m);
        child.release();
        // Under the lock, so that a cancellation finds the child queued already and its message comes after.
        m.start(m.entry);
    }
    return true;
}

void task_group::add_body(member& body) noexcept {
    bool too_late = false;
    {
        const std::lock_guard lock(mutex_);
        link(body);
        body.start(body.entry);
        too_late = cancelled_;
    }
    if (too_late) body.request_cancel(); // of this scheduler, and not running yet: it cannot end meanwhile
}

void task_group::forget(member& body) noexcept {
    for (member* m = first_; m; m = m->next_) {
        if (m != &body) continue;
        (m->prev_ ? m->prev_->next_ : first_) = m->next_;
        if (m->next_) m->next_->prev_ = m->prev_;
        --size_;
        return;
    }
}

bool task_group::cut_short() const noexcept {
    const std::lock_guard lock(mutex_);
    return cut_short_;
}

void task_group::ended(member& m) noexcept {
    std::exception_ptr failure = m.promise->failure();
    const bool failed = failure && !is_cancellation(failure);
    if (failed) {
        {
            const std::lock_guard lock(mutex_);
            errors_.push_back(failure);
        }
        cancel();
    }
    {
        const std::lock_guard lock(mutex_);
        if (failure && !failed) cut_short_ = true;
        (m.prev_ ? m.prev_->next_ : first_) = m.next_;
        if (m.next_) m.next_->prev_ = m.prev_;
    }
    // The child's frame, with its callable and arguments, goes before the group can be seen to be empty:
    // nothing of a child outlives the scope.
    if (m.owned_) delete &m;
    // So does this thread's hold on the exception: the joiner may be on another one and destroy it there.
    failure = nullptr;
    task_context* joiner = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (--size_ == 0) joiner = std::exchange(joiner_, nullptr);
    }
    if (joiner) joiner->wake();
}

void task_group::cancel() noexcept {
    member* here = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(cancelled_, true)) return;
        for (member* m = first_; m; m = m->next_) {
            if (m->home().is_current()) {
                m->next_to_cancel_ = here;
                here = m;
            } else {
                m->request_cancel(); // a message to another scheduler
            }
        }
    }
    // On this scheduler a cancellation runs code of others at once: stop callbacks, which may use the group.
    // So not under the lock; the children stay, because nothing is resumed in here.
    while (here) {
        member* const m = std::exchange(here, here->next_to_cancel_);
        m->request_cancel();
    }
}

bool task_group::cancelled() const noexcept {
    const std::lock_guard lock(mutex_);
    return cancelled_;
}

std::size_t task_group::size() const noexcept {
    const std::lock_guard lock(mutex_);
    return size_;
}

std::vector<std::exception_ptr> task_group::errors() const {
    const std::lock_guard lock(mutex_);
    return errors_;
}

void task_group::on_cancel(cancel_hook& hook) noexcept {
    static_cast<task_group&>(hook).cancel();
}

task_group::quiet_join_awaiter::~quiet_join_awaiter() {
    // Destroyed while it waits: the runtime is being destroyed. The children may refer to what was made after
    // the group, so they have to go before the waiting coroutine's variables.
    if (waiting_ && group_.home_.torn_down()) group_.destroy_children();
}

bool task_group::quiet_join_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    // This chain may have been cancelled without the group's owner: the children do not know it yet.
    if (context_.cancelled()) group_.cancel();
    const std::lock_guard lock(group_.mutex_);
    if (group_.size_ == 0) return false;
    context_.suspend(at, this, "task_group.join");
    group_.joiner_ = &context_;
    waiting_ = true;
    return true;
}

void task_group::quiet_join_awaiter::on_cancel(cancel_hook& hook) noexcept {
    static_cast<quiet_join_awaiter&>(hook).group_.cancel();
}

task_group::quiet_join task_group::wait() noexcept {
    return quiet_join(*this);
}

task<> task_group::join() {
    co_await wait();
    const std::vector<std::exception_ptr> all = errors();
    if (!all.empty()) std::rethrow_exception(all.front());
    if (task_context::current()->cancelled()) throw operation_cancelled("a task group was cancelled");
}

} // namespace tandem
