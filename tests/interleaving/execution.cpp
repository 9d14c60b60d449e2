// One execution: the fibers, and who goes on at each scheduling point.
#include "tests/interleaving/engine.hpp"
#include "tests/interleaving/memory.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <utility>

#include <sys/mman.h>

namespace explore {
namespace {

constexpr std::size_t stack_size = 256 * 1024;

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

} // namespace

std::string short_name(std::string_view file) {
    return std::string(file.substr(file.rfind('/') + 1));
}

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

} // namespace explore
