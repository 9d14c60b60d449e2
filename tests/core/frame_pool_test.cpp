#include <tandem/core/detail/frame_pool.hpp>

#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

using tandem::detail::allocate_frame;
using tandem::detail::deallocate_frame;

TEST_CASE("frame_pool: every size, aligned, writable to its end, disjoint") {
    std::vector<std::pair<unsigned char*, std::size_t>> frames;
    for (std::size_t size = 1; size <= 4096; size += size < 200 ? 1 : 61) {
        auto* const p = static_cast<unsigned char*>(allocate_frame(size));
        REQUIRE(p != nullptr);
        CHECK(reinterpret_cast<std::uintptr_t>(p) % alignof(std::max_align_t) == 0);
        std::memset(p, static_cast<int>(size % 251), size);
        frames.emplace_back(p, size);
    }
    for (const auto& [p, size] : frames) {
        CHECK(p[0] == size % 251);
        CHECK(p[size - 1] == size % 251);
    }
    for (const auto& [p, size] : frames)
        deallocate_frame(p, size);
}

TEST_CASE("frame_pool: random sizes and lifetimes") {
    std::mt19937 random(7);
    class frame {
    public:
        frame(unsigned char* at, std::size_t n, unsigned char m) noexcept : p(at), size(n), mark(m) {}
        unsigned char* p;
        std::size_t size;
        unsigned char mark;
    };
    std::vector<frame> live;
    bool intact = true;
    for (int i = 0; i < 50'000; ++i) {
        if (live.empty() || random() % 2 == 0) {
            const std::size_t size = 1 + random() % 3000;
            auto* const p = static_cast<unsigned char*>(allocate_frame(size));
            const auto mark = static_cast<unsigned char>(random());
            p[0] = p[size / 2] = p[size - 1] = mark;
            live.emplace_back(p, size, mark);
        } else {
            std::swap(live[random() % live.size()], live.back());
            const frame f = live.back();
            live.pop_back();
            intact = intact && f.p[0] == f.mark && f.p[f.size / 2] == f.mark && f.p[f.size - 1] == f.mark;
            deallocate_frame(f.p, f.size);
        }
    }
    CHECK(intact);
    for (const frame& f : live)
        deallocate_frame(f.p, f.size);
}

TEST_CASE("frame_pool: frames given back on other threads, and on threads that end") {
    for (int round = 0; round < 20; ++round) {
        std::vector<void*> frames;
        std::thread maker([&] {
            for (std::size_t i = 0; i < 3000; ++i)
                frames.push_back(allocate_frame(100 + i % 500));
        });
        maker.join();
        std::thread taker([&] {
            for (std::size_t i = 0; i < 3000; ++i)
                deallocate_frame(frames[i], 100 + i % 500);
            // What this thread recycles now comes from the other one.
            void* const again = allocate_frame(100);
            std::memset(again, 1, 100);
            deallocate_frame(again, 100);
        });
        taker.join();
    }
    SUCCEED("no leak, no use after free: a sanitizer build tells");
}
