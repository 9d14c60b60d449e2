#include "tests/support/catch.hpp"

#include "lib/http/event_stream_parser.hpp"

#include <algorithm>
#include <string>

using namespace std::chrono_literals;
using namespace std::string_literals;
using tandem::http::event_stream_parser;
using step = event_stream_parser::step;

namespace {

// All events as `type|data|id;`, the input given in pieces of `size` bytes.
std::string read(std::string_view text, std::size_t size = 1000000, std::size_t limit = 1000) {
    event_stream_parser parser(limit);
    std::string out;
    while (!text.empty()) {
        std::string_view piece = text.substr(0, size);
        text.remove_prefix(piece.size());
        for (;;) {
            const step now = parser.next(piece);
            if (now == step::need_more) break;
            if (now == step::too_large) return out + "too large";
            const auto event = parser.take_event();
            out += event.type() + '|' + event.data() + '|' + event.id() + ';';
        }
        CHECK(piece.empty());
    }
    return out;
}

} // namespace

TEST_CASE("events of the standard's examples") {
    CHECK(read("data: This is the first message.\n\ndata: This is the second message, it\n"
               "data: has two lines.\n\ndata: This is the third message.\n\n") ==
          "message|This is the first message.|;message|This is the second message, it\nhas two lines.|;"
          "message|This is the third message.|;");
    CHECK(read("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n") ==
          "add|73857293|;remove|2153|;");
    CHECK(read("data: YHOO\ndata: +2\ndata: 10\n\n") == "message|YHOO\n+2\n10|;");
    CHECK(
        read(
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n") ==
        "message|first event|1;message|second event|;message| third event|;");
    CHECK(read("data\n\ndata\ndata\n\ndata:") == "message||;message|\n|;"); // the last is not complete
    CHECK(read("data:test\n\ndata: test\n\n") == "message|test|;message|test|;");
}

TEST_CASE("line ends, wherever the input is cut") {
    const std::string text =
        "data:a\r\ndata:b\rdata:c\n\r\ndata:d\r\n\r\ndata:e\r\rid:7\n\nevent:x\ndata:\xc3\xb6\n\n";
    const std::string expected = "message|a\nb\nc|;message|d|;message|e|;x|\xc3\xb6|7;";
    for (std::size_t size = 1; size < 12; ++size) {
        INFO(size);
        CHECK(read(text, size) == expected);
    }
    CHECK(read(text) == expected);
}

TEST_CASE("what the standard says about fields") {
    CHECK(read("DATA:x\n\n").empty()); // names are case-sensitive
    CHECK(read("other:x\ndata:y\nnonsense\n\n") == "message|y|;");
    CHECK(read("event:x\n\ndata:y\n\n") == "message|y|;"); // a type without data is forgotten
    CHECK(read("event:x\nevent:\ndata:y\n\n") == "message|y|;");
    CHECK(read("id:1\n\ndata:y\n\n") == "message|y|1;"); // an id without data is not
    CHECK(read("id:1\ndata:x\n\nid:2\0\ndata:y\n\n"s) == "message|x|1;message|y|1;");
    CHECK(read("id:a\nid:\ndata:y\n\n") == "message|y|;");
    CHECK(read("data:a:b\n\n") == "message|a:b|;");
    CHECK(read("data:x\0y\n\n"s) == "message|x\0y|;"s);
    CHECK(read("\xef\xbb\xbf"
               "data:x\n\n\xef\xbb\xbf"
               "data:y\n\n") == "message|x|;"); // one mark, at the start
    CHECK(read("\xef\xbb\xbf\n\ndata:x\n\n") == "message|x|;");
    CHECK(read("data:\xff\xe2\x82\n\n") == "message|\xef\xbf\xbd\xef\xbf\xbd|;");
}

TEST_CASE("the wait that a server asks for") {
    const auto retry = [](std::string_view text) {
        event_stream_parser parser(100);
        static_cast<void>(parser.next(text));
        return parser.retry().value_or(-1ms);
    };
    CHECK(retry("retry: 10\n") == 10ms);
    CHECK(retry("retry:0\n") == 0ms);
    CHECK(retry("retry: 5\nretry: x\n") == 5ms);
    CHECK(retry("retry: 99999999999999999999999999\n") == 24h);
    for (const char* const bad :
         {"retry\n", "retry:\n", "retry: -1\n", "retry: 1.5\n", "retry:  5\n", "retry: 10"})
        CHECK(retry(bad) == -1ms);
}

TEST_CASE("an id lasts beyond a connection, an event that has begun does not") {
    event_stream_parser parser(100);
    std::string_view first = "id:1\ndata:a\n\nid:2\nevent:x\ndata:b\r";
    CHECK(parser.next(first) == step::event);
    CHECK(parser.next(first) == step::need_more);
    CHECK(parser.last_event_id() == "1");
    parser.restart();
    CHECK(parser.last_event_id() == "1");
    std::string_view second = "\ndata:c\n\n";
    CHECK(parser.next(second) == step::event);
    const auto event = parser.take_event();
    CHECK(event.data() == "c");
    CHECK(event.type() == "message");
    CHECK(event.id() == "1");
}

TEST_CASE("events are bounded, just under and just over, in one line or in many") {
    const auto line = [](std::size_t n) { return "data:" + std::string(n, 'x') + "\n\n"; };
    CHECK(read(line(95), 1000, 100) == "message|" + std::string(95, 'x') + "|;");
    CHECK(read(line(96), 1000, 100) == "too large");
    CHECK(read(line(96), 7, 100) == "too large");
    CHECK(read(std::string(101, 'x'), 1, 100) == "too large"); // a line without an end
    CHECK(read(":" + std::string(100, 'x'), 50, 100) == "too large");
    std::string many;
    for (int i = 0; i < 200; ++i)
        many += "data:xxxxxxxx\n";
    CHECK(read(many + '\n', 1000000, 100) == "too large");
    std::string short_ones;
    for (int i = 0; i < 200; ++i)
        short_ones += "data:xxxxxxxx\n\n";
    const std::string all = read(short_ones, 1000000, 100);
    CHECK(std::count(all.begin(), all.end(), ';') == 200);
    CHECK(read("id:" + std::string(60, 'i') + "\nevent:" + std::string(60, 'e') + "\n\n", 1000, 100) ==
          "too large");
}
