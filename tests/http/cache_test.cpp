// The cache around requests, by the sections of RFC 9111 (what is given stale: cache_revalidation_test). In
// virtual time, against a site without sockets.
#include "tests/support/catch.hpp"

#include "tests/http/cache_support.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/http/cache.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/cookie_jar.hpp>
#include <tandem/http/request_event.hpp>
#include <tandem/testing.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using namespace tandem;
using namespace cache_tests;

TEST_CASE("cache: what is fresh is given without asking, with its age") {
    test::run([]() -> task<> {
        fixture f(with("max-age=60"));
        const std::string first = co_await f.body();
        CHECK(first == "200 1");
        co_await sleep_for(30s);
        const http::response again = co_await f.web.get(here + "#part");
        CHECK(again.body() == "1");
        CHECK(again.ok());
        CHECK(again.headers().get("Age") >= std::string("30"));
        CHECK(again.headers().get("Cache-Control") == "max-age=60");
        CHECK(again.url().href() == here + "#part");
        CHECK(again.method() == "GET");
        CHECK(f.asked() == 1);
        co_await sleep_for(31s);
        const std::string later = co_await f.body();
        CHECK(later == "200 2");
        const std::string other = co_await f.body(http::request(here + "?q"));
        CHECK(other == "200 3");
        CHECK(f.cache->counters().hits == 1);
        CHECK(f.cache->counters().misses == 3);
        CHECK(f.cache->counters().stored == 3);
    });
}

TEST_CASE("cache: what is stale is validated, and a 304 renews it (4.3)") {
    test::run([]() -> task<> {
        fixture f(with("max-age=60", "\"v1\""));
        co_await f.body();
        co_await sleep_for(61s);
        const http::response renewed = co_await f.web.get(here);
        CHECK(renewed.status() == 200);
        CHECK(renewed.body() == "1");
        CHECK(f.site->seen.back().headers().get("If-None-Match") == "\"v1\"");
        CHECK(f.cache->counters().validated == 1);
        co_await sleep_for(59s); // fresh again, from the 304 on
        const std::string again = co_await f.body();
        CHECK(again == "200 1");
        CHECK(f.asked() == 2);
        // no-cache of the response: asked each time
        fixture g(with("no-cache", "\"v1\""));
        for (int i = 0; i < 3; ++i) {
            const std::string body = co_await g.body();
            CHECK(body == "200 1");
        }
        CHECK(g.asked() == 3);
        CHECK(g.cache->counters().validated == 2);
    });
}

TEST_CASE("cache: validation by Last-Modified, and a full answer replaces what was kept") {
    test::run([]() -> task<> {
        const std::string modified = "Sun, 06 Nov 1994 08:49:37 GMT";
        fixture f([&](const http::request& what, int number) {
            const bool same = number < 3 && what.headers().contains("If-Modified-Since");
            return answer(dated(what, number, same ? 304 : 200)
                              .header("Last-Modified", modified)
                              .header("Cache-Control", "max-age=10")
                              .build());
        });
        co_await f.body();
        co_await sleep_for(11s);
        const std::string same = co_await f.body();
        CHECK(same == "200 1");
        CHECK(f.site->seen.back().headers().get("If-Modified-Since") == modified);
        CHECK_FALSE(f.site->seen.back().headers().contains("If-None-Match"));
        co_await sleep_for(11s);
        const std::string changed = co_await f.body();
        CHECK(changed == "200 3");
        const std::string kept = co_await f.body();
        CHECK(kept == "200 3");
        CHECK(f.asked() == 3);
    });
}

TEST_CASE("cache: a 304 for something else is no renewal: it is asked again, without conditions") {
    test::run([]() -> task<> {
        fixture f([](const http::request& what, int number) {
            const bool conditional = what.headers().contains("If-None-Match");
            return answer(dated(what, number, conditional ? 304 : 200)
                              .header("ETag", conditional ? "\"v2\"" : "\"v1\"")
                              .header("Cache-Control", "max-age=1")
                              .build());
        });
        co_await f.body();
        co_await sleep_for(2s);
        const std::string body = co_await f.body();
        CHECK(body == "200 3");
        CHECK(f.asked() == 3);
    });
}

