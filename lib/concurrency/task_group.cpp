#include <tandem/concurrency/task_group.hpp>

#include <tandem/concurrency/aggregate_error.hpp>
#include <tandem/core/error.hpp>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
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

namespace detail {

group_member::group_member(task_group& group, scheduler& home, bool is_body) noexcept
    : task_context(home, group.inherited_, &group_member::done, true), group_(group), is_body_(is_body) {}

void group_member::done(task_context& context) noexcept {
    auto& self = static_cast<group_member&>(context);
    self.group_.ended(self);
}

} // namespace detail

using detail::group_member;

task_group::task_group(task_group_options options)
    : cancel_hook(&task_group::on_cancel), home_(running_context().home()), owner_(running_context()),
      inherited_(owner_), limit_(options.limit()), policy_(options.on_failure()) {
    owner_.add_scope(*this);
    cancelled_ = owner_.cancelled();
}

task_group::~task_group() {
    if (size_ != 0) {
        if (!home_.torn_down()) {
            report_running();
            std::abort();
        }
        destroy_children();
    }
    spawners_.abandon();
    owner_.remove_scope(*this);
}

void task_group::report_running() const noexcept {
    const std::lock_guard lock(mutex_);
    std::fprintf(stderr,
                 "tandem: a task_group was destroyed while %zu of its tasks were running: wait for it with "
                 "co_await group.join(), or use with_task_group. They are:\n",
                 size_);
    constexpr std::size_t most_named = 20;
    std::size_t named = 0;
    for (const group_member* m = first_; m; m = m->next_) {
        if (++named > most_named) {
            std::fprintf(stderr, "  ... and %zu more\n", size_ - most_named);
            return;
        }
        const std::string_view name = m->name().empty() ? "(unnamed)" : m->name();
        const std::source_location where = m->spawned_at();
        std::fprintf(stderr, "  %.*s", static_cast<int>(name.size()), name.data());
        if (where.line() != 0)
            std::fprintf(stderr, ", spawned at %s:%u", where.file_name(),
                         static_cast<unsigned>(where.line()));
        std::fputs(m->held_back_ ? ", waits for a free place\n" : "\n", stderr);
    }
}

// The runtime is being destroyed: nothing runs any more, the children go with the group.
void task_group::destroy_children() noexcept {
    held_first_ = held_last_ = nullptr;
    while (group_member* m = first_) {
        unlink(*m);
        --size_;
        if (!m->is_body_) m->entry.destroy();
    }
}

void task_group::begin(group_member& m) noexcept {
    ++places_taken_;
    // Under the lock, so that a cancellation finds the child queued already and its message comes after.
    m.start(m.entry);
}

void task_group::link(group_member& m) noexcept {
    m.next_ = first_;
    if (first_) first_->prev_ = &m;
    first_ = &m;
    ++size_;
}

void task_group::unlink(group_member& m) noexcept {
    (m.prev_ ? m.prev_->next_ : first_) = m.next_;
    if (m.next_) m.next_->prev_ = m.prev_;
}

bool task_group::add(detail::group_child child) noexcept {
    group_member& m = child.member();
    const std::lock_guard lock(mutex_);
    if (cancelled_) { // the caller destroys the child: after the lock was released
        cut_short_ = true;
        return false;
    }
    link(m);
    child.release();
    if (places_taken_ < limit_) {
        begin(m);
        return true;
    }
    m.held_back_ = true;
    (held_last_ ? held_last_->next_other_ : held_first_) = &m;
    held_last_ = &m;
    return true;
}

bool task_group::add(detail::group_child child, reserved_place& place) noexcept {
    group_member& m = child.member();
    const std::lock_guard lock(mutex_);
    if (cancelled_) {
        cut_short_ = true;
        return false;
    }
    place.used();
    --places_taken_; // `begin` takes it again
    link(m);
    child.release();
    begin(m);
    return true;
}

void task_group::hand_on(wake_chain& to_wake) noexcept {
    if (home_.torn_down()) return;
    while (places_taken_ < limit_) {
        if (group_member* const m = held_first_) {
            held_first_ = std::exchange(m->next_other_, nullptr);
            if (!held_first_) held_last_ = nullptr;
            m->held_back_ = false;
            begin(*m);
        } else if (waiter* const w = spawners_.take_front()) {
            auto& spawner = *static_cast<place_awaiter*>(w);
            ++places_taken_;
            spawner.has_place_ = true;
            spawner.grant();
            to_wake.add(*w);
        } else {
            return;
        }
    }
}

void task_group::give_place_back() noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        --places_taken_;
        hand_on(to_wake);
    }
    to_wake.wake_all();
}

task_group::reserved_place task_group::try_reserve() noexcept {
    const std::lock_guard lock(mutex_);
    if (cancelled_ || places_taken_ >= limit_ || held_first_ || !spawners_.empty()) return reserved_place();
    ++places_taken_;
    return reserved_place(*this);
}

void task_group::add_body(group_member& body) noexcept {
    bool too_late = false;
    {
        const std::lock_guard lock(mutex_);
        link(body);
        body.start(body.entry);
        too_late = cancelled_;
    }
    if (too_late) body.request_cancel(); // of this scheduler, and not running yet: it cannot end meanwhile
}

void task_group::forget(group_member& body) noexcept {
    for (group_member* m = first_; m; m = m->next_) {
        if (m != &body) continue;
        unlink(*m);
        --size_;
        return;
    }
}

