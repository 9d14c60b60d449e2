#include <tandem/concurrency/detail/join.hpp>

#include <tandem/concurrency/detail/child_row.hpp>
#include <tandem/core/detail/trace_hooks.hpp>

#include <algorithm>

namespace tandem::detail {

namespace {

// First steps that run at once: so many that queueing does not matter, so few that the loop's other tasks do
// not wait long for their turn.
constexpr int most_at_once = 128;

// Joins inside of first steps of joins, on this thread: the stack grows with each.
constexpr unsigned deepest = 16;
constinit thread_local unsigned depth = 0;

// Not where a test chooses the order of all steps, and not on a timeline, where a task is one bar.
bool first_steps_run_at_once(const scheduler& home) noexcept {
    return depth < deepest && !home.every_step_is_queued() &&
           trace.load(std::memory_order_relaxed) == nullptr;
}

} // namespace

void child_base::done(task_context& context) noexcept {
    auto& self = static_cast<child_base&>(context);
    self.owner->ended(self);
}

void join::ended(child_base& c) noexcept {
    c.ended = true;
    const bool failed = c.promise->failure() != nullptr;
    if (failed || first_success_ == none) [[unlikely]]
        first_of_its_kind(c);
    if (--pending_ != 0 || starting_) return;
    waiter_.wake();
}

// The first that succeeds, or a failure: seldom more than once in a join.
[[gnu::noinline]] void join::first_of_its_kind(const child_base& c) noexcept {
    const std::exception_ptr& failure = c.promise->failure();
    if (first_ended_ == none) first_ended_ = c.index;
    // What fails after the others were cancelled is most likely the cancellation itself.
    if (failure && !first_failure_) first_failure_ = failure;
    if (!failure && first_success_ == none) first_success_ = c.index;
    if (cancelling_ || pending_ == 1) return; // nobody is left
    if (policy_ == join_policy::cancel_on_first || (failure && policy_ == join_policy::cancel_on_failure) ||
        (!failure && policy_ == join_policy::cancel_on_success)) {
        cancelling_ = true;
        cancel_children();
    }
}

bool join::start(std::coroutine_handle<> at) noexcept {
    waiter_.suspend(at, this, operation_);
    child_base* rest = first_;
    if (first_steps_run_at_once(waiter_.home()))
        for (int n = 0; rest && n < most_at_once; ++n)
            rest = rest->next_sibling;
    // Those first: what a first step wakes comes after them.
    for (child_base* c = rest; c; c = c->next_sibling)
        c->start(c->promise->handle());
    starting_ = true;
    ++depth;
    if (first_ != rest) {
        first_steps steps;
        for (child_base* c = first_; c != rest; c = c->next_sibling)
            steps.run(*c, c->promise->handle());
    }
    --depth;
    return started(at);
}

bool join::start(std::coroutine_handle<> at, child_row_base& row) noexcept {
    waiter_.suspend(at, this, operation_);
    pending_ = row.size();
    const std::size_t direct =
        first_steps_run_at_once(waiter_.home()) ? std::min<std::size_t>(pending_, most_at_once) : 0;
    // As above. The list keeps the order of the row: in it the children are told of a cancellation.
    child_base** link = &first_;
    auto add_here = [&](child_base& c) {
        c.owner = this;
        c.next_sibling = *link;
        *link = &c;
        link = &c.next_sibling;
    };
    for (std::size_t i = direct; i < row.size(); ++i) {
        child_base& c = row.make(i);
        add_here(c);
        c.start(c.promise->handle());
    }
    link = &first_;
    starting_ = true;
    ++depth;
    if (direct != 0) {
        first_steps steps;
        child_base* c = nullptr;
        for (std::size_t i = 0; i < direct; ++i) {
            if (c && c->ended)
                row.make_in(*c, i);
            else
                add_here(*(c = &row.make(i)));
            if (cancelling_) c->request_cancel(); // as its siblings were, when it was not there
            steps.run(*c, c->promise->handle());
        }
    }
    --depth;
    return started(at);
}

bool join::started(std::coroutine_handle<> at) noexcept {
    starting_ = false;
    if (pending_ != 0) return true;
    if (!waiter_.spend()) {
        waiter_.requeue(at);
        return true;
    }
    waiter_.do_not_suspend(at);
    return false;
}

} // namespace tandem::detail
