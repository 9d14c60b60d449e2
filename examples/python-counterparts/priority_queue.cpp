// asyncio.PriorityQueue and LifoQueue.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

// Python:  queue = asyncio.PriorityQueue()
//          await queue.put((2, "b"))           # the lowest first
// Here the greatest comes first, as in std::priority_queue; std::greater turns it round. Among equal ones the
// oldest is first, so items need no number beside their rank, and only the rank is compared.
class job {
public:
    job(int r, std::string n) noexcept : rank(r), name(std::move(n)) {}
    int rank;
    std::string name;
    friend bool operator>(const job& a, const job& b) noexcept { return a.rank > b.rank; }
};

tandem::task<> priority_queue() {
    tandem::priority_channel<job, std::greater<>> queue(10);
    co_await queue.send(job(2, "b"));
    co_await queue.send(job(1, "a"));
    co_await queue.send(job(2, "c"));
    queue.close();
    std::string order;
    while (auto next = co_await queue.receive())
        order += next->name;
    expect(order == "abc");
}

// Python:  stack = asyncio.LifoQueue(); await stack.put(item)
// A priority_channel whose rank counts up. (Between tasks of one loop, when nobody has to wait for an item, a
// std::vector is a stack.)
template <class T>
class lifo_channel {
public:
    explicit lifo_channel(std::size_t capacity) : items_(capacity) {}
    auto send(T item) { return items_.send(std::pair(next_++, std::move(item))); }
    auto receive() { return items_.receive(); } // ->second is the item

private:
    std::uint64_t next_ = 0; // one loop only; std::atomic otherwise
    tandem::priority_channel<std::pair<std::uint64_t, T>> items_;
};

tandem::task<> lifo_queue() {
    lifo_channel<int> stack(10);
    for (int i = 1; i <= 3; ++i)
        co_await stack.send(i);
    std::vector<int> order;
    for (int i = 1; i <= 3; ++i) {
        const auto item = co_await stack.receive();
        order.push_back(item->second);
    }
    expect(order == std::vector{3, 2, 1});
}

tandem::task<> all() {
    co_await priority_queue();
    co_await lifo_queue();
}

int main() {
    return tandem::run(all);
}
