// The client with httpbin under gunicorn (Debian: python3-httpbin, gunicorn), which answers with what it was
// asked: forms, JSON, redirects, codings, streams, ranges, Basic and Digest, cookies, encodings, limits.
#include "tests/http/real_server.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/http/client.hpp>
#include <tandem/http/cookie_jar.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem;
namespace json = boost::json;

namespace {

// A member of the response's object, or of an object in it: "form", "name".
std::string member(const http::response& r, std::string_view name, std::string_view inner = "") {
    const json::value all = r.json();
    const json::value* at = all.as_object().if_contains(name);
    if (at && !inner.empty()) at = at->as_object().if_contains(inner);
    if (!at) return "(none)";
    return at->is_string() ? std::string(at->as_string()) : json::serialize(*at);
}

json::value some_json() {
    json::object object;
    object["k"] = json::array{1, 2};
    return object;
}

task<> check_requests(const real::server& server, http::client& web) {
    const http::response get = co_await web.send(
        http::request(server.url("/get?a=b%20c&d=%E2%82%AC")).header("X-One", "1").header("X-One", "2"));
    CHECK(member(get, "args", "a") == "b c");
    CHECK(member(get, "args", "d") == "\u20ac");
    CHECK(member(get, "headers", "X-One") == "1,2");
    const http::response form = co_await web.send(http::request(server.url("/post"))
                                                      .method(http::method::post)
                                                      .form(http::form().add("name", "a&b=c+d \u20ac")));
    CHECK(member(form, "form", "name") == "a&b=c+d \u20ac");
    const http::response parts =
        co_await web.send(http::request(server.url("/post"))
                              .method(http::method::post)
                              .multipart(http::multipart().field("one", "1").field("two", "\"2\"")));
    CHECK(member(parts, "form", "two") == "\"2\"");
    const http::response object =
        co_await web.send(http::request(server.url("/put")).method(http::method::put).json(some_json()));
    CHECK(member(object, "json", "k") == "[1,2]");
    const std::string large(300'000, 'L'); // goes out while an early answer is listened for
    const http::response echo = co_await web.post(server.url("/anything"), large, "text/plain");
    CHECK(member(echo, "data") == large);
    for (const char* const method : {"DELETE", "PATCH", "OPTIONS"}) {
        const http::response other =
            co_await web.send(http::request(server.url("/anything")).method(std::string_view(method)));
        CHECK(other.status() == 200);
    }
}

task<> check_responses(const real::server& server, http::client& web) {
    for (const int status : {200, 204, 304, 404, 418, 503}) {
        const http::response r = co_await web.get(server.url("/status/" + std::to_string(status)));
        CHECK(r.status() == status);
    }
    const http::response gzip = co_await web.get(server.url("/gzip"));
    CHECK(gzip.decoded());
    CHECK(member(gzip, "gzipped") == "true");
    const http::response deflate = co_await web.get(server.url("/deflate"));
    CHECK(deflate.decoded());
    CHECK(member(deflate, "deflated") == "true");
    const http::response text = co_await web.get(server.url("/encoding/utf8"));
    CHECK(text.charset() == "utf-8"); // Debian has taken the demonstration itself out
    CHECK(text.text() == text.body());
    const http::response bytes = co_await web.get(server.url("/bytes/100000?seed=1"));
    CHECK(bytes.body().size() == 100'000);
    const http::response pieces = co_await web.get(server.url("/stream-bytes/70000?seed=1&chunk_size=777"));
    CHECK(pieces.body() == bytes.body().substr(0, 70'000));

    http::response_stream lines = co_await web.open(http::request(server.url("/stream/20")));
    std::string read;
    for (;;) {
        const std::string_view piece = co_await lines.read_some();
        if (piece.empty()) break;
        read += piece;
    }
    CHECK(std::count(read.begin(), read.end(), '\n') == 20);

    const http::response whole = co_await web.get(server.url("/range/2000"));
    const http::response part =
        co_await web.send(http::request(server.url("/range/2000")).header("Range", "bytes=100-199"));
    CHECK(part.status() == 206);
    CHECK(part.body() == whole.body().substr(100, 100));
}

task<> check_redirects(const real::server& server, http::client& web) {
    for (const char* const kind : {"/redirect/5", "/absolute-redirect/5", "/relative-redirect/5"}) {
        const http::response r = co_await web.get(server.url(kind));
        CHECK(r.status() == 200);
        CHECK(r.history().size() == 5);
    }
    const auto many = co_await web.try_get(server.url("/redirect/11"));
    CHECK_FALSE(many);
    if (!many) CHECK(many.error().code() == http::errc::too_many_redirects);
    for (const int status : {301, 302, 303, 307, 308}) {
        const bool repeated = status >= 307;
        const http::response r =
            co_await web.post(server.url("/redirect-to?url=/anything&status_code=" + std::to_string(status)),
                              "text", "text/plain");
        CHECK(member(r, "method") == (repeated ? "POST" : "GET"));
        CHECK(member(r, "data") == (repeated ? "text" : ""));
    }
}

task<> check_who_asks(const real::server& server, http::client& web) {
    const http::response basic = co_await web.send(
        http::request(server.url("/basic-auth/joe/secret")).auth(http::credentials::basic("joe", "secret")));
    CHECK(member(basic, "user") == "joe");
    const http::response wrong = co_await web.send(
        http::request(server.url("/basic-auth/joe/secret")).auth(http::credentials::basic("joe", "wrong")));
    CHECK(wrong.status() == 401);
    const http::response bearer =
        co_await web.send(http::request(server.url("/bearer")).auth(http::credentials::bearer("123")));
    CHECK(member(bearer, "token") == "123");
    for (const char* const algorithm : {"MD5", "SHA-256"}) {
        const std::string url = server.url("/digest-auth/auth/joe/secret/" + std::string(algorithm));
        for (int i = 0; i < 2; ++i) {
            const http::response digest =
                co_await web.send(http::request(url).auth(http::credentials::digest("joe", "secret")));
            CHECK(member(digest, "user") == "joe");
        }
        const http::response refused =
            co_await web.send(http::request(url).auth(http::credentials::digest("joe", "wrong")));
        CHECK(refused.status() == 401);
    }
}

task<> check_cookies(const real::server& server) {
    const auto jar = std::make_shared<http::cookie_jar>();
    http::client web(http::client_options().cookies(jar));
    const http::response set = co_await web.get(server.url("/cookies/set?a=1&b=2"));
    CHECK(set.history().size() == 1);
    CHECK(member(set, "cookies", "a") == "1");
    CHECK(member(set, "cookies", "b") == "2");
    const http::response gone = co_await web.get(server.url("/cookies/delete?a="));
    CHECK(member(gone, "cookies", "a") == "(none)");
    CHECK(member(gone, "cookies", "b") == "2");
}

task<> check_limits(const real::server& server) {
    http::client web;
    const auto slow = co_await web.try_send(http::request(server.url("/delay/2")).timeout(100ms));
    CHECK_FALSE(slow);
    if (!slow) CHECK(slow.error().is_timeout());
    const auto large = co_await web.try_send(http::request(server.url("/bytes/5000")).max_body(4999));
    CHECK_FALSE(large);
    if (!large) CHECK(large.error().code() == http::errc::body_too_large);
    const auto right = co_await web.try_send(http::request(server.url("/bytes/5000")).max_body(5000));
    CHECK(right);
    CHECK(web.counters().connections_in_use == 0);
}

} // namespace

TEST_CASE("httpbin", "[http][real]") {
    const std::string program = real::program({"/usr/bin/gunicorn"});
    // Debian's packages are seen by Debian's Python only, which need not be the first of PATH.
    if (program.empty() ||
        std::system("/usr/bin/python3 -c 'import httpbin' >/dev/null 2>&1") != 0) { // NOLINT
        WARN("skipped: no httpbin (Debian: python3-httpbin, gunicorn)");
        return;
    }
    const tests::temporary_folder folder;
    const real::server server([&](std::uint16_t port, std::uint16_t) {
        return std::vector<std::string>{program,
                                        "--bind",
                                        "127.0.0.1:" + std::to_string(port),
                                        "--threads",
                                        "4",
                                        "--keep-alive",
                                        "30",
                                        "--worker-tmp-dir",
                                        folder.name(),
                                        "httpbin:app"};
    });
    auto work = [&]() -> task<> {
        http::client web;
        co_await check_requests(server, web);
        co_await check_responses(server, web);
        co_await check_redirects(server, web);
        co_await check_who_asks(server, web);
        CHECK(web.counters().connections_in_use == 0);
        CHECK(web.counters().connections_reused > 20);
        co_await check_cookies(server);
        co_await check_limits(server);
    };
    scripted::run(work());
}
