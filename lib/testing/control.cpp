#include "lib/testing/control.hpp"

#include "lib/core/loop.hpp"
#include "lib/core/task_registry.hpp"
#include "lib/observe/task_tree.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

namespace tandem::test::detail {

namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds go_on{0};

// G. Steele, D. Lea, C. Flood: Fast splittable pseudorandom number generators, 2014 (SplitMix64).
std::uint64_t next_random(std::uint64_t& state) noexcept {
    std::uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

std::string seconds(nanoseconds time) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3f s", std::chrono::duration<double>(time).count());
    return text.data();
}

// After a test that has used up its time was cancelled: for its clean-up.
constexpr std::chrono::hours more_time{1};

} // namespace

control::control(const options& how)
    : how_(how), start_(clock::now()), now_(start_.time_since_epoch().count()),
      limit_(start_ + std::min<nanoseconds>(how.time_limit(), std::chrono::hours(24 * 365 * 100))) {}

void control::attach(scheduler& loop) {
    const std::uint64_t number = loops_.size();
    std::uint64_t state = how_.seed().value_or(0);
    for (std::uint64_t i = 0; i <= number; ++i)
        state = next_random(state);
    const std::lock_guard lock(mutex_);
    loops_.emplace_back(static_cast<tandem::detail::loop&>(loop), state);
}

void control::detach(scheduler& loop) noexcept {
    const std::lock_guard lock(mutex_);
    std::erase_if(loops_, [&loop](const entry& e) { return e.loop == &loop; });
}

control::clock::time_point control::now() const noexcept {
    if (how_.is_real_time()) return clock::now();
    return clock::time_point(clock::duration(now_.load(std::memory_order_acquire)));
}

std::size_t control::pick(scheduler& loop, std::size_t count) noexcept {
    return static_cast<std::size_t>(next_random(entry_of(loop).random) % count);
}

control::entry& control::entry_of(const scheduler& loop) noexcept {
    return *std::find_if(loops_.begin(), loops_.end(), [&loop](const entry& e) { return e.loop == &loop; });
}

void control::awake(scheduler& loop) noexcept {
    const std::lock_guard lock(mutex_);
    entry_of(loop).idle = false;
}

nanoseconds control::idle(scheduler& loop, const idle_state& state) noexcept {
    std::unique_lock lock(mutex_);
    entry& self = entry_of(loop);
    if (state.worked) ++activity_;
    self.state = state;
    self.confirmed = activity_;
    self.idle = true;
    if (holds_ > 0 || !nothing_can_happen(self)) return until_timer(self);

    std::optional<clock::time_point> next;
    std::size_t computations = 0;
    std::size_t operations = 0;
    for (const entry& e : loops_) {
        if (e.state.next_timer) next = next ? std::min(*next, *e.state.next_timer) : *e.state.next_timer;
        computations += e.state.computations;
        operations += e.state.operations;
    }
    if (computations + operations == 0 && !next) return give_up(self, lock, "nothing can happen any more");
    if (next && how_.is_real_time()) return until_timer(self);

    if (next && computations == 0) {
        const nanoseconds grace = operations == 0 ? go_on : how_.io_grace() - quiet_for();
        if (grace > go_on) return grace;
        if (main_over_ || *next <= limit_) return move_clock(self, *next);
        return give_up(self, lock, "it has used up its time (options::time_limit)");
    }
    if (how_.stall_limit() <= go_on) return for_ever;
    const nanoseconds left = how_.stall_limit() - quiet_for();
    if (left > go_on) return left;
    return give_up(self, lock,
                   "no I/O and no computation has ended for " + seconds(how_.stall_limit()) +
                       " of real time (options::stall_limit)");
}

// Whether all loops have looked for work since anything was done, and found none.
bool control::nothing_can_happen(entry& self) noexcept {
    bool nothing = !self.loop->has_incoming();
    for (entry& e : loops_) {
        if (&e == &self) continue;
        if (!e.idle || e.loop->has_incoming()) {
            nothing = false; // it will ask here itself
        } else if (e.confirmed != activity_) {
            e.loop->poke();
            nothing = false;
        }
    }
    return nothing;
}

