// Workers that share a source of items, begun as there is work for them.
//
// A crew has a limited number of workers at first. Whenever one gets an item, and nobody is left who waits
// for the next, the crew doubles, up to its limit. So a limit of any size costs about what is used of it. All
// on one scheduler: no locks.
#pragma once

#include <tandem/core/detail/frame_pool.hpp>
#include <tandem/core/task.hpp>

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <utility>

namespace tandem::detail {

class crew;

class crew_member : public task_context {
public:
    crew_member(crew& owner, task_context& parent, task<>&& work) noexcept
        : task_context(parent.home(), &parent, &crew_member::done, false), owner_(owner),
          work_(std::move(work)) {}
    void begin() noexcept { start(work_.bind(*this)); }

    // Recycled as frames are.
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { deallocate_frame(memory, size); }

private:
    friend class crew;
    static void done(task_context& context) noexcept;

    crew& owner_;
    task<> work_;
    crew_member* next_ = nullptr;
    bool ended_ = false;
};

// Lives in the frame of the coroutine that awaits it. `co_await` begins the first workers, and goes on when
// all have ended. The first failure cancels the others, as a cancellation from outside does.
class crew : private cancel_hook {
public:
    // `make(*this, what)` gives the coroutine of one worker. (Not a virtual function: gcc 12 then warns of
    // the local types in that coroutine's frame.)
    using maker = task<> (*)(crew&, void* what);

    static constexpr std::size_t most_at_first = 256;

    // `operation` names the wait for people (a literal). `limit` 0 counts as 1. `items`: how many there may
    // be, at least 1; the first workers are no more than that.
    crew(std::size_t limit, std::size_t items, const char* operation, maker make, void* what) noexcept
        : cancel_hook(&crew::on_cancel), waiter_(*task_context::current()), operation_(operation),
          limit_(limit == 0 ? 1 : limit), at_first_(std::min({limit_, items, most_at_first})), make_(make),
          what_(what) {}
    ~crew() {
        while (crew_member* const m = first_) {
            first_ = m->next_;
            delete m;
        }
    }
    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;

    // ---- for workers; one that begins wants an item ----

    void wants_item() noexcept { ++idle_; }
    void finds_none() noexcept { --idle_; }
    // `more`: whether there may be another one.
    void has_item(bool more) noexcept {
        if (--idle_ == 0 && more) grow(members_);
    }

    void cancel_members() noexcept {
        cancelling_ = true;
        for (crew_member* m = first_; m; m = m->next_)
            if (!m->ended_) m->request_cancel();
    }

    const std::exception_ptr& first_failure() const noexcept { return first_failure_; }

    class awaiter {
    public:
        explicit awaiter(crew& c) noexcept : crew_(c) {}
        bool await_ready() const {
            crew_.add_member(); // throws when there is no memory for even one
            return false;
        }
        void await_suspend(std::coroutine_handle<> at) noexcept {
            crew_.waiter_.suspend(at, &crew_, crew_.operation_);
            crew_.grow(crew_.at_first_ - 1);
        }
        void await_resume() const noexcept {}

    private:
        crew& crew_;
    };
    awaiter await_in(task_context&) noexcept { return awaiter(*this); }

private:
    friend class crew_member;

    void add_member() {
        auto* const m = new crew_member(*this, waiter_, make_(*this, what_));
        (last_ ? last_->next_ : first_) = m;
        last_ = m;
        if (!not_begun_) not_begun_ = m;
        ++members_;
    }
    // Adds `n` members, or as many as the limit and the memory allow, and begins those that have not begun.
    void grow(std::size_t n) noexcept {
        if (cancelling_) n = 0;
        try {
            for (n = std::min(n, limit_ - members_); n > 0; --n)
                add_member();
        } catch (const std::bad_alloc&) { // those that there are go on
        }
        for (; not_begun_; not_begun_ = not_begun_->next_) {
            ++running_;
            ++idle_;
            not_begun_->begin();
        }
    }

    void ended(crew_member& m) noexcept {
        m.ended_ = true;
        const std::exception_ptr failure = m.work_.failure();
        // What fails after the others were cancelled is most likely the cancellation itself.
        if (failure && !first_failure_) first_failure_ = failure;
        if (--running_ == 0)
            waiter_.wake();
        else if (failure && !cancelling_)
            cancel_members();
    }

    static void on_cancel(cancel_hook& hook) noexcept { static_cast<crew&>(hook).cancel_members(); }

    task_context& waiter_;
    const char* const operation_;
    const std::size_t limit_;
    const std::size_t at_first_;
    const maker make_;
    void* const what_;
    crew_member* first_ = nullptr;
    crew_member* last_ = nullptr;
    crew_member* not_begun_ = nullptr; // and all after it
    std::size_t members_ = 0;
    std::size_t running_ = 0;
    std::size_t idle_ = 0; // members that want an item
    std::exception_ptr first_failure_;
    bool cancelling_ = false;
};

inline void crew_member::done(task_context& context) noexcept {
    auto& self = static_cast<crew_member&>(context);
    self.owner_.ended(self);
}

} // namespace tandem::detail
