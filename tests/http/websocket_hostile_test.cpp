// A websocket whose server does not keep to the protocol.
#include "tests/http/websocket_support.hpp"
#include "tests/support/catch.hpp"

#include <tandem/http/websocket.hpp>

#include <optional>
#include <string>
#include <utility>

using namespace tandem;
using namespace std::chrono_literals;
using namespace websocket_tests;
using http::websocket;
using http::websocket_options;
using scripted::peer;

namespace {

// How receiving one message from a server that sends `bytes` ends.
class ending_of_receive {
public:
    ending_of_receive() {}
    std::string message;
    std::string failure;
    std::uint16_t told = 0; // the code that the server was closed with
};

ending_of_receive receive_from(std::string bytes, websocket_options options = websocket_options(),
                               std::string fields = std::string()) {
    ending_of_receive found;
    std::string close_payload;
    std::optional<scripted::server> server;
    server.emplace([&](peer& p, int) {
        server_side side(p);
        side.accept(fields);
        side.send(bytes);
        while (const auto got = side.read())
            if (got->code == ws::opcode::close) {
                close_payload = got->payload;
                break;
            }
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, *server, std::move(options));
        for (int attempt = 0; attempt < 2; ++attempt) { // a failure is told each time
            std::string failure;
            try {
                const auto message = co_await chat.receive();
                found.message =
                    message ? message->data() : "closed " + std::to_string(chat.code()) + chat.reason();
                co_return;
            } catch (const http::request_error& e) {
                failure = e.code().message();
                CHECK(e.phase() == http::request_phase::websocket);
            }
            CHECK_FALSE(chat.is_open());
            CHECK((attempt == 0 || failure == found.failure));
            found.failure = failure;
        }
    };
    scripted::run(work());
    server.reset(); // its thread has ended
    if (close_payload.size() >= 2)
        found.told = static_cast<std::uint16_t>(static_cast<unsigned char>(close_payload[0]) << 8 |
                                                static_cast<unsigned char>(close_payload[1]));
    return found;
}

} // namespace

TEST_CASE("what a hostile server sends is an error, and it is told why") {
    using ws::error;
    const auto check = [](const std::string& bytes, error expected, std::uint16_t told) {
        INFO(message_of(expected));
        const ending_of_receive got = receive_from(bytes);
        CHECK(got.failure == message_of(expected));
        CHECK(got.told == told);
    };
    check(raw_frame(0xc1, "x"), error::reserved_bits, 1002);
    check(raw_frame(0x91, "x"), error::reserved_bits, 1002);
    check(raw_frame(0x83, "x"), error::bad_opcode, 1002);
    check(std::string("\x81\x81keyx"), error::masked_by_server, 1002);
    check(raw_frame(0x09, "x"), error::bad_control_frame, 1002);
    check(raw_frame(0x89, std::string(126, 'x')), error::bad_control_frame, 1002);
    check(raw_frame(0x80, "x"), error::bad_continuation, 1002);
    check(raw_frame(0x88, "x"), error::bad_close, 1002);
    check(close_frame(1006), error::bad_close, 1002);
    check(text("\xc3\x28"), error::bad_utf8, 1007);
    check(std::string("\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x01", 10), error::message_too_large, 1009);
    check(std::string("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10), error::message_too_large, 1009);
    std::string fragments = raw_frame(0x01, "");
    for (int i = 0; i < 1024; ++i)
        fragments += raw_frame(0x00, "");
    check(fragments, error::too_many_fragments, 1009);
    const ending_of_receive just = receive_from(raw_frame(0x82, std::string(1 << 20, 'x')));
    CHECK(just.message.size() == 1 << 20);
    const ending_of_receive small =
        receive_from(raw_frame(0x82, "12345"), websocket_options().max_message_bytes(4));
    CHECK(small.failure == message_of(error::message_too_large));
}

TEST_CASE("a connection that ends without a close frame is an error") {
    scripted::server server([](peer& p, int) {
        server_side side(p);
        side.accept();
        side.send(raw_frame(0x01, "half"));
    });
    auto work = [&]() -> task<> {
        http::client web;
        websocket chat = co_await open(web, server);
        std::string what;
        try {
            co_await chat.receive();
        } catch (const http::request_error& e) {
            what = e.what();
        }
        CHECK(what.find("websocket: " + message_of(ws::error::ended_without_close)) != std::string::npos);
        CHECK(chat.code() == http::close_code::abnormal);
        co_await chat.close(); // returns
    };
    scripted::run(work());
}
