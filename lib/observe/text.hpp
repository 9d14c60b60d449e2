// How observations are worded.
#pragma once

#include <tandem/observe/tasks.hpp>

#include <chrono>
#include <string>

namespace tandem::detail {

// "12 us", "3.4 ms", "2.41 s", "1 h 2 min"
std::string duration_text(std::chrono::nanoseconds duration);

// "fetch(url) at crawl.cpp:12"; "" when nothing is known.
std::string frame_text(const task_frame& frame);

// "#7 fetch", "#7", "a task that has not waited yet (fetch)"
std::string task_text(std::uint64_t id, const std::string& name);

} // namespace tandem::detail
