#include <tandem/asio.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/mutex.hpp>
#include <tandem/testing.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// What `t` is reported to wait for when it gets stuck.
template <class T>
std::string report_of(const test::options& how, task<T> t) {
    try {
        static_cast<void>(test::run(how, std::move(t)));
    } catch (const test::deadlock_error& e) {
        return e.what();
    }
    return "";
}

} // namespace

TEST_CASE("test::run: a one-hour backoff takes no time") {
    // Fails until an hour has passed; the pauses double.
    auto call = []() -> task<bool> {
        co_await yield();
        co_return test::elapsed() >= 1h;
    };
    auto retried = [call]() -> task<int> {
        int attempts = 1;
        std::chrono::nanoseconds pause = 1s;
        while (!co_await call()) {
            co_await sleep_for(pause);
            pause *= 2;
            ++attempts;
        }
        co_return attempts;
    };
    CHECK(test::run(retried) == 13); // 1 + 2 + 4 ... + 2048 s = 4095 s
}

TEST_CASE("test::run: timers fire in order, at their time, whoever armed them first") {
    auto body = []() -> task<std::vector<int>> {
        std::vector<int> fired;
        std::vector<std::chrono::nanoseconds> when;
        auto sleeper = [&](int minutes) -> task<> {
            co_await sleep_for(std::chrono::minutes(minutes));
            fired.push_back(minutes);
            when.push_back(test::elapsed() - std::chrono::minutes(minutes));
        };
        co_await with_task_group([&](task_group& group) -> task<> {
            for (const int minutes : {50, 3, 70'000, 20, 1, 900})
                group.spawn(sleeper, minutes);
            co_return;
        });
        for (const auto late : when)
            if (late < 0ns || late > 2ms) fired.push_back(-1);
        co_return fired;
    };
    CHECK(test::run(test::options().time_limit(24h * 100), body) ==
          std::vector<int>{1, 3, 20, 50, 900, 70'000});
}

TEST_CASE("test::run: deadlines follow the clock") {
    auto body = []() -> task<std::chrono::nanoseconds> {
        event never;
        auto waits = [&]() -> task<> { co_await never.wait(); };
        const auto end = co_await tests::ends(with_timeout(90min, waits()));
        if (end != tests::ending::timeout) co_return 0ns;
        co_return test::elapsed();
    };
    const auto took = test::run(body);
    CHECK(took >= 90min);
    CHECK(took < 90min + 5ms);
}

TEST_CASE("test::run: results, exceptions and move-only values come through") {
    auto boxed = [](std::unique_ptr<int> p) -> task<std::unique_ptr<int>> {
        co_await sleep_for(1s);
        co_return std::move(p);
    };
    CHECK(*test::run(boxed, std::make_unique<int>(7)) == 7);
    auto fails = []() -> task<> {
        co_await yield();
        throw std::invalid_argument("no");
    };
    CHECK_THROWS_AS(test::run(fails), std::invalid_argument);
    auto background = []() -> task<> {
        auto failing = []() -> task<> {
            co_await yield();
            throw std::out_of_range("in the background");
        };
        runtime::current()->spawn(failing());
        co_await sleep_for(1s);
    };
    CHECK_THROWS_AS(test::run(background), std::out_of_range);
    CHECK_THROWS_AS(test::elapsed(), std::logic_error);
}

TEST_CASE("test::run: a deadlock is told at once, with what each task waits for") {
    auto body = [](int& cleaned) -> task<> {
        class on_exit {
        public:
            explicit on_exit(int& count) noexcept : count_(count) {}
            ~on_exit() { ++count_; }

        private:
            int& count_;
        };
        channel<int> numbers(1);
        event started;
        mutex m;
        auto receiver = [&]() -> task<> {
            const on_exit mark(cleaned);
            const auto guard = co_await m.lock();
            static_cast<void>(co_await numbers.receive());
        };
        auto locker = [&]() -> task<> {
            const on_exit mark(cleaned);
            task_context::current()->set_name("locker");
            const auto guard = co_await m.lock();
        };
        auto waiter = [&]() -> task<> {
            const on_exit mark(cleaned);
            co_await started.wait();
        };
        co_await when_all(receiver(), locker(), waiter());
    };
    int cleaned = 0;
    const std::string report = report_of(test::options(), tandem::invoke(body, std::ref(cleaned)));
    CHECK(cleaned == 3);
    INFO(report);
    CHECK(contains(report, "nothing can happen any more"));
    CHECK(contains(report, "in channel.receive (loop 0)"));
    CHECK(contains(report, " locker: waits for "));
    CHECK(contains(report, "in event.wait (loop 0)"));
    CHECK(contains(report, "run_test.cpp:"));
    CHECK(contains(report, "\n  #")); // a child, below its parent
}

TEST_CASE("test::run: a stuck task cleans up under the clock") {
    auto body = [](bool& cleaned) -> task<> {
        event never;
        try {
            co_await never.wait();
        } catch (const operation_cancelled&) {
            cleaned = true;
        }
    };
    bool cleaned = false;
    CHECK_THROWS_AS(test::run(body, std::ref(cleaned)), test::deadlock_error);
    CHECK(cleaned);
}

TEST_CASE("test::run: a task that nothing can wake is destroyed with its runtime") {
    std::atomic<int> alive{0};
    class life {
    public:
        explicit life(std::atomic<int>& count) noexcept : count_(&count) { ++*count_; }
        life(life&& other) noexcept : count_(other.count_) { ++*count_; }
        ~life() { --*count_; }

    private:
        std::atomic<int>* count_;
    };
    class never {
    public:
        explicit never(task_context& context) noexcept : context_(context) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> at) const noexcept {
            context_.suspend(at, nullptr, "nothing");
        }
        void await_resume() const noexcept {}

    private:
        task_context& context_;
    };
    class wait_for_nothing {
    public:
        wait_for_nothing() noexcept {}
        never await_in(task_context& context) const noexcept { return never(context); }
    };
    auto stuck = [](life) -> task<> {
        tcp::socket socket(co_await this_executor());
        co_await wait_for_nothing();
    };
    for (const std::size_t loops : {1u, 2u})
        CHECK(contains(report_of(test::options().loops(loops), stuck(life(alive))), "waits for "));
    CHECK(alive == 0);
}

TEST_CASE("test::run: a periodic timer does not keep a stuck test alive") {
    auto body = []() -> task<> {
        auto beat = []() -> task<> {
            for (;;)
                co_await sleep_for(10s);
        };
        event never;
        auto waits = [&]() -> task<> { co_await never.wait(); };
        co_await when_all(beat(), waits());
    };
    const std::string report = report_of(test::options().time_limit(24h), body());
    CHECK(contains(report, "time_limit"));
    CHECK(contains(report, "in event.wait (loop 0)"));
}

TEST_CASE("test::run: with several loops the clock waits for all of them") {
    auto body = []() -> task<bool> {
        runtime& rt = *runtime::current();
        bool ordered = true;
        channel<int> there(0), back(0);
        // Bounces between the loops; an hour must not pass meanwhile.
        auto echo = [&]() -> task<> {
            while (auto n = co_await there.receive())
                static_cast<void>(co_await back.send(*n));
        };
        auto alarm = []() -> task<> { co_await sleep_for(1h); };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn_on(rt.loop(1), echo);
            group.spawn_on(rt.loop(1), alarm);
            for (int i = 0; i < 2'000; ++i) {
                static_cast<void>(co_await there.send(i));
                const auto n = co_await back.receive();
                ordered = ordered && n == i && test::elapsed() == 0ns;
            }
            there.close();
            co_await sleep_for(30min);
            ordered = ordered && test::elapsed() >= 30min && test::elapsed() < 1h;
        });
        co_return ordered&& test::elapsed() >= 1h;
    };
    CHECK(test::run(test::options().loops(2), body));
    CHECK(test::run(test::options().loops(3).seed(5), body));
}

TEST_CASE("test::run: a deadlock across loops") {
    auto body = []() -> task<> {
        runtime& rt = *runtime::current();
        channel<int> c(1);
        auto receive = [&]() -> task<> { static_cast<void>(co_await c.receive()); };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn_on(rt.loop(1), receive);
            group.spawn_on(rt.loop(2), receive);
            co_return;
        });
    };
    const std::string report = report_of(test::options().loops(3), body());
    CHECK(contains(report, "channel.receive"));
}

