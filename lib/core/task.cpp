#include <tandem/core/task.hpp>

#include <stdexcept>

namespace tandem::detail {

void throw_not_awaitable(bool empty) {
    throw std::logic_error(empty ? "an empty task was awaited: it was moved from, or never held a coroutine"
                                 : "a task was awaited twice: its coroutine runs once");
}

} // namespace tandem::detail