TEST_CASE("cache: what the request says (5.2.1)") {
    test::run([]() -> task<> {
        fixture f(with("max-age=60"));
        co_await f.body();
        co_await sleep_for(30s);
        const std::string young = co_await f.body(asking("max-age=20"));
        CHECK(young == "200 2"); // asked, and kept
        co_await sleep_for(70s);
        const std::string stale = co_await f.body(asking("max-stale=100"));
        CHECK(stale == "200 2");
        CHECK(f.cache->counters().stale == 1);
        const std::string without = co_await f.body(asking("no-store"));
        CHECK(without == "200 3"); // asked, not kept
        const std::string kept = co_await f.body(asking("max-stale"));
        CHECK(kept == "200 2");
        const std::string fresh = co_await f.body(asking("no-cache"));
        CHECK(fresh == "200 4");
        const std::string pragma = co_await f.body(http::request(here).header("Pragma", "no-cache"));
        CHECK(pragma == "200 5");
    });
}

TEST_CASE("cache: only-if-cached") {
    test::run([]() -> task<> {
        fixture f(with("max-age=60"));
        const std::string nothing = co_await f.body(asking("only-if-cached"));
        CHECK(nothing == "504 ");
        CHECK(f.asked() == 0);
        co_await f.body();
        const std::string there = co_await f.body(asking("only-if-cached"));
        CHECK(there == "200 1");
        co_await sleep_for(61s);
        const std::string stale = co_await f.body(asking("only-if-cached"));
        CHECK(stale == "504 ");
        const std::string allowed = co_await f.body(asking("only-if-cached, max-stale"));
        CHECK(allowed == "200 1");
        CHECK(f.asked() == 1);
    });
}

TEST_CASE("cache: Vary tells the answers to one URL apart (4.1)") {
    test::run([]() -> task<> {
        fixture f([](const http::request& what, int number) {
            return answer(dated(what, number)
                              .header("Cache-Control", "max-age=60")
                              .header("Vary", "Accept-Language")
                              .build());
        });
        const auto in = [](const char* language) {
            return http::request(here).header("Accept-Language", language);
        };
        for (int round = 0; round < 2; ++round) {
            const std::string german = co_await f.body(in("de"));
            const std::string english = co_await f.body(in("en"));
            const std::string any = co_await f.body();
            CHECK(german == "200 1");
            CHECK(english == "200 2");
            CHECK(any == "200 3");
        }
    });
}

TEST_CASE("cache: Vary is about the cookies that were sent, not those that the answer has set (4.1)") {
    auto jar = std::make_shared<http::cookie_jar>();
    test::run([jar]() -> task<> {
        // As the client does it, before the answer comes out of the chain.
        const auto logs_in = [jar](const http::request& what, int number) {
            jar->set(what.url(), "session=" + std::to_string(number));
            return answer(
                dated(what, number).header("Cache-Control", "max-age=60").header("Vary", "Cookie").build());
        };
        fixture f(logs_in, {}, client_options().cookies(jar));
        const std::string nobody = co_await f.body();
        CHECK(nobody == "200 1");
        const std::string somebody = co_await f.body(); // is not given the page for nobody
        CHECK(somebody == "200 2");
        CHECK(f.asked() == 2);
    });
}

TEST_CASE("cache: a request is not given what it would not have got itself") {
    test::run([]() -> task<> {
        const auto moved = [](const http::request& what, int number) {
            auto made = dated(what, number, what.url().href() == here ? 301 : 200);
            return answer(made.header("Location", "/y").header("Cache-Control", "max-age=60").build());
        };
        fixture f(moved);
        const std::string asked_for = co_await f.body(http::request(here).follow_redirects(false));
        CHECK(asked_for == "301 1");
        const std::string kept = co_await f.body(http::request(here).follow_redirects(false));
        CHECK(kept == "301 1");
        CHECK(f.asked() == 1);
        co_await f.body(); // would be led on
        CHECK(f.asked() == 2);

        const auto zipped = [](const http::request& what, int number) {
            auto made = dated(what, number);
            return answer(
                made.header("Content-Encoding", "gzip").header("Cache-Control", "max-age=60").build());
        };
        fixture g(zipped);
        co_await g.body(http::request(here).header("Accept-Encoding", "gzip"));
        co_await g.body();
        CHECK(g.asked() == 2);
        http::request upgrade(here);
        upgrade.header("Upgrade", "websocket").header("Accept-Encoding", "gzip");
        co_await g.body(std::move(upgrade));
        CHECK(g.asked() == 3);
    });
}

