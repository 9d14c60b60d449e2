// The explorer itself: it finds the textbook failures of the memory model and of threads, and nothing where
// there is nothing.
#include "tests/interleaving/support.hpp"

#include <set>

using explore::limits;
using explore::world;

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto seq_cst = std::memory_order_seq_cst;

// Two threads write one variable each and read the other's. Collects what they read, as two digits.
std::set<int> store_buffering(std::memory_order stores, std::memory_order loads) {
    std::set<int> seen;
    const auto result = explore::run("", limits(), [&](world& w) {
        explore::atomic<int> x(0), y(0);
        int a = 0, b = 0;
        w.thread("one", [&] {
            x.store(1, stores);
            a = y.load(loads);
        });
        w.thread("two", [&] {
            y.store(1, stores);
            b = x.load(loads);
        });
        w.join();
        seen.insert(10 * a + b);
    });
    CHECK_FALSE(result.failed);
    return seen;
}

void message_passing(world& w, std::memory_order store, std::memory_order load) {
    explore::atomic<bool> ready(false);
    explore::cell<int> payload(0);
    w.thread("writer", [&] {
        payload.set(7);
        ready.store(true, store);
    });
    w.thread("reader", [&] {
        if (ready.load(load)) explore::require(payload.get() == 7, "the payload is there");
    });
    w.join();
}

} // namespace

TEST_CASE("explorer: store buffering shows with release and acquire, not with seq_cst") {
    CHECK(store_buffering(seq_cst, seq_cst) == std::set<int>{1, 10, 11});
    CHECK(store_buffering(release, acquire) == std::set<int>{0, 1, 10, 11});
    CHECK(store_buffering(seq_cst, acquire) == std::set<int>{0, 1, 10, 11});
    CHECK(store_buffering(release, seq_cst) == std::set<int>{0, 1, 10, 11});
}

TEST_CASE("explorer: message passing needs release and acquire") {
    tests::holds("message passing", [](world& w) { message_passing(w, release, acquire); });
    tests::fails("message passing, relaxed store", "races",
                 [](world& w) { message_passing(w, relaxed, acquire); });
    tests::fails("message passing, relaxed load", "races",
                 [](world& w) { message_passing(w, release, relaxed); });
}

TEST_CASE("explorer: a thread sees its own stores, and never goes back in time") {
    tests::holds("coherence", [](world& w) {
        explore::atomic<int> x(0);
        w.thread("writer", [&] {
            x.store(1, relaxed);
            x.store(2, relaxed);
            explore::require(x.load(relaxed) == 2, "own store");
        });
        w.thread("reader", [&] {
            const int first = x.load(relaxed);
            explore::require(x.load(relaxed) >= first, "coherence");
        });
        w.join();
        explore::require(x.load(relaxed) == 2, "the join shows everything");
    });
}

TEST_CASE("explorer: a release sequence goes on through a relaxed read-modify-write") {
    tests::holds("release sequence", [](world& w) {
        explore::atomic<int> x(0);
        explore::cell<int> payload(0);
        w.thread("writer", [&] {
            payload.set(7);
            x.store(1, release);
        });
        w.thread("adder", [&] { x.fetch_add(10, relaxed); });
        w.thread("reader", [&] {
            if (x.load(acquire) % 10 == 1) explore::require(payload.get() == 7, "the payload is there");
        });
        w.join();
    });
}

TEST_CASE("explorer: increments that are not atomic, locks taken crosswise, a forgotten wake-up") {
    const auto lost = tests::fails("load and store", "both count", [](world& w) {
        explore::atomic<int> x(0);
        for (const char* name : {"one", "two"})
            w.thread(name, [&] { x.store(x.load() + 1); });
        w.join();
        explore::require(x.load() == 2, "both count");
    });
    CHECK(lost.trace.find("-> one") != std::string::npos);
    CHECK(lost.trace.find("x.store(x.load() + 1)") != std::string::npos); // the line of the source

    const explore::scenario crosswise = [](world& w) {
        explore::mutex a, b;
        w.thread("one", [&] {
            const std::scoped_lock first(a);
            const std::scoped_lock second(b);
        });
        w.thread("two", [&] {
            const std::scoped_lock first(b);
            const std::scoped_lock second(a);
        });
        w.join();
    };
    const auto stuck = tests::fails("locks crosswise", "deadlock", crosswise);
    const auto again = explore::replay(stuck.schedule, crosswise);
    CHECK(again.failed);
    CHECK(again.message == stuck.message);
    CHECK(again.trace == stuck.trace);

    const auto wait = [](world& w, bool checks) {
        explore::mutex guard;
        explore::condition_variable changed;
        bool set = false;
        w.thread("waiter", [&] {
            std::unique_lock lock(guard);
            if (!checks || !set) changed.wait(lock);
        });
        w.thread("setter", [&] {
            {
                const std::scoped_lock lock(guard);
                set = true;
            }
            changed.notify_one();
        });
        w.join();
    };
    tests::holds("condition variable", [&](world& w) { wait(w, true); });
    tests::fails("condition variable without a check", "lost wake-up", [&](world& w) { wait(w, false); });
}

TEST_CASE("explorer: use after destruction, use after free, exceptions, endless loops") {
    tests::fails("destroyed under a user", "after it was destroyed", [](world& w) {
        auto lock = std::make_unique<explore::mutex>();
        explore::mutex* const plain = lock.get();
        w.thread("destroys", [&] { lock.reset(); });
        w.thread("uses", [plain] {
            plain->lock();
            plain->unlock();
        });
        w.join();
    });
    class node {
    public:
        node* next = nullptr;
        int value = 1;
    };
    tests::fails("a pointer out of freed memory", "a crash", [](world& w) {
        explore::atomic<bool> turn(false);
        auto first = std::make_unique<node>();
        node end;
        first->next = &end;
        node* const seen = first.get();
        int sum = 0;
        w.thread("frees", [&] {
            turn.store(true);
            first.reset();
        });
        w.thread("follows", [&, seen] {
            static_cast<void>(turn.load());
            sum = static_cast<node* volatile&>(seen->next)->value;
        });
        w.join();
    });
    tests::fails("an exception", "an exception leaves thread thrower: oh", [](world& w) {
        w.thread("thrower", [] { throw std::runtime_error("oh"); });
        w.join();
    });
    tests::fails("nobody sets the flag", "does not end", [](world& w) {
        explore::atomic<bool> flag(false);
        w.thread("spins", [&] {
            while (!flag.load())
                explore::yield();
        });
        w.join();
    });
}

TEST_CASE("explorer: a loop that yields lets the others go on, exceptions in flight stay with their thread") {
    tests::holds("yield", [](world& w) {
        explore::atomic<int> turn(0);
        for (int i = 0; i < 3; ++i)
            w.thread("thread " + std::to_string(i), [&turn, i] {
                try {
                    throw i;
                } catch (int mine) {
                    while (turn.load() != mine) // switches inside of the handler
                        explore::yield();
                    try {
                        throw;
                    } catch (int again) {
                        explore::require(again == i, "the exception is this thread's own");
                    }
                    turn.store(mine + 1);
                }
            });
        w.join();
        explore::require(turn.load() == 3, "all had their turn");
    });
}
