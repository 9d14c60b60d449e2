// What asyncio has no name for: one of several channel operations, each item for everybody, whichever works,
// another try, again until cancelled, once for all, and a child that is ready.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

// Python:  done, pending = await asyncio.wait([create_task(orders.get()), create_task(returns.get())],
//                                             return_when=FIRST_COMPLETED)
// There both may have taken an item, and who cancels the other one loses it. Here exactly one has happened.
tandem::task<> one_of_several() {
    tandem::channel<int> orders(1);
    tandem::channel<int> returns(1);
    tandem::channel<std::string> log(1);
    co_await orders.send(7);
    co_await returns.send(8);
    auto chosen = co_await tandem::select(tandem::on_receive(orders), tandem::on_receive(returns));
    const bool an_order = chosen.index() == 0;
    expect(an_order ? chosen.get<0>() == 7 : chosen.get<1>() == 8);
    expect(orders.size() == (an_order ? 0 : 1) && returns.size() == (an_order ? 1 : 0));

    std::string line = "closed"; // moved from if it is sent
    auto again =
        co_await tandem::select(tandem::on_receive(an_order ? orders : returns), tandem::on_send(log, line));
    expect(again.index() == 1 && again.get<1>()); // nothing to receive, but room in the log
    expect(!tandem::try_select(tandem::on_send(log, line)));
}

// Python:  for queue in subscribers: queue.put_nowait(line)
tandem::task<> to_everybody() {
    tandem::broadcast<std::string> news(2); // the last two, for those who are slow
    auto ann = news.subscribe();
    auto ben = news.subscribe();
    news.send("a"); // never waits, from any thread
    const auto first = ben.try_receive();
    expect(first.has_value());
    news.send("b");
    news.send("c");
    news.close();
    std::string read;
    std::uint64_t lost = 0;
    while (auto next = co_await ann.receive()) { // ends when all has been read
        lost += next.lost();
        read += *next;
    }
    expect(read == "bc" && lost == 1);
}

tandem::task<std::string> mirror(std::string name, bool works) {
    co_await tandem::yield();
    if (!works) throw std::runtime_error(name + " is down");
    co_return name;
}

// Python:  asyncio.staggered.staggered_race (not documented); aiohappyeyeballs
// A failure is passed over while somebody may still succeed; the others are cancelled and waited for.
tandem::task<> whichever_works() {
    const std::string from = co_await tandem::first_success(mirror("a", false), mirror("b", true));
    expect(from == "b");
    std::size_t failures = 0;
    try {
        co_await tandem::first_success(mirror("a", false), mirror("b", false));
    } catch (const tandem::aggregate_error& all) {
        failures = all.errors().size();
    }
    expect(failures == 2);
}

// Python:  @tenacity.retry(stop=stop_after_attempt(5), wait=wait_random_exponential(...))
tandem::task<> another_try() {
    int calls = 0;
    const auto flaky = [&calls]() -> tandem::task<int> {
        if (++calls < 3) throw std::runtime_error("not yet");
        co_return calls;
    };
    const int got = co_await tandem::retry(
        tandem::retry_policy().attempts(5).initial_delay(1ms).max_delay(4ms).budget(1h), flaky);
    expect(got == 3);
}

// Python:  while True: await serve_one(queue)          # and its CancelledError, which somebody has to catch
// Cancelled it returns, and what stands behind it runs.
tandem::task<> until_cancelled() {
    tandem::channel<int> queue(4);
    tandem::event enough;
    int sum = 0;
    bool ended = false;
    const auto serve_one = [&]() -> tandem::task<> {
        const auto item = co_await queue.receive();
        sum += item.value();
        if (sum == 3) enough.set();
    };
    const auto serve = [&]() -> tandem::task<> {
        co_await tandem::repeat_until_cancelled(serve_one);
        ended = true;
    };
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(serve);
        co_await queue.send(1);
        co_await queue.send(2);
        co_await enough.wait();
        group.cancel();
    });
    expect(ended);
}

// Python:  async with lock: if not connected: await connect(); connected = True
tandem::task<> once_for_all() {
    tandem::once connected;
    int calls = 0;
    const auto connect = [&calls]() -> tandem::task<> {
        co_await tandem::yield();
        ++calls;
    };
    co_await tandem::when_all(connected.call(connect), connected.call(connect)); // the second one waits
    expect(calls == 1 && connected.done());
}

// Python:  trio's nursery.start(server); in asyncio a future that the task sets
tandem::task<> ready_then_go_on() {
    const auto server = [](tandem::started<int>& start, int port) -> tandem::task<> {
        co_await tandem::yield(); // binds, listens
        start.ready(port);        // now `start` returns; what is thrown before this, it throws
        co_await tandem::sleep_for(1h);
    };
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        const int port = co_await group.start<int>(server, 8080);
        expect(port == 8080 && group.size() == 2); // it runs on, beside this body
        group.cancel();
    });
}

tandem::task<> all() {
    co_await one_of_several();
    co_await to_everybody();
    co_await whichever_works();
    co_await another_try();
    co_await until_cancelled();
    co_await once_for_all();
    co_await ready_then_go_on();
}

int main() {
    return tandem::run(all);
}
