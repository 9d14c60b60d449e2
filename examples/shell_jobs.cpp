// Runs shell commands, at most N at a time, and tells the lines of their output apart.
//
//     shell_jobs -j 4 'make -C a' 'make -C b' 'make -C c'
//     ls *.tar | sed 's/^/tar -tf /' | shell_jobs -j 2 -
//
// Without commands it runs a short list of its own. Ctrl-C ends the commands and what they have started.
#include <tandem/tandem.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using clock_type = std::chrono::steady_clock;

struct job {
    job(std::size_t n, std::string c) : number(n), command(std::move(c)) {}
    std::size_t number;
    std::string command;
    std::string end = "not run";
    bool success = false;
    double seconds = 0;
};

const char* const usage = "usage: shell_jobs [-j N] COMMAND...\n"
                          "       shell_jobs [-j N] -      one command in each line of the input\n"
                          "       shell_jobs [-j N]        a demonstration\n"
                          "\n"
                          "Runs each command with /bin/sh, at most N at a time (default 4). Lines of output\n"
                          "begin with the number of their command; the summary goes to stderr.\n"
                          "\n"
                          "  shell_jobs -j 2 'make -C a' 'make -C b' 'make -C c'\n"
                          "  ls *.tar | sed 's/^/tar -tf /' | shell_jobs -\n"
                          "\n"
                          "Exit code: 0 when every command succeeded, 1 when one did not, 2 for wrong use,\n"
                          "130 after Ctrl-C.\n";

void print_line(const job& j, std::string_view line) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
    static const bool color = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    const std::string prefix = '[' + std::to_string(j.number) + ']';
    if (color)
        std::printf("\033[3%zum%s\033[0m ", 1 + j.number % 6, prefix.c_str());
    else
        std::printf("%s ", prefix.c_str());
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

double seconds_since(clock_type::time_point begin) {
    return std::chrono::duration<double>(clock_type::now() - begin).count();
}

tandem::task<> run_job(job& j) {
    auto options = tandem::process_options::shell(j.command);
    options.out(tandem::process_io::pipe).err(tandem::process_io::merged);
    auto print = [&j](tandem::subprocess& child) -> tandem::task<> {
        while (auto line = co_await child.out().read_line())
            print_line(j, *line);
    };
    const auto begin = clock_type::now();
    j.end = "interrupted";
    try {
        const tandem::exit_status status = co_await tandem::with_subprocess(options, print);
        j.success = status.success();
        j.end = status.text();
    } catch (const tandem::operation_cancelled&) {
        j.seconds = seconds_since(begin);
        throw;
    } catch (const std::exception& e) { // one that cannot be run does not end the others
        j.end = e.what();
    }
    j.seconds = seconds_since(begin);
}

void print_summary(const std::vector<job>& jobs) {
    std::fprintf(stderr, "\n%4s %8s  %-14s %s\n", "job", "seconds", "end", "command");
    for (const job& j : jobs)
        std::fprintf(stderr, "%4zu %8.2f  %-14s %s\n", j.number, j.seconds, j.end.c_str(), j.command.c_str());
}

tandem::task<int> run_jobs(std::vector<std::string> commands, std::size_t limit) {
    std::vector<job> jobs;
    for (std::string& command : commands)
        jobs.emplace_back(jobs.size() + 1, std::move(command));
    bool interrupted = false;
    try {
        co_await tandem::concurrent_for_each(jobs, limit, run_job);
    } catch (const tandem::operation_cancelled&) {
        interrupted = true; // every child has ended by now; `run` makes 130 of it
    }
    print_summary(jobs);
    bool success = !interrupted;
    for (const job& j : jobs)
        success = success && j.success;
    co_return success ? 0 : 1;
}

int wrong_use(const std::string& what) {
    std::fprintf(stderr, "shell_jobs: %s\n%s", what.c_str(), usage);
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> commands;
    std::size_t limit = 4;
    bool options_end = false;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (options_end || argument.empty() || argument[0] != '-') {
            commands.push_back(argument);
        } else if (argument == "--help" || argument == "-h") {
            std::fputs(usage, stdout);
            return 0;
        } else if (argument.starts_with("-j")) {
            const std::string text = argument.size() > 2 ? argument.substr(2) : i + 1 < argc ? argv[++i] : "";
            char* end = nullptr;
            const unsigned long value = std::strtoul(text.c_str(), &end, 10);
            if (text.empty() || *end != '\0' || value < 1 || value > 1000)
                return wrong_use("-j takes a number from 1 to 1000, not '" + text + "'");
            limit = value;
        } else if (argument == "-") {
            for (std::string line; std::getline(std::cin, line);)
                if (!line.empty()) commands.push_back(line);
            if (commands.empty()) return 0;
        } else if (argument == "--") {
            options_end = true;
        } else {
            return wrong_use("no such option: " + argument);
        }
    }
    if (commands.empty())
        commands = {"for i in 1 2 3; do echo \"step $i\"; sleep 0.1; done",
                    "echo 'to stdout'; echo 'to stderr' >&2",
                    "seq 1 1000 | awk '{ sum += $1 } END { print \"the sum is\", sum }'",
                    "uname -s",
                    "sleep 0.2; echo 'slow one'",
                    "printf 'a last line without an end'"};
    return tandem::run(run_jobs, std::move(commands), limit);
}
