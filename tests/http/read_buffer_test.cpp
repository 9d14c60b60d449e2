#include "lib/http/read_buffer.hpp"

#include "tests/support/catch.hpp"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

using tandem::http::buffer_memory;
using tandem::http::read_buffer;

namespace {

void put(read_buffer& in, const std::string& text) {
    in.prepare();
    REQUIRE(in.space() >= text.size());
    std::memcpy(in.tail(), text.data(), text.size());
    in.commit(text.size());
}

} // namespace

TEST_CASE("a read buffer keeps what was not consumed while it grows") {
    read_buffer in;
    CHECK(in.space() == 0);
    std::string all;
    for (int i = 0; i < 1000; ++i) {
        const std::string piece(997, static_cast<char>('a' + i % 26));
        put(in, piece);
        all += piece;
    }
    CHECK(in.view() == all);
    in.consume(500'000);
    put(in, "end");
    CHECK(in.view() == all.substr(500'000) + "end");
    in.consume(in.view().size());
    CHECK(in.empty());
}

TEST_CASE("a read that fills the buffer makes it larger, up to a bound") {
    read_buffer in;
    std::size_t before = 0;
    for (int i = 0; i < 8; ++i) {
        in.prepare();
        CHECK(in.space() >= before);
        before = in.space();
        in.commit(before);
        in.consume(before);
    }
    CHECK(before == 256 * 1024);
}

TEST_CASE("a read buffer that was reset has no memory, and what it had serves the next one") {
    read_buffer in;
    in.prepare();
    const std::size_t size = in.space();
    const char* const memory = in.tail();
    in.reset();
    CHECK(in.space() == 0);
    CHECK(in.empty());
    read_buffer next;
    next.prepare();
    CHECK(next.space() == size);
#if !defined(__SANITIZE_ADDRESS__)
    CHECK(next.tail() == memory);
#else
    static_cast<void>(memory);
#endif
    next.reset();
    next.reset(); // nothing to give
}

TEST_CASE("large buffers are not kept, nor more than some") {
    read_buffer large;
    large.prepare();
    for (int i = 0; i < 4; ++i) {
        large.commit(large.space());
        large.consume(large.view().size());
        large.prepare();
    }
    CHECK(large.space() > buffer_memory::most_kept_bytes);
    large.reset();
    std::size_t kept = 0;
    std::vector<buffer_memory> many;
    for (int i = 0; i < 100; ++i)
        many.push_back(buffer_memory(buffer_memory::most_kept_bytes));
    for (buffer_memory& one : many)
        tandem::http::give_buffer(std::move(one));
    for (buffer_memory& one : many) {
        one = tandem::http::take_buffer();
        kept += one.size() == buffer_memory::most_kept_bytes;
    }
    CHECK(kept <= 32);
}
