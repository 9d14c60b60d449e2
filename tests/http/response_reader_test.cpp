#include <string>

#include "tests/http/h1_support.hpp"

using namespace h1_test;
using h1::error;
using h1::event;

namespace {

std::string ok(std::string_view fields, std::string_view body = {}) {
    return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

struct facts {
    h1::framing framing;
    bool keep_alive;
};

facts facts_of(std::string_view bytes, method asked = method::get) {
    h1::response_reader reader;
    reader.reset(asked);
    CHECK(reader.read(bytes).what == event::head);
    return {reader.framing(), reader.keep_alive()};
}

} // namespace

TEST_CASE("responses with each kind of body", "[http][h1]") {
    const outcome length = read_response(ok("Content-Length: 5\r\nA: b\r\n", "helloHTTP/1.1"));
    CHECK(length.last == event::complete);
    CHECK(length.head == "200|OK|1\nContent-Length=5\nA=b\n");
    CHECK(length.body == "hello");
    CHECK(length.consumed == ok("Content-Length: 5\r\nA: b\r\n", "hello").size());

    const outcome chunked =
        read_response(ok("Transfer-Encoding: chunked\r\n", "5;x=y\r\nhello\r\n0\r\nT: u\r\n\r\nrest"));
    CHECK(chunked.body == "hello");
    CHECK(chunked.trailers == "T=u\n");
    CHECK(chunked.last == event::complete);

    CHECK(read_response(ok("", "hello")).last == event::need_more);
    const outcome closed = read_response(ok("", "hello"), true);
    CHECK(closed.last == event::complete);
    CHECK(closed.body == "hello");
    CHECK(read_response(ok("Content-Length: 0\r\n")).last == event::complete);
    CHECK(read_response(ok("", ""), true).last == event::complete);
}

TEST_CASE("status lines", "[http][h1]") {
    const auto first = [](std::string_view line) {
        return read_response(std::string(line) + "\r\nContent-Length: 0\r\n\r\n");
    };
    CHECK(first("HTTP/1.1 200").head == "200||1\nContent-Length=0\n");
    CHECK(first("HTTP/1.1 404 ").head == "404||1\nContent-Length=0\n");
    CHECK(first("HTTP/1.1 404 Not  Found\xe4\t!").head == "404|Not  Found\xe4\t!|1\nContent-Length=0\n");
    CHECK(first("HTTP/1.0 999 x").head == "999|x|0\nContent-Length=0\n");
    CHECK(first("HTTP/1.7 200 x").head == "200|x|1\nContent-Length=0\n");
    for (const std::string bad :
         {"", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 099", "HTTP/1.1 20x",
          "HTTP/1.1  200", "HTTP/1.1 200OK", "HTTP/1.1\t200", "http/1.1 200 OK", "ICY 200 OK", "HTTP/1 200",
          "HTTP/11.1 200", "HTTP/x.1 200", " HTTP/1.1 200", "HTTP/1.1 +20", "<html>"}) {
        INFO(bad);
        CHECK(first(bad).error == error::bad_status_line);
    }
    CHECK(first("HTTP/2.0 200 OK").error == error::unsupported_version);
    CHECK(first("HTTP/1.1 200 O\x01K").error == error::bad_reason);
    CHECK(first("HTTP/1.1 200 O\rK").error == error::bad_reason);
    h1::response_reader reader;
    CHECK(reader.read("\x15\x03\x01").what == event::failed); // a TLS alert: no need to wait for a line end
}

TEST_CASE("what the web needs is tolerated in responses", "[http][h1]") {
    CHECK(read_response("HTTP/1.1 200 OK\nContent-Length: 2\nA: b\n\nhi").body == "hi");
    CHECK(read_response(ok("A: b\r\n  c\r\n\t d \r\nB: e\r\nContent-Length: 0\r\n")).head ==
          "200|OK|1\nA=b c d\nB=e\nContent-Length=0\n");
    CHECK(read_response(ok("A: b\n c\nContent-Length: 0\r\n")).head == "200|OK|1\nA=b c\nContent-Length=0\n");
    CHECK(read_response(ok("A:\r\n b\r\n \t\r\n c\r\nContent-Length: 0\r\n")).head ==
          "200|OK|1\nA=b c\nContent-Length=0\n");
    CHECK(read_response(ok("A: b\r\n \r\nContent-Length: 0\r\n")).head ==
          "200|OK|1\nA=b\nContent-Length=0\n");
    CHECK(read_response(ok("A \t: b\r\nContent-Length : 2\r\n", "hi")).body == "hi");
    CHECK(read_response(ok("Transfer-Encoding: chunked\r\n", "2  \r\nhi\r\n1\t; x\r\n!\n0 \n\n")).body ==
          "hi!");
    for (const std::string twice :
         {"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5, 5\r\n",
          "Content-Length: 5,5,\r\n", "Content-Length: 5\r\ncontent-length: 05, 5\r\n"}) {
        INFO(twice);
        CHECK(read_response(ok(twice, "helloX")).body == "hello");
    }
}

TEST_CASE("responses that are refused", "[http][h1]") {
    const auto why = [](std::string_view fields) { return read_response(ok(fields)).error; };
    CHECK(why(" A: b\r\n") == error::obs_fold); // nothing to continue
    CHECK(why("A b: c\r\n") == error::bad_field_name);
    CHECK(why(": c\r\n") == error::bad_field_name);
    CHECK(why("no colon\r\n") == error::bad_field_name);
    CHECK(why("A: b\rc\r\n") == error::bad_field_value);
    CHECK(why("A: b\r\n c\x02\r\n") == error::bad_field_value);
    CHECK(why(std::string("A: \0\r\n", 6)) == error::bad_field_value);
    for (const std::string bad :
         {"", ",", "+1", "-1", "1_0", "0x1", "1 1", "5;", "18446744073709551616", "5, x", "\xd9\xa1"}) {
        INFO(bad);
        CHECK(why("Content-Length: " + bad + "\r\n") == error::bad_content_length);
    }
    CHECK(why("Content-Length: 5, 6\r\n") == error::conflicting_content_length);
    CHECK(why("Content-Length: 5\r\nContent-Length: 6\r\n") == error::conflicting_content_length);
    CHECK(why("Content-Length: 5\r\nContent-Length:\r\n") == error::bad_content_length);
    const auto chunk = [](std::string_view body) {
        return read_response(ok("Transfer-Encoding: chunked\r\n", body)).error;
    };
    CHECK(chunk("0x1\r\n") == error::bad_chunk_size);
    CHECK(chunk("+1\r\n") == error::bad_chunk_size);
    CHECK(chunk("\r\n") == error::bad_chunk_size);
    CHECK(chunk(" 1\r\n") == error::bad_chunk_size);
    CHECK(chunk("1 2\r\n") == error::bad_chunk_size);
    CHECK(chunk("00000000000000001\r\n") == error::bad_chunk_size);
    CHECK(chunk("1\rx") == error::bad_chunk_size);
    CHECK(chunk("1;\x7f\r\n") == error::bad_chunk_extension);
    CHECK(chunk("1\r\nab") == error::bad_chunk_end);
}

TEST_CASE("framing and reuse of responses", "[http][h1]") {
    using h1::framing;
    const auto is = [](const facts& found, framing how, bool keep) {
        return found.framing == how && found.keep_alive == keep;
    };
    CHECK(is(facts_of(ok("Content-Length: 5\r\n")), framing::length, true));
    CHECK(is(facts_of(ok("Content-Length: 0\r\n")), framing::none, true));
    CHECK(is(facts_of(ok("Content-Length: 5\r\nConnection: close\r\n")), framing::length, false));
    CHECK(is(facts_of(ok("Transfer-Encoding: Chunked\r\n")), framing::chunked, true));
    CHECK(is(facts_of(ok("")), framing::until_close, false));
    CHECK(is(facts_of(ok("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")), framing::chunked, false));
    CHECK(is(facts_of(ok("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n")), framing::until_close, false));
    CHECK(is(facts_of(ok("Transfer-Encoding: gzip, chunked\r\n")), framing::chunked, false));
    CHECK(is(facts_of(ok("Transfer-Encoding: chunked,\r\n")), framing::chunked,
             false)); // some read it otherwise
    for (const std::string coding :
         {"", "identity", "chunked, gzip", "chunked, chunked", "xchunked", "chunked;q=1"}) {
        INFO(coding);
        CHECK(is(facts_of(ok("Transfer-Encoding: " + coding + "\r\n")), framing::until_close, false));
    }
    CHECK(is(facts_of("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), framing::until_close, false));
    CHECK(is(facts_of("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"), framing::length, false));
    CHECK(is(facts_of("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n"),
             framing::length, true));
}

TEST_CASE("responses that have no body whatever their fields say", "[http][h1]") {
    for (const std::string fields : {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""}) {
        INFO(fields);
        const std::string bytes = ok(fields);
        const outcome told = read_response(bytes + "HTTP/1.1", false, method::head);
        CHECK(told.last == event::complete);
        CHECK(told.body.empty());
        CHECK(told.consumed == bytes.size());
        CHECK(facts_of(bytes, method::head).keep_alive);
        CHECK(read_response("HTTP/1.1 204 No Content\r\n" + fields + "\r\nx").last == event::complete);
        CHECK(read_response("HTTP/1.1 304 Not Modified\r\n" + fields + "\r\nx").last == event::complete);
        const outcome tunnel = read_response(bytes + "tunnel", false, method::connect);
        CHECK(tunnel.last == event::complete);
        CHECK(tunnel.consumed == bytes.size());
        CHECK_FALSE(facts_of(bytes, method::connect).keep_alive);
    }
    CHECK(read_response("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nhi", false, method::connect).body ==
          "hi");
}

TEST_CASE("interim responses are skipped, counted and limited", "[http][h1]") {
    const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\n\r\n";
    const std::string last = ok("Content-Length: 2\r\n", "hi");
    CHECK(read_response(go_on + hints + last).head == "200|OK|1\nContent-Length=2\n");
    CHECK(read_response(go_on + hints + last).body == "hi");

    h1::response_reader reader;
    const h1::step waiting = reader.read(hints + go_on + "HT");
    CHECK(waiting.what == event::need_more);
    CHECK(waiting.consumed == hints.size() + go_on.size());
    CHECK(reader.continue_received());
    CHECK(reader.interim_responses() == 2);
    reader.reset();
    CHECK_FALSE(reader.continue_received());

    std::string many;
    for (int i = 0; i < 16; ++i)
        many += hints;
    CHECK(read_response(many + last).body == "hi");
    CHECK(read_response(many + hints + last).error == error::too_many_interim);
    CHECK(read_response(go_on, true).error == error::truncated);

    const outcome other = read_response("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes");
    CHECK(other.head == "101|Switching Protocols|1\nUpgrade=x\n");
    CHECK(other.last == event::complete);
    CHECK(other.body.empty());
    CHECK_FALSE(facts_of("HTTP/1.1 101 x\r\n\r\n").keep_alive);
}

TEST_CASE("a stream that ends early is an error, and is told apart from one that never began", "[http][h1]") {
    CHECK(read_response("", true).error == error::closed_before_response);
    CHECK(read_response("H", true).error == error::truncated);
    CHECK(read_response("HTTP/1.1 200 OK\r\nA: b\r\n", true).error == error::truncated);
    const outcome body = read_response(ok("Content-Length: 5\r\n", "hell"), true);
    CHECK(body.error == error::truncated);
    CHECK(body.body == "hell");
    for (const std::string part :
         {"", "5", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "0\r\n", "0\r\nA: b\r\n"}) {
        INFO(part);
        CHECK(read_response(ok("Transfer-Encoding: chunked\r\n", part), true).error == error::truncated);
    }
    CHECK(read_response(ok("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), true).last == event::complete);
}

TEST_CASE("limits of responses", "[http][h1]") {
    h1::limits bounds = h1::client_limits();
    CHECK(bounds.header_bytes == 64 * 1024);
    bounds.body_bytes = 5;
    CHECK(read_response(ok("", "hello"), true, method::get, bounds).last == event::complete);
    const outcome told = read_response(ok("", "hello!"), true, method::get, bounds);
    CHECK(told.error == error::body_too_large);
    CHECK(told.body == "hello");
    bounds = h1::client_limits();
    const std::string folded = ok("A: b\r\n c\r\nContent-Length: 0\r\n");
    bounds.header_bytes = folded.size();
    bounds.fields = 2;
    CHECK(read_response(folded, false, method::get, bounds).last == event::complete);
    --bounds.header_bytes;
    CHECK(read_response(folded, false, method::get, bounds).error == error::header_too_large);
    bounds = h1::client_limits();
    std::string all = ok("Transfer-Encoding: chunked\r\n", "1");
    bounds.chunk_extension_bytes = 10; // blanks after a size count
    CHECK(read_response(all + std::string(10, ' ') + "\r\nx", false, method::get, bounds).body == "x");
    CHECK(read_response(all + std::string(11, ' ') + "\r\nx", false, method::get, bounds).error ==
          error::chunk_extensions_too_long);
    // Some servers pad every size: what the data allows is not too much, however long it goes on.
    std::string padded = ok("Transfer-Encoding: chunked\r\n");
    for (int i = 0; i < 20; ++i)
        padded += "4   \r\nabcd\r\n";
    CHECK(read_response(padded + "0\r\n\r\n", true, method::get, bounds).body.size() == 80);
    std::string more = ok("Transfer-Encoding: chunked\r\n");
    for (int i = 0; i < 20; ++i)
        more += "1  \r\nx\r\n";
    CHECK(read_response(more, true, method::get, bounds).error == error::chunk_extensions_too_long);
}

TEST_CASE("a head may be moved out, and the reader used again", "[http][h1]") {
    h1::response_reader reader;
    CHECK(reader.read(ok("A: 1\r\nContent-Length: 0\r\n")).what == event::head);
    const h1::response_head mine = std::move(reader.head());
    CHECK(reader.read("").what == event::complete);
    reader.reset();
    CHECK(reader.read(ok("B: 2\r\nContent-Length: 0\r\n")).what == event::head);
    CHECK(mine.headers.get("a") == "1");
    CHECK(text_of(reader.head()) == "200|OK|1\nB=2\nContent-Length=0\n");
}
