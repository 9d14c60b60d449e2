// The tasks behind `as_completed`: begun a few at a time, handed over in the order in which they end.
// All on one scheduler: no locks.
#pragma once

#include <tandem/concurrency/outcome.hpp>
#include <tandem/core/task.hpp>

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

namespace tandem::detail {

class completion_base;

class completion_node : public task_context {
public:
    explicit completion_node(completion_base& owner) noexcept
        : task_context(current()->home(), current(), &completion_node::done, false), owner_(owner) {}

    std::coroutine_handle<> entry;
    std::size_t index = 0;
    completion_node* next = nullptr; // in the list of those that have ended
    bool begun = false;
    bool ended = false;

private:
    static void done(task_context& context) noexcept;
    completion_base& owner_;
};

// What does not depend on the tasks' type.
class completion_base : private cancel_hook {
public:
    explicit completion_base(std::size_t limit) noexcept
        : cancel_hook(&completion_base::on_cancel), owner_(*task_context::current()),
          limit_(limit == 0 ? 1 : limit) {
        owner_.add_scope(*this);
    }
    completion_base(const completion_base&) = delete;
    completion_base& operator=(const completion_base&) = delete;

    std::size_t remaining() const noexcept { return remaining_; }
    bool has_ended_one() const noexcept { return first_ended_ != nullptr; }

    // For the awaiter that waits for one to end; for all that run when `cancelled_`.
    void wait(task_context& who) noexcept { waiter_ = &who; }
    void wait_no_more() noexcept { waiter_ = nullptr; }

    // Cancels those that run; no more are begun.
    void cancel() noexcept {
        if (std::exchange(cancelled_, true)) return;
        remaining_ = untaken_;
        cancel_running();
    }

    // Waits until none runs, whatever happens. Only after `cancel`.
    class drain {
    public:
        explicit drain(completion_base& owner) noexcept : owner_(owner) {}
        drain await_in(task_context&) const noexcept { return *this; }
        bool await_ready() const noexcept { return owner_.running_ == 0; }
        void await_suspend(std::coroutine_handle<> at) noexcept {
            owner_.owner_.suspend(at, nullptr, "as_completed");
            owner_.draining_ = true;
            owner_.wait(owner_.owner_);
        }
        void await_resume() const noexcept {}

    private:
        completion_base& owner_;
    };
    drain drained() noexcept { return drain(*this); }

protected:
    ~completion_base() { owner_.remove_scope(*this); }

    virtual void cancel_running() noexcept = 0;

    // Whether another may begin: those whose outcome waits to be taken count as well.
    bool may_begin() const noexcept { return !cancelled_ && untaken_ < limit_; }
    void begin(completion_node& child) noexcept {
        ++untaken_;
        ++running_;
        child.begun = true;
        child.start(child.entry);
    }
    completion_node* take_node() noexcept {
        completion_node* const child = first_ended_;
        if (!child) return nullptr;
        first_ended_ = child->next;
        if (!first_ended_) last_ended_ = nullptr;
        --untaken_;
        --remaining_;
        return child;
    }

    std::size_t remaining_ = 0;

private:
    friend class completion_node;
    void ended(completion_node& child) noexcept {
        child.ended = true;
        --running_;
        (last_ended_ ? last_ended_->next : first_ended_) = &child;
        last_ended_ = &child;
        if (waiter_ && (!draining_ || running_ == 0)) std::exchange(waiter_, nullptr)->wake();
    }
    static void on_cancel(cancel_hook& hook) noexcept { static_cast<completion_base&>(hook).cancel(); }

    task_context& owner_;
    const std::size_t limit_;
    completion_node* first_ended_ = nullptr;
    completion_node* last_ended_ = nullptr;
    task_context* waiter_ = nullptr;
    std::size_t running_ = 0;
    std::size_t untaken_ = 0; // begun, and not taken
    bool cancelled_ = false;
    bool draining_ = false;
};

inline void completion_node::done(task_context& context) noexcept {
    auto& self = static_cast<completion_node&>(context);
    self.owner_.ended(self);
}

// The wait of `next`.
class completion_wait : private cancel_hook {
public:
    completion_wait(completion_base& queue, task_context& context) noexcept
        : cancel_hook(&completion_wait::on_cancel), queue_(queue), context_(context) {}
    ~completion_wait() {
        if (waiting_) queue_.wait_no_more();
    }

    bool ready() noexcept {
        cancelled_ = context_.cancelled();
        if (cancelled_) return context_.spend();
        settled_ = queue_.has_ended_one() || queue_.remaining() == 0;
        return settled_ && context_.spend();
    }
    void suspend(std::coroutine_handle<> at) noexcept {
        if (settled_ || cancelled_) {
            context_.requeue(at);
            return;
        }
        context_.suspend(at, this, "as_completed.next");
        queue_.wait(context_);
        waiting_ = true;
    }
    bool cancelled() noexcept {
        waiting_ = false;
        return cancelled_;
    }

private:
    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<completion_wait&>(hook);
        if (self.queue_.has_ended_one()) return; // it has just been woken
        self.cancelled_ = true;
        self.queue_.wait_no_more();
        self.context_.wake();
    }

    completion_base& queue_;
    task_context& context_;
    bool settled_ = false;
    bool waiting_ = false;
    bool cancelled_ = false;
};

template <class T>
class completion_child : public completion_node {
public:
    completion_child(completion_base& owner, task<T>&& work) noexcept
        : completion_node(owner), work_(std::move(work)) {
        entry = work_.bind(*this);
    }
    outcome<T> how() { return outcome_of<T>(*this); }
    T result() { return work_.take_result(); }
    std::exception_ptr failure() const noexcept { return work_.failure(); }

private:
    task<T> work_;
};

template <class T>
class completion_queue : public completion_base {
public:
    completion_queue(std::vector<task<T>>& tasks, std::size_t limit)
        : completion_base(limit), children_(std::allocator<completion_child<T>>().allocate(tasks.size())),
          size_(tasks.size()) {
        for (std::size_t i = 0; i < size_; ++i)
            std::construct_at(children_ + i, *this, std::move(tasks[i]))->index = i;
        remaining_ = size_;
    }
    ~completion_queue() {
        for (std::size_t i = size_; i-- > 0;)
            std::destroy_at(children_ + i);
        std::allocator<completion_child<T>>().deallocate(children_, size_);
    }

    void begin_more() noexcept {
        while (next_ < size_ && may_begin())
            begin(children_[next_++]);
    }

    completion_child<T>* take() noexcept { return static_cast<completion_child<T>*>(take_node()); }

private:
    void cancel_running() noexcept override {
        for (std::size_t i = 0; i < next_; ++i)
            if (!children_[i].ended) children_[i].request_cancel();
    }

    completion_child<T>* children_;
    std::size_t size_;
    std::size_t next_ = 0;
};

} // namespace tandem::detail
