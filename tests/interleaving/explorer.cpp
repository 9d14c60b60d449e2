#include "tests/interleaving/explorer.hpp"

#include "tests/interleaving/engine.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace explore {

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
