// asyncio.Lock, threading.Lock and threading.RLock.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <thread>
#include <vector>

// Python:  async with lock: ...
// Given back at the end of the guard's scope, on every path. Needed only around a `co_await` or across loops.
tandem::task<> lock() {
    tandem::mutex mutex;
    bool inside = false;
    const auto enter = [&]() -> tandem::task<> {
        const auto guard = co_await mutex.lock();
        expect(!inside);
        inside = true;
        co_await tandem::yield();
        inside = false;
    };
    co_await tandem::when_all(enter(), enter(), enter());
}

// Python:  lock.locked(); lock.acquire(blocking=False)
tandem::task<> try_lock() {
    tandem::mutex mutex;
    auto first = mutex.try_lock();
    auto second = mutex.try_lock();
    expect(first && !second);
    first.release(); // early
    expect(static_cast<bool>(mutex.try_lock()));
    co_return;
}

// Python:  lock = threading.Lock()
//          with lock: ...
// The same mutex between plain threads, and between threads and tasks. Among threads only, std::mutex does.
void threading_lock() {
    tandem::mutex mutex;
    int count = 0;
    const auto add = [&] {
        for (int i = 0; i < 100; ++i) {
            const auto guard = tandem::block_on(mutex.lock());
            ++count;
        }
    };
    {
        const std::jthread other(add);
        add();
    }
    expect(count == 200);
}

// Python:  lock = threading.RLock()
//          def deposit(self, n):
//              with self.lock: self.balance += n
//          def transfer(self, n):
//              with self.lock: self.deposit(n)         # locks twice
// There is none: a task moves between functions and has no identity like a thread's, and a lock that is held
// already says that an invariant may be broken just now. A private function that takes the guard as proof
// replaces it.
class account {
public:
    tandem::task<> deposit(int n) {
        const auto guard = co_await mutex_.lock();
        deposit(n, guard);
    }
    tandem::task<> deposit_twice(int n) {
        const auto guard = co_await mutex_.lock();
        deposit(n, guard);
        deposit(n, guard);
    }
    int balance() const { return balance_; }

private:
    void deposit(int n, const tandem::mutex_guard& held) {
        expect(held.holds(mutex_));
        balance_ += n;
    }
    tandem::mutex mutex_;
    int balance_ = 0;
};

tandem::task<> rlock() {
    account mine;
    co_await mine.deposit(1);
    co_await mine.deposit_twice(2);
    expect(mine.balance() == 5);
}

// Python:  no counterpart in asyncio or threading
tandem::task<> readers_and_writer() {
    tandem::shared_mutex table;
    auto first = co_await table.lock_shared();
    auto second = co_await table.lock_shared(); // beside the first
    expect(!table.try_lock());
    first.release();
    second.release();
    const auto writing = co_await table.lock();
    expect(static_cast<bool>(writing));
}

tandem::task<> all() {
    co_await lock();
    co_await try_lock();
    co_await rlock();
    co_await readers_and_writer();
}

int main() {
    threading_lock();
    return tandem::run(all);
}
