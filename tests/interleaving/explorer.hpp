// An explorer of interleavings: runs a scenario of a few threads again and again, each time in another order.
//
// In the spirit of CHESS (M. Musuvathi, S. Qadeer, "Iterative context bounding for systematic testing of
// multithreaded programs", PLDI 2007) and of relacy and Loom. The threads are fibers in one thread of the
// operating system. Each operation on an atomic, a lock or a condition variable of this directory is a
// scheduling point; between two of them a fiber is not interrupted. All schedules with at most
// `limits.preemptions` preemptions are run, those with fewer first; giving up the processor because of a lock
// that is taken, a wait, a yield or the end costs nothing, and every order of that is run, too.
//
// The code under test is the library's own, compiled with TANDEM_SYNC_POLICY naming policy.hpp.
//
// Modelled
// - Sequential consistency, and on top of it loads that return an older store where the C++20 memory model
//   allows it: store buffering, message passing with a missing release or acquire, seq_cst weakened to
//   less. Each such load counts against `limits.stale_loads`. (memory_model.hpp)
// - Failing weak compare-and-swaps, and strong ones that fail with an old value (same limit).
// - Release sequences through read-modify-write operations; the total order of the seq_cst operations.
// - Races on plain data that a scenario keeps in `cell`s.
// - Use after destruction of atomics and locks, use after free through pointers read from freed memory (it is
//   filled with a pattern, and not used again within an execution).
// - Deadlocks; a lost wake-up is one, or ends in a failed `require`. Endless loops, by a limit of steps.
//
// Not modelled
// - Fences, consume; stores that enter the modification order before an earlier one; load buffering
//   (values out of thin air); a load older than the last `kept_stores` stores of its atomic.
// - Races on plain data of the code under test itself: it runs unseen between two scheduling points.
//   ThreadSanitizer over the other tests looks for those.
// - Spurious wake-ups of condition variables; timed waits.
// - More preemptions, threads or steps than the scenario has. It is a search, not a proof.
#pragma once

#include "tests/interleaving/memory_model.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace explore {

using place = std::source_location;

// ---- for tests ----

class limits {
public:
    std::size_t preemptions = 2;
    std::size_t stale_loads = 1; // and compare-and-swaps that fail without need
    std::size_t steps = 3'000;   // of one execution
    std::size_t schedules = 5'000'000;
};

// A bug planted into the code under test, without touching it: one operation behaves otherwise.
class mutation {
public:
    enum class effect {
        weaken,  // seq_cst becomes acquire, release, or both
        relax,   // the order becomes relaxed
        split,   // a read-modify-write becomes a load and a later store
        succeed, // a compare-and-swap stores without comparing
        skip     // a store does not happen
    };
    std::string_view file;      // end of the file's name
    std::string_view function;  // a part of the function's signature
    std::string_view operation; // "load", "store", "exchange", "cas", "fetch_add" ...
    effect what = effect::weaken;
};

class report {
public:
    bool failed = false;
    std::size_t schedules = 0;  // run, all of them different
    std::size_t most_steps = 0; // of one execution
    std::string message;
    std::string schedule; // replays the failure: see `replay`
    std::string trace;    // the failing schedule, for people
};

// The threads of one execution. The scenario's own code is the first of them.
class world {
public:
    // Adds a thread; it starts in `join`.
    void thread(std::string name, std::function<void()> body);
    // Runs the threads to their ends. Everything that they did is then visible to the caller.
    void join();
};

using scenario = std::function<void(world&)>;

// Runs the scenario in every order within the limits, until one fails. Prints a line with the number of
// schedules when `name` is not empty.
report run(std::string_view name, const limits& most, const scenario& what);
report run_mutated(std::string_view name, const limits& most, const mutation& bug, const scenario& what);

// Runs one schedule, as a report names it.
report replay(std::string_view schedule, const scenario& what);

// ---- inside of a scenario ----

// Ends the execution, which has failed, and the search. Usable in `noexcept` functions: nothing is unwound.
[[noreturn]] void fail(const std::string& message);
inline void require(bool condition, const char* what, place at = place::current()) {
    if (!condition) fail(std::string(what) + " does not hold (line " + std::to_string(at.line()) + ")");
}

// One of `count` possibilities; all of them are explored.
std::size_t any(std::size_t count) noexcept;

// Lets the others go on; for loops that wait for something without blocking.
void yield() noexcept;

// The number of the running fiber; -1 outside of an execution.
int current_fiber() noexcept;

namespace detail {
bool keep_per_fiber(void* pointer) noexcept;
}

// A pointer that the program keeps in thread_local storage: each fiber has a value of its own, null at first.
// To be called before the first execution.
template <class T>
bool keep_per_fiber(T*& pointer) noexcept {
    return detail::keep_per_fiber(static_cast<void*>(&pointer));
}

// ---- for the objects of this directory ----

namespace detail {

bool running() noexcept; // inside of an execution
bool tracing() noexcept;
std::uint32_t execution() noexcept; // its number

// A scheduling point before an operation.
void point() noexcept;
void trace(std::string text, const place& at);

// One of `count` possibilities; 0 is the normal one, each other one counts as a stale load.
std::size_t choose_odd(std::size_t count) noexcept;

// Puts the fiber to sleep until somebody calls `unblock` on `object`. `what` is shown on a deadlock.
void block(const void* object, const char* what) noexcept;
void unblock_all(const void* object) noexcept;
bool unblock_one(const void* object) noexcept; // the explorer chooses which

view& my_view() noexcept;
view& seq_cst_view() noexcept;
std::uint16_t new_location() noexcept;
std::uint32_t new_object() noexcept; // a number for people
const mutation* planted() noexcept;
bool matches(const mutation& bug, const char* operation, const place& at) noexcept;

// Marks an object as alive; looked at by every operation.
class liveness {
public:
    liveness() = default;
    ~liveness() { mark_ = dead; }
    void check(const place& at) const noexcept {
        if (mark_ != alive) [[unlikely]]
            complain(at);
    }

private:
    static constexpr std::uint32_t alive = 0x600DF00D;
    static constexpr std::uint32_t dead = 0x0BADF00D;
    [[noreturn]] static void complain(const place& at) noexcept;
    volatile std::uint32_t mark_ = alive;
};

} // namespace detail
} // namespace explore
