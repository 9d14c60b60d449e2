// What a websocket has to send: whole frames, in order, and no memory for what was sent.
#include "lib/http/websocket/outbox.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <string>

using namespace tandem::http::ws;

TEST_CASE("an outbox gives its frames in pieces, in order") {
    outbox out;
    CHECK(out.empty());
    CHECK(out.piece().empty());
    out.append(opcode::binary, false, std::string(150'000, 'a'));
    out.append(opcode::ping, false, "");
    std::string wire;
    while (!out.empty()) {
        const std::string_view piece = out.piece();
        CHECK(piece.size() <= outbox::piece_bytes);
        const std::size_t taken = std::max<std::size_t>(piece.size() / 2, 1); // the socket takes a part
        wire += piece.substr(0, taken);
        out.sent(taken);
    }
    std::error_code failure;
    const auto first = read_head(wire, failure);
    REQUIRE(first);
    CHECK(first->code == opcode::binary);
    CHECK(first->masked);
    CHECK(first->length == 150'000);
    const auto second = read_head(std::string_view(wire).substr(first->size + 4 + 150'000), failure);
    REQUIRE(second);
    CHECK(second->code == opcode::ping);
    CHECK(wire.size() == first->size + 4 + 150'000 + second->size + 4);
}

TEST_CASE("an outbox keeps no memory for what was sent") {
    outbox out;
    for (int i = 0; i < 1000; ++i) {
        out.append(opcode::text, false, std::string(1000, 'a'));
        out.sent(out.piece().size());
        CHECK(out.empty());
        CHECK(out.memory() <= 2 * outbox::kept_bytes);
    }
    out.append(opcode::text, false, std::string(1'000'000, 'a'));
    while (!out.empty())
        out.sent(out.piece().size());
    CHECK(out.memory() <= outbox::kept_bytes);
}
