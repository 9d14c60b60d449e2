// What surrounds a body on its way: Expect, progress, interim responses; and lines, status, query.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/support/cancel_everywhere.hpp"

#include <tandem/http/client.hpp>

#include <latch>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace tandem;
using namespace std::chrono_literals;
using scripted::answering;
using scripted::field_of;
using scripted::ok;
using scripted::peer;

namespace {

http::request put(const std::string& url, std::string body) {
    http::request what(url);
    what.method(http::method::put).body(std::move(body), "text/plain");
    return what;
}

task<http::result<http::response>> try_send(http::request what) {
    http::client web;
    co_return co_await web.try_send(std::move(what));
}

async_generator<std::string> counted(int* begun) {
    ++*begun;
    co_yield "one ";
    co_yield "two";
}

} // namespace

TEST_CASE("Expect: the body waits for the server's word") {
    std::string before;
    scripted::server server([&](peer& p, int) {
        const std::string head = p.read_head();
        before = field_of(head, "Expect");
        p.send("HTTP/1.1 100 Continue\r\n\r\n");
        const std::string body = p.read_until("the end");
        p.send(ok(body));
        p.wait_closed();
    });
    const auto got = scripted::run(try_send(put(server.url(), "begin, the end").expect_continue(1h)));
    REQUIRE(got);
    CHECK(got->body() == "begin, the end");
    CHECK(before == "100-continue");
}

TEST_CASE("Expect: a server that says nothing gets the body all the same") {
    answering server([](const std::string& request) { return ok(scripted::body_of(request)); });
    const auto got = scripted::run(try_send(put(server.url(), "body").expect_continue(1ms)));
    REQUIRE(got);
    CHECK(got->body() == "body");
}

TEST_CASE("Expect: not without a body") {
    answering server([](const std::string& request) { return ok(field_of(request, "Expect")); });
    auto work = [&]() -> task<> {
        http::client web;
        const http::response get = co_await web.send(http::request(server.url()).expect_continue());
        CHECK(get.body() == "-");
        http::request empty = put(server.url(), "");
        empty.expect_continue();
        const http::response r = co_await web.send(std::move(empty));
        CHECK(r.body() == "-");
    };
    scripted::run(work());
}