TEST_CASE("test::run: the clock stands while a computation runs") {
    auto body = []() -> task<bool> {
        std::atomic<bool> timer_fired{false};
        auto timer = [&]() -> task<> {
            co_await sleep_for(1h);
            timer_fired = true;
        };
        auto compute = [&]() -> task<bool> {
            // Gives the loop every chance to go idle.
            auto work = [&timer_fired] {
                for (int i = 0; i < 1'000; ++i)
                    std::this_thread::yield();
                return timer_fired.load();
            };
            bool early = false;
            for (int i = 0; i < 20; ++i) {
                const bool fired = co_await offload(std::ref(work));
                early = early || fired;
            }
            co_return early;
        };
        auto [nothing, early] = co_await when_all(timer(), compute());
        static_cast<void>(nothing);
        co_return !early && timer_fired;
    };
    CHECK(test::run(body));
    CHECK(test::run(test::options().loops(2).seed(3), body));
}

TEST_CASE("test::run: I/O on the loopback interface under virtual time") {
    auto serve = [](tcp::acceptor& acceptor) -> task<> {
        tcp::socket peer = co_await acceptor.async_accept(asio::deferred);
        std::string data(5, '\0');
        for (int i = 0; i < 50; ++i) {
            co_await asio::async_read(peer, asio::buffer(data), asio::deferred);
            co_await sleep_for(1min);
            co_await asio::async_write(peer, asio::buffer(data), asio::deferred);
        }
    };
    auto body = [serve]() -> task<std::chrono::nanoseconds> {
        const auto executor = co_await this_executor();
        tcp::acceptor acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        auto talk = [&]() -> task<> {
            tcp::socket socket(executor);
            co_await socket.async_connect(acceptor.local_endpoint(), asio::deferred);
            std::string data = "hello";
            for (int i = 0; i < 50; ++i) {
                co_await asio::async_write(socket, asio::buffer(data), asio::deferred);
                co_await asio::async_read(socket, asio::buffer(data), asio::deferred);
            }
        };
        co_await with_timeout(51min, when_all(serve(acceptor), talk()));
        co_return test::elapsed();
    };
    const auto took = test::run(body);
    CHECK(took >= 50min);
    CHECK(took < 51min);
}

TEST_CASE("test::run: without a timer it waits for I/O for real, but not for ever") {
    auto body = []() -> task<> {
        const auto executor = co_await this_executor();
        tcp::acceptor acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        tcp::socket nobody = co_await acceptor.async_accept(asio::deferred);
    };
    for (const std::size_t loops : {1u, 2u}) {
        const std::string report = report_of(test::options().loops(loops).stall_limit(20ms), body());
        CHECK(contains(report, "stall_limit"));
        CHECK(contains(report, "in Asio operation"));
    }
}

TEST_CASE("test::run: a foreign awaiter is a wait for the outside") {
    class by_thread {
    public:
        explicit by_thread(std::thread& t) noexcept : thread_(t) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> at) const {
            thread_ = std::thread([at] { at.resume(); });
        }
        void await_resume() const noexcept {}

    private:
        std::thread& thread_;
    };
    auto body = []() -> task<> {
        std::thread t;
        co_await by_thread(t);
        t.join();
    };
    for (int i = 0; i < 20; ++i)
        test::run(body);
    auto never = []() -> task<> { co_await std::suspend_always(); };
    CHECK(contains(report_of(test::options().stall_limit(10ms), never()), "in foreign awaiter"));
}

