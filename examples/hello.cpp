// The smallest tour: two things that wait at the same time, one that computes meanwhile, and a limit on time.
//
//     hello            greets two people at a time while it counts primes, and does not wait for a third one
#include <tandem/tandem.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

using namespace std::chrono_literals;

// Concurrency: while this waits, its loop does other things.
tandem::task<std::string> greet(std::string name, std::chrono::milliseconds thinking) {
    co_await tandem::sleep_for(thinking);
    co_return "hello, " + name;
}

// Parallelism: an ordinary function, for a core of its own.
std::uint64_t primes_below(std::uint64_t limit) {
    std::uint64_t found = 0;
    for (std::uint64_t n = 2; n < limit; ++n) {
        bool prime = true;
        for (std::uint64_t d = 2; d * d <= n && prime; ++d)
            prime = n % d != 0;
        found += prime ? 1 : 0;
    }
    return found;
}

tandem::task<> hello() {
    const auto begin = std::chrono::steady_clock::now();

    auto [anna, ben, primes] = co_await tandem::when_all(greet("Anna", 40ms), greet("Ben", 40ms),
                                                         tandem::offload(primes_below, 200'000u));
    std::printf("%s\n%s\n%llu primes below 200000\n", anna.c_str(), ben.c_str(),
                static_cast<unsigned long long>(primes));

    // A limit on the time of anything; what it waits for is cancelled.
    try {
        co_await tandem::with_timeout(10ms, greet("Godot", 1h));
    } catch (const tandem::timeout_error& error) {
        std::printf("Godot: %s\n", error.what());
    }

    const auto took = std::chrono::steady_clock::now() - begin;
    std::printf("all in %lld ms\n",
                static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

int main() {
    return tandem::run(hello);
}
