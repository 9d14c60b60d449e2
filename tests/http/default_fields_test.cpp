#include "lib/http/default_fields.hpp"

#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"

#include <tandem/http/client.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace tandem;
using http::client_options;
using http::default_fields;
using http::headers;

namespace {

headers own(std::string_view name) {
    headers fields;
    fields.add(name, "1");
    return fields;
}

client_options me() {
    return client_options().user_agent("me");
}

// The head that a server gets of a client's request.
std::string sent(client_options options, http::request (*what)(const std::string& url)) {
    scripted::answering server([](const std::string&) { return scripted::ok(""); });
    auto work = [&]() -> task<> {
        http::client web(std::move(options));
        const http::response r = co_await web.send(what(server.url("/")));
        CHECK(r.ok());
    };
    scripted::run(work());
    std::string head = server.requests().at(0);
    const std::string host = server.host_port();
    if (const std::size_t at = head.find(host); at != std::string::npos)
        head.replace(at, host.size(), "HOST");
    return head;
}

http::request plain(const std::string& url) {
    return http::request(url);
}

} // namespace

TEST_CASE("the fields of a client are written once, in the order of a request") {
    CHECK(default_fields(me()).text() ==
          "User-Agent: me\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n");
    CHECK(default_fields(me().header("X-A", "1").header("accept", "b").header("X-A", "2")).text() ==
          "User-Agent: me\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
          "X-A: 1\r\naccept: b\r\nX-A: 2\r\n");
    CHECK(default_fields(client_options().user_agent("").decompress(false)).text() == "Accept: */*\r\n");
}

TEST_CASE("codings are offered unless the client's fields speak of them") {
    CHECK(default_fields(client_options()).offer_codings());
    CHECK_FALSE(default_fields(client_options().decompress(false)).offer_codings());
    CHECK_FALSE(default_fields(client_options().header("Accept-Encoding", "br")).offer_codings());
    CHECK_FALSE(default_fields(client_options().header("range", "bytes=0-1")).offer_codings());
}

TEST_CASE("they go with requests that neither replace one nor change what follows from them") {
    const default_fields usual(me().header("X-A", "1"));
    CHECK(usual.go_with(headers()));
    CHECK(usual.go_with(own("X-B")));
    CHECK(usual.go_with(own("Authorization")));
    for (const char* const name :
         {"user-agent", "ACCEPT", "Accept-Encoding", "x-a", "Host", "range", "Proxy-Authorization"}) {
        INFO(name);
        CHECK_FALSE(usual.go_with(own(name)));
    }
}

TEST_CASE("they go with none where they decide about the rest of a request") {
    for (const char* const name : {"host", "Authorization", "Proxy-Authorization", "cookie", "Connection",
                                   "Expect", "Content-Length", "Transfer-Encoding"}) {
        INFO(name);
        CHECK_FALSE(default_fields(client_options().header(name, "1")).go_with(headers()));
    }
}

TEST_CASE("what is sent does not show which way the fields took") {
    CHECK(sent(me(), plain) == "GET / HTTP/1.1\r\nHost: HOST\r\nUser-Agent: me\r\nAccept: */*\r\n"
                               "Accept-Encoding: gzip, deflate, br, zstd\r\n\r\n");
    CHECK(sent(me().header("X-A", "1"),
               [](const std::string& url) {
                   return http::request(url)
                       .method(http::method::post)
                       .header("X-B", "2")
                       .body("text", "text/plain")
                       .auth(http::credentials::bearer("t"));
               }) == "POST / HTTP/1.1\r\nHost: HOST\r\nUser-Agent: me\r\nAccept: */*\r\n"
                     "Accept-Encoding: gzip, deflate, br, zstd\r\nX-A: 1\r\nX-B: 2\r\n"
                     "Content-Type: text/plain\r\nAuthorization: Bearer t\r\nContent-Length: 4\r\n\r\ntext");
    CHECK(sent(me().header("X-A", "1"),
               [](const std::string& url) {
                   return http::request(url).header("X-B", "2").header("x-a", "own");
               }) == "GET / HTTP/1.1\r\nHost: HOST\r\nUser-Agent: me\r\nAccept: */*\r\n"
                     "Accept-Encoding: gzip, deflate, br, zstd\r\nX-B: 2\r\nx-a: own\r\n\r\n");
    CHECK(sent(me().header("X-A", "1"),
               [](const std::string& url) { return http::request(url).header("Range", "bytes=0-"); }) ==
          "GET / HTTP/1.1\r\nHost: HOST\r\nUser-Agent: me\r\nAccept: */*\r\nX-A: 1\r\n"
          "Range: bytes=0-\r\n\r\n");
    CHECK(sent(me().header("X-A", "1").header("Authorization", "all"), plain) ==
          "GET / HTTP/1.1\r\nHost: HOST\r\nUser-Agent: me\r\nAccept: */*\r\n"
          "Accept-Encoding: gzip, deflate, br, zstd\r\nX-A: 1\r\nAuthorization: all\r\n\r\n");
}

TEST_CASE(
    "a redirect to another origin drops what is bound to the first, with and without defaults of that name") {
    scripted::answering second([](const std::string&) { return scripted::ok(""); });
    scripted::answering first([&](const std::string&) {
        return "HTTP/1.1 307 Elsewhere\r\nLocation: " + second.url("/") + "\r\nContent-Length: 0\r\n\r\n";
    });
    auto work = [&]() -> task<> {
        http::client web(me().header("Referer", "http://a/").header("X-A", "1"));
        const http::response r =
            co_await web.send(http::request(first.url("/")).header("Cookie", "secret").header("X-B", "2"));
        CHECK(r.history().size() == 1);
    };
    scripted::run(work());
    CHECK(scripted::field_of(first.requests().at(0), "Referer") == "http://a/");
    CHECK(scripted::field_of(first.requests().at(0), "Cookie") == "secret");
    CHECK(second.requests().at(0) ==
          "GET / HTTP/1.1\r\nHost: " + second.host_port() +
              "\r\nUser-Agent: me\r\nAccept: */*\r\n"
              "Accept-Encoding: gzip, deflate, br, zstd\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
}
