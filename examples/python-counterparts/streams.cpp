// asyncio.start_server and open_connection: TCP is Asio's, and its operations are awaited as they are.
#include "expect.hpp"

#include <tandem/asio.hpp>
#include <tandem/tandem.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;

// Python:  async def echo(reader, writer):
//              while line := await reader.readline():
//                  writer.write(line); await writer.drain()
tandem::task<> echo(tcp::socket peer) {
    std::string line;
    for (;;) {
        const auto [failure, length] = co_await asio::async_read_until(peer, asio::dynamic_buffer(line, 1024),
                                                                       '\n', asio::as_tuple(asio::deferred));
        if (failure) co_return; // the end of the connection
        co_await asio::async_write(peer, asio::buffer(line, length), asio::deferred);
        line.erase(0, length);
    }
}

// Python:  server = await asyncio.start_server(echo, "127.0.0.1", 0)
//          async with server: await server.serve_forever()
// The connections are tasks of the group: when it is cancelled, they are, too, and it waits for them.
tandem::task<> start_server(tcp::acceptor& acceptor, tandem::task_group& connections) {
    for (;;) {
        auto peer = co_await acceptor.async_accept(asio::deferred);
        connections.spawn(tandem::named("echo"), echo, std::move(peer));
    }
}

// Python:  reader, writer = await asyncio.open_connection("127.0.0.1", port)
//          writer.write(b"hello\n"); line = await reader.readline()
tandem::task<std::string> open_connection(tcp::endpoint where) {
    tcp::socket socket(co_await tandem::this_executor());
    co_await socket.async_connect(where, asio::deferred);
    const std::string hello = "hello\n";
    co_await asio::async_write(socket, asio::buffer(hello), asio::deferred);
    std::string line;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(line), '\n', asio::deferred);
    co_return line;
}

tandem::task<> all(tandem::task_group& group) {
    tcp::acceptor acceptor(co_await tandem::this_executor(),
                           tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    co_await tandem::with_task_group([&](tandem::task_group& serving) -> tandem::task<> {
        serving.spawn(start_server, std::ref(acceptor), std::ref(group));
        const std::string line = co_await open_connection(acceptor.local_endpoint());
        expect(line == "hello\n");
        serving.cancel();
    });
}

int main() {
    return tandem::run([]() -> tandem::task<> { return tandem::with_task_group(all); });
}
