#include "lib/http/websocket/handshake.hpp"

#include "tests/support/catch.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace tandem::http;

namespace {

constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ=="; // of RFC 6455, 1.3

headers answer() {
    headers fields;
    fields.add("Upgrade", "WebSocket");
    fields.add("Connection", "keep-alive, Upgrade");
    fields.add("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    return fields;
}

std::string failure_of(const headers& fields, int status = 101, bool compression = true) {
    return ws::check_answer(status, fields, key, {"chat", "other"}, compression).failure;
}

std::string failure_with(std::string_view name, std::string_view value, bool compression = true) {
    headers fields = answer();
    fields.set(name, value);
    return failure_of(fields, 101, compression);
}

} // namespace

TEST_CASE("websocket handshake: the standard's example, and keys that differ", "[websocket]") {
    CHECK(ws::accept_for(key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    std::set<std::string> keys;
    for (int i = 0; i < 100; ++i) {
        keys.insert(ws::make_key());
        CHECK(keys.begin()->size() == 24);
    }
    CHECK(keys.size() == 100);
}

TEST_CASE("websocket handshake: what a server may answer, and what not", "[websocket]") {
    CHECK(failure_of(answer()).empty());
    for (const int status : {200, 301, 400, 403, 404, 426, 503})
        CHECK_FALSE(failure_of(answer(), status).empty());
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"Upgrade", "h2c"},
             {"Connection", "close"},
             {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo"},
             {"Sec-WebSocket-Accept", ""},
             {"Sec-WebSocket-Protocol", "third"},
             {"Sec-WebSocket-Protocol", "chat, other"},
             {"Sec-WebSocket-Protocol", "Chat"},
             {"Sec-WebSocket-Extensions", "x-unknown"}})
        CHECK_FALSE(failure_with(name, value).empty());
    headers twice = answer();
    twice.add("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    CHECK_FALSE(failure_of(twice).empty());
    headers fields = answer();
    fields.set("Sec-WebSocket-Protocol", "other");
    CHECK(ws::check_answer(101, fields, key, {"chat", "other"}, false).subprotocol == "other");
}

TEST_CASE("websocket handshake: what may be agreed on about compression", "[websocket]") {
    const std::string agreed = "permessage-deflate; server_no_context_takeover";
    for (const std::string& good :
         {agreed, agreed + "; client_no_context_takeover", agreed + ";server_max_window_bits=8",
          agreed + "; server_max_window_bits=\"15\""}) {
        INFO(good);
        CHECK(failure_with("Sec-WebSocket-Extensions", good).empty());
        CHECK_FALSE(failure_with("Sec-WebSocket-Extensions", good, false).empty()); // not offered
    }
    for (const std::string& bad :
         {std::string("permessage-deflate"), agreed + "; server_no_context_takeover",
          agreed + "; client_max_window_bits=10", agreed + "; server_max_window_bits=7",
          agreed + "; server_max_window_bits=16", agreed + "; server_max_window_bits", agreed + "; x",
          agreed + "=1", agreed + ", permessage-deflate", std::string("x-webkit-deflate-frame")}) {
        INFO(bad);
        CHECK_FALSE(failure_with("Sec-WebSocket-Extensions", bad).empty());
    }
}
