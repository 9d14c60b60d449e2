// Child processes: `run_process` for the whole of one, `subprocess` to talk with one while it runs.
//
//     process_result r = co_await run_process(process_options("sort").input("b\na\n").timeout(10s));
//     if (r.status.success()) use(r.out);
//
//     auto count = [](subprocess& child) -> task<> {
//         while (auto line = co_await child.out().read_line()) handle(*line);
//     };
//     auto tail = process_options("tail").args("-f", log).out(process_io::pipe);
//     exit_status end = co_await with_subprocess(std::move(tail), count);
//
// Starting takes the time of a vfork and an exec, about a millisecond, in which the loop stands still. The
// child gets the three standard streams and no other descriptor, no blocked signal, and default dispositions
// (but SIGHUP, SIGINT and SIGQUIT stay ignored where this program ignores them, as under nohup). What cannot
// be started is reported at once, with the program's name: "start grp: No such file or directory".
//
// No zombie is left, whatever happens: a child is waited for (through its pidfd, on the loop) by `wait`,
// `stop`, or at the latest by the destructor. Where the kernel has no pidfd (Linux before 5.3, some
// sandboxes) the loop asks again and again instead, every 1 to 50 ms. The program must leave SIGCHLD at its
// default, and wait for no children that are not its own.
//
// Everything here belongs to the loop of the task that made the subprocess.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/system/detail/line_buffer.hpp>
#include <tandem/system/process_options.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem {

// How a process ended.
class exit_status {
public:
    exit_status() noexcept {} // exit code 0
    static exit_status exited(int code) noexcept { return exit_status(code, 0); }
    static exit_status signalled(int number) noexcept { return exit_status(128 + number, number); }

    bool success() const noexcept { return code_ == 0; }
    // The exit code; for a process that a signal ended 128 plus its number, as shells say it.
    int code() const noexcept { return code_; }
    // The signal that ended it; 0: none did.
    int signal() const noexcept { return signal_; }
    // "exit code 1", "signal 9 (Killed)".
    std::string text() const;

    friend bool operator==(const exit_status&, const exit_status&) = default;

private:
    exit_status(int code, int signal) noexcept : code_(code), signal_(signal) {}
    int code_ = 0;
    int signal_ = 0;
};

class process_result {
public:
    process_result() noexcept {}
    exit_status status;
    std::string out; // as it came, NUL bytes and all
    std::string err;
};

// Runs a program to its end: gives it the input, collects what it writes, both at the same time, and waits
// for its exit. It is over when the streams have ended and the program has: something that the program left
// behind with the streams open keeps it waiting.
// A program that does not read all of its input is no error; neither is an exit code but 0.
// Failure: system_error when it cannot be started, and with errc::message_size when it writes more than
// `output_limit` (it is then stopped); timeout_error after `timeout`.
// Cancellation (and each failure): SIGTERM to its group, after the grace time SIGKILL; operation_cancelled is
// thrown when it has ended and was reaped.
[[nodiscard]] task<process_result> run_process(process_options options);

namespace detail {
class process_pipe;
}

// What a child process writes: one of its streams. One operation at a time.
class process_output {
public:
    static constexpr std::size_t default_line_limit = std::size_t{1024} * 1024;

    // Reads what is there, at least one byte, at most `size` (> 0); 0 at the end. Failure: system_error.
    // Cancellation: operation_cancelled; nothing is lost.
    [[nodiscard]] task<std::size_t> read_some(char* data, std::size_t size);

    // The next line, without its "\n"; what stands after the last one counts as a line. Nothing at the end.
    // Failure: system_error with errc::message_size when the line is longer than `limit` bytes; it is then
    // still to be read. Cancellation: as for read_some.
    [[nodiscard]] task<std::optional<std::string>> read_line(std::size_t limit = default_line_limit);

    // Everything up to the end. Failure: system_error with errc::message_size beyond `limit` bytes.
    [[nodiscard]] task<std::string> read_all(std::size_t limit);

private:
    friend class subprocess;
    process_output() noexcept {}
    static void check_cancelled();
    detail::process_pipe* pipe_ = nullptr;
    detail::line_buffer buffer_;
};

// A running program. Prefer `with_subprocess`, which also ends it in order when something fails.
class subprocess {
public:
    // Starts it; only inside a task. Failure: system_error that names the program; std::invalid_argument.
    // In a cancelled task: operation_cancelled.
    explicit subprocess(const process_options& options);
    // A child that was not waited for gets SIGKILL (its group, too) and is reaped: usually less than a
    // millisecond. No operation on it may be in progress.
    ~subprocess();
    subprocess(subprocess&&) noexcept;
    subprocess& operator=(subprocess&&) = delete;

    // The process id. After the child was waited for, the number may be another process's.
    int pid() const noexcept;

    // What it writes, where the options say `pipe`; otherwise ended from the beginning.
    process_output& out() noexcept;
    process_output& err() noexcept;

    // Writes all of `data`, which must stay alive, to its stdin. One write at a time. Failure: system_error,
    // with EPIPE when the child reads no more (SIGPIPE is not raised) and EBADF when there is no pipe.
    // Cancellation: operation_cancelled; a part may have been written.
    [[nodiscard]] task<> write(std::string_view data);
    // Ends its stdin. Idempotent; a write in progress fails.
    void close_stdin() noexcept;

    // Waits for its end. Any number of tasks at any time; later calls give the same at once. Cancellation:
    // operation_cancelled, and the child runs on. Does not read: a child whose pipes are full does not end.
    [[nodiscard]] task<exit_status> wait();

    // SIGTERM, after the grace time SIGKILL, and waits for the end. What is left of its group then gets
    // SIGKILL. Gives the status at once when it was waited for before. Cancellation does not shorten it.
    [[nodiscard]] task<exit_status> stop();

    // Sends a signal to the child alone. False: it was waited for already. Failure: system_error.
    bool signal(int number);
    // SIGTERM, and SIGKILL, to the child and its group. Without effect once it was waited for.
    void terminate() noexcept;
    void kill() noexcept;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

// Starts a program, lets `body(subprocess&)`, which gives a task<>, talk with it, ends its stdin and waits
// for its exit. When `body` throws, or the task is cancelled, the child is stopped (`subprocess::stop`)
// before the exception goes on.
template <class F>
task<exit_status> with_subprocess(process_options options, F body) {
    subprocess child(options);
    exit_status status;
    std::exception_ptr failure;
    try {
        co_await body(child);
        child.close_stdin();
        status = co_await child.wait();
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) {
        static_cast<void>(co_await child.stop());
        std::rethrow_exception(failure);
    }
    co_return status;
}

} // namespace tandem
