// The coroutines that a task_group runs: each holds the callable, its arguments and its own context in one
// frame.
#pragma once

#include <tandem/concurrency/child_result.hpp>
#include <tandem/concurrency/task_group_options.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/invoke.hpp>
#include <tandem/core/task.hpp>

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace tandem {
class task_group;
}

namespace tandem::detail {

// The context of one task of a group: of a child, or of the body of `with_task_group`.
class group_member : public task_context {
public:
    group_member(task_group& group, scheduler& home, bool is_body) noexcept;

    bool is_body() const noexcept { return is_body_; }

    std::coroutine_handle<> entry;
    promise_base* promise = nullptr;

private:
    friend class tandem::task_group;
    static void done(task_context& context) noexcept;

    task_group& group_;
    group_member* next_ = nullptr; // the group's list of its members
    group_member* prev_ = nullptr;
    group_member* next_other_ = nullptr; // a list of those to be cancelled, or of those held back
    const bool is_body_;
    bool held_back_ = false; // waits for a free place
};

// A child that has not been given to its group yet; the group destroys it at its end.
class group_child {
public:
    class promise_type;
    explicit group_child(promise_type& promise) noexcept : promise_(&promise) {}
    group_child(group_child&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) {}
    group_child& operator=(group_child&&) = delete;
    ~group_child();

    group_member& member() const noexcept;
    void release() noexcept { promise_ = nullptr; }

private:
    promise_type* promise_;
};

class group_child::promise_type : public promise_base {
public:
    // The first two parameters of each coroutine below.
    template <class... Others>
    promise_type(task_group& group, scheduler& home, Others&...) noexcept : member_(group, home, false) {
        member_.entry = handle();
        member_.promise = this;
        bind(member_, nullptr);
    }
    group_child get_return_object() noexcept { return group_child(*this); }
    void return_void() const noexcept {}

private:
    friend class group_child;
    group_member member_;
};

inline group_child::~group_child() {
    if (promise_) promise_->handle().destroy();
}

inline group_member& group_child::member() const noexcept {
    return promise_->member_;
}

// Where a child is spawned, when nobody says: at the last `co_await` of the coroutine that runs.
inline void place_of_spawn(group_member& child) noexcept {
    if (const std::coroutine_handle<> running = task_context::running_coroutine())
        child.set_spawned_at(promise_base::of(running).location());
}

inline group_child at_last_await(group_child child) noexcept {
    place_of_spawn(child.member());
    return child;
}

inline group_child called(const task_name& name, group_child child) noexcept {
    child.member().set_name(name.text());
    child.member().set_spawned_at(name.where());
    return child;
}

// The groups and homes are taken by the promise. The callable moves into the body, so that what it owns is
// destroyed while the task still runs; parameters go after the promise, which holds the context.

inline group_child run_task(task_group&, scheduler&, task<> work) {
    co_await std::move(work);
}

template <class F, class... Args>
group_child run_child(task_group&, scheduler&, F f, Args... args) {
    using kept = std::conditional_t<std::is_trivially_destructible_v<F>, F&, F>;
    kept call(static_cast<kept&&>(f));
    co_await std::invoke(call, std::move(args)...);
}

template <class T, class F, class... Args>
group_child run_for_result(task_group&, scheduler&, result_sender<T> to, F f, Args... args) {
    const cancellable_child<T> told(to.state());
    std::exception_ptr failure;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::invoke(f, std::move(args)...);
            to.state().settle(outcome<T>(std::monostate()));
        } else {
            to.state().settle(outcome<T>(co_await std::invoke(f, std::move(args)...)));
        }
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        to.state().settle(outcome<T>(failure));
        std::rethrow_exception(std::move(failure)); // the group is told as well
    }
}

// A failure before `ready` is the starter's; whoever takes it is not told twice.
template <class T, class F, class... Args>
group_child run_and_start(task_group&, scheduler&, result_sender<T> to, F f, Args... args) {
    started<T> start(to.state(), *task_context::current());
    std::exception_ptr failure;
    try {
        static_cast<void>(co_await std::invoke(f, start, std::move(args)...));
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) {
        if (!to.state().settled())
            start.fail(std::make_exception_ptr(
                std::logic_error("task_group.start: the child ended without saying that it is ready")));
    } else if (!start.fail(failure) || is_cancellation(failure)) {
        std::rethrow_exception(std::move(failure));
    }
}

// Gives the child up when the starter leaves without an answer.
template <class T>
class starting {
public:
    explicit starting(result_state<T>& state) noexcept : state_(state) {}
    starting(const starting&) = delete;
    starting& operator=(const starting&) = delete;
    ~starting() { state_.abandon(); }

private:
    result_state<T>& state_;
};

} // namespace tandem::detail
