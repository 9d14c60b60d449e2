// The store in memory: variants, bounds, order of leaving.
#include "tandem/http/memory_cache_store.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/testing.hpp>

#include <memory>
#include <string>

using namespace tandem;
using http::cached_response;
using http::memory_cache_store;

namespace {

std::shared_ptr<const cached_response> entry(std::string variant, std::size_t size) {
    auto made = std::make_shared<cached_response>();
    made->variant = std::move(variant);
    made->body.assign(size, 'x');
    return made;
}

} // namespace

TEST_CASE("memory store: variants of a key") {
    test::run([]() -> task<> {
        memory_cache_store store;
        co_await store.put("k", entry("a", 1));
        co_await store.put("k", entry("b", 2));
        co_await store.put("k", entry("a", 3)); // replaces
        auto found = co_await store.find("k");
        REQUIRE(found.size() == 2);
        CHECK(found[0]->body.size() == 2);
        CHECK(found[1]->body.size() == 3);
        found = co_await store.find("other");
        CHECK(found.empty());
        for (int i = 0; i < 30; ++i)
            co_await store.put("k", entry(std::to_string(i), 1));
        found = co_await store.find("k");
        REQUIRE(found.size() == 16);
        CHECK(found.back()->variant == "29");
        co_await store.remove("k");
        co_await store.remove("never there");
        CHECK(store.keys() == 0);
        CHECK(store.bytes() == 0);
        CHECK(found.back()->variant == "29"); // who has it keeps it
    });
}

TEST_CASE("memory store: at most so many bytes, those used last stay") {
    test::run([]() -> task<> {
        memory_cache_store store(10'000);
        for (int i = 0; i < 100; ++i) {
            co_await store.put(std::to_string(i), entry("", 1000));
            CHECK(store.bytes() <= 10'000);
            const auto first = co_await store.find("0"); // used all the time
            CHECK(first.size() == 1);
        }
        CHECK(store.keys() > 5);
        CHECK(store.keys() < 10);
        auto found = co_await store.find("99");
        CHECK(found.size() == 1);
        found = co_await store.find("50");
        CHECK(found.empty());
        co_await store.put("huge", entry("", 20'000)); // more than there is room for at all
        CHECK(store.bytes() <= 10'000);
        found = co_await store.find("huge");
        CHECK(found.empty());
        found = co_await store.find("99"); // nothing had to go for it
        CHECK(found.size() == 1);
    });
}
