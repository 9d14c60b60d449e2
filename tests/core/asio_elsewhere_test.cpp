// Awaited Asio operations that another execution context holds: dropped there without completing, or still
// there when the task's runtime is gone.
#include <tandem/asio.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/testing.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace asio = boost::asio;
using namespace tandem;
using namespace std::chrono_literals;
using tests::ending;

namespace {

// Where an operation's handler is kept until it is called or forgotten.
class holder {
public:
    bool holds() const noexcept { return kept_ != nullptr; }
    void call() {
        const auto kept = std::move(kept_);
        call_();
    }
    void forget() {
        call_ = nullptr;
        kept_ = nullptr;
    }

    auto operation() {
        return asio::async_initiate<const asio::deferred_t, void(error_code, std::string)>(
            [this](auto handler) {
                auto kept = std::make_shared<decltype(handler)>(std::move(handler));
                call_ = [h = kept.get()] { std::move (*h)(error_code(), std::string(100, 'x')); };
                kept_ = std::move(kept);
            },
            asio::deferred);
    }

private:
    std::shared_ptr<void> kept_;
    std::function<void()> call_;
};

auto forgotten_at_once() {
    return asio::async_initiate<const asio::deferred_t, void(error_code)>(
        [](auto handler) { static_cast<void>(handler); }, asio::deferred);
}

task<> awaits(holder& h) {
    co_await h.operation();
}

// The error's text, after its code has been checked.
task<std::string> failure_of(task<> t) {
    std::string text;
    try {
        co_await std::move(t);
    } catch (const operation_cancelled&) {
        text = "cancelled";
    } catch (const system_error& e) {
        text = e.code() == asio::error::operation_aborted ? e.what() : "another code";
    }
    co_return text;
}

bool tells_what_happened(const std::string& text) {
    return text.find("let go without completing") != std::string::npos;
}

} // namespace

TEST_CASE("asio: an operation that is dropped without completing fails") {
    SECTION("inside its initiation, and again and again") {
        test::run([]() -> task<> {
            auto subject = []() -> task<> { co_await forgotten_at_once(); };
            for (int i = 0; i < 200; ++i) {
                const std::string text = co_await failure_of(subject());
                CHECK(tells_what_happened(text));
            }
            co_await sleep_for(1h); // the clock goes on: nobody counts on those operations
        });
    }
    SECTION("by another task") {
        test::run([]() -> task<> {
            holder h;
            auto forgets = [&h]() -> task<> {
                co_await sleep_for(1h);
                h.forget();
            };
            const auto [text, nothing] = co_await when_all(failure_of(awaits(h)), forgets());
            CHECK(tells_what_happened(text));
            static_cast<void>(nothing);
            co_await sleep_for(1h);
        });
    }
    SECTION("by a context that is destroyed, and on another thread") {
        tests::run_on_loop([]() -> task<> {
            for (const bool elsewhere : {false, true}) {
                auto other = std::make_unique<asio::io_context>();
                auto subject = [&other]() -> task<> {
                    co_await asio::post(asio::bind_executor(other->get_executor(), asio::deferred));
                };
                std::thread helper;
                auto destroys = [&]() -> task<> {
                    if (elsewhere)
                        helper = std::thread([&other] { other.reset(); });
                    else
                        other.reset();
                    co_return;
                };
                const auto [text, nothing] = co_await when_all(failure_of(subject()), destroys());
                if (helper.joinable()) helper.join();
                CHECK(tells_what_happened(text));
                static_cast<void>(nothing);
            }
        });
    }
    SECTION("by a pool that has stopped") {
        tests::run_on_loop([]() -> task<> {
            auto other = std::make_unique<asio::thread_pool>(1);
            other->stop();
            other->join();
            auto subject = [&other]() -> task<> {
                co_await asio::post(asio::bind_executor(other->get_executor(), asio::deferred));
            };
            auto destroys = [&other]() -> task<> {
                other.reset();
                co_return;
            };
            const auto [text, nothing] = co_await when_all(failure_of(subject()), destroys());
            CHECK(tells_what_happened(text));
            static_cast<void>(nothing);
        });
    }
    SECTION("in a task on a foreign executor") {
        asio::io_context io;
        holder h;
        std::string at_once;
        std::string later;
        auto subject = [&]() -> task<> {
            auto drops = []() -> task<> { co_await forgotten_at_once(); };
            at_once = co_await failure_of(drops());
            later = co_await failure_of(awaits(h));
        };
        spawn(io.get_executor(), tandem::invoke(std::ref(subject)), asio::detached);
        while (!h.holds())
            io.run_one();
        CHECK(tells_what_happened(at_once));
        h.forget();
        io.run();
        CHECK(tells_what_happened(later));
    }
}

