// aiohttp.ClientSession and aiohttp.web.
#include "expect.hpp"

#include <tandem/http.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/server.hpp>
#include <tandem/tandem.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace http = tandem::http;
using namespace std::chrono_literals;

// Python:  async def handle(request):
//              if request.path == "/echo": return web.Response(text=await request.text())
//              return web.Response(status=404)
// One function gets all requests; a router is not there yet.
tandem::task<http::server_response> handle(http::server_request request) {
    if (request.path() == "/echo") co_return http::server_response::text(request.take_body());
    if (request.path() == "/slow") co_await tandem::sleep_for(60s);
    co_return http::server_response::plain_status(404);
}

// Python:  async with session.get(url) as response:
//              response.status; await response.text()
tandem::task<> get(http::client& session, std::string site) {
    const auto response = co_await session.get(site + "/missing");
    expect(response.status() == 404); // every status is an answer, as in aiohttp without raise_for_status
    expect(response.headers().get("Content-Type").has_value());
}

// Python:  await session.post(url, data="text", headers={"X-Id": "1"}, timeout=ClientTimeout(total=5))
tandem::task<> post(http::client& session, std::string site) {
    const auto response = co_await session.send(http::request(site + "/echo")
                                                    .method(http::method::post)
                                                    .header("X-Id", "1")
                                                    .body("text", "text/plain")
                                                    .timeout(5s));
    expect(response.ok() && response.body() == "text");
}

// Python:  async for chunk in response.content.iter_any(): ...
tandem::task<> stream(http::client& session, std::string site) {
    auto request = http::request(site + "/echo").method(http::method::post).body("many bytes");
    auto response = co_await session.open(std::move(request));
    std::string text;
    for (;;) {
        const std::string_view piece = co_await response.read_some();
        if (piece.empty()) break;
        text += piece;
    }
    expect(text == "many bytes");
}

// Python:  except aiohttp.ClientError
//          except TimeoutError
// The error tells in which phase the request was; `try_get` gives it without an exception.
tandem::task<> errors(http::client& session, std::string site) {
    const auto nobody = co_await session.try_get("http://127.0.0.1:1/");
    expect(!nobody.has_value() && nobody.error().phase() == http::request_phase::connect);

    bool late = false;
    try {
        co_await tandem::with_timeout(5ms, session.get(site + "/slow"));
    } catch (const tandem::timeout_error&) {
        late = true;
    }
    expect(late);
}

// Python:  runner = web.AppRunner(app); await runner.setup()
//          await web.TCPSite(runner, "127.0.0.1", 0).start()
//          async with aiohttp.ClientSession() as session: ...
//          await runner.cleanup()
tandem::task<> serve() {
    http::server site(http::server_options().port(0).drain_timeout(100ms), handle);
    site.listen();
    co_await tandem::with_task_group([&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&http::server::serve, &site);
        http::client session;
        co_await get(session, site.url());
        co_await post(session, site.url());
        co_await stream(session, site.url());
        co_await errors(session, site.url());
        site.stop(); // drains, then serve() returns
    });
}

int main() {
    return tandem::run(serve);
}
