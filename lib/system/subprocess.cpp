#include <tandem/system/subprocess.hpp>

#include <tandem/concurrency/shield.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/error.hpp>

#include "lib/system/child_process.hpp"
#include "lib/system/process_pipe.hpp"
#include "lib/system/spawn.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace tandem {

std::string exit_status::text() const {
    if (signal_ == 0) return "exit code " + std::to_string(code_);
    const char* const description = sigdescr_np(signal_);
    std::string text = "signal " + std::to_string(signal_);
    if (description) text += std::string(" (") + description + ')';
    return text;
}

namespace {

[[noreturn]] void too_long(const std::string& what, std::size_t limit) {
    throw system_error(error_code(EMSGSIZE, boost::system::system_category()),
                       what + " is longer than the limit of " + std::to_string(limit) + " bytes");
}

scheduler& home_of_caller() {
    task_context* const context = task_context::current();
    if (!context) throw std::logic_error("a subprocess is made inside a task");
    if (context->cancelled()) throw operation_cancelled("a process was not started");
    static_cast<void>(
        context->home().executor()); // throws where there is no loop: before anything is started
    return context->home();
}

} // namespace

// ---- process_output ----

void process_output::check_cancelled() {
    if (task_context::current()->cancelled())
        throw operation_cancelled("reading from a process was cancelled");
}

task<std::size_t> process_output::read_some(char* data, std::size_t size) {
    check_cancelled();
    if (!buffer_.empty()) co_return buffer_.take(data, size);
    if (!pipe_) co_return std::size_t{0};
    co_return co_await pipe_->read_some(data, size);
}

task<std::optional<std::string>> process_output::read_line(std::size_t limit) {
    constexpr std::size_t piece = std::size_t{16} * 1024;
    check_cancelled();
    for (;;) {
        std::optional<std::string> line = buffer_.take_line(limit, "the output of a process");
        if (line) co_return line;
        std::size_t n = 0;
        if (pipe_) {
            char* const room = buffer_.prepare(piece);
            try {
                n = co_await pipe_->read_some(room, piece);
            } catch (...) {
                buffer_.commit(0);
                throw;
            }
            buffer_.commit(n);
        }
        if (n == 0) co_return buffer_.take_rest();
    }
}

task<std::string> process_output::read_all(std::size_t limit) {
    constexpr std::size_t piece = std::size_t{64} * 1024;
    const auto staging = std::make_unique<char[]>(piece);
    std::string all;
    for (;;) {
        const std::size_t n = co_await read_some(staging.get(), piece);
        if (n == 0) co_return all;
        if (n > limit - all.size()) too_long("what a process wrote", limit);
        all.append(staging.get(), n);
    }
}

// ---- subprocess ----

class subprocess::impl {
public:
    impl(scheduler& home, const process_options& options)
        : impl(home, options, detail::spawn_process(options)) {}

    detail::child_process child;
    std::optional<detail::process_pipe> in;
    std::optional<detail::process_pipe> out_pipe;
    std::optional<detail::process_pipe> err_pipe;
    process_output out;
    process_output err;
    const std::chrono::milliseconds grace;

private:
    // The child is in good hands first: it is ended when what follows throws.
    impl(scheduler& home, const process_options& options, detail::spawned_process process)
        : child(home, process.pid, options.own_group(), options.program()), grace(options.grace()) {
        const std::string& name = options.program();
        if (process.in) in.emplace(home, std::move(process.in), "the input of " + name);
        if (process.out) out_pipe.emplace(home, std::move(process.out), "the output of " + name);
        if (process.err) err_pipe.emplace(home, std::move(process.err), "the error output of " + name);
    }
};

subprocess::subprocess(const process_options& options)
    : impl_(std::make_unique<impl>(home_of_caller(), options)) {
    if (impl_->out_pipe) impl_->out.pipe_ = &*impl_->out_pipe;
    if (impl_->err_pipe) impl_->err.pipe_ = &*impl_->err_pipe;
}
subprocess::~subprocess() = default;
subprocess::subprocess(subprocess&&) noexcept = default;

int subprocess::pid() const noexcept {
    return impl_->child.pid();
}
process_output& subprocess::out() noexcept {
    return impl_->out;
}
process_output& subprocess::err() noexcept {
    return impl_->err;
}

task<> subprocess::write(std::string_view data) {
    if (impl_->in) return impl_->in->write(data);
    throw system_error(error_code(EBADF, boost::system::system_category()),
                       "write the input of " + impl_->child.name() + ", which has no pipe");
}

void subprocess::close_stdin() noexcept {
    if (impl_->in) impl_->in->close();
}

task<exit_status> subprocess::wait() {
    return impl_->child.wait();
}

task<exit_status> subprocess::stop() {
    detail::child_process& child = impl_->child;
    co_await shield(child.stop(impl_->grace));
    co_return *child.status();
}

bool subprocess::signal(int number) {
    return impl_->child.signal(number);
}
void subprocess::terminate() noexcept {
    impl_->child.signal_group(SIGTERM);
}
void subprocess::kill() noexcept {
    impl_->child.signal_group(SIGKILL);
}

// ---- run_process ----

namespace {

task<> feed(subprocess& child, std::string_view input) {
    try {
        co_await child.write(input);
    } catch (const system_error& e) {
        if (e.code() != boost::system::errc::broken_pipe) throw; // it does not want all of it
    }
    child.close_stdin();
}

task<> collect(process_output& from, std::string& all, std::string stream, std::size_t limit) {
    bool beyond = false;
    try {
        all = co_await from.read_all(limit);
    } catch (const system_error& e) {
        if (e.code() != boost::system::errc::message_size) throw;
        beyond = true;
    }
    if (beyond) too_long(stream + " (process_options::output_limit)", limit);
}

task<> communicate(subprocess& child, std::string_view input, bool has_input, process_result& result,
                   std::string name, std::size_t limit) {
    task<> write = has_input ? feed(child, input) : as_task(yield());
    task<> read_out = collect(child.out(), result.out, "stdout of " + name, limit);
    task<> read_err = collect(child.err(), result.err, "stderr of " + name, limit);
    co_await when_all(std::move(write), std::move(read_out), std::move(read_err));
}

} // namespace

task<process_result> run_process(process_options options) {
    if (!options.out()) options.out(process_io::pipe);
    if (!options.err()) options.err(process_io::pipe);
    const std::string input = options.take_input();
    process_result result;
    auto body = [&](subprocess& child) {
        return communicate(child, input, options.in() == process_io::pipe, result, options.program(),
                           options.output_limit());
    };
    if (!options.timeout()) {
        result.status = co_await with_subprocess(options, body);
        co_return result;
    }
    const std::chrono::milliseconds limit = *options.timeout();
    bool timed_out = false;
    try {
        result.status = co_await with_timeout(limit, with_subprocess(options, body));
    } catch (const timeout_error&) {
        timed_out = true;
    }
    if (timed_out)
        throw timeout_error(options.program() + ": not done within " + std::to_string(limit.count()) +
                            " ms (process_options::timeout)");
    co_return result;
}

} // namespace tandem
