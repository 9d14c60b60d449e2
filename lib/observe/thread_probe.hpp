// What a loop's thread does at this moment, asked from outside, also when it never returns to its loop.
//
// The thread is interrupted by a signal (SIGURG, which is ignored by default and which nobody else sends to a
// thread) and notes its own task, its coroutines and its native stack in static memory. What the handler
// reads belongs to its own thread and is written so that every moment in between is good to read.
#pragma once

#include "lib/core/loop.hpp"
#include "lib/core/task_registry.hpp"

#include <tandem/observe/tasks.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tandem::detail {

class thread_state {
public:
    thread_state() {}
    running_task task;
    std::vector<void*> native; // return addresses, innermost first
};

// Nothing when no thread runs the loop, or it does not answer within 200 ms (it blocks the signal, or the
// kernel holds it). One at a time in a process. The loop must live during the call.
std::optional<thread_state> probe(loop& target);

// "function (program+0x1234)". The names are those that the dynamic linker knows: link programs with
// -rdynamic to see all, or give the addresses to addr2line.
std::vector<std::string> symbols(const std::vector<void*>& addresses);

std::vector<task_frame> frames_of(const std::source_location* places, std::size_t count);

} // namespace tandem::detail
