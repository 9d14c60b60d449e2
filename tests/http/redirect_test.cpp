#include "tests/support/catch.hpp"

#include "lib/http/redirect.hpp"
#include "tests/http/scripted_server.hpp"

#include <tandem/http/client.hpp>

#include <string>

using namespace tandem;
using http::redirect;
using scripted::answering;
using scripted::field_of;
using scripted::ok;

namespace {

redirect read(int status, std::string_view location, std::string_view from = "http://a/x/y?q#f",
              std::string_view method = "GET") {
    http::headers fields;
    fields.add("Location", location);
    return http::read_redirect(status, fields, url(from), method);
}

std::string redirect_to(const std::string& where, int status = 302) {
    return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + where +
           "\r\nContent-Length: 4\r\n\r\ngone";
}

} // namespace

TEST_CASE("what counts as a redirect") {
    for (const int status : {301, 302, 303, 307, 308})
        CHECK(read(status, "/z").what == redirect::verdict::follow);
    for (const int status : {200, 300, 304, 305, 306, 399, 404})
        CHECK(read(status, "/z").what == redirect::verdict::none);
    for (const char* const bad :
         {"file:///etc/passwd", "data:text/html,x", "javascript:alert(1)", "mailto:a@b", "ws://a/", "http://",
          "http://a:99999/", "http://a b/", "http://%2F/"})
        CHECK(read(302, bad).what == redirect::verdict::none);
    CHECK(http::read_redirect(302, http::headers(), url("http://a/"), "GET").what == redirect::verdict::none);
    http::headers twice;
    twice.add("Location", "/z").add("Location", "/z");
    CHECK(http::read_redirect(302, twice, url("http://a/"), "GET").what == redirect::verdict::follow);
    twice.add("Location", "/y");
    CHECK(http::read_redirect(302, twice, url("http://a/"), "GET").what == redirect::verdict::none);
    CHECK(read(302, "").what == redirect::verdict::follow); // an empty reference is the page itself
}

TEST_CASE("where a redirect leads") {
    CHECK(read(302, "/z").target.href() == "http://a/z#f");
    CHECK(read(302, "z").target.href() == "http://a/x/z#f");
    CHECK(read(302, "?r").target.href() == "http://a/x/y?r#f");
    CHECK(read(302, "//b/z").target.href() == "http://b/z#f");
    CHECK(read(302, "http://b/z#g").target.href() == "http://b/z#g");
    CHECK(read(302, "http://u:p@b/z").target.href() == "http://b/z#f");
    CHECK(read(302, "  /z  ").target.href() == "http://a/z#f");
}

TEST_CASE("methods after a redirect, as the Fetch standard has them") {
    const auto to_get = [](int status, std::string_view method) {
        return read(status, "/", "http://a/", method).to_get;
    };
    for (const int status : {301, 302}) {
        CHECK(to_get(status, "POST"));
        CHECK_FALSE(to_get(status, "PUT"));
        CHECK_FALSE(to_get(status, "HEAD"));
        CHECK_FALSE(to_get(status, "GET"));
    }
    CHECK(to_get(303, "POST"));
    CHECK(to_get(303, "PUT"));
    CHECK(to_get(303, "DELETE"));
    CHECK_FALSE(to_get(303, "HEAD"));
    for (const int status : {307, 308})
        CHECK_FALSE(to_get(status, "POST"));
}

TEST_CASE("an origin is scheme, host and port") {
    const auto leaves = [](std::string_view from, std::string_view to) {
        return read(302, to, from).new_origin;
    };
    CHECK_FALSE(leaves("https://a/", "https://a:443/b"));
    CHECK_FALSE(leaves("https://a/", "/b"));
    CHECK_FALSE(leaves("https://A/", "https://a/b"));
    CHECK(leaves("https://a/", "https://b/"));
    CHECK(leaves("https://a/", "https://a.b/"));
    CHECK(leaves("https://a.b/", "https://b/"));
    CHECK(leaves("https://a/", "https://a:444/"));
    CHECK(leaves("http://a/", "https://a/"));
    CHECK(read(302, "http://a/", "https://a/").what == redirect::verdict::insecure);
    CHECK(read(302, "https://a/", "http://a/").what == redirect::verdict::follow);
}

