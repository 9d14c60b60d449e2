#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"

#include <tandem/parallelism/detail/job_memory.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

using tandem::detail::allocate_job;
using tandem::detail::deallocate_job;

namespace {

class block {
public:
    std::size_t size;
    void* memory;
    unsigned char mark;
};

block make(std::size_t size, unsigned char mark) {
    void* const memory = allocate_job(size);
    std::memset(memory, mark, size);
    return {size, memory, mark};
}

bool intact(const block& b) {
    const auto* const bytes = static_cast<const unsigned char*>(b.memory);
    return std::all_of(bytes, bytes + b.size, [&](unsigned char c) { return c == b.mark; });
}

} // namespace

TEST_CASE("job_memory: blocks of any size are aligned and do not overlap") {
    std::vector<block> all;
    for (std::size_t size = 1; size <= 300; ++size)
        all.push_back(make(size, static_cast<unsigned char>(size)));
    for (const block& b : all) {
        CHECK(reinterpret_cast<std::uintptr_t>(b.memory) % alignof(std::max_align_t) == 0);
        CHECK(intact(b));
        deallocate_job(b.memory, b.size);
    }
}

TEST_CASE("job_memory: what another thread has freed is used again") {
    constexpr std::size_t count = 1000;
    for (const std::size_t size : {std::size_t{40}, std::size_t{56}}) {
        std::vector<void*> blocks(count);
        for (void*& b : blocks)
            b = allocate_job(size);
        const std::set<void*> first(blocks.begin(), blocks.end());
        CHECK(first.size() == count);
        std::thread([&] {
            for (void* b : blocks)
                deallocate_job(b, size);
        }).join(); // what it still had at its end is not lost
        std::size_t again = 0;
        for (void*& b : blocks) {
            b = allocate_job(size);
            again += first.count(b);
        }
        if (!tests::sanitized) CHECK(again == count); // AddressSanitizer shall see every use after free
        for (void* b : blocks)
            deallocate_job(b, size);
    }
}

TEST_CASE("job_memory: threads that pass blocks to each other") {
    constexpr int threads = 4;
    const std::size_t rounds = tests::repeat(20'000, 2'000);
    std::mutex mutex;
    std::vector<block> shared;
    std::atomic<int> broken{0};
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t)
        all.emplace_back([&, t] {
            std::minstd_rand random(static_cast<unsigned>(t + 1));
            std::vector<block> mine;
            for (std::size_t i = 0; i < rounds; ++i) {
                if (random() % 2 == 0 || mine.empty())
                    mine.push_back(make(24 + random() % 40, static_cast<unsigned char>(random())));
                if (random() % 2 == 0) {
                    const std::lock_guard lock(mutex);
                    shared.push_back(mine.back());
                    mine.pop_back();
                    std::swap(shared[random() % shared.size()], shared.back());
                    if (shared.size() > 300) {
                        mine.push_back(shared.back());
                        shared.pop_back();
                    }
                }
                if (!mine.empty() && random() % 2 == 0) {
                    if (!intact(mine.back())) ++broken;
                    deallocate_job(mine.back().memory, mine.back().size);
                    mine.pop_back();
                }
            }
            for (const block& b : mine)
                deallocate_job(b.memory, b.size);
        });
    for (std::thread& t : all)
        t.join();
    for (const block& b : shared) {
        if (!intact(b)) ++broken;
        deallocate_job(b.memory, b.size);
    }
    CHECK(broken == 0);
}
