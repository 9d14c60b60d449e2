// asyncio.Barrier and threading.Barrier.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <thread>

using namespace std::chrono_literals;

// Python:  barrier = asyncio.Barrier(2)
//          await barrier.wait()
tandem::task<> asyncio_barrier() {
    int merged = 0;
    tandem::barrier round(2, [&merged] { ++merged; }); // the function: as threading.Barrier's action
    const auto work = [&](int rounds) -> tandem::task<> {
        for (int i = 0; i < rounds; ++i) {
            co_await round.arrive_and_wait();
            expect(merged > i);
        }
    };
    co_await tandem::when_all(work(3), work(3));
    expect(merged == 3);
}

// Python:  barrier.abort(), BrokenBarrierError
// A barrier does not break: one that gives up takes its arrival back, and one that leaves for good says so.
tandem::task<> gives_up() {
    tandem::barrier round(2);
    const bool met = co_await tandem::move_on_after(1ms, round.arrive_and_wait());
    expect(!met);
    round.arrive_and_drop(); // from now on one is enough
    co_await round.arrive_and_wait();
}

// Python:  barrier = threading.Barrier(2)
void threading_barrier() {
    tandem::barrier round(2);
    const std::jthread other([&round] { tandem::block_on(round.arrive_and_wait()); });
    tandem::block_on(round.arrive_and_wait());
}

tandem::task<> all() {
    co_await asyncio_barrier();
    co_await gives_up();
}

int main() {
    threading_barrier();
    return tandem::run(all);
}