TEST_CASE("redirects are followed, told and bounded") {
    answering server([](const std::string& request) -> std::string {
        const std::string target = scripted::target_of(request);
        if (target == "/loop") return redirect_to("/loop");
        if (target[1] >= '1' && target[1] <= '9')
            return redirect_to("/" + std::string(1, static_cast<char>(target[1] - 1)));
        if (target == "/bad") return redirect_to("data:text/plain,x");
        if (target == "/none") return "HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nno";
        return ok("end");
    });
    auto work = [&]() -> task<> {
        http::client web;
        const http::response r = co_await web.get(server.url("/3#here"));
        CHECK(r.body() == "end");
        CHECK(r.url().href() == server.url("/0#here"));
        REQUIRE(r.history().size() == 3);
        CHECK(r.history()[0].url().href() == server.url("/3#here"));
        CHECK(r.history()[0].status() == 302);
        CHECK(r.history()[2].url().href() == server.url("/1#here"));
        CHECK(r.connection_reused()); // the bodies of the redirects were read
        CHECK(web.counters().connections_opened == 1);

        const auto just = co_await web.try_send(http::request(server.url("/9")).max_redirects(9));
        CHECK(just);
        const auto over = co_await web.try_send(http::request(server.url("/9")).max_redirects(8));
        REQUIRE_FALSE(over);
        CHECK(over.error().code() == http::errc::too_many_redirects);
        const auto loop = co_await web.try_get(server.url("/loop"));
        REQUIRE_FALSE(loop);
        CHECK(loop.error().phase() == http::request_phase::limit);
        CHECK(loop.error().code() == http::errc::redirect_loop);
        CHECK(loop.error().message() ==
              "GET " + server.url("/loop") +
                  ": limit exceeded: more than 10 redirects "
                  "(client_options::max_redirects, request::max_redirects), in a loop: the last led "
                  "back to " +
                  server.url("/loop"));

        const http::response bad = co_await web.get(server.url("/bad"));
        CHECK(bad.status() == 302);
        CHECK(bad.body() == "gone");
        const http::response none = co_await web.get(server.url("/none"));
        CHECK(none.body() == "no");
        const http::response as_is =
            co_await web.send(http::request(server.url("/1")).follow_redirects(false));
        CHECK(as_is.status() == 302);
        CHECK(as_is.headers().get("Location") == "/0");
    };
    scripted::run(work());
}

TEST_CASE("credentials stay with their origin, bodies follow by the rules") {
    answering other([](const std::string& request) -> std::string {
        return scripted::target_of(request) == "/back" ? redirect_to(field_of(request, "X-Back"))
                                                       : ok("other");
    });
    answering server([&](const std::string& request) -> std::string {
        const std::string target = scripted::target_of(request);
        if (target == "/same") return redirect_to("/end", 307);
        if (target == "/cross307") return redirect_to(other.url("/end"), 307);
        if (target == "/cross302") return redirect_to(other.url("/end"), 302);
        if (target == "/there") return redirect_to(other.url("/back"), 302);
        return ok("end");
    });
    const auto ask = [&](const char* path) {
        return http::request(server.url(path))
            .method(http::method::post)
            .header("Authorization", "Bearer t")
            .header("Cookie", "c=1")
            .header("Proxy-Authorization", "Basic p")
            .header("X-Other", "stays")
            .header("X-Back", server.url("/end"))
            .body("secret", "text/plain");
    };
    auto work = [&](const char* path) -> task<> {
        http::client web;
        http::request what = ask(path);
        const http::response r = co_await web.send(std::move(what));
        CHECK(r.status() == 200);
    };
    SECTION("same origin, 307") {
        scripted::run(work("/same"));
        const std::string last = server.requests().back();
        CHECK(last.substr(0, 4) == "POST");
        CHECK(field_of(last, "Authorization") == "Bearer t");
        CHECK(field_of(last, "Cookie") == "c=1");
        CHECK(scripted::body_of(last) == "secret");
    }
    SECTION("another origin, 307") {
        scripted::run(work("/cross307"));
        const std::string last = other.requests().back();
        CHECK(last.substr(0, 4) == "POST");
        CHECK(field_of(last, "Authorization") == "-");
        CHECK(field_of(last, "Cookie") == "-");
        CHECK(field_of(last, "Proxy-Authorization") == "-");
        CHECK(field_of(last, "X-Other") == "stays");
        CHECK(field_of(last, "Host") == other.host_port());
        CHECK(scripted::body_of(last) == "secret");
    }
    SECTION("another origin, 302") {
        scripted::run(work("/cross302"));
        const std::string last = other.requests().back();
        CHECK(last.substr(0, 4) == "GET ");
        CHECK(field_of(last, "Authorization") == "-");
        CHECK(field_of(last, "Content-Type") == "-");
        CHECK(field_of(last, "Content-Length") == "-");
        CHECK(scripted::body_of(last).empty());
    }
    SECTION("there and back: they do not come back") {
        scripted::run(work("/there"));
        const std::string last = server.requests().back();
        CHECK(scripted::target_of(last) == "/end");
        CHECK(field_of(last, "Authorization") == "-");
        CHECK(field_of(last, "Cookie") == "-");
    }
}

TEST_CASE("user name and password of a URL do not go to another origin") {
    answering other([](const std::string&) { return ok("other"); });
    answering server([&](const std::string& request) {
        return scripted::target_of(request) == "/same" ? redirect_to("/cross")
                                                       : redirect_to("http://x:y@" + other.host_port() + "/");
    });
    auto work = [&]() -> task<> {
        http::client web;
        const http::response r = co_await web.get("http://joe:pw@" + server.host_port() + "/same");
        CHECK(r.url().href() == other.url("/"));
    };
    scripted::run(work());
    CHECK(field_of(server.requests()[0], "Authorization") == "Basic am9lOnB3");
    CHECK(field_of(server.requests()[1], "Authorization") == "Basic am9lOnB3");
    CHECK(field_of(other.requests()[0], "Authorization") == "-");
}
