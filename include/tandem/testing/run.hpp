// test::run: one test on a runtime of its own. See tandem/testing.hpp.
#pragma once

#include <tandem/core/invoke.hpp>
#include <tandem/core/task.hpp>
#include <tandem/testing/options.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace tandem::test {

// Nothing could happen any more while the test had not ended. The message says so, then lists the tasks.
class deadlock_error : public std::runtime_error {
public:
    explicit deadlock_error(const std::string& report) : std::runtime_error(report) {}
};

namespace detail {

class control;

// One run of a main task, which is a background task of the runtime: when it is stuck for good it is
// destroyed with it, in an order that is safe.
class session {
public:
    explicit session(const options& how);
    ~session();

    // Returns when `main` has ended, or was given up; then throws deadlock_error, or what left another
    // background task. Call once.
    void execute(task<> main);

    // Called by the main task on its loop.
    void begin();
    void end();

    // Prints how to repeat this run, when it has a seed.
    void print_seed() const noexcept;

private:
    options how_;
    std::shared_ptr<control> control_;
};

template <class T>
class outcome {
public:
    using value_type = std::conditional_t<std::is_void_v<T>, bool, T>;
    std::optional<value_type> value;
    std::exception_ptr failure;

    T take() {
        if (failure) std::rethrow_exception(failure);
        if constexpr (!std::is_void_v<T>) return std::move(*value);
    }
};

template <class T>
task<> run_main(task<T> work, outcome<T>& into, session& s) {
    s.begin();
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(work);
            into.value.emplace(true);
        } else {
            into.value.emplace(co_await std::move(work));
        }
    } catch (...) {
        into.failure = std::current_exception();
    }
    work = task<T>(); // its frame goes before the runtime is told to end
    s.end();
}

// Without a word on failure.
template <class T>
T run_quietly(const options& how, task<T> work) {
    static_assert(!std::is_reference_v<T>, "test::run: return a value");
    outcome<T> result;
    session s(how);
    s.execute(run_main(std::move(work), result, s));
    return result.take();
}

} // namespace detail

// Runs the task; returns its result, or throws what it threw, or what left a background task
// (`runtime::spawn`), or deadlock_error. What it has spawned in the background is cancelled and drained
// (virtual time). On failure the seed, if there is one, is printed on stderr.
template <class T>
T run(const options& how, task<T> work) {
    static_assert(!std::is_reference_v<T>, "test::run: return a value");
    detail::outcome<T> result;
    detail::session s(how);
    try {
        s.execute(detail::run_main(std::move(work), result, s));
        return result.take();
    } catch (...) {
        s.print_seed();
        throw;
    }
}

template <class T>
T run(task<T> work) {
    return run(options(), std::move(work));
}

template <class F, class... Args>
    requires invocable_task<F, Args...>
auto run(const options& how, F f, Args... args) {
    return run(how, tandem::invoke(std::move(f), std::move(args)...));
}

template <class F, class... Args>
    requires(invocable_task<F, Args...> && !is_task<F>::value && !std::is_same_v<F, options>)
auto run(F f, Args... args) {
    return run(options(), tandem::invoke(std::move(f), std::move(args)...));
}

} // namespace tandem::test