TEST_CASE("test::clock_hold: a plain thread wakes a task") {
    auto body = []() -> task<bool> {
        event done;
        test::clock_hold held;
        std::thread worker([&done, held = std::move(held)]() mutable {
            for (int i = 0; i < 1'000; ++i)
                std::this_thread::yield();
            const test::clock_hold until_here = std::move(held);
            done.set();
        });
        auto timer = []() -> task<> { co_await sleep_for(1h); };
        auto wait = [&]() -> task<bool> {
            co_await done.wait();
            co_return test::elapsed() < 1h;
        };
        auto [nothing, in_time] = co_await when_all(timer(), wait());
        static_cast<void>(nothing);
        worker.join();
        co_return in_time;
    };
    CHECK(test::run(body));
    CHECK(test::run(test::options().loops(2), body));
}

TEST_CASE("test::options: real time, with the deadlock still found") {
    auto body = []() -> task<bool> {
        const auto before = std::chrono::steady_clock::now();
        co_await sleep_for(5ms);
        co_return std::chrono::steady_clock::now() - before >= 5ms;
    };
    CHECK(test::run(test::options().real_time(), body));
    CHECK(test::run(test::options().real_time().loops(2).seed(1), body));
    auto stuck = []() -> task<> {
        event never;
        co_await never.wait();
    };
    CHECK_THROWS_AS(test::run(test::options().real_time().loops(2), stuck), test::deadlock_error);
}

TEST_CASE("test::virtual_time: for a runtime of one's own") {
    test::virtual_time time;
    runtime rt(time.control(runtime_options().loops(2).workers(1)));
    auto body = []() -> task<> { co_await sleep_for(1h); };
    rt.run(body);
    rt.run(body);
    CHECK(time.elapsed() >= 2h);
    CHECK(time.elapsed() < 2h + 10ms);
    auto background = []() -> task<> {
        event never;
        co_await never.wait();
    };
    rt.spawn(background());
}
