// What can be made of a response's body.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"

#include <tandem/http/client.hpp>

#include <boost/json.hpp>

#include <string>

using namespace tandem;
using scripted::answering;
using scripted::ok;

namespace {

http::response answer(std::string body, std::string type = "") {
    answering server(
        [&](const std::string&) { return ok(body, type.empty() ? "" : "Content-Type: " + type + "\r\n"); });
    auto work = [&]() -> task<http::response> {
        http::client web;
        co_return co_await web.get(server.url("/x"));
    };
    return scripted::run(work());
}

} // namespace

TEST_CASE("a response's text is UTF-8") {
    CHECK(answer("J\xf6rg", "text/plain; charset=latin1").text() == "J\xc3\xb6rg");
    CHECK(answer("J\xc3\xb6rg", "text/plain").text() == "J\xc3\xb6rg");
    CHECK(answer("J\xc3\xb6rg").text() == "J\xc3\xb6rg");
    const http::response r = answer("x", "Text/Plain; charset=\"UTF-8\"");
    CHECK(r.media_type() == "text/plain");
    CHECK(r.charset() == "utf-8");
    CHECK(r.method() == "GET");
    CHECK(answer("x").media_type().empty());
}

TEST_CASE("a response's JSON") {
    const boost::json::value v = answer("{\"a\": [1, \"\\u00f6\"]}", "application/json").json();
    CHECK(v.at("a").at(0).as_int64() == 1);
    CHECK(v.at("a").at(1).as_string() == "\xc3\xb6");
    CHECK(answer("\xef\xbb\xbf"
                 "7")
              .json()
              .as_int64() == 7);
}

TEST_CASE("what is no JSON says where") {
    const auto failure = [](std::string body) {
        try {
            static_cast<void>(answer(std::move(body)).json());
        } catch (const http::request_error& e) {
            CHECK(e.phase() == http::request_phase::body);
            CHECK(e.error().method() == "GET");
            return std::string(e.what());
        }
        return std::string();
    };
    CHECK(failure("{\"a\": nope}").find("not JSON at byte ") != std::string::npos);
    CHECK(failure("").find("/x: reading the response body: not JSON at byte 0: ") != std::string::npos);
    CHECK(failure("{} {}").find("not JSON at byte 3") != std::string::npos);
    CHECK(failure("[1,").find("not JSON at byte 3") != std::string::npos);
    CHECK_FALSE(failure(std::string(33, '[') + std::string(33, ']')).empty()); // too deep
    CHECK(failure(std::string(32, '[') + std::string(32, ']')).empty());
}
