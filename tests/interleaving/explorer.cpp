#include "tests/interleaving/explorer.hpp"

#include "tests/interleaving/memory.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <memory>
#include <utility>

#include <cxxabi.h>
#include <sys/mman.h>
#include <ucontext.h>

namespace explore {
namespace {

constexpr std::size_t stack_size = 256 * 1024;

// The pointers of the program that are thread_local.
constexpr std::size_t most_pointers = 4;
std::array<void*, most_pointers> thread_pointers{};
std::size_t pointer_count = 0;

// What each fiber has of its own: what the C++ runtime keeps for each thread about exceptions in flight, and
// the program's thread_local pointers.
class thread_state {
public:
    void save() noexcept {
        std::memcpy(exceptions_, abi::__cxa_get_globals(), sizeof exceptions_);
        for (std::size_t i = 0; i < pointer_count; ++i)
            std::memcpy(&values_[i], thread_pointers[i], sizeof values_[i]);
    }
    void restore() const noexcept {
        std::memcpy(abi::__cxa_get_globals(), exceptions_, sizeof exceptions_);
        for (std::size_t i = 0; i < pointer_count; ++i)
            std::memcpy(thread_pointers[i], &values_[i], sizeof values_[i]);
    }

private:
    unsigned char exceptions_[2 * sizeof(void*)] = {};
    std::array<void*, most_pointers> values_{};
};

class fiber {
public:
    enum class state { ready, blocked, ended };

    std::string name;
    std::function<void()> body;
    state now = state::ended;
    bool yielded = false; // others first
    const void* waits_on = nullptr;
    const char* waits_for = "";
    view sees;
    thread_state own;
    ucontext_t context{};
    void* stack = nullptr;
};

// A decision that was made, of so many.
class decision {
public:
    std::uint8_t made;
    std::uint8_t of;
};

class explorer {
public:
    bool running = false;
    bool tracing = false;
    int current = -1;
    std::uint32_t execution = 0;
    const mutation* bug = nullptr;
    view seq_cst;
    std::uint16_t locations = 0;
    std::uint32_t objects = 0;
    std::size_t count = 0; // fibers of this execution
    std::array<fiber, most_fibers> fibers;

    report search(std::string_view name, const limits& most, const scenario& what);
    report once(std::string_view schedule, const scenario& what);

    fiber& me() noexcept { return fibers[static_cast<std::size_t>(current)]; }
    void add(std::string name, std::function<void()> body);
    void point() noexcept;
    void yield() noexcept;
    void block(const void* object, const char* what) noexcept;
    void join() noexcept;
    std::size_t choose(std::size_t of) noexcept;
    std::size_t choose_odd(std::size_t of) noexcept;
    [[noreturn]] void fail(const std::string& message) noexcept;
    void note(std::string text, const place& at);
    void crashed(int number) noexcept;

private:
    void execute(const scenario& what);
    bool next_schedule() noexcept;
    std::string schedule() const;
    std::string show_trace() const;
    void hand_over() noexcept;
    void switch_to(std::size_t next) noexcept;
    void make(fiber& f) noexcept;
    static void entry() noexcept;
    [[noreturn]] void leave() noexcept;

