#include "lib/core/wake_memory.hpp"

#include "tests/support/catch.hpp"

using tandem::detail::wake_allocator;
using tandem::detail::wake_memory;

TEST_CASE("wake_memory: one block at a time inside, others on the heap") {
    wake_memory memory;
    const auto inside = [&memory](const void* block) {
        const auto* const p = static_cast<const unsigned char*>(block);
        const auto* const first = reinterpret_cast<const unsigned char*>(&memory);
        return p >= first && p < first + sizeof(memory);
    };
    void* const first = memory.allocate(100);
    CHECK(inside(first));
    void* const second = memory.allocate(100);
    CHECK_FALSE(inside(second));
    memory.deallocate(second);
    memory.deallocate(first);
    void* const large = memory.allocate(4096);
    CHECK_FALSE(inside(large));
    memory.deallocate(large);
    void* const again = memory.allocate(100);
    CHECK(again == first);
    memory.deallocate(again);
}

TEST_CASE("wake_allocator: the same memory for every type") {
    wake_memory memory;
    wake_memory other;
    wake_allocator<int> ints(memory);
    const wake_allocator<double> doubles(ints);
    CHECK(ints == doubles);
    CHECK_FALSE(ints == wake_allocator<int>(other));
    int* const number = ints.allocate(1);
    *number = 7;
    CHECK(*number == 7);
    ints.deallocate(number, 1);
}
