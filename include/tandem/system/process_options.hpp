// process_options: which program to run, and how. For `run_process` and `subprocess` (subprocess.hpp).
//
//     process_options("grep").args("-c", "error").directory("/var/log").env("LC_ALL", "C")
//     process_options::shell("make -j4 2>&1 | tail -n 20")
//
// Setters chain. Text with a NUL byte in it, which no program could be given, is refused when the program is
// started (std::invalid_argument).
#pragma once

#include <tandem/core/time_span.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem {

// What a standard stream of a child process is connected with.
enum class process_io {
    inherit, // the same as this program's
    null,    // /dev/null
    pipe,    // a pipe to this program
    merged,  // stderr only: wherever stdout goes
};

class process_options {
public:
    // A name without a slash is searched in PATH: that of the child's environment.
    explicit process_options(std::string program) : program_(std::move(program)) {}

    // `/bin/sh -c command`. Never put text of others into `command`: pass it as an argument ("$1") or in the
    // environment.
    static process_options shell(std::string command) {
        process_options options("/bin/sh");
        options.args("-c", std::move(command));
        return options;
    }

    // Adds arguments, after those given before. The program's own name is not one of them.
    template <class... Text>
        requires(std::convertible_to<Text, std::string> && ...)
    process_options& args(Text&&... arguments) {
        (arguments_.emplace_back(std::forward<Text>(arguments)), ...);
        return *this;
    }
    process_options& args(std::vector<std::string> arguments) {
        for (std::string& argument : arguments)
            arguments_.push_back(std::move(argument));
        return *this;
    }

    // Where the program starts. A relative path of the program itself counts from there. Default: here.
    process_options& directory(std::string path) {
        directory_ = std::move(path);
        return *this;
    }

    // The environment is this program's, changed by these in the order given. `clear_env` begins with none.
    process_options& env(std::string name, std::string value) {
        environment_.emplace_back(std::move(name), std::move(value));
        return *this;
    }
    process_options& unset_env(std::string name) {
        environment_.emplace_back(std::move(name), std::nullopt);
        return *this;
    }
    process_options& clear_env() {
        environment_.clear();
        inherit_environment_ = false;
        return *this;
    }

    // The standard streams. Default: stdin null; stdout and stderr pipes for `run_process`, inherited for
    // `subprocess`.
    process_options& in(process_io from) noexcept {
        in_ = from;
        return *this;
    }
    process_options& out(process_io to) noexcept {
        out_ = to;
        return *this;
    }
    process_options& err(process_io to) noexcept {
        err_ = to;
        return *this;
    }

    // Whether the child leads a process group of its own: then it is ended together with what it has started
    // itself, and a Ctrl-C of the terminal does not reach it. Default: yes, unless its stdin is inherited (a
    // program of another group could not read the terminal).
    process_options& own_group(bool on) noexcept {
        own_group_ = on;
        return *this;
    }

    // Between SIGTERM and SIGKILL when it has to be stopped. Default 2 s.
    process_options& grace(time_span time) noexcept {
        grace_ = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(time));
        return *this;
    }

    // ---- for run_process ----

    // What the program reads from stdin; then stdin ends.
    process_options& input(std::string text) {
        input_ = std::move(text);
        in_ = process_io::pipe;
        return *this;
    }
    // The longest time for all of it: then it is stopped, and timeout_error thrown. Default: no limit.
    process_options& timeout(time_span limit) noexcept {
        timeout_ = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(limit));
        return *this;
    }
    // The most bytes that stdout, and stderr, may each give. Default 64 MiB.
    process_options& output_limit(std::size_t bytes) noexcept {
        output_limit_ = bytes;
        return *this;
    }

    using environment_change = std::pair<std::string, std::optional<std::string>>; // no value: unset

    const std::string& program() const noexcept { return program_; }
    const std::vector<std::string>& args() const noexcept { return arguments_; }
    const std::string& directory() const noexcept { return directory_; }
    const std::vector<environment_change>& env() const noexcept { return environment_; }
    bool inherits_env() const noexcept { return inherit_environment_; }
    process_io in() const noexcept { return in_; }
    std::optional<process_io> out() const noexcept { return out_; }
    std::optional<process_io> err() const noexcept { return err_; }
    bool own_group() const noexcept { return own_group_.value_or(in_ != process_io::inherit); }
    std::chrono::milliseconds grace() const noexcept { return grace_; }
    const std::string& input() const noexcept { return input_; }
    std::string take_input() noexcept { return std::move(input_); } // may be large: moved out
    std::optional<std::chrono::milliseconds> timeout() const noexcept { return timeout_; }
    std::size_t output_limit() const noexcept { return output_limit_; }

private:
    std::string program_;
    std::vector<std::string> arguments_;
    std::string directory_;
    std::vector<environment_change> environment_;
    std::string input_;
    std::optional<std::chrono::milliseconds> timeout_;
    std::chrono::milliseconds grace_{2000};
    std::size_t output_limit_ = std::size_t{64} * 1024 * 1024;
    process_io in_ = process_io::null;
    std::optional<process_io> out_;
    std::optional<process_io> err_;
    std::optional<bool> own_group_;
    bool inherit_environment_ = true;
};

} // namespace tandem
