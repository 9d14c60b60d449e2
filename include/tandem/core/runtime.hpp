// A runtime: N loops for waiting and one pool for computing, and `run`, which starts a program on one.
//
//     tandem::task<int> main_task(std::vector<std::string> urls);
//     int main(int argc, char** argv) {
//         return tandem::run(main_task, std::vector<std::string>(argv + 1, argv + argc));
//     }
//
// `run` builds a runtime, runs the main task on the calling thread and turns its end into an exit code:
//   - its value, when it is a task<int>; 0 for a task<> that returns;
//   - 1 when an exception left it (type and message go to stderr);
//   - 130 or 143 after SIGINT or SIGTERM: the first signal cancels the main task once, which may then clean
//     up; the second ends the process at once, with 128 and its own number.
#pragma once

#include <tandem/core/invoke.hpp>
#include <tandem/core/task.hpp>
#include <tandem/core/time_span.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

namespace tandem {

namespace detail {
class loop_control;
class program;
} // namespace detail

class runtime_options {
public:
    runtime_options() noexcept {}

    // Loops (threads that wait). Default 1. Loop 0 runs on the thread that calls `run`.
    runtime_options& loops(std::size_t n) noexcept {
        loops_ = n ? n : 1;
        return *this;
    }
    // Pool threads (for computing). Default 0: as many as the machine has cores.
    runtime_options& workers(std::size_t n) noexcept {
        workers_ = n;
        return *this;
    }
    // How long the destructor lets cancelled background tasks clean up. Default 5 s. Then they are destroyed.
    runtime_options& drain_timeout(time_span limit) noexcept {
        drain_timeout_ = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(limit));
        return *this;
    }
    // Told of every exception that leaves a background task (`runtime::spawn`). Default: print it and
    // terminate.
    runtime_options& on_unhandled(std::function<void(std::exception_ptr)> handler) {
        on_unhandled_ = std::move(handler);
        return *this;
    }

    // Reports on stderr whatever holds a loop longer than `limit`: see tandem/observe/stall_detector.hpp,
    // which can do more. Default 0: off.
    runtime_options& stall_threshold(time_span limit) noexcept {
        stall_threshold_ = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(limit));
        return *this;
    }
    // Prints all tasks to stderr when the process gets this signal (SIGUSR1): see tandem/observe/tasks.hpp.
    // Default 0: off. One runtime at a time.
    runtime_options& dump_tasks_on(int signal) noexcept {
        dump_signal_ = signal;
        return *this;
    }

    // For tests: see tandem/testing.hpp.
    runtime_options& control(std::shared_ptr<detail::loop_control> c) noexcept {
        control_ = std::move(c);
        return *this;
    }

    std::size_t loops() const noexcept { return loops_; }
    const std::shared_ptr<detail::loop_control>& control() const noexcept { return control_; }
    std::size_t workers() const noexcept { return workers_; }
    std::chrono::milliseconds stall_threshold() const noexcept { return stall_threshold_; }
    int dump_tasks_on() const noexcept { return dump_signal_; }
    std::chrono::milliseconds drain_timeout() const noexcept { return drain_timeout_; }
    const std::function<void(std::exception_ptr)>& on_unhandled() const noexcept { return on_unhandled_; }

private:
    std::size_t loops_ = 1;
    std::size_t workers_ = 0;
    std::chrono::milliseconds drain_timeout_{5000};
    std::chrono::milliseconds stall_threshold_{0};
    int dump_signal_ = 0;
    std::function<void(std::exception_ptr)> on_unhandled_;
    std::shared_ptr<detail::loop_control> control_;
};

class runtime {
public:
    explicit runtime(runtime_options options = runtime_options());
    // Cancels the background tasks, lets them clean up (see drain_timeout), stops the pool (running
    // computations end, queued ones are dropped), joins the threads and destroys every task that is left.
    // Leaks nothing.
    ~runtime();
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;

    // Runs `t` on loop 0, on the calling thread, until it has completed; returns its result or throws its
    // exception. One call at a time; not from inside a task of this runtime.
    template <class T>
    T run(task<T> t);
    template <class F, class... Args>
        requires invocable_task<F, Args...>
    invoke_awaited_t<F, Args...> run(F f, Args... args) {
        return run(tandem::invoke(std::move(f), std::move(args)...));
    }

    // Starts a background task on loop 0 (or `loop`). It is owned by the runtime and cancelled by its
    // destructor. Prefer a task_group, whose tasks cannot outlive their scope. Thread-safe.
    void spawn(task<> t, std::size_t loop = 0, std::source_location where = std::source_location::current());

    // The runtime of the task that runs on this thread; nullptr outside of tasks and on foreign Asio
    // executors.
    static runtime* current() noexcept;

    std::size_t loops() const noexcept;
    scheduler& loop(std::size_t index) noexcept; // index < loops()
    thread_pool& pool() noexcept;                // the companion

    // Time that loop `index` spent working (not waiting) since it began, in nanoseconds. Thread-safe.
    std::uint64_t loop_busy_ns(std::size_t index) const noexcept;

private:
    friend class detail::program;
    class impl;

    // The context of a task that `run` waits for.
    class main_context : public task_context {
    public:
        explicit main_context(runtime& owner) noexcept;

    private:
        static void done(task_context& context) noexcept;
        runtime& owner_;
    };
    void run_until_done(task_context& context, std::coroutine_handle<> entry);

    std::unique_ptr<impl> impl_;
};

template <class T>
T runtime::run(task<T> t) {
    main_context context(*this);
    run_until_done(context, t.bind(context));
    return t.take_result();
}

namespace detail {

// A runtime for a whole program: signals and exit codes.
class program {
public:
    explicit program(runtime_options options);
    ~program();

    task_context& context() noexcept;
    void execute(std::coroutine_handle<> entry); // returns when the context has finished
    // The exit code for a main task that ended with `failure` (or none) and, without one, `value`.
    int exit_code(const std::exception_ptr& failure, int value) noexcept;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace detail

// Runs a program's main task; returns the exit code. See the top of this file.
template <class T>
    requires(std::is_void_v<T> || std::is_convertible_v<T, int>)
int run(runtime_options options, task<T> t) {
    detail::program program(std::move(options));
    program.execute(t.bind(program.context()));
    int value = 0;
    if constexpr (!std::is_void_v<T>) {
        if (!t.failure()) value = static_cast<int>(t.take_result());
    }
    const std::exception_ptr failure = t.failure();
    t = task<T>(); // its arguments may hold what belongs to the loop (sockets): they go before the runtime
    return program.exit_code(failure, value);
}

template <class T>
    requires(std::is_void_v<T> || std::is_convertible_v<T, int>)
int run(task<T> t) {
    return run(runtime_options(), std::move(t));
}

template <class F, class... Args>
    requires invocable_task<F, Args...>
int run(runtime_options options, F f, Args... args) {
    return run(std::move(options), tandem::invoke(std::move(f), std::move(args)...));
}

template <class F, class... Args>
    requires(invocable_task<F, Args...> && !is_task<F>::value)
int run(F f, Args... args) {
    return run(runtime_options(), tandem::invoke(std::move(f), std::move(args)...));
}

} // namespace tandem