TEST_CASE("asio: an operation that is dropped because of a cancellation is cancelled") {
    tests::run_on_loop([]() -> task<> {
        auto until_cancelled = []() {
            return asio::async_initiate<const asio::deferred_t, void(error_code)>(
                [](auto handler) {
                    auto slot = asio::get_associated_cancellation_slot(handler);
                    auto kept = std::make_shared<decltype(handler)>(std::move(handler));
                    slot.assign([kept = std::move(kept)](asio::cancellation_type) mutable { kept.reset(); });
                },
                asio::deferred);
        };
        const ending late = co_await tests::ends(with_timeout(1ms, until_cancelled()));
        CHECK(late == ending::timeout);
        holder h;
        std::string text;
        auto subject = [&]() -> task<> { text = co_await failure_of(awaits(h)); };
        task_group group;
        group.spawn(std::ref(subject));
        co_await yield();
        group.cancel();
        h.forget();
        co_await group.wait();
        CHECK(text == "cancelled");
    });
}

TEST_CASE("asio: an operation that another context holds outlives the task's runtime") {
    // What the handlers refer to must not be in the frame, which is gone: AddressSanitizer would tell.
    auto left_behind = [](auto operation) {
        std::weak_ptr<int> left;
        {
            runtime rt(tests::small().drain_timeout(0ms));
            auto marker = std::make_shared<int>(1);
            left = marker;
            auto waits = [&operation](std::shared_ptr<int> m) -> task<> {
                co_await operation();
                static_cast<void>(m);
            };
            rt.spawn(tandem::invoke(waits, std::move(marker)));
            rt.run(tests::turns(3));
            CHECK(!left.expired());
        }
        CHECK(left.expired());
    };
    SECTION("and is called then, or forgotten") {
        holder h;
        left_behind([&h] { return h.operation(); });
        CHECK(h.holds());
        h.call();
        left_behind([&h] { return h.operation(); });
        CHECK(h.holds());
        h.forget();
    }
    SECTION("in the queue of a context that runs later, or never") {
        for (const bool runs : {true, false}) {
            asio::io_context other;
            const auto strand = asio::make_strand(other);
            left_behind([&] { return asio::post(asio::bind_executor(other, asio::deferred)); });
            left_behind([&] { return asio::post(asio::bind_executor(strand, asio::deferred)); });
            if (runs) CHECK(other.run() != 0);
        }
    }
    SECTION("in a timer of a context that runs later, or never") {
        for (const bool runs : {true, false}) {
            asio::io_context other;
            asio::steady_timer timer(other, asio::steady_timer::time_point::min());
            left_behind([&] { return timer.async_wait(asio::deferred); });
            if (runs) CHECK(other.run() != 0);
        }
    }
    SECTION("and completes at that very moment") {
        const int rounds = static_cast<int>(tests::repeat(300, 100));
        for (int i = 0; i < rounds; ++i) {
            holder h;
            std::atomic<bool> go_on{false};
            std::thread other([&] {
                while (!go_on)
                    std::this_thread::yield();
                if (i % 2 == 0)
                    h.call();
                else
                    h.forget();
            });
            {
                runtime rt(tests::small().drain_timeout(0ms));
                rt.spawn(awaits(h));
                rt.run(tests::turns(3));
                go_on = true;
            }
            other.join();
            CHECK(!h.holds());
        }
    }
}

TEST_CASE("asio: a cancellation does not reach for an operation that has completed elsewhere") {
    tests::run_on_loop([]() -> task<> {
        auto other = std::make_unique<asio::io_context>();
        auto timer = std::make_unique<asio::steady_timer>(*other, asio::steady_timer::time_point::min());
        bool completed = false;
        auto subject = [&]() -> task<> {
            co_await timer->async_wait(asio::bind_executor(other->get_executor(), asio::deferred));
            completed = true;
        };
        task_group group;
        group.spawn(std::ref(subject));
        co_await yield();
        // Here the task is told, but it has not gone on when it is cancelled.
        std::thread([&] {
            other->run();
            timer.reset();
            other.reset();
        }).join();
        group.cancel();
        co_await group.wait();
        CHECK(completed);
    });
}

TEST_CASE("asio: an operation whose result cannot be stored fails") {
    class throws_when_copied {
    public:
        throws_when_copied() noexcept {}
        throws_when_copied(throws_when_copied&&) noexcept {}
        throws_when_copied(const throws_when_copied&) { throw std::runtime_error("copied"); }
    };
    tests::run_on_loop([]() -> task<> {
        std::function<void()> call;
        auto subject = [&call]() -> task<> {
            co_await asio::async_initiate<const asio::deferred_t, void(error_code, throws_when_copied)>(
                [&call](auto handler) {
                    auto kept = std::make_shared<decltype(handler)>(std::move(handler));
                    call = [kept = std::move(kept)] {
                        const throws_when_copied result;
                        std::move (*kept)(error_code(), result);
                    };
                },
                asio::deferred);
        };
        bool thrown = false;
        auto completes = [&]() -> task<> {
            std::thread([&] {
                try {
                    call();
                } catch (const std::runtime_error&) {
                    thrown = true;
                }
            }).join();
            co_return;
        };
        const auto [text, nothing] = co_await when_all(failure_of(subject()), completes());
        static_cast<void>(nothing);
        CHECK(thrown);
        CHECK(!text.empty());
    });
}
