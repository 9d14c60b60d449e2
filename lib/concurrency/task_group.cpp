#include <tandem/concurrency/task_group.hpp>

#include <tandem/core/error.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

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
    : task_context(home, &group.owner_, &member::done, true), group_(group), owned_(owned) {}

void task_group::member::done(task_context& context) noexcept {
    auto& self = static_cast<member&>(context);
    self.group_.ended(self);
}

task_group::task_group()
    : cancel_hook(&task_group::on_cancel), home_(running_context().home()), owner_(running_context()) {
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
        // The runtime is being destroyed: nothing runs any more, the children go with the group.
        while (member* m = first_) {
            first_ = m->next_;
            if (m->owned_) delete m;
        }
    }
    owner_.remove_scope(*this);
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
    m.promise = &std::coroutine_handle<detail::task_promise<void>>::from_address(m.entry.address()).promise();
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
    const std::lock_guard lock(mutex_);
    link(body);
    body.start(body.entry);
}

void task_group::ended(member& m) noexcept {
    const std::exception_ptr failure = m.promise->failure();
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
        (m.prev_ ? m.prev_->next_ : first_) = m.next_;
        if (m.next_) m.next_->prev_ = m.prev_;
    }
    // The child's frame, with its callable and arguments, goes before the group can be seen to be empty:
    // nothing of a child outlives the scope.
    if (m.owned_) delete &m;
    task_context* joiner = nullptr;
    {
        const std::lock_guard lock(mutex_);
        if (--size_ == 0) joiner = std::exchange(joiner_, nullptr);
    }
    if (joiner) joiner->wake();
}

void task_group::cancel() noexcept {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    for (member* m = first_; m; m = m->next_)
        m->request_cancel();
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

bool task_group::quiet_join_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    const std::lock_guard lock(group_.mutex_);
    if (group_.size_ == 0) return false;
    // No hook of its own: the group is a scope of this task, so a cancellation reaches the children anyway.
    group_.owner_.suspend(at, nullptr);
    group_.joiner_ = &group_.owner_;
    return true;
}

task_group::quiet_join_awaiter task_group::wait() noexcept {
    return quiet_join_awaiter(*this);
}

task<> task_group::join() {
    co_await wait();
    const std::vector<std::exception_ptr> all = errors();
    if (!all.empty()) std::rethrow_exception(all.front());
    if (owner_.cancelled()) throw operation_cancelled();
}

} // namespace tandem
