// asyncio.TaskGroup and its error groups.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>

tandem::task<> fail(std::string why) {
    co_await tandem::yield();
    throw std::runtime_error(why);
}

// Python:  async with asyncio.TaskGroup() as group:
//              group.create_task(count()); group.create_task(count())
tandem::task<> task_group() {
    int counted = 0;
    const auto count = [&counted]() -> tandem::task<> {
        co_await tandem::yield();
        ++counted;
    };
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(count);
        group.spawn(count);
        co_return;
    });
    expect(counted == 2); // every task of the group has ended
}

// Python:  try:
//              async with asyncio.TaskGroup() as group:
//                  group.create_task(fail("disk")); group.create_task(wait_for_ever())
//          except* RuntimeError as errors: ...
// The first failure cancels the siblings. It is rethrown as it is, not wrapped: a plain catch catches it.
tandem::task<> first_failure() {
    bool sibling_cancelled = false;
    const auto wait_for_ever = [&]() -> tandem::task<> {
        tandem::event never;
        try {
            co_await never.wait();
        } catch (const tandem::operation_cancelled&) {
            sibling_cancelled = true;
            throw;
        }
    };
    std::string what;
    try {
        co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
            group.spawn(wait_for_ever);
            group.spawn(fail, "disk");
            co_return;
        });
    } catch (const std::runtime_error& error) {
        what = error.what();
    }
    expect(what == "disk" && sibling_cancelled);
}

// Python:  except* RuntimeError as group: group.exceptions
// When each failure counts: the siblings run on, and the failures come together.
tandem::task<> exception_group() {
    std::size_t failures = 0;
    const auto options = tandem::task_group_options().on_failure(tandem::failure_policy::collect_all);
    try {
        co_await tandem::with_task_group(options, [](tandem::task_group& group) -> tandem::task<> {
            group.spawn(fail, "disk");
            group.spawn(fail, "net");
            co_return;
        });
    } catch (const tandem::aggregate_error& error) {
        failures = error.errors().size();
    }
    expect(failures == 2);
}

// Python:  limit = asyncio.Semaphore(2), taken in each task
// A group bounds its tasks itself; those beyond the limit are not begun, and need no memory for their work.
tandem::task<> limited() {
    int running = 0, most = 0;
    const auto work = [&]() -> tandem::task<> {
        most = std::max(most, ++running);
        co_await tandem::yield();
        --running;
    };
    co_await tandem::with_task_group(tandem::task_group_options().limit(2),
                                     [&](tandem::task_group& group) -> tandem::task<> {
                                         for (int i = 0; i < 10; ++i)
                                             group.spawn(work);
                                         co_return;
                                     });
    expect(most == 2);
}

tandem::task<> all() {
    co_await task_group();
    co_await first_failure();
    co_await exception_group();
    co_await limited();
}

int main() {
    return tandem::run(all);
}