TEST_CASE("cache: nobody is given what another asked for") {
    test::run([]() -> task<> {
        fixture f(with("max-age=60"));
        const auto as = [](const char* user) {
            return http::request(here).auth(http::credentials::basic(user, "pw"));
        };
        const std::string joe = co_await f.body(as("joe"));
        const std::string eve = co_await f.body(as("eve"));
        const std::string nobody = co_await f.body();
        const std::string joe_again = co_await f.body(as("joe"));
        CHECK(joe == "200 1");
        CHECK(eve == "200 2");
        CHECK(nobody == "200 3");
        CHECK(joe_again == "200 1");
    });
}

TEST_CASE("cache: unsafe methods that succeed remove what they change (4.4)") {
    test::run([]() -> task<> {
        int status = 204;
        fixture f([&](const http::request& what, int number) {
            auto made = dated(what, number, what.verb() == http::method::get ? 200 : status);
            made.header("Cache-Control", "max-age=600");
            if (what.verb() != http::method::get)
                made.header("Location", "/list").header("Content-Location", "http://b.invalid/x");
            return answer(made.build());
        });
        const std::string list = "http://a.invalid/list";
        const std::string foreign = "http://b.invalid/x";
        const auto load = [&]() -> task<std::string> {
            const std::string a = co_await f.body();
            const std::string b = co_await f.body(http::request(list));
            const std::string c = co_await f.body(http::request(foreign));
            co_return a + ", " + b + ", " + c;
        };
        const std::string before = co_await load();
        CHECK(before == "200 1, 200 2, 200 3");
        for (const char* const safe : {"HEAD", "OPTIONS", "TRACE"})
            co_await f.web.send(http::request(here).method(safe));
        const int asked = f.asked();
        const std::string same = co_await load();
        CHECK(same == before);
        CHECK(f.asked() == asked);
        status = 404; // it has not changed anything
        co_await f.web.send(http::request(here).method(http::method::delete_));
        const std::string failed = co_await load();
        CHECK(failed == before);
        for (const char* const unsafe : {"POST", "PUT", "DELETE", "PATCH", "PURGE"}) {
            status = 204;
            const std::string was = co_await load();
            co_await f.web.send(http::request(here).method(unsafe));
            const std::string now = co_await load();
            CHECK(now.substr(0, now.rfind(',')) != was.substr(0, was.rfind(',')));
            CHECK(now.substr(now.rfind(',')) == was.substr(was.rfind(','))); // of another origin
        }
        CHECK(f.cache->counters().invalidated == 5);
    });
}

TEST_CASE("cache: what passes by, and what is not kept") {
    test::run([]() -> task<> {
        fixture f(with("max-age=60", "\"v\""), http::cache_options().max_entry_bytes(1000));
        for (int i = 0; i < 2; ++i) {
            co_await f.web.send(http::request(here).header("Range", "bytes=0-1"));
            co_await f.web.send(http::request(here).header("If-Modified-Since", "x"));
            co_await f.web.send(http::request(here).method(http::method::get).body("with a body"));
        }
        CHECK(f.asked() == 6);
        CHECK(f.cache->counters().stored == 0);

        fixture large(
            [](const http::request& what, int number) {
                return answer(dated(what, number)
                                  .header("Cache-Control", "max-age=60")
                                  .body(std::string(number == 1 ? 10 : 1000, 'x'))
                                  .build());
            },
            http::cache_options().max_entry_bytes(1000));
        co_await large.body();
        CHECK(large.cache->counters().stored == 1);
        co_await large.body(asking("no-cache")); // too large, and what was kept is not true any more
        CHECK(large.cache->counters().stored == 1);
        const std::string body = co_await large.body();
        CHECK(body.size() == 1004);
        CHECK(large.asked() == 3);

        // Too large for this request: the client tells, not the cache.
        fixture limited(with("max-age=60"));
        co_await limited.body();
        co_await limited.body(http::request(here).max_body(0));
        CHECK(limited.asked() == 2);
    });
}

