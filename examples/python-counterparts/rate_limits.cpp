// What aiolimiter is for: so many a second, for all or for each host.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <chrono>
#include <string>

using namespace std::chrono_literals;

// Python:  limiter = aiolimiter.AsyncLimiter(1000, 1); async with limiter: ...
// First come, first served; the turns of those who wait lie exactly a thousandth of a second apart.
tandem::task<> so_many_a_second() {
    tandem::rate_limiter limit(1000, 1s, 2); // up to two at once after a pause
    for (int i = 0; i < 5; ++i)
        co_await limit.acquire();
    tandem::rate_limiter seldom(1, 1h, 2);
    const bool two_at_once = seldom.try_acquire(2);
    expect(two_at_once && !seldom.try_acquire());
}

// Python:  limiters = defaultdict(lambda: AsyncLimiter(1, 3600))         # grows with every host ever seen
// What is full again is forgotten, and `max_keys` bounds the rest.
tandem::task<> for_each_host() {
    tandem::keyed_rate_limiter<std::string> per_host(1, 1h);
    co_await per_host.acquire("a.example");
    const bool another_host = per_host.try_acquire("b.example");
    expect(another_host && !per_host.try_acquire("a.example") && per_host.size() == 2);
}

tandem::task<> all() {
    co_await so_many_a_second();
    co_await for_each_host();
}

int main() {
    return tandem::run(all);
}
