// A websocket with aiohttp at its other end, plain and over TLS, where aiohttp is there.
#include "tests/support/catch.hpp"

#include "tests/http/real_server.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/support/http/test_certificates.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/concurrency/when_all.hpp>
#include <tandem/http/websocket.hpp>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

using namespace tandem;
using namespace std::chrono_literals;
using http::websocket;
using http::websocket_options;

namespace {

constexpr const char* script = R"(
import asyncio, ssl, sys
from aiohttp import web, WSMsgType
async def echo(request):
    ws = web.WebSocketResponse(protocols=("chat",), compress=True, max_msg_size=8 << 20)
    await ws.prepare(request)
    if request.path == "/close":
        await ws.close(code=4001, message=b"go")
        return ws
    async for message in ws:
        if message.type == WSMsgType.TEXT: await ws.send_str(message.data)
        if message.type == WSMsgType.BINARY: await ws.send_bytes(message.data)
    return ws
async def main():
    app = web.Application()
    app.add_routes([web.get("/echo", echo), web.get("/close", echo)])
    runner = web.AppRunner(app)
    await runner.setup()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(sys.argv[3], sys.argv[4])
    await web.TCPSite(runner, "localhost", int(sys.argv[2]), ssl_context=tls).start()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1])).start()
    await asyncio.sleep(3600)
asyncio.run(main())
)";

const char* const python = "/usr/bin/python3";

bool has_aiohttp() {
    return std::system("/usr/bin/python3 -c 'import aiohttp' >/dev/null 2>&1") == 0;
}

std::string pattern(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i * 7919 % 1000) + ' ';
    text.resize(size);
    return text;
}

task<> talk(http::client& web, std::string url, bool compression) {
    const auto options = websocket_options()
                             .subprotocol("other")
                             .subprotocol("chat")
                             .compression(compression)
                             .ping_interval(1ms);
    websocket chat = co_await websocket::connect(web, http::request(url), options);
    CHECK(chat.subprotocol() == "chat");
    CHECK(chat.compressed() == compression);
    const std::vector<std::size_t> sizes{0, 1, 125, 126, 200, 65535, 65536, 1000000};
    auto send = [&]() -> task<int> {
        for (const std::size_t size : sizes)
            co_await chat.send(pattern(size));
        co_await chat.send_binary(std::string("\0\xff", 2));
        co_return 0;
    };
    auto receive = [&]() -> task<int> {
        int good = 0;
        for (const std::size_t size : sizes) {
            const auto message = co_await chat.receive();
            good += message && message->is_text() && message->data() == pattern(size) ? 1 : 0;
        }
        const auto last = co_await chat.receive();
        good += last && !last->is_text() && last->data() == std::string("\0\xff", 2) ? 1 : 0;
        co_return good;
    };
    const auto [sent, good] = co_await when_all(send(), receive());
    CHECK(sent == 0);
    CHECK(good == 9);
    co_await chat.close(1000, "done");
    CHECK(chat.code() == 1000);
}

} // namespace

TEST_CASE("a websocket with aiohttp, plain, compressed and over TLS") {
    if (!has_aiohttp()) {
        WARN("skipped: no aiohttp (Debian: python3-aiohttp)");
        return;
    }
    const tests::temporary_folder folder;
    std::ofstream(folder / "server.py") << script;
    test_support::certificate_authority authority;
    const test_support::certificate_files files = authority.issue();
    const real::server server([&](std::uint16_t port, std::uint16_t tls_port) {
        return std::vector<std::string>{
            python,   folder / "server.py", std::to_string(port), std::to_string(tls_port), files.certificate,
            files.key};
    });
    auto work = [&]() -> task<> {
        http::client web(http::client_options().ca_file(authority.ca_file()));
        for (const bool compression : {false, true}) {
            co_await talk(web, "ws" + server.url("/echo").substr(4), compression);
            co_await talk(web, "wss" + server.tls_url("/echo").substr(5), compression);
        }
        websocket chat = co_await websocket::connect(web, http::request(server.url("/close")));
        const auto none = co_await chat.receive();
        CHECK_FALSE(none);
        CHECK(chat.code() == 4001);
        CHECK(chat.reason() == "go");
        bool refused = false;
        try {
            websocket never = co_await websocket::connect(web, http::request(server.url("/nothing")));
        } catch (const http::request_error& e) {
            refused = e.code() == http::errc::websocket_refused;
        }
        CHECK(refused);
    };
    scripted::run(work());
}
