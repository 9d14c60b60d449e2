// Which version of HTTP a response says that it came in.
#include "tests/support/catch.hpp"

#include "tests/http/h2_peer.hpp"
#include "tests/http/scripted_server.hpp"

#include <tandem/http/client.hpp>
#include <tandem/http/protocol.hpp>
#include <tandem/http/response_builder.hpp>

#include <string>

using namespace tandem;
using http::protocol;

namespace {

http::client_options known() {
    return http::client_options().http2(http::http2_use::prior_knowledge);
}

} // namespace

TEST_CASE("protocols have names and an order") {
    CHECK(to_string(protocol::http1_0) == "HTTP/1.0");
    CHECK(to_string(protocol::http1_1) == "HTTP/1.1");
    CHECK(to_string(protocol::http2) == "HTTP/2");
    CHECK(protocol::http1_0 < protocol::http1_1);
    CHECK(protocol::http1_1 < protocol::http2);
}

TEST_CASE("a response says over which protocol it came, whole or streamed") {
    scripted::answering old([](const std::string& r) {
        return (scripted::target_of(r) == "/0" ? "HTTP/1.0" : "HTTP/1.7") +
               std::string(" 200 OK\r\nContent-Length: 1\r\n\r\nx");
    });
    h2_test::server fresh(
        h2_test::answering([](h2_test::peer& p, const h2_test::request& r) { p.answer(r.id, "x"); }));
    const auto check = [](http::client_options options, std::string url, protocol expected) -> task<> {
        http::client web(std::move(options));
        const http::response whole = co_await web.get(url);
        CHECK(whole.protocol() == expected);
        http::response_stream stream = co_await web.open(http::request(url));
        CHECK(stream.protocol() == expected);
        const std::string body = co_await stream.read_all();
        CHECK(body == "x");
        CHECK(stream.protocol() == expected);
    };
    scripted::run(check(http::client_options(), old.url("/0"), protocol::http1_0));
    scripted::run(check(http::client_options(), old.url("/1"), protocol::http1_1));
    scripted::run(check(known(), fresh.url("/"), protocol::http2));
}

TEST_CASE("after a redirect the protocol is that of the last hop") {
    scripted::answering last(
        [](const std::string&) { return "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"; });
    scripted::answering first([&](const std::string&) {
        return "HTTP/1.1 302 There\r\nLocation: " + last.url("/") + "\r\nContent-Length: 0\r\n\r\n";
    });
    auto work = [&]() -> task<protocol> {
        http::client web;
        const http::response r = co_await web.get(first.url("/"));
        CHECK(r.history().size() == 1);
        co_return r.protocol();
    };
    CHECK(scripted::run(work()) == protocol::http1_0);
}

TEST_CASE("a response that was made says what it was told to") {
    const url where = url::parse("http://a/").value();
    CHECK(http::response_builder(where).build().protocol() == protocol::http1_1);
    const http::response made = http::response_builder(where).protocol(protocol::http2).build();
    CHECK(made.protocol() == protocol::http2);
    CHECK(http::response_stream(made).protocol() == protocol::http2);
    CHECK(http::response_builder(made).status(204).build().protocol() == protocol::http2);
}
