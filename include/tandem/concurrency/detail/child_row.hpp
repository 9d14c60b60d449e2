// Children of a number known at run time only, which a combinator waits for as `join` says.
//
//     child_row<T> row(tasks);                                 // in the combinator's frame, as `tasks` is
//     join all(join_policy::wait, "when_all_settled");
//     co_await all.of(row);
//     for (std::size_t i = 0; i < row.size(); ++i) use(row[i].result());
//
// A child gets its context when it begins, and one that ends in its first step leaves the place to the next:
// of children that need not wait, however many, one context is touched, which stays in the cache. There is
// room for all of them from the beginning, so that nothing can fail once one has begun.
#pragma once

#include <tandem/concurrency/detail/join.hpp>
#include <tandem/concurrency/outcome.hpp>
#include <tandem/core/task.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <vector>

namespace tandem::detail {

// A child whose task is kept elsewhere.
class row_child : public child_base {
public:
    using child_base::child_base;
};

class child_row_base {
public:
    child_row_base(const child_row_base&) = delete;
    child_row_base& operator=(const child_row_base&) = delete;

    std::size_t size() const noexcept { return count_; }

    // For the join: gives the child at `index` a new context, or that of one that has never waited.
    child_base& make(std::size_t index) noexcept {
        return bound(*std::construct_at(places_ + used_++, parent_), index);
    }
    child_base& make_in(child_base& ended, std::size_t index) noexcept {
        ended.begin_again();
        ended.ended = false;
        return bound(ended, index);
    }

protected:
    using binder = promise_base& (*)(child_row_base&, std::size_t index, task_context& to) noexcept;

    child_row_base(std::size_t count, binder bind)
        : places_(std::allocator<row_child>().allocate(count)), bind_(bind), count_(count),
          parent_(*task_context::current()) {}
    ~child_row_base() {
        std::destroy_n(places_, used_);
        std::allocator<row_child>().deallocate(places_, count_);
    }

private:
    child_base& bound(child_base& c, std::size_t index) noexcept {
        c.index = index;
        c.promise = &bind_(*this, index, c);
        return c;
    }

    row_child* const places_;
    const binder bind_;
    const std::size_t count_;
    std::size_t used_ = 0;
    task_context& parent_;
};

template <class T>
class child_row : public child_row_base {
public:
    explicit child_row(std::vector<task<T>>& tasks)
        : child_row_base(tasks.size(), &child_row::bind), tasks_(tasks) {}
    // The frames go before the contexts, to which they may refer.
    ~child_row() { tasks_.clear(); }

    // One that has ended.
    class ended_child {
    public:
        explicit ended_child(task<T>& work) noexcept : work_(work) {}
        T result() { return work_.take_result(); }
        std::exception_ptr failure() const noexcept { return work_.failure(); }

    private:
        task<T>& work_;
    };
    ended_child operator[](std::size_t index) noexcept { return ended_child(tasks_[index]); }

private:
    static promise_base& bind(child_row_base& row, std::size_t index, task_context& to) noexcept {
        return promise_base::of(static_cast<child_row&>(row).tasks_[index].bind(to));
    }

    std::vector<task<T>>& tasks_;
};

// The outcomes of children that have ended, in order.
template <class T>
std::vector<outcome<T>> outcomes_of(child_row<T>& children) {
    std::vector<outcome<T>> outcomes;
    outcomes.reserve(children.size());
    for (std::size_t i = 0; i < children.size(); ++i) {
        auto one = children[i];
        outcomes.push_back(outcome_of<T>(one));
    }
    return outcomes;
}

} // namespace tandem::detail