    limits most_;
    std::vector<decision> decisions_;
    std::size_t position_ = 0;
    std::size_t preemptions_ = 0;
    std::size_t stale_loads_ = 0;
    std::size_t steps_ = 0;
    bool failed_ = false;
    std::string message_;
    std::vector<std::string> trace_;
    int traced_fiber_ = -1;
    ucontext_t home_{};
    thread_state home_state_;
};

explorer the;

void on_signal(int number) {
    the.crashed(number);
}

// Turns crashes and std::terminate into failures of the scenario while a search runs.
class crash_guard {
public:
    crash_guard() {
        static std::vector<char> stack(64 * 1024);
        stack_t alternative{};
        alternative.ss_sp = stack.data();
        alternative.ss_size = stack.size();
        sigaltstack(&alternative, &old_stack_);
        struct sigaction action{};
        action.sa_handler = on_signal;
        action.sa_flags = SA_ONSTACK | SA_NODEFER;
        sigaction(SIGSEGV, &action, &old_segv_);
        sigaction(SIGBUS, &action, &old_bus_);
        sigaction(SIGABRT, &action, &old_abort_);
    }
    ~crash_guard() {
        sigaction(SIGSEGV, &old_segv_, nullptr);
        sigaction(SIGBUS, &old_bus_, nullptr);
        sigaction(SIGABRT, &old_abort_, nullptr);
        sigaltstack(&old_stack_, nullptr);
    }

private:
    stack_t old_stack_{};
    struct sigaction old_segv_{};
    struct sigaction old_bus_{};
    struct sigaction old_abort_{};
};

std::string line_of(const place& at) {
    // The name is as the compiler was given it: perhaps relative to a folder that is not this one.
    std::string_view name = at.file_name();
    std::ifstream file{std::string(name)};
    if (!file) {
        while (name.starts_with("../"))
            name.remove_prefix(3);
        file.open(TANDEM_SOURCE_DIR "/" + std::string(name));
    }
    std::string line;
    for (unsigned i = 0; i < at.line() && std::getline(file, line); ++i) {
    }
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string::npos) return {};
    return line.substr(begin, line.find(" //") - begin).substr(0, 90);
}

std::string short_name(std::string_view file) {
    return std::string(file.substr(file.rfind('/') + 1));
}

// ---- one execution ----

void explorer::make(fiber& f) noexcept {
    if (!f.stack) {
        f.stack = mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (f.stack == MAP_FAILED) std::abort();
        mprotect(f.stack, 4096, PROT_NONE);
    }
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack;
    f.context.uc_stack.ss_size = stack_size;
    f.context.uc_link = nullptr;
    makecontext(&f.context, &explorer::entry, 0);
    f.own = thread_state();
}

void explorer::entry() noexcept {
    try {
        the.me().body();
    } catch (const std::exception& e) {
        the.fail(std::string("an exception leaves thread ") + the.me().name + ": " + e.what());
    } catch (...) {
        the.fail(std::string("an exception leaves thread ") + the.me().name);
    }
    the.me().now = fiber::state::ended;
    if (the.current == 0) {
        for (std::size_t i = 1; i < the.count; ++i)
            if (the.fibers[i].now != fiber::state::ended)
                the.fail("the scenario ended without joining its threads");
        the.leave();
    }
    if (the.tracing) the.trace_.push_back("      " + the.me().name + " ends");
    the.fibers[0].sees.merge(the.me().sees);
    detail::unblock_all(&the);
    the.hand_over();
    std::abort(); // an ended fiber is not resumed
}

void explorer::leave() noexcept {
    current = -1;
    running = false;
    home_state_.restore();
    setcontext(&home_);
    std::abort();
}

void explorer::fail(const std::string& message) noexcept {
    if (!failed_) {
        failed_ = true;
        message_ = message;
    }
    leave();
}

void explorer::crashed(int number) noexcept {
    if (!running) {
        std::signal(number, SIG_DFL);
        std::raise(number);
    }
    fail(number == SIGABRT ? "the program aborts"
                           : "a crash: a pointer leads nowhere (freed memory is filled with a pattern)");
}

void explorer::execute(const scenario& what) {
    ++execution;
    position_ = preemptions_ = stale_loads_ = steps_ = 0;
    locations = 0;
    objects = 0;
    count = 0;
    seq_cst = view();
    failed_ = false;
    trace_.clear();
    traced_fiber_ = -1;
    world threads;
    add("scenario", [&] { what(threads); });
    fibers[0].now = fiber::state::ready;
    home_state_.save();
    // After `leave` the program goes on behind getcontext once more.
    volatile bool left = false;
    getcontext(&home_);
    if (!left) {
        left = true;
        current = 0;
        running = true;
        fibers[0].own.restore();
        setcontext(&fibers[0].context);
    }
    release_quarantine();
    for (std::size_t i = 0; i < count; ++i)
        fibers[i].body = nullptr;
}

void explorer::add(std::string name, std::function<void()> body) {
    if (count == most_fibers) fail("too many threads");
    fiber& f = fibers[count++];
    f.name = std::move(name);
    f.body = std::move(body);
    f.now = fiber::state::blocked; // until join
    f.waits_on = nullptr;
    f.waits_for = "the scenario's join";
    f.yielded = false;
    f.sees = view();
    f.sees.clock[static_cast<std::size_t>(&f - fibers.data())] = 1;
    make(f);
}

void explorer::switch_to(std::size_t next) noexcept {
    fiber& to = fibers[next];
    to.yielded = false;
    if (static_cast<int>(next) == current) return;
    fiber& from = me();
    from.own.save();
    current = static_cast<int>(next);
    to.own.restore();
    swapcontext(&from.context, &to.context);
}

std::size_t explorer::choose(std::size_t of) noexcept {
    if (of <= 1) return 0;
    if (position_ < decisions_.size()) {
        decision& d = decisions_[position_++];
        if (d.of == 0) d.of = static_cast<std::uint8_t>(of); // a replay
        if (d.of != of || d.made >= of)
            fail("the scenario is not deterministic, or the schedule not its own");
        return d.made;
    }
    decisions_.push_back({0, static_cast<std::uint8_t>(of)});
    ++position_;
    return 0;
}

std::size_t explorer::choose_odd(std::size_t of) noexcept {
    if (stale_loads_ >= most_.stale_loads) return 0;
    const std::size_t chosen = choose(of);
    if (chosen != 0) ++stale_loads_;
    return chosen;
}

// Goes on in another fiber, at no cost, because the current one cannot or does not want to.
void explorer::hand_over() noexcept {
    std::array<std::size_t, most_fibers> candidates{};
    std::size_t n = 0;
    for (int round = 0; round < 2 && n == 0; ++round) {
        for (std::size_t i = 0; i < count; ++i)
            if (fibers[i].now == fiber::state::ready && !fibers[i].yielded) candidates[n++] = i;
        if (n == 0) // all that are ready have yielded
            for (std::size_t i = 0; i < count; ++i)
                fibers[i].yielded = false;
    }
    if (n == 0) {
        std::string who = "deadlock or lost wake-up: nobody can go on";
        for (std::size_t i = 0; i < count; ++i)
            if (fibers[i].now == fiber::state::blocked)
                who += "; " + fibers[i].name + " waits for " + fibers[i].waits_for;
        fail(who);
    }
    switch_to(candidates[choose(n)]);
}

void explorer::point() noexcept {
    if (++steps_ > most_.steps) fail("does not end within " + std::to_string(most_.steps) + " steps");
    if (preemptions_ >= most_.preemptions) return;
    std::array<std::size_t, most_fibers> candidates{static_cast<std::size_t>(current)};
    std::size_t n = 1;
    for (std::size_t i = 0; i < count; ++i)
        if (static_cast<int>(i) != current && fibers[i].now == fiber::state::ready) candidates[n++] = i;
    const std::size_t chosen = choose(n);
    if (chosen == 0) return;
    ++preemptions_;
    switch_to(candidates[chosen]);
}

void explorer::yield() noexcept {
    if (++steps_ > most_.steps) fail("does not end within " + std::to_string(most_.steps) + " steps");
    me().yielded = true;
    hand_over();
}

void explorer::block(const void* object, const char* what) noexcept {
    fiber& f = me();
    f.now = fiber::state::blocked;
    f.waits_on = object;
    f.waits_for = what;
    hand_over();
}

void explorer::join() noexcept {
    for (std::size_t i = 1; i < count; ++i) {
        fiber& f = fibers[i];
        if (f.now != fiber::state::blocked || f.waits_on != nullptr) continue;
        f.now = fiber::state::ready;
        f.sees.merge(me().sees);
    }
    ++me().sees.clock[0];
    for (;;) {
        bool all = true;
        for (std::size_t i = 1; i < count; ++i)
            all = all && fibers[i].now == fiber::state::ended;
        if (all) break;
        block(this, "its threads' ends");
    }
    // Threads that are added after this begin anew; the numbers of these are used up.
}

void explorer::note(std::string text, const place& at) {
    if (traced_fiber_ != current) {
        trace_.push_back("    -> " + me().name);
        traced_fiber_ = current;
    }
    std::string where = short_name(at.file_name()) + ":" + std::to_string(at.line());
    const std::string code =
        std::string_view(at.file_name()).find("/include/c++/") != std::string_view::npos ? "" : line_of(at);
    where.resize(std::max<std::size_t>(where.size(), 24), ' ');
    text.resize(std::max<std::size_t>(text.size(), 50), ' ');
    trace_.push_back("       " + where + " " + text + "  " + code);
}

// ---- the search ----

// The next one in depth-first order. False: that was the last.
bool explorer::next_schedule() noexcept {
    decisions_.resize(position_);
    while (!decisions_.empty() && decisions_.back().made + 1 >= decisions_.back().of)
        decisions_.pop_back();
    if (decisions_.empty()) return false;
    ++decisions_.back().made;
    return true;
}

std::string explorer::schedule() const {
    std::string text = std::to_string(most_.preemptions) + "/" + std::to_string(most_.stale_loads) + ":";
    for (std::size_t i = 0; i < position_; ++i)
        text += static_cast<char>('0' + decisions_[i].made);
    while (text.back() == '0')
        text.pop_back();
    return text;
}

std::string explorer::show_trace() const {
    std::string text;
    for (const std::string& line : trace_)
        text += line + '\n';
    return text;
}

report explorer::search(std::string_view name, const limits& most, const scenario& what) {
    const crash_guard guard;
    report result;
    const auto begun = std::chrono::steady_clock::now();
    // Few deviations first, so that what is found is found in its simplest form.
    std::vector<std::pair<std::size_t, std::size_t>> rounds;
    for (std::size_t p = 0; p < most.preemptions; ++p)
        rounds.emplace_back(p, 0);
    if (most.stale_loads > 0) rounds.emplace_back(std::min<std::size_t>(most.preemptions, 1), 1);
    rounds.emplace_back(most.preemptions, most.stale_loads);
    for (const auto& [preemptions, stale] : rounds) {
        most_ = most;
        most_.preemptions = preemptions;
        most_.stale_loads = stale;
        decisions_.clear();
        result.schedules = 0; // each round contains the ones before
        do {
            execute(what);
            ++result.schedules;
            result.most_steps = std::max(result.most_steps, steps_);
            if (!failed_ && result.schedules >= most.schedules) {
                failed_ = true;
                message_ = "more schedules than the limit allows";
            }
        } while (!failed_ && next_schedule());
        if (failed_) break;
    }
    if (failed_) {
        const std::string found = message_;
        const std::size_t schedules = result.schedules;
        const std::string failing = schedule();
        result = once(failing, what);
        result.schedules = schedules;
        if (result.message != found) result.message = found + " (in the replay: " + result.message + ")";
    }
    if (!name.empty()) {
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        std::printf("%-58.*s %8zu schedules, up to %4zu steps, %6.2f s%s\n", static_cast<int>(name.size()),
                    name.data(), result.schedules, result.most_steps, seconds,
                    result.failed ? "  FAILS" : "");
        std::fflush(stdout);
    }
    return result;
}

report explorer::once(std::string_view schedule, const scenario& what) {
    const crash_guard guard;
    const auto slash = schedule.find('/');
    const auto colon = schedule.find(':');
    if (slash == schedule.npos || colon == schedule.npos) {
        report wrong;
        wrong.failed = true;
        wrong.message = "not a schedule: " + std::string(schedule);
        return wrong;
    }
    limits most;
    most.preemptions = static_cast<std::size_t>(std::stoul(std::string(schedule.substr(0, slash))));
    most.stale_loads =
        static_cast<std::size_t>(std::stoul(std::string(schedule.substr(slash + 1, colon - slash - 1))));
    most_ = most;
    decisions_.clear();
    for (const char c : schedule.substr(colon + 1))
        decisions_.push_back({static_cast<std::uint8_t>(c - '0'), 0});
    tracing = true;
    execute(what);
    tracing = false;
    report result;
    result.failed = failed_;
    result.schedules = 1;
    result.most_steps = steps_;
    if (failed_) {
        result.message = message_;
        result.schedule = schedule;
    }
    result.trace = show_trace();
    return result;
}

} // namespace

