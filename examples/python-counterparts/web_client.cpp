// What aiohttp's client has beside get and post: cookies, forms, files, JSON, who asks, redirects, events.
#include "expect.hpp"

#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

#include <boost/json.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <unistd.h>

namespace http = tandem::http;
using namespace std::chrono_literals;

// The site that the sections talk to: says what it got.
tandem::task<http::server_response> handle(http::server_request request) {
    const auto field = [&](const char* name) {
        return std::string(request.headers().get(name).value_or("none"));
    };
    if (request.path() == "/login")
        co_return http::server_response::redirect("/whoami").header("Set-Cookie", "session=42; HttpOnly");
    if (request.path() == "/whoami") co_return http::server_response::text(field("Cookie"));
    if (request.path() == "/secret") co_return http::server_response::text(field("Authorization"));
    if (request.path() == "/json") co_return http::server_response::json("{\"answer\": [42]}");
    if (request.path() == "/latin1")
        co_return http::server_response().body("J\xf6rg", "text/plain; charset=latin1");
    if (request.path() == "/news")
        co_return http::server_response().body("id: 1\nevent: greeting\ndata: hello\n\n",
                                               "text/event-stream");
    co_return http::server_response().body(request.take_body(), field("Content-Type"));
}

// Python:  jar = aiohttp.CookieJar()
//          async with aiohttp.ClientSession(cookie_jar=jar) as session:
//              await session.get(url)
//          jar.save("cookies.txt")
tandem::task<> cookies(std::string site) {
    auto jar = std::make_shared<http::cookie_jar>();
    http::client session(http::client_options().cookies(jar));
    const auto page = co_await session.get(site + "/login");
    expect(page.body() == "session=42"); // set by the redirect, sent to where it led
    expect(jar->cookies().front().http_only());
    const std::string path = "/tmp/tandem-cookies-" + std::to_string(::getpid()) + ".txt";
    co_await jar->save(path); // the format of curl and wget; load() reads it
    std::remove(path.c_str());
}

// Python:  await session.post(url, data={"name": "Jörg", "tag": "a&b"})
tandem::task<> form(http::client& session, std::string site) {
    const auto fields = http::form().add("name", "J\xc3\xb6rg").add("tag", "a&b");
    const auto echo =
        co_await session.send(http::request(site + "/echo").method(http::method::post).form(fields));
    expect(echo.body() == "name=J%C3%B6rg&tag=a%26b");
}

// Python:  data = aiohttp.FormData()
//          data.add_field("title", "Holiday")
//          data.add_field("photo", open("p.jpg", "rb"), filename="p.jpg", content_type="image/jpeg")
//          await session.post(url, data=data)
tandem::task<> multipart(http::client& session, std::string site) {
    const auto fields =
        http::multipart().field("title", "Holiday").file_as("host", "/etc/hosts", "h.txt", "text/plain");
    const auto echo =
        co_await session.send(http::request(site + "/echo").method(http::method::post).multipart(fields));
    expect(echo.body().find("name=\"host\"; filename=\"h.txt\"") != std::string::npos);
    expect(echo.media_type() == "multipart/form-data");
}

// Python:  await session.post(url, json={"a": 1})
//          (await session.get(url2)).json()
tandem::task<> json(http::client& session, std::string site) {
    const boost::json::value value = {{"a", 1}};
    const auto echo =
        co_await session.send(http::request(site + "/echo").method(http::method::post).json(value));
    expect(echo.body() == "{\"a\":1}" && echo.media_type() == "application/json");
    const auto answer = co_await session.get(site + "/json");
    expect(answer.json().at("answer").at(0).as_int64() == 42);
}

// Python:  await response.text()      # by the charset that the server names
tandem::task<> text(http::client& session, std::string site) {
    const auto page = co_await session.get(site + "/latin1");
    expect(page.text() == "J\xc3\xb6rg");
}

// Python:  await session.post(url, data=open("big.bin", "rb"))
tandem::task<> file(http::client& session, std::string site) {
    auto request = http::request(site + "/echo").method(http::method::post);
    request.body(http::request_body::file("/etc/hosts"), "text/plain");
    const auto echo = co_await session.send(std::move(request));
    expect(echo.ok());
}

// Python:  async def rows(): yield b"one\n"; yield b"two\n"
//          await session.post(url, data=rows())
tandem::async_generator<std::string> rows() {
    co_yield "one\n";
    co_yield "two\n";
}

tandem::task<> upload_stream(http::client& session, std::string site) {
    auto request = http::request(site + "/echo").method(http::method::post);
    request.body(http::request_body::stream(rows), "text/csv"); // a function: the body can be sent again
    const auto echo = co_await session.send(std::move(request));
    expect(echo.body() == "one\ntwo\n");
}

// Python:  await session.get(url, auth=aiohttp.BasicAuth("joe", "pw"))
//          aiohttp.ClientSession(trust_env=True)                  # reads ~/.netrc
tandem::task<> auth(std::string site) {
    http::client session(http::client_options()
                             .credentials(site, http::credentials::bearer("token"))
                             .netrc(http::netrc::parse("machine api.example.org login joe password pw")));
    const auto page = co_await session.get(site + "/secret");
    expect(page.body() == "Bearer token");
    const auto own =
        co_await session.send(http::request(site + "/secret").auth(http::credentials::basic("joe", "pw")));
    expect(own.body() == "Basic am9lOnB3");
}

// Python:  await session.get(url, allow_redirects=False); response.history
tandem::task<> redirects(http::client& session, std::string site) {
    const auto page = co_await session.get(site + "/login");
    expect(page.history().size() == 1 && page.history().front().status() == 302);
    expect(page.url().path() == "/whoami");
    const auto as_it_is = co_await session.send(http::request(site + "/login").follow_redirects(false));
    expect(as_it_is.status() == 302);
}

// Python:  async with sse_client.EventSource(url) as source:       # aiohttp-sse-client
//              async for event in source: ...
tandem::task<> events(http::client& session, std::string site) {
    http::event_source source(session, http::request(site + "/news"),
                              http::event_source_options().retry(100ms));
    for (int i = 0; i < 2; ++i) { // the server closes after each: it connects again by itself
        const auto event = co_await source.next();
        expect(event && event->type() == "greeting" && event->data() == "hello");
    }
    expect(source.last_event_id() == "1");
}

tandem::task<> serve() {
    http::server site(http::server_options().port(0).drain_timeout(100ms), handle);
    site.listen();
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&http::server::serve, &site);
        http::client session;
        co_await cookies(site.url());
        co_await form(session, site.url());
        co_await multipart(session, site.url());
        co_await json(session, site.url());
        co_await text(session, site.url());
        co_await file(session, site.url());
        co_await upload_stream(session, site.url());
        co_await auth(site.url());
        co_await redirects(session, site.url());
        co_await events(session, site.url());
        site.stop();
    });
}

int main() {
    return tandem::run(serve);
}