// For how long, in real time, nothing has been done.
nanoseconds control::quiet_for() noexcept {
    const clock::time_point real = clock::now();
    if (std::exchange(quiet_activity_, activity_) != activity_) quiet_since_ = real;
    return real - quiet_since_;
}

// How long this loop is to wait when it is not the one that decides.
nanoseconds control::until_timer(const entry& self) const noexcept {
    if (!how_.is_real_time() || !self.state.next_timer) return for_ever;
    const clock::time_point real = clock::now();
    return std::max<nanoseconds>(nanoseconds(1), *self.state.next_timer - real);
}

nanoseconds control::move_clock(entry& self, clock::time_point to) noexcept {
    now_.store(std::max(to, now()).time_since_epoch().count(), std::memory_order_release);
    for (entry& e : loops_) {
        if (&e == &self || !e.state.next_timer || *e.state.next_timer > to) continue;
        e.idle = false; // its timers are to fire before the clock moves again
        e.loop->poke();
    }
    self.idle = false;
    return go_on;
}

// All loops stand still.
std::string control::tasks_left() const {
    if (!tandem::detail::tasks_are_listed) return tandem::detail::no_task_registry;
    std::vector<tandem::detail::scheduler_facts> all;
    for (const entry& e : loops_)
        all.emplace_back(tandem::detail::label_of(*e.loop)).tasks =
            tandem::detail::task_registry::tasks_of(*e.loop);
    return tandem::detail::tree_text(tandem::detail::infos_of(all));
}

// First the main task is cancelled; when that does not end it, it is left to the runtime's destructor.
nanoseconds control::give_up(entry& self, std::unique_lock<std::mutex>& lock,
                             const std::string& why) noexcept {
    if (main_over_) return for_ever; // what is left are background tasks that the runtime drains
    const bool first = report_.empty();
    if (first) {
        report_ = "the test has not ended, and " + why + "; after " + seconds(elapsed()) +
                  " these tasks are left:\n" + tasks_left();
    }
    if (!has_main_) {
        std::fprintf(stderr, "tandem: %s", report_.c_str());
        std::terminate();
    }
    limit_ = now() + more_time;
    quiet_activity_ = 0;
    self.idle = false; // it asks again at once
    if (!first || !main_) {
        wake_waiting();
        return go_on;
    }
    if (!main_->home().is_current()) {
        main_->request_cancel(); // a message
        return go_on;
    }
    task_context& main = *main_; // its own thread: it cannot end meanwhile
    lock.unlock();
    main.request_cancel(); // runs stop callbacks of the test's
    return go_on;
}

void control::hold() noexcept {
    const std::lock_guard lock(mutex_);
    ++holds_;
}

void control::let_go() noexcept {
    const std::lock_guard lock(mutex_);
    if (--holds_ > 0) return;
    ++activity_; // what happened meanwhile is not known here
    for (const entry& e : loops_)
        e.loop->poke();
}

std::shared_ptr<control> control::current() {
    const task_context* const task = task_context::current();
    auto* const loop = task ? dynamic_cast<tandem::detail::loop*>(&task->home()) : nullptr;
    auto* const found = loop ? dynamic_cast<control*>(loop->control()) : nullptr;
    if (!found) throw std::logic_error("tandem::test: not in a task of a test");
    return found->shared_from_this();
}

void control::main_began(task_context& main) noexcept {
    const std::lock_guard lock(mutex_);
    main_ = &main;
}

void control::main_ended() noexcept {
    const std::lock_guard lock(mutex_);
    main_ = nullptr;
    wake_waiting();
}

bool control::wait_for_main(task_context& waiting) noexcept {
    const std::lock_guard lock(mutex_);
    has_main_ = true;
    if (main_over_) return false;
    waiting_ = &waiting;
    return true;
}

// mutex_ held.
void control::wake_waiting() noexcept {
    main_over_ = true;
    if (task_context* const waiting = std::exchange(waiting_, nullptr)) waiting->wake();
}

} // namespace tandem::test::detail
