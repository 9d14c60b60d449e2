#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/core/task.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

// A thread that resumes what it is given: somebody else's event loop.
class resumer {
public:
    resumer() : thread_([this] { run(); }) {}
    ~resumer() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }
    void post(std::coroutine_handle<> handle) {
        {
            const std::lock_guard lock(mutex_);
            queue_.push_back(handle);
        }
        changed_.notify_one();
    }

    // Goes on over there and gives the thread's id.
    auto hop(int value) {
        class awaiter {
        public:
            awaiter(resumer& r, int v) noexcept : owner_(r), value_(v) {}
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> at) { owner_.post(at); }
            int await_resume() const noexcept { return value_; }

        private:
            resumer& owner_;
            int value_;
        };
        return awaiter(*this, value);
    }

private:
    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return stop_ || !queue_.empty(); });
            if (queue_.empty()) return;
            const std::coroutine_handle<> next = queue_.front();
            queue_.pop_front();
            lock.unlock();
            next.resume();
            lock.lock();
        }
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::coroutine_handle<>> queue_;
    bool stop_ = false;
    std::thread thread_;
};

// await_suspend gives bool.
class maybe {
public:
    explicit maybe(bool suspends) noexcept : suspends_(suspends) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> at) {
        if (suspends_) at.resume(); // at once, inside
        return suspends_;
    }
    int await_resume() const noexcept { return suspends_ ? 1 : 2; }

private:
    bool suspends_;
};

// await_suspend gives a handle.
class transfers {
public:
    explicit transfers(bool self) noexcept : self_(self) {}
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> at) noexcept {
        if (self_) return at;
        at.resume();
        return std::noop_coroutine();
    }
    std::unique_ptr<int> await_resume() { return std::make_unique<int>(7); }

private:
    bool self_;
};

class throws_in {
public:
    explicit throws_in(int place) noexcept : place_(place) {}
    bool await_ready() const {
        if (place_ == 0) throw std::runtime_error("ready");
        return false;
    }
    void await_suspend(std::coroutine_handle<> at) const {
        if (place_ == 1) throw std::runtime_error("suspend");
        at.resume();
    }
    void await_resume() const { throw std::runtime_error("resume"); }

private:
    int place_;
};

class has_member {
public:
    has_member() noexcept {}
    maybe operator co_await() const noexcept { return maybe(true); }
};

class has_free {
public:
    has_free() noexcept {}
};
maybe operator co_await(has_free) noexcept {
    return maybe(false);
}

// Neither copied nor moved: awaited in place, as an lvalue too.
class pinned {
public:
    pinned() noexcept {}
    pinned(const pinned&) = delete;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> at) {
        ++count;
        at.resume();
    }
    int& await_resume() noexcept { return count; }
    int count = 0;
};

} // namespace

TEST_CASE("foreign awaiter: every shape of await_suspend, members and free operators") {
    run_on_loop([]() -> task<> {
        const int a = co_await maybe(true);
        const int b = co_await maybe(false);
        const auto c = co_await transfers(true);
        const auto d = co_await transfers(false);
        const int e = co_await has_member();
        const int f = co_await has_free();
        co_await std::suspend_never();
        CHECK(a == 1);
        CHECK(b == 2);
        CHECK(*c == 7);
        CHECK(*d == 7);
        CHECK(e == 1);
        CHECK(f == 2);
        pinned p;
        int& count = co_await p;
        CHECK(&count == &p.count);
        static_cast<void>(co_await p);
        CHECK(p.count == 2);
    });
}

TEST_CASE("foreign awaiter: exceptions from each of its functions") {
    run_on_loop([]() -> task<> {
        const char* const places[] = {"ready", "suspend", "resume"};
        for (int i = 0; i < 3; ++i) {
            std::string what;
            try {
                co_await throws_in(i);
            } catch (const std::runtime_error& e) {
                what = e.what();
            }
            CHECK(what == places[i]);
        }
    });
}

TEST_CASE("foreign awaiter: resumed on another thread, the task goes on at home") {
    const int rounds = static_cast<int>(tests::repeat(10'000, 2'000));
    resumer elsewhere;
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        std::atomic<int> away{0};
        std::atomic<int> sum{0};
        auto hops = [&](std::size_t loop) -> task<> {
            for (int i = 0; i < rounds; ++i) {
                sum += co_await elsewhere.hop(1);
                if (!rt.loop(loop).is_current()) ++away;
            }
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn_on(rt.loop(0), std::ref(hops), std::size_t{0});
            group.spawn_on(rt.loop(1), std::ref(hops), std::size_t{1});
            group.spawn_on(rt.loop(1), std::ref(hops), std::size_t{1});
            co_return;
        });
        CHECK(away == 0);
        CHECK(sum == 3 * rounds);
    });
}

TEST_CASE("foreign awaiter: cannot be interrupted, the next operation reports the cancellation") {
    resumer elsewhere;
    run_on_loop([&]() -> task<> {
        int got = 0;
        ending after = ending::value;
        auto subject = [&]() -> task<> {
            got = co_await elsewhere.hop(5);
            after = co_await tests::ends(tests::turns(1));
        };
        task_group group;
        group.spawn(std::ref(subject));
        co_await yield(); // it has begun
        group.cancel();
        co_await group.join();
        CHECK(got == 5);
        CHECK(after == ending::cancelled);
    });
}
