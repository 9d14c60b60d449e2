// contextvars.ContextVar; threading.local.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <optional>
#include <string>

tandem::task_local<std::string> request_id; // Python:  request_id = ContextVar("request_id")

tandem::task<std::optional<std::string>> id_seen() {
    co_await tandem::yield();
    const std::string* const id = request_id.get(); // Python:  request_id.get(None)
    if (id) co_return *id;
    co_return std::nullopt;
}

// Python:  token = request_id.set("42")
//          try: seen = await id_seen()
//          finally: request_id.reset(token)
// A value is bound for a scope, so there is no token to give back and none to forget.
tandem::task<> set_and_reset() {
    const auto seen = co_await request_id.with("42", id_seen);
    const auto after = co_await id_seen();
    expect(seen == "42" && !after);
}

// Python:  tasks copy the context in which they are created
// Children see what was in force where their group or combinator was made; they refer to it, and nothing is
// copied: a binding does not change while it is in force.
tandem::task<> inherited() {
    const auto both = []() -> tandem::task<> {
        auto [mine, other] = co_await tandem::when_all(id_seen(), request_id.with("43", id_seen()));
        expect(mine == "42" && other == "43");
    };
    co_await request_id.with("42", both);
}

// Python:  await asyncio.to_thread(f)          # runs f in a copy of the context
// The pool does not see it: pass the value along.
tandem::task<> not_on_the_pool() {
    const auto look = []() -> tandem::task<> {
        const bool there = co_await tandem::offload([] { return request_id.get() != nullptr; });
        expect(!there);
    };
    co_await request_id.with("42", look);
}

// Python:  local = threading.local(); local.count = 1
// In C++ a keyword. All tasks of a loop share it: for what belongs to a task use task_local.
tandem::task<> thread_local_value() {
    thread_local int count = 0;
    count = 1;
    const int there = co_await tandem::offload([] { return count; });
    expect(count == 1 && there == 0);
}

tandem::task<> all() {
    co_await set_and_reset();
    co_await inherited();
    co_await not_on_the_pool();
    co_await thread_local_value();
}

int main() {
    return tandem::run(all);
}
