// The client and its cookie jar.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"

#include <tandem/http/client.hpp>
#include <tandem/http/cookie_jar.hpp>

#include <memory>
#include <string>

using namespace tandem;
using scripted::answering;
using scripted::field_of;
using scripted::ok;

TEST_CASE("cookies of responses, redirects included, go with the next request") {
    answering server([](const std::string& request) -> std::string {
        const std::string target = scripted::target_of(request);
        if (target == "/login")
            return "HTTP/1.1 302 Found\r\nLocation: /home\r\nSet-Cookie: id=1; Path=/; HttpOnly\r\n"
                   "Set-Cookie: theme=dark\r\nContent-Length: 0\r\n\r\n";
        if (target == "/logout") return ok("bye", "Set-Cookie: id=; Path=/; Max-Age=0\r\n");
        if (target == "/fails")
            return "HTTP/1.1 500 Oops\r\nSet-Cookie: trace=7\r\nContent-Length: 0\r\n\r\n";
        return ok("home");
    });
    auto jar = std::make_shared<http::cookie_jar>();
    auto work = [&]() -> task<> {
        http::client web(http::client_options().cookies(jar));
        for (const char* const path : {"/login", "/fails", "/logout", "/again"}) {
            const http::response r = co_await web.get(server.url(path));
            CHECK(r.status() > 0);
        }
        http::client plain; // without a jar nothing is kept or sent
        const http::response r = co_await plain.get(server.url("/again"));
        CHECK(r.body() == "home");
    };
    scripted::run(work());
    const auto sent = server.requests();
    REQUIRE(sent.size() == 6);
    CHECK(field_of(sent[0], "Cookie") == "-");
    CHECK(field_of(sent[1], "Cookie") == "id=1; theme=dark"); // after the redirect
    CHECK(field_of(sent[2], "Cookie") == "id=1; theme=dark");
    CHECK(field_of(sent[3], "Cookie") == "id=1; theme=dark; trace=7");
    CHECK(field_of(sent[4], "Cookie") == "theme=dark; trace=7");
    CHECK(field_of(sent[5], "Cookie") == "-");
    CHECK(jar->size() == 2);
}

TEST_CASE("a Cookie field given by hand replaces the jar's, at its own origin only") {
    answering other([](const std::string&) { return ok("other"); });
    answering server([&](const std::string& request) -> std::string {
        if (scripted::target_of(request) == "/cross")
            return "HTTP/1.1 307 Away\r\nLocation: " + other.url("/") + "\r\nContent-Length: 0\r\n\r\n";
        return ok("x");
    });
    auto jar = std::make_shared<http::cookie_jar>();
    jar->set(url(server.url()), "jar=1");
    auto work = [&]() -> task<> {
        http::client web(http::client_options().cookies(jar));
        http::request own = http::request(server.url("/cross")).header("Cookie", "own=1");
        const http::response r = co_await web.send(std::move(own));
        CHECK(r.body() == "other");
    };
    scripted::run(work());
    CHECK(field_of(server.requests()[0], "Cookie") == "own=1");
    // Cookies are shared by the ports of a host (RFC 6265bis, 8.5), what was given by hand is not.
    CHECK(field_of(other.requests()[0], "Cookie") == "jar=1");
}

TEST_CASE("of one response at most fifty cookies are taken") {
    answering server([](const std::string& request) -> std::string {
        const int count = scripted::target_of(request) == "/50" ? 50 : 51;
        std::string fields;
        for (int i = 0; i < count; ++i)
            fields += "Set-Cookie: c" + std::to_string(i) + "=v\r\n";
        return ok("x", fields);
    });
    auto work = [&](const char* path) -> task<> {
        auto jar = std::make_shared<http::cookie_jar>();
        http::client web(http::client_options().cookies(jar));
        const http::response r = co_await web.get(server.url(path));
        CHECK(r.ok());
        CHECK(jar->size() == 50);
        CHECK(jar->header_for(url(server.url())).find("c50") == std::string::npos);
    };
    scripted::run(work("/50"));
    scripted::run(work("/51"));
}

TEST_CASE("cookies of a host do not reach another host") {
    answering server([](const std::string&) { return ok("x", "Set-Cookie: n=v; Domain=example.org\r\n"); });
    auto jar = std::make_shared<http::cookie_jar>();
    auto work = [&]() -> task<> {
        http::client_options options;
        options.cookies(jar);
        for (const char* const host : {"a.example.org:80", "b.example.org:80", "evil.test:80"})
            options.connect_to(host, server.host_port());
        http::client web(std::move(options));
        for (const char* const host : {"a.example.org", "b.example.org", "evil.test"}) {
            const http::response r = co_await web.get(std::string("http://") + host + "/");
            CHECK(r.ok());
        }
    };
    scripted::run(work());
    CHECK(field_of(server.requests()[0], "Cookie") == "-");
    CHECK(field_of(server.requests()[1], "Cookie") == "n=v");
    CHECK(field_of(server.requests()[2], "Cookie") == "-");
    CHECK(jar->size() == 1); // evil.test may not set one for example.org
}
