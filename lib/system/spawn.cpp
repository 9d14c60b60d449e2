#include "lib/system/spawn.hpp"

#include <tandem/core/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace tandem::detail {

void unique_fd::reset() noexcept {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
}

namespace {

[[noreturn]] void fail_to_start(int code, const std::string& what) {
    throw system_error(error_code(code, boost::system::system_category()), what);
}

void refuse_nul(const std::string& text, const char* what) {
    if (text.find('\0') != std::string::npos)
        throw std::invalid_argument(std::string("start of a process: a NUL byte in ") + what);
}

std::map<std::string, std::string, std::less<>> environment_of(const process_options& options) {
    std::map<std::string, std::string, std::less<>> all;
    if (options.inherits_env()) {
        for (char** entry = environ; entry && *entry; ++entry) {
            const std::string_view text = *entry;
            const std::size_t end = text.find('=', 1);
            if (end != std::string_view::npos)
                all.emplace(std::string(text.substr(0, end)), std::string(text.substr(end + 1)));
        }
    }
    for (const auto& [name, value] : options.env()) {
        refuse_nul(name, "the environment");
        if (name.empty() || name.find('=') != std::string::npos)
            throw std::invalid_argument("start of a process: '" + name + "' names no environment variable");
        if (value) {
            refuse_nul(*value, "the environment");
            all[name] = *value;
        } else {
            all.erase(name);
        }
    }
    return all;
}

// 0, or why it cannot be executed.
int executable_error(const std::string& path) {
    struct stat info = {};
    if (stat(path.c_str(), &info) != 0) return errno;
    if (!S_ISREG(info.st_mode)) return ENOENT; // a directory of that name is passed over
    return access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

// The file to execute. Relative ones (also of PATH) count from the child's directory.
std::string file_of(const process_options& options,
                    const std::map<std::string, std::string, std::less<>>& environment) {
    const std::string& name = options.program();
    if (name.empty()) fail_to_start(ENOENT, "start '': no program");
    if (name.find('/') != std::string::npos) return name;
    const auto entry = environment.find("PATH");
    const std::string path = entry == environment.end() ? "/usr/local/bin:/bin:/usr/bin" : entry->second;
    int error = ENOENT;
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        std::string directory = path.substr(begin, end - begin);
        if (directory.empty()) directory.push_back('.'); // not = ".": g++ 12 warns of its own code at -O3
        const bool absolute = directory.front() == '/' || options.directory().empty();
        const std::string file = directory + '/' + name;
        const std::string seen_from_here = absolute ? file : options.directory() + '/' + file;
        const int failure = executable_error(seen_from_here);
        if (failure == 0) return file;
        if (failure == EACCES) error = EACCES;
        begin = end + 1;
    }
    fail_to_start(error, "start " + name);
}

// Not below 3: there it would be in the way of the child's standard streams, when this program has closed
// its own.
unique_fd above_standard(unique_fd fd) {
    if (!fd || fd.get() > 2) return fd;
    unique_fd moved(fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
    if (!moved) fail_to_start(errno, "pipe for a process");
    return moved;
}

class pipe_ends {
public:
    pipe_ends() noexcept {}
    unique_fd read;
    unique_fd write;
};

pipe_ends make_pipe(const std::string& program) {
    std::array<int, 2> fds{};
    if (pipe2(fds.data(), O_CLOEXEC) != 0) fail_to_start(errno, "pipe for " + program);
    pipe_ends ends;
    ends.read = unique_fd(fds[0]);
    ends.write = unique_fd(fds[1]);
    ends.read = above_standard(std::move(ends.read));
    ends.write = above_standard(std::move(ends.write));
    return ends;
}

// Only this program's end: the flag belongs to the end, and the child expects its own to block.
void make_non_blocking(const unique_fd& fd) {
    fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

class file_actions {
public:
    file_actions() { check(posix_spawn_file_actions_init(&actions_)); }
    file_actions(const file_actions&) = delete;
    file_actions& operator=(const file_actions&) = delete;
    ~file_actions() { posix_spawn_file_actions_destroy(&actions_); }

    void duplicate(int from, int to) { check(posix_spawn_file_actions_adddup2(&actions_, from, to)); }
    void open_null(int fd, int flags) {
        check(posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", flags, 0));
    }
    void change_directory(const std::string& path) {
        check(posix_spawn_file_actions_addchdir_np(&actions_, path.c_str()));
    }
    // What other parts of the program have opened without O_CLOEXEC is not the child's either.
    void close_others() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
        check(posix_spawn_file_actions_addclosefrom_np(&actions_, 3));
#endif
    }
    const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

    static void check(int error) {
        if (error != 0) fail_to_start(error, "start of a process");
    }

private:
    posix_spawn_file_actions_t actions_;
};

class attributes {
public:
    explicit attributes(bool own_group) {
        file_actions::check(posix_spawnattr_init(&attributes_));
        sigset_t none;
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes_, &none);
        sigset_t defaults;
        sigfillset(&defaults);
        for (const int number : {SIGHUP, SIGINT, SIGQUIT}) // caught: exec resets; ignored: stays so
            sigdelset(&defaults, number);
        posix_spawnattr_setsigdefault(&attributes_, &defaults);
        posix_spawnattr_setpgroup(&attributes_, 0);
        const int flags =
            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (own_group ? POSIX_SPAWN_SETPGROUP : 0);
        posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
    }
    attributes(const attributes&) = delete;
    attributes& operator=(const attributes&) = delete;
    ~attributes() { posix_spawnattr_destroy(&attributes_); }
    const posix_spawnattr_t* get() const noexcept { return &attributes_; }

private:
    posix_spawnattr_t attributes_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    all.reserve(texts.size() + 1);
    for (std::string& text : texts)
        all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

} // namespace

spawned_process spawn_process(const process_options& options) {
    refuse_nul(options.program(), "the program's name");
    refuse_nul(options.directory(), "the directory");
    std::vector<std::string> arguments{options.program()};
    for (const std::string& argument : options.args()) {
        refuse_nul(argument, "an argument");
        arguments.push_back(argument);
    }
    const auto environment = environment_of(options);
    const std::string file = file_of(options, environment);
    std::vector<std::string> variables;
    variables.reserve(environment.size());
    for (const auto& [name, value] : environment)
        variables.push_back(name + '=' + value);

    spawned_process process;
    std::array<unique_fd, 3> theirs;
    const auto connect = [&](int number, process_io how) {
        if (how != process_io::pipe) return;
        pipe_ends ends = make_pipe(options.program());
        unique_fd& ours = number == 0 ? process.in : number == 1 ? process.out : process.err;
        ours = std::move(number == 0 ? ends.write : ends.read);
        theirs[static_cast<std::size_t>(number)] = std::move(number == 0 ? ends.read : ends.write);
        make_non_blocking(ours);
    };
    file_actions actions;
    const auto direct = [&](int number, process_io how) {
        if (how == process_io::pipe)
            actions.duplicate(theirs[static_cast<std::size_t>(number)].get(), number);
        else if (how == process_io::null)
            actions.open_null(number, number == 0 ? O_RDONLY : O_WRONLY);
        else if (how == process_io::merged && number == 2)
            actions.duplicate(1, 2);
        else if (how == process_io::merged)
            throw std::invalid_argument("process_options: only stderr can be merged, into stdout");
    };
    const std::array<process_io, 3> streams{options.in(), options.out().value_or(process_io::inherit),
                                            options.err().value_or(process_io::inherit)};
    for (int number = 0; number < 3; ++number)
        connect(number, streams[static_cast<std::size_t>(number)]);
    for (int number = 0; number < 3; ++number)
        direct(number, streams[static_cast<std::size_t>(number)]);
    actions.close_others();
    if (!options.directory().empty()) actions.change_directory(options.directory());

    const attributes how(options.own_group());
    const int error = posix_spawn(&process.pid, file.c_str(), actions.get(), how.get(),
                                  pointers(arguments).data(), pointers(variables).data());
    if (error != 0) {
        struct stat info = {};
        const std::string& directory = options.directory();
        if (!directory.empty() && (stat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)))
            fail_to_start(error, "start " + options.program() + " in " + directory);
        fail_to_start(error, "start " + options.program());
    }
    return process;
}

} // namespace tandem::detail