TEST_CASE("Expect: a final response spares the body, 417 brings the request again without it") {
    int begun = 0;
    SECTION("401") {
        scripted::server server([](peer& p, int) {
            p.read_head();
            p.send("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
            p.wait_closed(); // the client closes: what would follow could be the body
        });
        http::request what(server.url());
        what.method(http::method::put).body(http::request_body::stream([&] { return counted(&begun); }));
        const auto got = scripted::run(try_send(std::move(what).expect_continue(1h)));
        REQUIRE(got);
        CHECK(got->status() == 401);
        CHECK(begun == 0);
    }
    SECTION("417, also with a body that can be sent only once") {
        scripted::server server([](peer& p, int number) {
            const std::string head = p.read_head();
            if (number == 0) {
                p.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
                return p.wait_closed();
            }
            p.read_until("0\r\n\r\n");
            p.send(ok(field_of(head, "Expect")));
            p.wait_closed();
        });
        http::request what(server.url());
        what.method(http::method::put).body(http::request_body::stream_once(counted(&begun)));
        const auto got = scripted::run(try_send(std::move(what).expect_continue(1h)));
        REQUIRE(got);
        CHECK(got->status() == 200);
        CHECK(got->body() == "-");
        CHECK(begun == 1);
    }
}

TEST_CASE("progress is told in both directions, with totals where they are known") {
    const std::string large(300000, 'x');
    answering server([&](const std::string& request) -> std::string {
        if (scripted::target_of(request) == "/chunked")
            return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        return ok(scripted::body_of(request));
    });
    auto work = [&]() -> task<> {
        http::client web;
        for (const std::size_t size : {std::size_t{5}, large.size()}) {
            std::vector<http::transfer> sent;
            std::vector<http::transfer> received;
            http::request what = put(server.url(), large.substr(0, size));
            what.on_upload([&](const http::transfer& now) { sent.push_back(now); });
            what.on_download([&](const http::transfer& now) { received.push_back(now); });
            const http::response r = co_await web.send(std::move(what));
            CHECK(r.body().size() == size);
            for (const auto* told : {&sent, &received}) {
                REQUIRE_FALSE(told->empty());
                CHECK(told->back().bytes() == size);
                CHECK(told->back().total() == size);
                std::uint64_t last = 0;
                for (const http::transfer& each : *told) {
                    CHECK(each.bytes() > last);
                    last = each.bytes();
                }
            }
            CHECK(sent.size() == (size == 5 ? 1 : 5)); // pieces of 64 KiB
        }
        std::optional<http::transfer> told;
        http::request chunked(server.url("/chunked"));
        chunked.on_download([&](const http::transfer& now) { told = now; });
        const http::response r = co_await web.send(std::move(chunked));
        CHECK(r.body() == "abcde");
        REQUIRE(told);
        CHECK(told->bytes() == 5);
        CHECK_FALSE(told->total());
    };
    scripted::run(work());
}

TEST_CASE("what a callback throws leaves the client's call, and the connection is closed") {
    answering server(
        [](const std::string&) { return "HTTP/1.1 103 Early Hints\r\n\r\n" + ok(std::string(1000, 'x')); });
    const auto fail = [](const http::transfer&) { throw std::runtime_error("mine"); };
    auto work = [&]() -> task<> {
        http::client web;
        std::vector<http::request> requests;
        requests.push_back(put(server.url(), "body").on_upload(fail));
        requests.push_back(put(server.url(), std::string(300000, 'x')).on_upload(fail));
        requests.push_back(http::request(server.url()).on_download(fail));
        requests.push_back(http::request(server.url()).on_informational([](int, const http::headers&) {
            throw std::runtime_error("mine");
        }));
        for (http::request& each : requests) {
            std::string what;
            try {
                const auto got = co_await web.try_send(std::move(each));
                what = got ? "an answer" : got.error().message();
            } catch (const std::runtime_error& e) {
                what = e.what();
            }
            CHECK(what == "mine");
            CHECK(web.counters().connections_in_use == 0);
            CHECK(web.counters().connections_idle == 0);
        }
    };
    scripted::run(work());
}

TEST_CASE("interim responses are handed to those who ask, and bounded") {
    const std::string hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    answering server([&](const std::string& request) -> std::string {
        std::string text;
        const int count = std::stoi(scripted::target_of(request).substr(1));
        for (int i = 0; i < count; ++i)
            text += hint;
        return text + ok("x");
    });
    auto work = [&]() -> task<> {
        http::client web;
        std::vector<std::string> links;
        const auto note = [&](int status, const http::headers& fields) {
            CHECK(status == 103);
            links.emplace_back(fields.get("Link").value_or(""));
        };
        const http::response two = co_await web.send(http::request(server.url("/2")).on_informational(note));
        CHECK(two.status() == 200);
        CHECK_FALSE(two.headers().contains("Link"));
        CHECK(links == std::vector<std::string>(2, "</a.css>; rel=preload"));
        const http::response unasked = co_await web.get(server.url("/16"));
        CHECK(unasked.status() == 200);
        links.clear();
        const http::response most =
            co_await web.send(http::request(server.url("/16")).on_informational(note));
        CHECK(most.status() == 200);
        CHECK(links.size() == 16);
        const auto flood = co_await web.try_send(http::request(server.url("/17")).on_informational(note));
        REQUIRE_FALSE(flood);
        CHECK(flood.error().phase() == http::request_phase::limit);
    };
    scripted::run(work());
}

TEST_CASE("lines of a stream, of any ending, in pieces of any size") {
    answering server([](const std::string& request) -> std::string {
        const std::string target = scripted::target_of(request);
        if (target == "/none") return ok("");
        if (target == "/long") return ok("12345\n1234567890\n123456");
        if (target == "/pieces")
            return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "1\r\na\r\n2\r\nb\r\r\n1\r\n\n\r\n3\r\n\nc\n\r\n1\r\nd\r\n0\r\nEnd: yes\r\n\r\n";
        return ok("one\ntwo\r\n\nlast");
    });
    auto work = [&]() -> task<> {
        http::client web;
        auto lines = [&](std::string target) -> task<std::vector<std::string>> {
            std::vector<std::string> found;
            http::response_stream body = co_await web.open(http::request(server.url(target)));
            while (auto line = co_await body.read_line())
                found.push_back(std::move(*line));
            CHECK(body.done());
            const auto again = co_await body.read_line();
            CHECK_FALSE(again);
            co_return found;
        };
        const auto plain = co_await lines("/");
        CHECK(plain == std::vector<std::string>{"one", "two", "", "last"});
        const auto pieces = co_await lines("/pieces");
        CHECK(pieces == std::vector<std::string>{"ab", "", "c", "d"});
        const auto none = co_await lines("/none");
        CHECK(none.empty());

        http::response_stream mixed = co_await web.open(http::request(server.url("/")));
        const auto first = co_await mixed.read_line();
        CHECK(first == "one");
        CHECK_FALSE(mixed.done());
        const std::string rest = co_await mixed.read_all();
        CHECK(rest == "two\r\n\nlast");

        http::response_stream body = co_await web.open(http::request(server.url("/long")));
        const auto fits = co_await body.read_line(5);
        CHECK(fits == "12345");
        const auto just = co_await body.read_line(10);
        CHECK(just == "1234567890");
        const auto over = co_await body.try_read_line(5);
        REQUIRE_FALSE(over);
        CHECK(over.error().code() == http::errc::line_too_long);
        CHECK(over.error().phase() == http::request_phase::limit);
        const auto after = co_await body.try_read_some();
        CHECK_FALSE(after);
    };
    scripted::run(work());
}

TEST_CASE("throw_for_status: from 400 on, with the status in the message") {
    answering server([](const std::string& request) {
        return "HTTP/1.1 " + scripted::target_of(request).substr(1) + " Word\r\nContent-Length: 0\r\n\r\n";
    });
    auto work = [&]() -> task<> {
        http::client web;
        for (const char* const status : {"200", "204", "304", "399"}) {
            const http::response r = co_await web.get(server.url("/" + std::string(status)));
            CHECK_NOTHROW(r.throw_for_status());
        }
        for (const char* const status : {"400", "404", "500", "599"}) {
            const http::response r = co_await web.get(server.url("/" + std::string(status)));
            try {
                r.throw_for_status();
                FAIL("no exception");
            } catch (const http::request_error& e) {
                CHECK(e.code() == http::errc::bad_status);
                CHECK(std::string(e.what()).find("status " + std::string(status) + " Word") !=
                      std::string::npos);
            }
        }
    };
    scripted::run(work());
}

TEST_CASE("query: encoded, behind what was there, before the fragment") {
    const auto query = [](std::string_view url) {
        return http::request(url).query("q", "two words & more").query("\xc3\xbc", "").url().href();
    };
    CHECK(query("http://h/p") == "http://h/p?q=two+words+%26+more&%C3%BC=");
    CHECK(query("http://h/p?a=1#f?x") == "http://h/p?a=1&q=two+words+%26+more&%C3%BC=#f?x");
    CHECK(query("http://h/p?#") == "http://h/p?q=two+words+%26+more&%C3%BC=#");
    CHECK(http::request("not a url").query("a", "b").bad_url() == "not a url");
    const auto huge = http::request("http://h/").query("a", std::string(100000, 'x'));
    CHECK(huge.url_error());
}

TEST_CASE("a request with Expect and callbacks can be cancelled anywhere") {
    scripted::server server([](peer& p, int) {
        while (!p.read_head().empty()) {
            p.send("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
            if (p.read_until("the end").empty()) return;
            p.send(ok("line 1\nline 2\n"));
        }
    });
    auto work = [&]() -> task<> {
        http::client web(http::client_options().connections_per_host(1));
        auto scenario = [&]() -> task<> {
            int told = 0;
            http::request what = put(server.url(), std::string(100000, 'x') + "the end");
            what.expect_continue(1h).on_upload([&](const http::transfer&) { ++told; });
            what.on_informational([&](int, const http::headers&) { ++told; });
            http::response_stream body = co_await web.open(std::move(what));
            CHECK(told == 4);
            const auto one = co_await body.read_line();
            CHECK(one == "line 1");
            const std::string rest = co_await body.read_all();
            CHECK(rest == "line 2\n");
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(web.counters().connections_in_use == 0);
        };
        const std::size_t cancelled = co_await test::cancel_everywhere(scenario, after);
        CHECK(cancelled > 5);
        co_await scenario();
    };
    tests::run_on_loop(work());
}
