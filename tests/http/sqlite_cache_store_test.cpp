// The store in a file: across runs, bounds, damage, several at a time, cancellation.
#include "tandem/http/sqlite_cache_store.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/concurrency/concurrent_map.hpp>
#include <tandem/http/cache.hpp>
#include <tandem/http/client.hpp>
#include <tandem/testing.hpp>

#include <chrono>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <sqlite3.h>
#include <sys/stat.h>

using namespace std::chrono_literals;
using namespace tandem;
using http::cached_response;
using http::sqlite_cache_store;

namespace {

std::shared_ptr<const cached_response> entry(std::string variant, std::string body) {
    auto made = std::make_shared<cached_response>();
    made->variant = std::move(variant);
    made->body = std::move(body);
    made->status = 200;
    made->reason = "OK";
    made->decoded = true;
    made->headers.add("ETag", "\"a\"").add("X-A", "1");
    made->requested_at = cached_response::time_point(1000ms);
    made->received_at = cached_response::time_point(2000ms);
    return made;
}

// What another program sees in the file.
class other_program {
public:
    explicit other_program(const std::string& path) {
        REQUIRE(sqlite3_open(path.c_str(), &db_) == SQLITE_OK);
    }
    other_program(const other_program&) = delete;
    other_program& operator=(const other_program&) = delete;
    ~other_program() { sqlite3_close(db_); }

    std::uint64_t number(const char* sql) {
        sqlite3_stmt* made = nullptr;
        REQUIRE(sqlite3_prepare_v2(db_, sql, -1, &made, nullptr) == SQLITE_OK);
        const int state = sqlite3_step(made);
        const auto value = static_cast<std::uint64_t>(sqlite3_column_int64(made, 0));
        sqlite3_finalize(made);
        CHECK((state == SQLITE_ROW || state == SQLITE_DONE));
        return value;
    }
    std::uint64_t sum() { return number("SELECT COALESCE(SUM(size), 0) FROM responses"); }
    std::uint64_t total() { return number("SELECT bytes FROM total"); }
    void run(const char* sql) { REQUIRE(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK); }

private:
    sqlite3* db_ = nullptr;
};

} // namespace

TEST_CASE("SQLite store: what is kept is there in the next run, with all that it had") {
    const tests::temporary_folder folder;
    const std::string path = folder / "cache.db";
    const std::string binary("a\0b\r\n\xff", 6);
    auto write = [&]() -> task<> {
        sqlite_cache_store store(path);
        co_await store.put("http://a/", entry("x", "old"));
        co_await store.put("http://a/", entry("x", binary));
        co_await store.put("http://a/", entry("y", ""));
        co_await store.put("http://gone/", entry("", "gone"));
        co_await store.remove("http://gone/");
    };
    tests::run_on_loop(write());
    struct stat about{};
    REQUIRE(::stat(path.c_str(), &about) == 0);
    CHECK((about.st_mode & 0777) == 0600);
    auto read = [&]() -> task<> {
        sqlite_cache_store store(path);
        CHECK(store.bytes() > 0);
        const auto found = co_await store.find("http://a/");
        REQUIRE(found.size() == 2);
        CHECK(found[0]->variant == "x");
        CHECK(found[0]->body == binary);
        CHECK(found[0]->status == 200);
        CHECK(found[0]->reason == "OK");
        CHECK(found[0]->decoded);
        CHECK(found[0]->headers.get("ETag") == "\"a\"");
        CHECK(found[0]->received_at.time_since_epoch() == 2000ms);
        CHECK(found[1]->body.empty());
        const auto gone = co_await store.find("http://gone/");
        CHECK(gone.empty());
        co_await store.remove("http://a/");
        CHECK(store.bytes() == 0);
    };
    tests::run_on_loop(read());
}

