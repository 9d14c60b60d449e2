// Cached responses as bytes: what is written is read, what is damaged is not.
#include "lib/http/cache_record.hpp"

#include "tests/support/catch.hpp"

#include <chrono>
#include <random>
#include <string>

using namespace std::chrono_literals;
using namespace tandem::http;

namespace {

cached_response example() {
    cached_response made;
    made.status = 404;
    made.decoded = true;
    made.reason = "Not 7 Found";
    made.requested_at = cached_response::time_point(1234567890123ms);
    made.received_at = made.requested_at + 5ms;
    made.headers.add("X-Empty", "").add("X-A", "1 2 3").add("x-a", "4").add("X-Utf8", "J\xc3\xb6rg");
    return made;
}

} // namespace

TEST_CASE("cache record: what is written is read") {
    const auto read = read_record(write_record(example()));
    REQUIRE(read);
    CHECK(read->status == 404);
    CHECK(read->decoded);
    CHECK(read->reason == "Not 7 Found");
    CHECK(read->requested_at == example().requested_at);
    CHECK(read->received_at == example().received_at);
    REQUIRE(read->headers.size() == 4);
    CHECK(read->headers.get("X-Empty") == "");
    CHECK(read->headers.get_joined("X-A") == "1 2 3, 4");
    CHECK(write_record(*read) == write_record(example()));
}

TEST_CASE("cache record: nothing cut short, too long or changed does harm") {
    const std::string good = write_record(example());
    for (std::size_t i = 0; i < good.size(); ++i)
        CHECK_FALSE(read_record(good.substr(0, i)));
    CHECK_FALSE(read_record(good + ' '));
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; ++i) {
        std::string bad = good;
        bad[random() % bad.size()] = static_cast<char>(random());
        const auto read = read_record(bad);
        if (read) CHECK(write_record(*read).size() <= good.size() + 8); // another value, still a record
    }
    for (const char* const text : {"", "200", "200 1 1 1 0 999999999 ", "99 0 0 0 0 0 ", "200 0 -1 0 0 0 ",
                                   "200 0 0 999999999999999 0 0 ", "200 0 0 0 -1 0 ", "200 0 0 0 0 -1 ",
                                   "200 0 0 0 0 1 3 a\r\n0 ", "200 0 0 0 99999999999999999999 0 "})
        CHECK_FALSE(read_record(text));
    CHECK(read_record("200 0 0 0 0 0 "));
}