TEST_CASE("cache: HEAD is answered by what GET has left, and leaves nothing") {
    test::run([]() -> task<> {
        fixture f(with("max-age=60"));
        co_await f.web.head(here);
        CHECK(f.asked() == 1);
        co_await f.body();
        const http::response head = co_await f.web.head(here);
        CHECK(head.body().empty());
        CHECK(head.method() == "HEAD");
        CHECK(head.headers().contains("Age"));
        CHECK(f.asked() == 2);
    });
}

TEST_CASE("cache: streams are given what is fresh, and keep nothing") {
    test::run([]() -> task<> {
        fixture f(with("max-age=60"));
        auto first = co_await f.web.open(http::request(here));
        const std::string a = co_await first.read_all();
        CHECK(a == "1");
        co_await f.body();
        CHECK(f.asked() == 2);
        auto second = co_await f.web.open(http::request(here));
        CHECK_FALSE(second.done());
        const std::string b = co_await second.read_all();
        CHECK(b == "2");
        CHECK(second.done());
        const std::string end(co_await second.read_some());
        CHECK(end.empty());
        auto third = co_await f.web.open(http::request(here));
        const auto too_much = co_await third.try_read_all(0);
        REQUIRE_FALSE(too_much.has_value());
        CHECK(too_much.error().is_limit());
        CHECK(f.asked() == 2);
        auto none = co_await f.web.open(asking("only-if-cached, min-fresh=61"));
        CHECK(none.status() == 504);
    });
}

TEST_CASE("cache: against a real server: redirects are not kept, decoded bodies are") {
    scripted::answering server([](const std::string& request) {
        if (scripted::target_of(request) == "/from")
            return std::string("HTTP/1.1 302 There\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n");
        return scripted::ok("x", "Cache-Control: max-age=60\r\n");
    });
    auto work = [&]() -> task<> {
        auto cache = std::make_shared<http::cache>();
        std::string events;
        http::client web(client_options().intercept(cache).on_event([&](const http::request_event& e) {
            if (e.what() == http::request_event::kind::cached) events += e.url().href();
        }));
        for (int i = 0; i < 2; ++i) {
            const http::response r = co_await web.get(server.url("/from"));
            CHECK(r.body() == "x");
            CHECK(r.history().size() == 1);
        }
        CHECK(web.counters().requests == 4);
        co_await web.get(server.url("/to"));
        const http::response kept = co_await web.get(server.url("/to"));
        CHECK(kept.headers().contains("Age"));
        CHECK(web.counters().requests == 5);
        CHECK(events == server.url("/to"));
    };
    scripted::run(work());
}

namespace {

class failing_store final : public http::cache_store {
public:
    task<entries> find(std::string) override {
        throw std::runtime_error("broken");
        co_return entries();
    }
    task<> put(std::string, std::shared_ptr<const http::cached_response>) override {
        co_await yield();
        throw std::runtime_error("broken");
    }
    task<> remove(std::string) override {
        throw std::runtime_error("broken");
        co_return;
    }
};

} // namespace

TEST_CASE("cache: a store that fails costs a request nothing but its use") {
    CHECK_THROWS_AS(http::cache(std::shared_ptr<http::cache_store>()), std::invalid_argument);
    test::run([]() -> task<> {
        auto site = tests::site_of(with("max-age=60"));
        auto cache = std::make_shared<http::cache>(std::make_shared<failing_store>());
        http::client web(client_options().intercept(cache).intercept(site));
        for (int i = 0; i < 2; ++i) {
            const http::response r = co_await web.get(here);
            CHECK(r.ok());
        }
        co_await web.post(here, "x", "text/plain");
        CHECK(site->seen.size() == 3);
        CHECK(cache->counters().store_errors == 5);
        CHECK(cache->counters().stored == 0);
    });
}

TEST_CASE("cache: cancelled anywhere, what is kept stays whole") {
    test::run([]() -> task<> {
        auto give = with("max-age=60", "\"v\"");
        auto site = tests::site([give](const http::request& what, int number) -> task<answer> {
            co_await tests::turns(2);
            co_return give(what, number);
        });
        auto cache = std::make_shared<http::cache>();
        http::client web(client_options().intercept(cache).intercept(site));
        auto scenario = [&]() -> task<> {
            const http::response a = co_await web.get(here);
            CHECK(a.ok());
            const http::response b = co_await web.send(asking("no-cache"));
            CHECK(b.body() == a.body());
            co_await web.send(http::request(here).method(http::method::delete_));
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 8);
        co_await scenario();
    });
}
