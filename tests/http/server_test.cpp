// What a server answers to clients that behave.
#include "tests/http/server_support.hpp"

#include <tandem/core/error.hpp>

#include <stdexcept>
#include <vector>

#include <sys/resource.h>

using namespace server_test;

TEST_CASE("a request is answered with length, date, server and type", "[http][server]") {
    running_server site(server_options(), echo);
    CHECK(site.get().url() == "http://127.0.0.1:" + std::to_string(site.port()));
    raw_client client(site.port());
    REQUIRE(client.send(get("/a/b?c=d&e=f?g")));
    const std::string response = client.read_response();
    CHECK(response.substr(0, 17) == "HTTP/1.1 200 OK\r\n");
    CHECK(body_of(response) == "GET|/a/b|c=d&e=f?g|");
    CHECK(has(response, "\r\nContent-Length: 19\r\n"));
    CHECK(has(response, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    CHECK(has(response, "\r\nServer: tandem\r\n"));
    CHECK(has(response, "\r\nDate: "));
    CHECK(has(response, " GMT\r\n"));
    CHECK_FALSE(has(response, "Connection:"));
    CHECK(site.stop() == nullptr);
    CHECK(client.at_end()); // an idle connection is closed at once
}

TEST_CASE("the handler sees peer, authority and fields", "[http][server]") {
    running_server site(server_options(), [](server_request request) -> task<server_response> {
        std::string seen = request.peer_address() + "|" + request.authority() + "|";
        seen.append(request.headers().get("X-One").value_or("-")).append("|");
        seen.append(request.is_secure() ? "tls" : "plain").append("|").append(request.target());
        co_return server_response::text(std::move(seen));
    });
    raw_client client(site.port());
    REQUIRE(client.send("GET http://www.example.com:81 HTTP/1.1\r\nHost: other\r\nx-one: 1\r\n\r\n"));
    CHECK(body_of(client.read_response()) ==
          "127.0.0.1|www.example.com:81|1|plain|http://www.example.com:81");
}

TEST_CASE("a target's path and query", "[http][server]") {
    CHECK(server_request("GET", "/").path() == "/");
    CHECK(server_request("GET", "/a?").path() == "/a");
    CHECK(server_request("GET", "/a?").query().empty());
    CHECK(server_request("GET", "/a?b?c").query() == "b?c");
    CHECK(server_request("GET", "http://h").path() == "/");
    CHECK(server_request("GET", "http://h?q").path() == "/");
    CHECK(server_request("GET", "http://h?q").query() == "q");
    CHECK(server_request("GET", "http://h/x/y?q").path() == "/x/y");
    CHECK(server_request("OPTIONS", "*").path() == "*");
    server_request moved = server_request("GET", "/s?t");
    const server_request target(std::move(moved));
    CHECK(target.path() == "/s");
    CHECK(target.method() == method::get);
    CHECK_FALSE(server_request("BREW", "/").method());
}

TEST_CASE("HEAD, 204 and 304 go without a body", "[http][server]") {
    running_server site(server_options(), [](server_request request) -> task<server_response> {
        const int status = request.path() == "/204" ? 204 : request.path() == "/304" ? 304 : 200;
        if (request.path() == "/none") co_return server_response(204).header("Content-Length", "0");
        if (request.path() == "/length") co_return server_response(200).header("Content-Length", "12345");
        co_return server_response::text("hello", status);
    });
    raw_client client(site.port());
    REQUIRE(client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nHEAD /length HTTP/1.1\r\nHost: h\r\n\r\n" +
                        get("/204") + get("/304") + get("/")));
    CHECK(has(client.read_head(), "\r\nContent-Length: 5\r\n"));
    CHECK(has(client.read_head(), "\r\nContent-Length: 12345\r\n"));
    const std::string none = client.read_head();
    CHECK(status_of(none) == 204);
    CHECK_FALSE(has(none, "Content-Length"));
    CHECK(status_of(client.read_head()) == 304);
    const std::string last = client.read_response();
    CHECK(status_of(last) == 200);
    CHECK(body_of(last) == "hello");
    REQUIRE(client.send("HEAD /none HTTP/1.1\r\nHost: h\r\n\r\n"));
    CHECK(status_of(client.read_head()) == 204);
}

TEST_CASE("the longest time limits are none", "[http][server]") {
    const auto longest = std::chrono::milliseconds::max();
    running_server site(server_options()
                            .header_timeout(longest)
                            .idle_timeout(longest)
                            .body_timeout(longest)
                            .write_timeout(longest)
                            .drain_timeout(longest),
                        echo);
    raw_client client(site.port());
    for (int i = 0; i < 2; ++i) {
        REQUIRE(client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"));
        CHECK_FALSE(client.readable_within(1));
        REQUIRE(client.send("abc"));
        CHECK(has(body_of(client.read_response()), "abc"));
    }
}

TEST_CASE("who keeps the connection", "[http][server]") {
    running_server site(server_options(), [](server_request request) -> task<server_response> {
        server_response response = server_response::text("ok");
        if (request.path() == "/bye") response.header("Connection", "close");
        co_return response;
    });
    SECTION("HTTP/1.0 closes") {
        raw_client client(site.port());
        REQUIRE(client.send("GET / HTTP/1.0\r\n\r\n"));
        CHECK(has(client.read_response(), "\r\nConnection: close\r\n"));
        CHECK(client.at_end());
    }
    SECTION("HTTP/1.0 with keep-alive stays") {
        raw_client client(site.port());
        for (int i = 0; i < 3; ++i) {
            REQUIRE(client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
            CHECK(has(client.read_response(), "\r\nConnection: keep-alive\r\n"));
        }
    }
    SECTION("the client says close") {
        raw_client client(site.port());
        REQUIRE(client.send(get("/", "Connection: close\r\n") + get("/never")));
        CHECK(has(client.read_response(), "\r\nConnection: close\r\n"));
        CHECK(client.at_end());
    }
    SECTION("the handler says close") {
        raw_client client(site.port());
        REQUIRE(client.send(get("/bye")));
        CHECK(has(client.read_response(), "\r\nConnection: close\r\n"));
        CHECK(client.at_end());
    }
    SECTION("the client ends its side after the request") {
        raw_client client(site.port());
        REQUIRE(client.send(get("/")));
        client.end_output();
        CHECK(body_of(client.read_response()) == "ok");
        CHECK(client.at_end());
    }
}

TEST_CASE("pipelined requests are answered in order", "[http][server]") {
    running_server site(server_options(), echo);
    raw_client client(site.port());
    std::string all;
    constexpr int count = 300;
    for (int i = 0; i < count; ++i) {
        const std::string body(static_cast<std::size_t>(i), 'x');
        if (i % 2 == 0)
            all += get("/" + std::to_string(i));
        else
            all += "POST /" + std::to_string(i) +
                   " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(i) + "\r\n\r\n" + body;
    }
    std::thread sender([&] { client.send(all); });
    for (int i = 0; i < count; ++i) {
        const std::string expected =
            i % 2 == 0 ? "GET|/" + std::to_string(i) + "||"
                       : "POST|/" + std::to_string(i) + "||" + std::string(static_cast<std::size_t>(i), 'x');
        const std::string body = body_of(client.read_response());
        if (body != expected) CHECK(body == expected);
    }
    sender.join();
}

TEST_CASE("bodies: chunked, and those that wait for 100 Continue", "[http][server]") {
    running_server site(server_options().max_body_bytes(1000), echo);
    raw_client client(site.port());
    SECTION("chunked") {
        REQUIRE(client.send("POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n" +
                            get("/next")));
        CHECK(body_of(client.read_response()) == "POST|/c||abcde");
        CHECK(body_of(client.read_response()) == "GET|/next||");
    }
    SECTION("continue") {
        REQUIRE(
            client.send("POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
        CHECK(client.read_head() == "HTTP/1.1 100 Continue\r\n\r\n");
        REQUIRE(client.send("abc"));
        CHECK(body_of(client.read_response()) == "POST|/c||abc");
    }
    SECTION("a body that comes unasked is not asked for") {
        REQUIRE(client.send(
            "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"));
        CHECK(status_of(client.read_response()) == 200);
    }
    SECTION("one that is too large is refused instead") {
        REQUIRE(client.send(
            "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n"));
        CHECK(status_of(client.read_response()) == 413);
        CHECK(client.at_end());
    }
}

TEST_CASE("large responses arrive whole", "[http][server]") {
    std::string large(3'000'001, '\0');
    for (std::size_t i = 0; i < large.size(); ++i)
        large[i] = static_cast<char>('a' + i % 23);
    running_server site(server_options(), [&large](server_request) -> task<server_response> {
        co_return server_response(200).body(large);
    });
    raw_client client(site.port());
    for (int i = 0; i < 2; ++i) {
        REQUIRE(client.send(get("/")));
        const bool same = body_of(client.read_response()) == large;
        CHECK(same);
    }
}

TEST_CASE("a handler that fails gives 500 and the connection goes on", "[http][server]") {
    std::vector<std::string> told;
    server_options options;
    options.on_diagnostic([&told](std::string_view line) { told.emplace_back(line); });
    running_server site(options, [](server_request request) -> task<server_response> {
        if (request.path() == "/direct") throw std::logic_error("inside the coroutine");
        if (request.path().size() > 1000) throw std::logic_error("f\xc3\xbcnf\x1b[31m");
        if (request.path() == "/101") co_return server_response(101);
        if (request.path() == "/1000") co_return server_response(1000);
        if (request.path() == "/framing")
            co_return server_response::text("x")
                .header("Content-Length", "7")
                .header("Transfer-Encoding", "chunked");
        co_return server_response::text("fine");
    });
    raw_client client(site.port());
    REQUIRE(client.send(get("/direct") + get("/101") + get("/1000") + get("/framing") + get("/")));
    const std::string long_path = "/" + std::string(2000, 'x');
    for (int i = 0; i < 3; ++i)
        CHECK(status_of(client.read_response()) == 500);
    const std::string framed = client.read_response();
    CHECK(has(framed, "\r\nContent-Length: 1\r\n"));
    CHECK_FALSE(has(framed, "chunked"));
    CHECK(body_of(client.read_response()) == "fine");
    REQUIRE(client.send(get(long_path)));
    CHECK(status_of(client.read_response()) == 500);
    site.stop();
    REQUIRE(told.size() == 4);
    CHECK(has(told[3], "GET /xxx"));
    CHECK(has(told[3], "f\xc3\xbcnf?[31m"));
    CHECK(has(told[0], "GET /direct"));
    CHECK(has(told[0], "inside the coroutine"));
}

TEST_CASE("a handler that is no coroutine may throw, or give nothing", "[http][server]") {
    server_options options;
    options.on_diagnostic([](std::string_view) {});
    running_server site(options, [](server_request request) -> task<server_response> {
        if (request.path() == "/throw") throw std::runtime_error("no");
        return task<server_response>();
    });
    raw_client client(site.port());
    REQUIRE(client.send(get("/throw") + get("/nothing")));
    CHECK(status_of(client.read_response()) == 500);
    CHECK(status_of(client.read_response()) == 500);
}

TEST_CASE("an empty handler, a bad server name, a taken port", "[http][server]") {
    CHECK_THROWS_AS(server(server_options(), server::handler()), std::invalid_argument);
    CHECK_THROWS_AS(server(server_options().server_name("a\r\nb"), echo), std::invalid_argument);
    server first(server_options(), echo);
    first.listen();
    server second(server_options().port(first.port()), echo);
    std::string what;
    try {
        second.listen();
    } catch (const system_error& e) {
        what = e.what();
    }
    CHECK(has(what, "bind 127.0.0.1:" + std::to_string(first.port()) + ": Address already in use"));
}

TEST_CASE("500 connections at once", "[http][server]") {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < 1200) {
        files.rlim_cur = std::min<rlim_t>(files.rlim_max, 4096);
        setrlimit(RLIMIT_NOFILE, &files);
    }
    running_server site(server_options(), echo);
    std::vector<raw_client> clients;
    for (int i = 0; i < 500; ++i)
        clients.emplace_back(site.port());
    for (int round = 0; round < 2; ++round) {
        int i = 0;
        for (raw_client& client : clients)
            REQUIRE(client.send(get("/" + std::to_string(i++))));
        i = 0;
        int right = 0;
        for (raw_client& client : clients)
            right += body_of(client.read_response()) == "GET|/" + std::to_string(i++) + "||" ? 1 : 0;
        CHECK(right == 500);
    }
    site.stop();
    int ended = 0;
    for (raw_client& client : clients)
        ended += client.at_end() ? 1 : 0;
    CHECK(ended == 500);
}

TEST_CASE("a connection over the limit waits for a place", "[http][server]") {
    running_server site(server_options().max_connections(2), echo);
    raw_client one(site.port());
    raw_client two(site.port());
    for (raw_client* client : {&one, &two}) {
        REQUIRE(client->send(get("/")));
        CHECK(status_of(client->read_response()) == 200);
    }
    raw_client three(site.port());
    REQUIRE(three.send(get("/3")));
    CHECK_FALSE(three.readable_within(50));
    one.close();
    CHECK(body_of(three.read_response()) == "GET|/3||");
}
