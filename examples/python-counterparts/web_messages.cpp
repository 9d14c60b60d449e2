// What aiohttp's client does beside requests: status checks, lines, files, progress, websockets.
#include "../websocket_echo.hpp"
#include "expect.hpp"

#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace http = tandem::http;
using namespace std::chrono_literals;

tandem::task<http::server_response> handle(http::server_request request) {
    if (request.path() == "/missing") co_return http::server_response::plain_status(404);
    if (request.path() == "/search") co_return http::server_response::text(std::string(request.query()));
    if (request.path() == "/lines") co_return http::server_response::text("one\ntwo\r\nthree");
    co_return http::server_response::text(std::string(100000, 'x')).header("ETag", "\"v1\"");
}

// Python:  response.raise_for_status()
tandem::task<> raise_for_status(http::client& session, std::string site) {
    const auto page = co_await session.get(site + "/missing");
    bool thrown = false;
    try {
        page.throw_for_status();
    } catch (const http::request_error& e) {
        thrown = e.code() == http::errc::bad_status;
    }
    expect(thrown);
}

// Python:  response.version == aiohttp.HttpVersion11
tandem::task<> version(http::client& session, std::string site) {
    const auto page = co_await session.get(site + "/lines");
    expect(page.protocol() == http::protocol::http1_1 && to_string(page.protocol()) == "HTTP/1.1");
}

// Python:  await session.get(url, params={"q": "two words"})
tandem::task<> params(http::client& session, std::string site) {
    const auto page = co_await session.send(http::request(site + "/search").query("q", "two words"));
    expect(page.body() == "q=two+words");
}

// Python:  async for line in response.content: ...
tandem::task<> lines(http::client& session, std::string site) {
    auto response = co_await session.open(http::request(site + "/lines"));
    std::string joined;
    while (const auto line = co_await response.read_line())
        joined += *line + ';';
    expect(joined == "one;two;three;");
}

// Python:  with open(path, "wb") as file:
//              async for chunk in response.content.iter_chunked(65536): file.write(chunk)
tandem::task<> download(http::client& session, std::string site) {
    const std::string path = "/tmp/tandem-download-" + std::to_string(::getpid());
    auto response = co_await session.open(http::request(site + "/file"));
    const std::uint64_t bytes = co_await response.to_file(path); // whole, or not at all
    expect(bytes == 100000);
    const auto again = co_await http::download(session, http::request(site + "/file"), path); // would resume
    expect(again.bytes() == 100000 && again.resumed_at() == 0);
    std::remove(path.c_str());
}

// Python:  the same loop, and tqdm(total=int(response.headers["Content-Length"]))
tandem::task<> progress(http::client& session, std::string site) {
    std::uint64_t bytes = 0;
    std::uint64_t total = 0;
    http::request what(site + "/file");
    what.on_download([&](const http::transfer& now) {
        bytes = now.bytes();
        total = now.total().value_or(0);
    });
    const auto page = co_await session.send(std::move(what));
    expect(bytes == page.body().size() && total == bytes);
}

// Python:  async with session.ws_connect(url) as ws:
//              await ws.send_str("hello")
//              async for message in ws: ...
tandem::task<> ws_connect(http::client& session) {
    const websocket_echo server;
    auto chat = co_await http::websocket::connect(session, http::request(server.url()));
    co_await chat.send("hello");
    while (const auto message = co_await chat.receive()) {
        expect(message->is_text() && message->data() == "hello");
        break;
    }
    co_await chat.close();
    expect(chat.code() == http::close_code::normal);
}

tandem::task<> serve() {
    http::server site(http::server_options().port(0).drain_timeout(100ms), handle);
    site.listen();
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&http::server::serve, &site);
        http::client session;
        co_await raise_for_status(session, site.url());
        co_await version(session, site.url());
        co_await params(session, site.url());
        co_await lines(session, site.url());
        co_await download(session, site.url());
        co_await progress(session, site.url());
        co_await ws_connect(session);
        site.stop();
    });
}

int main() {
    return tandem::run(serve);
}
