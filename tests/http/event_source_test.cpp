#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/http/event_source.hpp>

#include <string>
#include <vector>

using namespace tandem;
using namespace std::chrono_literals;
using http::event_source;
using http::event_source_options;
using scripted::field_of;

namespace {

const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n";

// Answers the n-th connection with the n-th text and closes; the last one stays open.
class stream_server : public scripted::server {
public:
    explicit stream_server(std::vector<std::string> answers)
        : server([this, answers](scripted::peer& p, int number) {
              const std::string request = p.read_head();
              if (request.empty()) return;
              note(request);
              const auto n = static_cast<std::size_t>(number);
              p.send(answers[std::min(n, answers.size() - 1)]);
              if (n + 1 >= answers.size()) p.wait_closed();
          }) {}
};

event_source_options quick() {
    return event_source_options().min_retry(1ms).retry(1ms).max_retry(5ms);
}

task<std::string> take(event_source& from) {
    const auto event = co_await from.next();
    co_return event ? event->type() + '|' + event->data() + '|' + event->id() : std::string("end");
}

} // namespace

TEST_CASE("events come over a response that stays open, and over the next one") {
    stream_server server({head + "retry: 2\nid: 1\ndata: a\n\ndata: b\n\nid: lost\ndata: cut o",
                          head + "data: c\n\n", head + "event: x\nid\ndata: d\n\n"});
    auto work = [&]() -> task<> {
        http::client web;
        event_source news(web, http::request(server.url("/news")).header("X-Mine", "1"), quick());
        std::vector<std::string> got;
        for (int i = 0; i < 4; ++i)
            got.push_back(co_await take(news));
        CHECK(got == std::vector<std::string>{"message|a|1", "message|b|1", "message|c|1", "x|d|"});
        CHECK(news.retry() == 2ms);
        CHECK(news.last_event_id().empty());
        news.close();
        got.push_back(co_await take(news));
        CHECK(got.back() == "end");
        CHECK(web.counters().connections_in_use == 0);
    };
    scripted::run(work());
    const auto sent = server.requests();
    REQUIRE(sent.size() == 3);
    CHECK(field_of(sent[0], "Accept") == "text/event-stream");
    CHECK(field_of(sent[0], "Cache-Control") == "no-store");
    CHECK(field_of(sent[0], "Last-Event-ID") == "-");
    CHECK(field_of(sent[1], "Last-Event-ID") == "1");
    CHECK(field_of(sent[2], "Last-Event-ID") == "1");
    CHECK(field_of(sent[2], "X-Mine") == "1");
}

TEST_CASE("204 ends the stream for good") {
    stream_server server({head + "data: a\n\n", "HTTP/1.1 204 No Content\r\n\r\n"});
    auto work = [&]() -> task<> {
        http::client web;
        event_source news(web, http::request(server.url()), quick());
        const std::string first = co_await take(news);
        const std::string second = co_await take(news);
        const std::string third = co_await take(news);
        CHECK(first == "message|a|");
        CHECK(second == "end");
        CHECK(third == "end");
    };
    scripted::run(work());
    CHECK(server.connections() == 2);
}

TEST_CASE("what is no event stream is an error, and no reason to try again") {
    const auto failure = [](const std::string& answer) {
        stream_server server({answer});
        auto work = [&]() -> task<std::string> {
            http::client web;
            event_source news(web, http::request(server.url()).max_redirects(0), quick());
            const std::string told = co_await tests::message_of(news.next());
            const std::string after = co_await take(news);
            CHECK(after == "end");
            co_return told.substr(told.find("/: ") + 3);
        };
        const std::string told = scripted::run(work());
        CHECK(server.connections() == 1);
        return told;
    };
    CHECK(failure("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n") ==
          "waiting for the response: status 200, type \"text/html\"; 200 and \"text/event-stream\" are "
          "expected");
    CHECK(failure("HTTP/1.1 500 Oops\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n")
              .find("status 500") != std::string::npos);
    CHECK(failure("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").find("redirects") !=
          std::string::npos);
    CHECK(failure(head + "data: " + std::string(1 << 20, 'x')) ==
          "limit exceeded: an event of more than 1048576 bytes (event_source_options::max_event_bytes)");
}