// ---- the public functions ----

void world::thread(std::string name, std::function<void()> body) {
    the.add(std::move(name), std::move(body));
}
void world::join() {
    the.join();
}

report run(std::string_view name, const limits& most, const scenario& what) {
    return the.search(name, most, what);
}

report run_mutated(std::string_view name, const limits& most, const mutation& bug, const scenario& what) {
    the.bug = &bug;
    report result = the.search(name, most, what);
    the.bug = nullptr;
    return result;
}

report replay(std::string_view schedule, const scenario& what) {
    return the.once(schedule, what);
}

void fail(const std::string& message) {
    if (!the.running) {
        std::fprintf(stderr, "outside of an execution: %s\n", message.c_str());
        std::abort();
    }
    the.fail(message);
}

std::size_t any(std::size_t count) noexcept {
    return the.running ? the.choose(count) : 0;
}

void yield() noexcept {
    if (the.running) the.yield();
}

bool detail::keep_per_fiber(void* pointer) noexcept {
    if (pointer_count == most_pointers) std::abort();
    thread_pointers[pointer_count++] = pointer;
    return true;
}

int current_fiber() noexcept {
    return the.running ? the.current : -1;
}

namespace detail {

bool running() noexcept {
    return the.running;
}
bool tracing() noexcept {
    return the.tracing && the.running;
}
std::uint32_t execution() noexcept {
    return the.execution;
}
void point() noexcept {
    the.point();
}
void trace(std::string text, const place& at) {
    the.note(std::move(text), at);
}
std::size_t choose_odd(std::size_t count) noexcept {
    return the.choose_odd(count);
}
void block(const void* object, const char* what) noexcept {
    the.block(object, what);
}
void unblock_all(const void* object) noexcept {
    for (std::size_t i = 0; i < the.count; ++i) {
        fiber& f = the.fibers[i];
        if (f.now == fiber::state::blocked && f.waits_on == object) f.now = fiber::state::ready;
    }
}
bool unblock_one(const void* object) noexcept {
    std::array<std::size_t, most_fibers> waiting{};
    std::size_t n = 0;
    for (std::size_t i = 0; i < the.count; ++i)
        if (the.fibers[i].now == fiber::state::blocked && the.fibers[i].waits_on == object) waiting[n++] = i;
    if (n == 0) return false;
    the.fibers[waiting[the.choose(n)]].now = fiber::state::ready;
    return true;
}
view& my_view() noexcept {
    return the.me().sees;
}
view& seq_cst_view() noexcept {
    return the.seq_cst;
}
std::uint16_t new_location() noexcept {
    if (the.locations == most_locations) the.fail("too many atomics in one execution");
    return the.locations++;
}
std::uint32_t new_object() noexcept {
    return ++the.objects;
}
const mutation* planted() noexcept {
    return the.bug;
}
bool matches(const mutation& bug, const char* operation, const place& at) noexcept {
    return bug.operation == operation && std::string_view(at.file_name()).ends_with(bug.file) &&
           std::string_view(at.function_name()).find(bug.function) != std::string_view::npos;
}
void liveness::complain(const place& at) noexcept {
    the.fail("used after it was destroyed: an object at " + short_name(at.file_name()) + ":" +
             std::to_string(at.line()));
}

} // namespace detail
} // namespace explore
