// The explorer's state: its fibers, and the decisions of the execution that runs. Execution, search and the
// functions of explorer.hpp share it.
#pragma once

#include "tests/interleaving/explorer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <cxxabi.h>
#include <ucontext.h>

namespace explore {

// The pointers of the program that are thread_local.
inline constexpr std::size_t most_pointers = 4;
inline std::array<void*, most_pointers> thread_pointers{};
inline std::size_t pointer_count = 0;

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

inline explorer the;

// "mutex.hpp"
std::string short_name(std::string_view file);

} // namespace explore
