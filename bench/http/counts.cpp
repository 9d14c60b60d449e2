#include "bench/http/counts.hpp"

#include <cstdio>
#include <fstream>
#include <sstream>

#include <unistd.h>

namespace bench {

namespace {

// A file's name that is free again when the object ends.
class scratch_file {
public:
    scratch_file() : name_("/tmp/tandem-bench-count-XXXXXX") {
        const int fd = mkstemp(name_.data());
        if (fd < 0) die("no temporary file");
        close(fd);
    }
    scratch_file(const scratch_file&) = delete;
    scratch_file& operator=(const scratch_file&) = delete;
    ~scratch_file() { unlink(name_.c_str()); }
    const std::string& name() const { return name_; }

private:
    std::string name_;
};

class tally {
public:
    double requests = 0; // measured ones and warm-up
    double count = 0;
    double reads = 0;
};

double done(const peer& one, const job& what, const figures& found) {
    const bool warms_up = one.name != "wrk" && one.name != "h2load";
    return found.requests + (warms_up ? static_cast<double>(what.warm_up()) : 0);
}

std::optional<tally> under_strace(const peer& one, const job& what) {
    const std::string strace = find_program("strace");
    if (strace.empty()) return std::nullopt;
    const scratch_file file;
    std::vector<std::string> command{strace, "-f", "-c", "-U", "name,calls", "-o", file.name()};
    const std::vector<std::string> client = one.command(what);
    command.insert(command.end(), client.begin(), client.end());
    const std::optional<figures> found = one.read(what, run_process(command, processor::client));
    if (!found) return std::nullopt;
    tally seen;
    seen.requests = done(one, what, *found);
    std::ifstream table(file.name());
    for (std::string line; std::getline(table, line);) {
        std::istringstream words(line);
        std::string name;
        double calls = 0;
        if (!(words >> name >> calls)) continue;
        if (name == "total") continue;
        seen.count += calls;
        if (name == "recvfrom" || name == "recvmsg" || name == "read" || name == "readv") seen.reads += calls;
    }
    return seen;
}

std::optional<tally> with_preload(const peer& one, const job& what) {
    if (!one.is_native) return std::nullopt;
    const scratch_file file;
    const finished end =
        run_process(one.command(what), processor::client,
                    {{"LD_PRELOAD", TANDEM_BENCH_PRELOAD}, {"BENCH_MALLOC_COUNT", file.name()}});
    const std::optional<figures> found = one.read(what, end);
    tally seen;
    if (!found || !(std::ifstream(file.name()) >> seen.count)) return std::nullopt;
    seen.requests = done(one, what, *found);
    return seen;
}

std::optional<tally> under_valgrind(const peer& one, const job& what) {
    const std::string valgrind = find_program("valgrind");
    if (valgrind.empty() || !one.is_native) return std::nullopt;
    const scratch_file log;
    std::vector<std::string> command{valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null",
                                     "--log-file=" + log.name()};
    const std::vector<std::string> client = one.command(what);
    command.insert(command.end(), client.begin(), client.end());
    const std::optional<figures> found = one.read(what, run_process(command, processor::client));
    if (!found) return std::nullopt;
    tally seen;
    seen.requests = done(one, what, *found);
    std::ifstream lines(log.name());
    for (std::string line; std::getline(lines, line);) {
        const std::size_t at = line.find("Collected : ");
        if (at != std::string::npos) seen.count = std::stod(line.substr(at + 12));
    }
    if (seen.count == 0) return std::nullopt;
    return seen;
}

template <class Run>
std::optional<tally> for_each_request(Run run, const peer& one, job what) {
    const std::optional<tally> once = run(one, what);
    if (!once) return std::nullopt;
    what.requests *= 2;
    const std::optional<tally> twice = run(one, what);
    if (!twice) return std::nullopt;
    tally result;
    result.requests = twice->requests - once->requests;
    if (one.name == "wrk") { // by time: as many requests in both, most likely; the start hardly counts
        result = *twice;
    } else {
        result.count = twice->count - once->count;
        result.reads = twice->reads - once->reads;
    }
    result.count /= result.requests;
    result.reads /= result.requests;
    return result;
}

} // namespace

counts count(const peer& one, const job& what, bool with_instructions) {
    counts found;
    if (const auto calls = for_each_request(under_strace, one, what)) {
        found.calls = calls->count;
        found.reads = calls->reads;
    }
    if (const auto allocations = for_each_request(with_preload, one, what))
        found.allocations = allocations->count;
    if (with_instructions)
        if (const auto instructions = for_each_request(under_valgrind, one, what))
            found.instructions = instructions->count;
    return found;
}

} // namespace bench
