// Heads, lengths, masks and close payloads.
#include "lib/http/websocket/frame.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <string_view>
#include <system_error>

namespace ws = tandem::http::ws;

namespace {

std::error_code failure_of(std::string_view bytes) {
    std::error_code failure;
    const auto head = ws::read_head(bytes, failure);
    CHECK_FALSE((head && failure));
    return failure;
}

std::string_view bytes(const char* data, std::size_t size) {
    return {data, size};
}

} // namespace

TEST_CASE("websocket frames: lengths in each form", "[websocket]") {
    std::error_code failure;
    for (const std::size_t size : {0U, 1U, 125U, 126U, 0xffffU, 0x10000U}) {
        std::string frame;
        const std::string payload(size, 'x');
        const ws::mask_key key{1, 2, 3, 4};
        ws::write_frame(frame, ws::opcode::text, true, payload, key);
        const auto head = ws::read_head(frame, failure);
        REQUIRE(head);
        CHECK(head->length == size);
        CHECK(head->fin);
        CHECK(head->masked);
        CHECK(head->compressed);
        CHECK(head->code == ws::opcode::text);
        CHECK(frame.size() == head->size + 4 + size);
        for (std::size_t i = 0; i < head->size; ++i)
            CHECK_FALSE(ws::read_head(std::string_view(frame).substr(0, i), failure));
        std::string back = frame.substr(head->size + 4);
        for (std::size_t i = 0; i < size; ++i)
            back[i] = static_cast<char>(back[i] ^ static_cast<char>(key[i % 4]));
        CHECK(back == payload);
    }
    CHECK_FALSE(failure);
}

TEST_CASE("websocket frames: heads that are wrong", "[websocket]") {
    using ws::error;
    for (const unsigned first : {0x91U, 0xa1U, 0xb1U, 0xe1U})
        CHECK(failure_of(std::string{static_cast<char>(first), '\0'}) == error::reserved_bits);
    CHECK(failure_of(bytes("\xc9\0", 2)) == error::reserved_bits); // a compressed ping
    for (const unsigned code : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U})
        CHECK(failure_of(std::string{static_cast<char>(0x80U | code), '\0'}) == error::bad_opcode);
    CHECK(failure_of(bytes("\x09\0", 2)) == error::bad_control_frame); // a fragment of a ping
    CHECK(failure_of(bytes("\x89\x7e", 2)) ==
          error::bad_control_frame); // a ping of 126 bytes, at its 2nd byte
    CHECK_FALSE(failure_of(bytes("\x89\x7d", 2)));
    CHECK(failure_of(bytes("\x82\x7e\x00\x7d", 4)) == error::bad_length);
    CHECK_FALSE(failure_of(bytes("\x82\x7e\x00\x7e", 4)));
    CHECK(failure_of(bytes("\x82\x7f\0\0\0\0\0\0\xff\xff", 10)) == error::bad_length);
    CHECK_FALSE(failure_of(bytes("\x82\x7f\0\0\0\0\0\1\0\0", 10)));
    CHECK(failure_of(bytes("\x82\x7f\x80\0\0\0\0\0\0\0", 10)) == error::bad_length);
}

TEST_CASE("websocket frames: codes and reasons for closing", "[websocket]") {
    const auto check = [](std::string_view payload) {
        std::error_code failure;
        static_cast<void>(ws::read_close(payload, failure));
        return failure;
    };
    const auto code = [](int value) {
        return std::string{static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
    };
    CHECK_FALSE(check(""));
    CHECK(check("x") == ws::error::bad_close);
    for (const int good : {1000, 1001, 1003, 1007, 1014, 3000, 4999})
        CHECK_FALSE(check(code(good) + "why"));
    for (const int bad : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535})
        CHECK(check(code(bad)) == ws::error::bad_close);
    CHECK(check(code(1000) + "\xff") == ws::error::bad_utf8);
}

TEST_CASE("websocket frames: UTF-8", "[websocket]") {
    for (const std::string_view good :
         {"", "abc", "12345678", "12345678\xc3\xbc", "\xf4\x8f\xbf\xbf", "1234567\xe2\x82\xac"})
        CHECK(ws::is_utf8(good));
    for (const std::string_view bad :
         {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "12345678\xc3", "\x80"})
        CHECK_FALSE(ws::is_utf8(bad));
}