bool task_group::cut_short() const noexcept {
    const std::lock_guard lock(mutex_);
    return cut_short_;
}

task_context* task_group::one_less() noexcept {
    return --size_ == 0 ? std::exchange(joiner_, nullptr) : nullptr;
}

void task_group::add_failure(const std::exception_ptr& failure) noexcept {
    const bool cancelled = is_cancellation(failure);
    {
        const std::lock_guard lock(mutex_);
        try {
            if (cancelled)
                cut_short_ = true;
            else
                errors_.push_back(failure);
        } catch (const std::bad_alloc&) { // one, at least, is kept
            if (!unlisted_error_) unlisted_error_ = failure;
        }
    }
    if (!cancelled && policy_ == failure_policy::cancel_siblings) cancel();
}

void task_group::ended(group_member& m) noexcept {
    std::exception_ptr failure = m.promise->failure();
    if (failure) add_failure(failure);
    // The child's frame, with its callable and arguments, goes before the joiner can go on: nothing of a
    // child outlives the scope. On the group's own scheduler the joiner cannot run meanwhile.
    const bool elsewhere = &m.home() != &home_;
    task_context* joiner = nullptr;
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        unlink(m);
        if (!m.is_body_) {
            --places_taken_;
            hand_on(to_wake);
        }
        if (!elsewhere) joiner = one_less();
    }
    if (!m.is_body_) m.entry.destroy();
    // So does this thread's hold on the exception: the joiner may be on another one and destroy it there.
    failure = nullptr;
    to_wake.wake_all();
    if (elsewhere) {
        const std::lock_guard lock(mutex_);
        joiner = one_less();
    } else if (joiner) {
        const std::lock_guard lock(mutex_);
        if (size_ != 0) joiner_ = std::exchange(joiner, nullptr); // a destructor has spawned
    }
    if (joiner) joiner->wake();
}

void task_group::cancel() noexcept {
    group_member* here = nullptr;
    group_member* held = nullptr;
    std::size_t dropped = 0;
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(cancelled_, true)) return;
        // What has not begun never will.
        held = std::exchange(held_first_, nullptr);
        held_last_ = nullptr;
        for (group_member* m = held; m; m = m->next_other_) {
            unlink(*m);
            ++dropped;
        }
        if (held) cut_short_ = true;
        while (waiter* const w = spawners_.take_front()) {
            static_cast<place_awaiter*>(w)->grant(); // without a place: refused
            to_wake.add(*w);
        }
        for (group_member* m = first_; m; m = m->next_) {
            if (m->home().is_current()) {
                m->next_other_ = here;
                here = m;
            } else {
                m->request_cancel(); // a message to another scheduler
            }
        }
    }
    // On this scheduler a cancellation runs code of others at once: stop callbacks, which may use the group.
    // So not under the lock; the children stay, because nothing is resumed in here.
    while (here) {
        group_member* const m = std::exchange(here, here->next_other_);
        m->request_cancel();
    }
    to_wake.wake_all();
    if (dropped == 0) return;
    while (held) {
        group_member* const m = std::exchange(held, held->next_other_);
        m->entry.destroy();
    }
    task_context* joiner = nullptr;
    {
        const std::lock_guard lock(mutex_);
        size_ -= dropped - 1;
        joiner = one_less();
    }
    if (joiner) joiner->wake();
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

void task_group::throw_errors() const {
    std::vector<std::exception_ptr> all = errors();
    if (all.empty()) {
        if (unlisted_error_) std::rethrow_exception(unlisted_error_); // everything has ended: no lock
        return;
    }
    if (all.size() == 1 || policy_ == failure_policy::cancel_siblings) std::rethrow_exception(all.front());
    const std::string what_failed = std::to_string(all.size()) + " tasks of a group failed";
    throw aggregate_error(what_failed, std::move(all));
}

void task_group::on_cancel(cancel_hook& hook) noexcept {
    static_cast<task_group&>(hook).cancel();
}

task_group::place_awaiter::~place_awaiter() {
    // Destroyed between the grant and the resumption. In a runtime that is being destroyed the group may have
    // gone before.
    leave_queue();
    if (has_place_ && !context().home().torn_down()) group_.give_place_back();
}

bool task_group::place_awaiter::attempt() noexcept {
    if (group_.cancelled_) return true;
    if (group_.places_taken_ >= group_.limit_ || group_.held_first_ || !group_.spawners_.empty())
        return false;
    ++group_.places_taken_;
    has_place_ = true;
    return true;
}

bool task_group::place_awaiter::await_ready() noexcept {
    if (cancelled_before()) return refuse_now();
    const std::lock_guard lock(guard());
    return attempt() && grant_now();
}

bool task_group::place_awaiter::await_suspend(std::coroutine_handle<> at) noexcept {
    if (settled()) return requeue(at);
    const std::lock_guard lock(guard());
    if (attempt()) {
        grant();
        return requeue(at);
    }
    return enqueue(group_.spawners_, at, "task_group.spawn_when_free");
}

task_group::reserved_place task_group::place_awaiter::await_resume() {
    if (!granted()) throw operation_cancelled("the wait for a free place in a task group was cancelled");
    return std::exchange(has_place_, false) ? reserved_place(group_) : reserved_place();
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
    throw_errors();
    if (task_context::current()->cancelled()) throw operation_cancelled("a task group was cancelled");
}

} // namespace tandem
