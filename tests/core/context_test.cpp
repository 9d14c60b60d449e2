#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/core/context.hpp>
#include <tandem/sync/event.hpp>

#include "lib/core/task_registry.hpp"
#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

using namespace tandem;
using tests::ending;
using tests::run_on_loop;

namespace {

// A chain of its own, whose cancellation may come from any thread.
class shared_chain : public task_context {
public:
    shared_chain(scheduler& home, task<> work) noexcept
        : task_context(home, nullptr, &shared_chain::on_done, true), work_(std::move(work)) {}

    void start_it() noexcept { start(work_.bind(*this)); }
    std::exception_ptr failure() const noexcept { return work_.failure(); }
    event done;

private:
    static void on_done(task_context& context) noexcept { static_cast<shared_chain&>(context).done.set(); }
    task<> work_;
};

} // namespace

TEST_CASE("context: a chain shares one, children of a join have their own with the parent linked") {
    CHECK(task_context::current() == nullptr);
    run_on_loop([]() -> task<> {
        task_context* const mine = task_context::current();
        REQUIRE(mine != nullptr);
        CHECK(mine->parent() == nullptr);
        CHECK(mine->home().is_current());
        task_context* awaited = nullptr;
        auto look = [&]() -> task<> {
            awaited = task_context::current();
            co_await yield();
            CHECK(task_context::current() == awaited);
        };
        co_await look();
        CHECK(awaited == mine);
        task_context* parent = nullptr;
        std::string_view name;
        auto child = [&]() -> task<> {
            parent = task_context::current()->parent();
            name = task_context::current()->name();
            co_return;
        };
        mine->set_name("the parent");
        co_await when_all(child(), look());
        CHECK(parent == mine);
        CHECK(name == "the parent");
        CHECK(awaited != mine);
        CHECK(task_context::current() == mine);
        mine->set_name("renamed");
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(child));
            co_return;
        });
        CHECK(parent == mine);
        CHECK(name == "renamed");
    });
    CHECK(task_context::current() == nullptr);
}

TEST_CASE("context: children of a cancelled task start cancelled") {
    run_on_loop([]() -> task<> {
        std::vector<ending> seen;
        auto child = [&]() -> task<> {
            CHECK(task_context::current()->cancelled());
            seen.push_back(co_await tests::ends(tests::turns(1)));
        };
        auto subject = [&]() -> task<> {
            static_cast<void>(co_await tests::ends(tests::turns(1000)));
            static_cast<void>(co_await tests::ends(when_all(child(), child())));
            static_cast<void>(co_await tests::ends(with_task_group([&](task_group& group) -> task<> {
                CHECK(group.cancelled());
                CHECK_FALSE(group.spawn(std::ref(child)));
                return child();
            })));
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(subject));
            co_await yield();
            group.cancel();
        });
        CHECK(seen == std::vector<ending>(3, ending::cancelled));
    });
}

TEST_CASE("context: request_cancel from other threads, at every moment of a chain's life") {
    const std::size_t rounds = tests::repeat(3'000, 500);
    runtime rt(tests::loops(2));
    std::size_t cancelled = 0;
    std::size_t finished = 0;
    rt.run([&]() -> task<> {
        for (std::size_t i = 0; i < rounds; ++i) {
            event gate;
            auto work = [&]() -> task<> {
                co_await tests::turns(i % 4);
                co_await gate.wait();
                co_await tests::turns(i % 3);
            };
            shared_chain chain(rt.loop(i % 2), work());
            std::atomic<int> go{0};
            auto canceller = [&] {
                ++go;
                while (go < 2)
                    std::this_thread::yield();
                chain.request_cancel();
                chain.request_cancel();
            };
            chain.start_it();
            std::thread one(canceller);
            std::thread two(canceller);
            if (i % 5 != 0) gate.set(); // races with them
            // The chain must outlive the calls; its end alone does not tell.
            one.join();
            two.join();
            gate.set();
            static_cast<void>(co_await tests::ends(as_task(chain.done.wait())));
            (tests::ending_of(chain.failure()) == ending::cancelled ? cancelled : finished) += 1;
        }
    });
    CHECK(cancelled + finished == rounds);
    CHECK(cancelled > 0);
}

TEST_CASE("context: a chain that has ended waits for the message of a cancellation that is on its way") {
    const std::size_t rounds = tests::repeat(2'000, 300);
    runtime rt(tests::loops(2));
    rt.run([&]() -> task<> {
        for (std::size_t i = 0; i < rounds; ++i) {
            // The group's members live on both loops and end while they are being cancelled.
            co_await with_task_group([&](task_group& group) -> task<> {
                for (std::size_t n = 0; n < 4; ++n)
                    group.spawn_on(rt.loop(n % 2), tests::turns, n);
                co_await tests::turns(i % 4);
                group.cancel();
            });
        }
    });
    SUCCEED("no use after free");
}

#if defined(__x86_64__) && !defined(TANDEM_NO_TASK_REGISTRY)

namespace {

// The processor's trap flag: a signal after every instruction of this thread.
constexpr unsigned long long trap_flag = 0x100;
[[gnu::noinline]] void step_on() {
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | trap_flag);
}
[[gnu::noinline]] void step_off() {
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~trap_flag);
}

volatile std::sig_atomic_t first_wait_is_over = 0; // its coroutine is gone
volatile std::sig_atomic_t steps = 0;
volatile std::sig_atomic_t stale = 0; // looks that saw a coroutine that is gone
std::uint_least32_t line_of_first_wait = 0;

void look_at_task(int) {
    static detail::running_task seen;
    detail::task_registry::look(seen);
    steps = steps + 1;
    if (seen.known && seen.count != 0 && first_wait_is_over && seen.frames[0].line() == line_of_first_wait)
        stale = stale + 1;
}

class tells_its_end {
public:
    tells_its_end() noexcept {}
    ~tells_its_end() { first_wait_is_over = 1; }
};

task<> waits_first() {
    line_of_first_wait = __LINE__ + 1;
    co_await yield();
}
task<> waits_in_another() {
    {
        const tells_its_end end; // after the coroutine of the full expression
        co_await waits_first();
    }
}
task<> waits_again() {
    co_await waits_in_another();
    step_on();
    co_await yield();
    step_off();
}
task<> ends_without_another_wait() {
    step_on();
    co_await waits_in_another();
}

} // namespace

TEST_CASE("context: who interrupts a task sees no coroutine of its that is gone") {
    if (tests::thread_sanitized) return; // it delivers signals when it likes
    class at_every_step {
    public:
        at_every_step() { before_ = std::signal(SIGTRAP, &look_at_task); }
        ~at_every_step() { std::signal(SIGTRAP, before_); }

    private:
        void (*before_)(int);
    };
    const at_every_step handler;
    for (const auto subject : {&waits_again, &ends_without_another_wait}) {
        first_wait_is_over = 0;
        steps = 0;
        stale = 0;
        run_on_loop([subject]() -> task<> {
            task_group group;
            group.spawn(subject);
            co_await group.join();
            step_off();
        });
        CHECK(steps >
              20); // it was looked at, at each instruction: how many there are is the compiler's affair
        CHECK(stale == 0);
    }
}

#endif