TEST_CASE("try_next gives events, the end and errors as results") {
    stream_server server({head + "data: a\n\n", "HTTP/1.1 204 Over\r\n\r\n"});
    stream_server other({"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"});
    auto work = [&]() -> task<> {
        http::client web;
        event_source source(web, http::request(server.url()), quick());
        const auto first = co_await source.try_next();
        REQUIRE(first);
        REQUIRE(*first);
        CHECK((*first)->data() == "a");
        const auto end = co_await source.try_next();
        REQUIRE(end);
        CHECK_FALSE(end->has_value());
        event_source none(web, http::request(other.url()), quick());
        const auto failed = co_await none.try_next();
        REQUIRE_FALSE(failed.has_value());
        CHECK(failed.error().code() == make_error_code(http::errc::not_an_event_stream));
    };
    scripted::run(work());
}

TEST_CASE("a server that cannot be reached is tried so many times") {
    std::string nobody;
    {
        scripted::server gone([](scripted::peer&, int) {});
        nobody = gone.url();
    }
    auto work = [&]() -> task<> {
        http::client web;
        event_source news(web, http::request(nobody), quick().max_failures(3));
        const std::string told = co_await tests::message_of(news.next());
        CHECK(told.find("connect") != std::string::npos);
        CHECK(web.counters().requests == 3);
        CHECK(news.retry() == 4ms); // doubled twice, within the bound
        event_source bad(web, http::request("http://"), quick());
        const std::string url = co_await tests::message_of(bad.next());
        CHECK(url.find("URL") != std::string::npos);
        CHECK(web.counters().requests == 3);
    };
    scripted::run(work());
}

TEST_CASE("close() beside a next() that waits") {
    scripted::server server([](scripted::peer& p, int) {
        if (p.read_head().empty()) return;
        p.send(head + "data: a\n\n");
        if (p.read_head().empty()) return; // the other connection's request never comes here
    });
    auto work = [&]() -> task<> {
        http::client web;
        event_source news(web, http::request(server.url()), quick());
        const std::string first = co_await take(news);
        CHECK(first == "message|a|");
        auto wait = [&]() -> task<> { static_cast<void>(co_await take(news)); };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(wait));
            co_await tests::turns(3); // it waits
            news.close();
            CHECK(web.counters().connections_in_use == 1); // until it has left
            group.cancel();
        });
        CHECK(web.counters().connections_in_use == 0);
        const std::string last = co_await take(news);
        CHECK(last == "end");
    };
    scripted::run(work());
}

TEST_CASE("close() beside a next() that connects") {
    stream_server server({head + "data: a\n\n"});
    auto work = [&]() -> task<> {
        http::client web;
        event_source news(web, http::request(server.url()), quick());
        std::string got;
        auto wait = [&]() -> task<> { got = co_await take(news); };
        co_await with_task_group([&](task_group& group) -> task<> {
            group.spawn(std::ref(wait));
            co_await tests::turns(2);
            news.close();
        });
        CHECK(got == "end");
        CHECK(web.counters().connections_in_use == 0);
    };
    scripted::run(work());
}

TEST_CASE("a cancelled wait for an event can be taken up again") {
    stream_server server({head + "id: 7\ndata: a\n\n", head + "data: b\n\n", head});
    auto work = [&]() -> task<> {
        http::client web;
        event_source news(web, http::request(server.url()), quick());
        const std::string first = co_await take(news);
        const std::string second = co_await take(news);
        CHECK(first == "message|a|7");
        CHECK(second == "message|b|7");
        bool late = false;
        try {
            static_cast<void>(co_await with_timeout(20ms, take(news)));
        } catch (const timeout_error&) {
            late = true;
        }
        CHECK(late);
        CHECK(web.counters().connections_in_use == 0);
    };
    scripted::run(work());
    CHECK(field_of(server.requests().back(), "Last-Event-ID") == "7");
}
