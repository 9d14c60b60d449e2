// async with, contextlib.AsyncExitStack, try/finally with await.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// Python:  async with connect() as connection: ...
// What needs no waiting at its end is a destructor: guards, permits, sockets, files.
tandem::task<> async_with() {
    tandem::mutex mutex;
    {
        const auto guard = co_await mutex.lock();
        expect(!mutex.try_lock());
    }
    expect(static_cast<bool>(mutex.try_lock()));
}

// Python:  session = await log_in()
//          try: await transfer(session)
//          finally: await session.log_out()
// The cleanup is shielded from the cancellation that ends the body, and bounded by a limit of its own.
tandem::task<> try_finally() {
    std::string log;
    tandem::event never;
    const auto transfer = [&]() -> tandem::task<> {
        log += "begun ";
        co_await never.wait();
    };
    const auto log_out = [&log]() -> tandem::task<> {
        co_await tandem::yield(); // may wait, although the task was cancelled
        log += "logged out";
    };
    const auto session = [&]() -> tandem::task<> { co_await tandem::with_cleanup(transfer, log_out); };
    const auto cancel = []() -> tandem::task<> { co_return; };
    auto race = co_await tandem::when_any(session(), cancel());
    expect(race.get<0>().cancelled() && log == "begun logged out");
}

// Python:  async with AsyncExitStack() as stack:
//              for name in names:
//                  stack.push_async_callback(close, await open(name))
// The number is known at run time only: a vector of what is to be done, undone backwards.
class exit_stack {
public:
    exit_stack() noexcept {}
    void push(std::function<tandem::task<>()> callback) { callbacks_.push_back(std::move(callback)); }
    tandem::task<> unwind() {
        while (!callbacks_.empty()) {
            const auto last = std::move(callbacks_.back());
            callbacks_.pop_back();
            co_await last();
        }
    }

private:
    std::vector<std::function<tandem::task<>()>> callbacks_;
};

tandem::task<> async_exit_stack() {
    std::string closed;
    const auto close = [&closed](char name) -> tandem::task<> {
        co_await tandem::yield();
        closed += name;
    };
    exit_stack stack;
    const auto body = [&]() -> tandem::task<> {
        for (const char name : {'a', 'b', 'c'})
            stack.push(std::bind_front(close, name));
        co_await tandem::yield();
        throw std::runtime_error("no");
    };
    bool failed = false;
    try {
        co_await tandem::with_cleanup(body, [&stack] { return stack.unwind(); });
    } catch (const std::runtime_error&) {
        failed = true;
    }
    expect(failed && closed == "cba");
}

tandem::task<> all() {
    co_await async_with();
    co_await try_finally();
    co_await async_exit_stack();
}

int main() {
    return tandem::run(all);
}
