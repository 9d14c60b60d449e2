// asyncio.Queue, Queue.shutdown, queue.Queue.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <thread>
#include <vector>

// Python:  await queue.put(1); item = await queue.get()
//          queue.shutdown()                    # get() raises QueueShutDown when it is empty
// close() ends the receivers' loop; no sentinel, no exception. A put in a closed one gives false.
tandem::task<> put_and_get() {
    tandem::channel<int> queue(2); // asyncio.Queue(maxsize=2)
    const auto produce = [&queue]() -> tandem::task<> {
        for (int i = 1; i <= 4; ++i)
            co_await queue.send(i);
        queue.close();
        const bool taken = co_await queue.send(5);
        expect(!taken);
    };
    std::vector<int> items;
    const auto consume = [&]() -> tandem::task<> {
        while (auto item = co_await queue.receive())
            items.push_back(*item);
    };
    co_await tandem::when_all(produce(), consume());
    expect(items == std::vector{1, 2, 3, 4});
}

// Python:  queue.put_nowait(1)                 # QueueFull
//          queue.get_nowait()                  # QueueEmpty
//          queue.qsize(), queue.full(), queue.empty()
tandem::task<> nowait() {
    tandem::channel<int> queue(1);
    expect(queue.try_send(1) && !queue.try_send(2) && queue.size() == queue.capacity());
    expect(queue.try_receive() == 1 && !queue.try_receive());
    co_return;
}

// Python:  asyncio.Queue()                     # without maxsize
tandem::task<> unbounded() {
    auto events = tandem::channel<int>::unbounded();
    for (int i = 0; i < 100; ++i)
        expect(events.try_send(i));
    const auto some = co_await events.receive_some(1000); // all that are there, in one step
    expect(some.size() == 100);
}

// Python:  workers call queue.task_done(); the producer awaits queue.join()
// Wait for the tasks instead of counting items: the loop below ends when every item was worked on.
tandem::task<> join() {
    tandem::channel<int> queue(2);
    int sum = 0;
    const auto work = [&sum](int item) -> tandem::task<> {
        co_await tandem::yield();
        sum += item;
    };
    const auto produce = [&queue]() -> tandem::task<> {
        for (int i = 1; i <= 10; ++i)
            co_await queue.send(i);
        queue.close();
    };
    co_await tandem::when_all(tandem::concurrent_for_each(queue, 3, work), produce());
    expect(sum == 55);
}

// Python:  q = queue.Queue(2); q.put(1); q.get()
// The same channel between threads, or between a thread and tasks (which in Python takes janus).
void threads() {
    tandem::channel<int> queue(2);
    const std::jthread producer([&queue] {
        for (int i = 1; i <= 10; ++i)
            tandem::block_on(queue.send(i));
        queue.close();
    });
    int sum = 0;
    while (auto item = tandem::block_on(queue.receive()))
        sum += *item;
    expect(sum == 55);
}

tandem::task<> all() {
    co_await put_and_get();
    co_await nowait();
    co_await unbounded();
    co_await join();
}

int main() {
    threads();
    return tandem::run(all);
}
