// Messages out of frames: fragments, controls in between, limits, compression; whatever the pieces.
#include "lib/http/websocket/message_reader.hpp"

#include "tests/http/websocket_support.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace websocket_tests;

namespace {

struct told {
    std::vector<std::string> events;
    std::error_code failure;
};

told read_all(ws::message_reader reader, std::string_view bytes, std::size_t piece) {
    told result;
    std::string buffer;
    while (!bytes.empty()) {
        std::string_view unread = bytes.substr(0, piece);
        bytes.remove_prefix(unread.size());
        for (;;) {
            const ws::event now = reader.read(unread);
            if (now == ws::event::need_more) {
                CHECK(unread.empty());
                break;
            }
            if (now == ws::event::message)
                result.events.push_back((reader.is_text() ? "text " : "binary ") + reader.take_message());
            if (now == ws::event::ping) result.events.push_back("ping " + reader.control());
            if (now == ws::event::pong) result.events.push_back("pong " + reader.control());
            if (now == ws::event::close) result.events.push_back("close");
            if (now == ws::event::failed) {
                CHECK(reader.read(unread) == ws::event::failed);
                result.failure = reader.failure();
                return result;
            }
        }
    }
    return result;
}

told read_all(std::string_view bytes, bool compression = false) {
    const told whole = read_all(ws::message_reader(1000, 4, compression), bytes, bytes.size());
    const told single = read_all(ws::message_reader(1000, 4, compression), bytes, 1);
    CHECK(whole.events == single.events);
    CHECK(whole.failure == single.failure);
    return whole;
}

using list = std::vector<std::string>;

} // namespace

TEST_CASE("websocket messages: whole, in fragments, with controls in between", "[websocket]") {
    CHECK(read_all(text("hello") + raw_frame(0x82, "bytes")).events == list{"text hello", "binary bytes"});
    CHECK(read_all(text("")).events == list{"text "});
    CHECK(read_all(raw_frame(0x01, "a") + raw_frame(0x89, "p") + raw_frame(0x00, "") + raw_frame(0x8a, "") +
                   raw_frame(0x80, "b"))
              .events == list{"ping p", "pong ", "text ab"});
    // A character in two fragments.
    CHECK(read_all(raw_frame(0x01, "\xc3") + raw_frame(0x80, "\xbc")).events == list{"text \xc3\xbc"});
    CHECK(read_all(close_frame(1000, "bye")).events == list{"close"});
}

TEST_CASE("websocket messages: limits, from both sides", "[websocket]") {
    const std::string most(1000, 'x');
    CHECK(read_all(text(most)).events.size() == 1);
    CHECK(read_all(text(most + "x")).failure == ws::error::message_too_large);
    CHECK(read_all(text(most + "x").substr(0, 4)).failure ==
          ws::error::message_too_large); // by its head alone
    CHECK(read_all(raw_frame(0x01, most) + raw_frame(0x80, "")).events.size() == 1);
    CHECK(read_all(raw_frame(0x01, most) + raw_frame(0x80, "x")).failure == ws::error::message_too_large);
    const std::string_view endless("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
    CHECK(read_all(endless).failure == ws::error::message_too_large);
    const std::uint64_t unlimited = ~std::uint64_t{0};
    CHECK(read_all(ws::message_reader(unlimited, 4, true), raw_frame(0xc1, ws::compress_message(most)), 9)
              .events.size() == 1);
    const std::string part = raw_frame(0x00, "b");
    CHECK(read_all(raw_frame(0x01, "a") + part + part + raw_frame(0x80, "c")).events == list{"text abbc"});
    CHECK(read_all(raw_frame(0x01, "a") + part + part + part + raw_frame(0x80, "c")).failure ==
          ws::error::too_many_fragments);
}

TEST_CASE("websocket messages: what the protocol forbids", "[websocket]") {
    CHECK(read_all(std::string("\x81\x81", 2) + "keyx").failure == ws::error::masked_by_server);
    CHECK(read_all(raw_frame(0x80, "x")).failure == ws::error::bad_continuation);
    CHECK(read_all(raw_frame(0x01, "x") + text("y")).failure == ws::error::bad_continuation);
    CHECK(read_all(text("x") + raw_frame(0x80, "y")).failure == ws::error::bad_continuation);
    CHECK(read_all(raw_frame(0xc1, "x")).failure == ws::error::reserved_bits); // nothing was agreed on
    CHECK(read_all(text("\xff")).failure == ws::error::bad_utf8);
    CHECK(read_all(raw_frame(0x82, "\xff")).events.size() == 1);
    CHECK(read_all(raw_frame(0x88, "x")).failure == ws::error::bad_close);
}

TEST_CASE("websocket messages: compressed ones, alone and in fragments", "[websocket]") {
    std::string words;
    while (words.size() < 900)
        words += "word " + std::to_string(words.size()) + ' ';
    const std::string packed = ws::compress_message(words);
    CHECK(packed.size() < words.size());
    CHECK(read_all(raw_frame(0xc1, packed), true).events == list{"text " + words});
    CHECK(read_all(raw_frame(0x41, packed.substr(0, 7)) + raw_frame(0x89, "") +
                       raw_frame(0x80, packed.substr(7)) + raw_frame(0xc1, packed),
                   true)
              .events == list{"ping ", "text " + words, "text " + words});
    CHECK(read_all(raw_frame(0xc1, ws::compress_message("")), true).events == list{"text "});
    CHECK(read_all(text("plain"), true).events == list{"text plain"});
    // RFC 7692, 7.2.3.3 and 7.2.3.4: a stored block, and one that says it is the last.
    CHECK(
        read_all(raw_frame(0xc1, std::string_view("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11)), true)
            .events == list{"text Hello"});
    CHECK(read_all(raw_frame(0xc1, std::string_view("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8)), true).events ==
          list{"text Hello"});
    CHECK(read_all(raw_frame(0x41, packed) + raw_frame(0xc0, packed), true).failure ==
          ws::error::reserved_bits);
    CHECK(read_all(raw_frame(0xc1, "\xff\xff\xff"), true).failure == ws::error::bad_compressed_data);
    CHECK(read_all(raw_frame(0xc1, packed.substr(0, packed.size() / 2)), true).failure ==
          ws::error::bad_compressed_data);
    CHECK(read_all(raw_frame(0xc1, ws::compress_message(std::string(1000, 'x'))), true).events.size() == 1);
    CHECK(read_all(raw_frame(0xc1, ws::compress_message(std::string(1001, 'x'))), true).failure ==
          ws::error::message_too_large);
    const std::string bomb = ws::compress_message(std::string(std::size_t{16} << 20, '\0'));
    CHECK(read_all(ws::message_reader(1 << 20, 4, true), raw_frame(0xc2, bomb), 5000).failure ==
          ws::error::message_too_large);
}

TEST_CASE("websocket messages: damaged bytes end in an error or in messages, in every size of pieces",
          "[websocket]") {
    std::mt19937 random(5);
    const std::string good = raw_frame(0x01, "hello") + raw_frame(0x89, "ping") + raw_frame(0x80, "world") +
                             raw_frame(0xc1, ws::compress_message("some words, some words")) +
                             close_frame(1000);
    for (int i = 0; i < 3000; ++i) {
        std::string bytes = good;
        bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
        if (i % 3 == 0) bytes.resize(random() % bytes.size());
        const told got = read_all(bytes, true);
        CHECK(got.events.size() <= 10);
    }
}