TEST_CASE("SQLite store: bounded, those used last stay") {
    const tests::temporary_folder folder;
    auto work = [&]() -> task<> {
        sqlite_cache_store store(folder / "cache.db", 20'000);
        for (int i = 0; i < 60; ++i) {
            co_await store.put(std::to_string(i), entry("", std::string(1000, 'x')));
            CHECK(store.bytes() <= 20'000);
            const auto first = co_await store.find("0"); // used all the time
            CHECK(first.size() == 1);
        }
        auto found = co_await store.find("59");
        CHECK(found.size() == 1);
        found = co_await store.find("20");
        CHECK(found.empty());
        co_await store.put("huge", entry("", std::string(30'000, 'x')));
        found = co_await store.find("huge");
        CHECK(found.empty());
        found = co_await store.find("59");
        CHECK(found.size() == 1);
        for (int i = 0; i < 40; ++i)
            co_await store.put("k", entry(std::to_string(i), "x"));
        found = co_await store.find("k");
        CHECK(found.size() == 16);
    };
    tests::run_on_loop(work());
}

TEST_CASE("SQLite store: few large entries make room for the next, not for all") {
    const tests::temporary_folder folder;
    auto work = [&]() -> task<> {
        sqlite_cache_store store(folder / "cache.db", 20'000);
        for (int i = 0; i < 5; ++i) {
            co_await store.put(std::to_string(i), entry("", std::string(7'000, 'x')));
            for (int k = std::max(i - 1, 0); k <= i; ++k) {
                const auto found = co_await store.find(std::to_string(k));
                CHECK(found.size() == 1);
            }
        }
    };
    tests::run_on_loop(work());
}

TEST_CASE("SQLite store: the running total is the sum, whatever is done, by whom and in which order") {
    const tests::temporary_folder folder;
    const std::string path = folder / "cache.db";
    std::mt19937 random(1);
    const auto number = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
    auto work = [&]() -> task<> {
        constexpr std::uint64_t most = 30'000;
        auto one = std::make_unique<sqlite_cache_store>(path, most);
        auto other = std::make_unique<sqlite_cache_store>(path, most);
        other_program watch(path);
        for (int i = 0; i < 600; ++i) {
            std::unique_ptr<sqlite_cache_store>& held = number(2) ? one : other;
            const std::string key = std::to_string(number(12));
            switch (number(10)) {
            case 0:
                co_await held->remove(key);
                break;
            case 1:
                co_await held->put(key, entry("", std::string(most, 'x')));
                break; // removes its own only
            case 2:
                held = std::make_unique<sqlite_cache_store>(path, most);
                break;
            default:
                co_await held->put(key, entry(std::to_string(number(20)), std::string(number(3000), 'x')));
            }
            const std::uint64_t sum = watch.sum();
            CHECK(watch.total() == sum);
            CHECK(held->bytes() == sum);
            CHECK(sum <= most);
        }
        CHECK(watch.sum() > most / 2); // it was full
        for (int key = 0; key < 12; ++key)
            co_await one->remove(std::to_string(key));
        CHECK(watch.total() == 0);
        CHECK(one->bytes() == 0);
    };
    tests::run_on_loop(work());
}

TEST_CASE("SQLite store: the total is right for a program that knows nothing of it, and when it was tampered "
          "with") {
    const tests::temporary_folder folder;
    const std::string path = folder / "cache.db";
    auto work = [&]() -> task<> {
        sqlite_cache_store store(path, 20'000);
        co_await store.put("a", entry("", "x"));
        other_program other(path);
        const char* const add = "INSERT OR REPLACE INTO responses VALUES (x'62', x'', x'', x'', 5000, 1)";
        for (int i = 0; i < 3; ++i)
            other.run(add);
        CHECK(other.total() == other.sum());
        other.run("DELETE FROM responses WHERE key = x'62'");
        CHECK(other.total() == other.sum());
        for (const char* const sql :
             {"UPDATE total SET bytes = 1000000", "UPDATE total SET bytes = -1000000", "DELETE FROM total"}) {
            other.run(sql);
            for (int i = 0; i < 100; ++i)
                co_await store.put(std::to_string(i), entry("", std::string(1000, 'x'))); // ends
        }
        const sqlite_cache_store again(path, 20'000); // finds no total
        CHECK(other.total() == other.sum());
        CHECK(again.bytes() == other.sum());
    };
    tests::run_on_loop(work());
}

TEST_CASE("SQLite store: a file from before there was a total") {
    const tests::temporary_folder folder;
    const std::string path = folder / "cache.db";
    auto work = [&]() -> task<> {
        {
            sqlite_cache_store store(path);
            co_await store.put("a", entry("", std::string(1000, 'x')));
        }
        other_program before(path);
        before.run("DROP TABLE total; DROP TRIGGER added; DROP TRIGGER removed");
        sqlite_cache_store store(path);
        CHECK(store.bytes() > 1000);
        CHECK(store.bytes() == before.sum());
        const auto found = co_await store.find("a");
        CHECK(found.size() == 1);
        co_await store.put("a", entry("", "x"));
        CHECK(store.bytes() == before.sum());
    };
    tests::run_on_loop(work());
}

TEST_CASE("SQLite store: what is no database, and what cannot be opened") {
    const tests::temporary_folder folder;
    std::ofstream(folder / "text") << std::string(10'000, 'x');
    CHECK_THROWS_AS(sqlite_cache_store(folder / "text"), std::runtime_error);
    try {
        sqlite_cache_store store(folder / "none/cache.db");
        FAIL("no exception");
    } catch (const std::runtime_error& e) {
        CHECK(std::string(e.what()).find(folder / "none/cache.db") != std::string::npos);
    }
}

TEST_CASE("SQLite store: a client that is made anew finds what was kept") {
    const tests::temporary_folder folder;
    scripted::answering server([](const std::string& request) {
        if (scripted::field_of(request, "If-None-Match") == "\"v\"")
            return std::string("HTTP/1.1 304 Same\r\nETag: \"v\"\r\n\r\n");
        return scripted::ok("body", "ETag: \"v\"\r\nCache-Control: max-age=" +
                                        std::string(scripted::target_of(request) == "/long" ? "600" : "0") +
                                        "\r\n");
    });
    for (int run = 0; run < 3; ++run) {
        auto work = [&]() -> task<> {
            auto store = std::make_shared<sqlite_cache_store>(folder / "cache.db");
            auto cache = std::make_shared<http::cache>(store);
            http::client web(http::client_options().intercept(cache));
            const http::response fresh = co_await web.get(server.url("/long"));
            const http::response validated = co_await web.get(server.url("/short"));
            CHECK(fresh.body() == "body");
            CHECK(validated.body() == "body");
            CHECK(validated.status() == 200);
            CHECK(cache->counters().hits == (run > 0 ? 1u : 0u));
            CHECK(cache->counters().validated == (run > 0 ? 1u : 0u));
            CHECK(cache->counters().store_errors == 0);
        };
        scripted::run(work());
    }
    CHECK(server.requests().size() == 4);
}

TEST_CASE("SQLite store: two stores on one file, from several tasks") {
    const tests::temporary_folder folder;
    auto work = [&]() -> task<> {
        sqlite_cache_store one(folder / "cache.db");
        sqlite_cache_store other(folder / "cache.db");
        std::vector<int> numbers(100);
        for (int i = 0; i < 100; ++i)
            numbers[static_cast<std::size_t>(i)] = i;
        auto step = [&](int i) -> task<> {
            sqlite_cache_store& store = i % 2 ? one : other;
            co_await store.put(std::to_string(i % 10), entry(std::to_string(i % 3), std::to_string(i)));
            const auto found = co_await store.find(std::to_string(i % 10));
            CHECK_FALSE(found.empty());
        };
        co_await concurrent_for_each(numbers, 8, step);
    };
    tests::run_on_loop(work());
}

TEST_CASE("SQLite store: cancelled anywhere, a change is made wholly or not at all") {
    const tests::temporary_folder folder;
    auto work = [&]() -> task<> {
        sqlite_cache_store store(folder / "cache.db");
        auto scenario = [&]() -> task<> {
            co_await store.put("k", entry("a", "body"));
            const auto found = co_await store.find("k");
            CHECK(found.size() == 1);
            co_await store.remove("k");
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 5);
        const auto found = co_await store.find("k");
        for (const auto& one : found)
            CHECK(one->body == "body");
        co_await scenario();
    };
    tests::run_on_loop(work());
}
