#include "examples/crawler/text.hpp"

#include "tests/support/catch.hpp"

#include <string>

using namespace crawler;

TEST_CASE("text: what is harmless stays") {
    for (const char* text :
         {"", "plain", "caf\u00e9 \u20ac \U0001F600 \uFFFD", "a\u00a0b", "\u2010\u2027\u202f\u2065\u206a"})
        CHECK(printable(text) == text);
}

TEST_CASE("text: nothing moves the cursor, colours, deletes or turns the direction") {
    CHECK(printable("\x1b[2J\x1b]0;title\x07") == "?[2J?]0;title?");
    CHECK(printable(std::string("a\0b\r\n\t\x7f", 7)) == "a?b????");
    CHECK(printable("\u009b31m\u0080\u009f\u0085") == "?31m???");
    CHECK(printable("\u202e"
                    "abc\u2066\u2069\u200e\u200f\u2028\u2029") == "?abc??????");
}

TEST_CASE("text: what is not UTF-8") {
    CHECK(printable("\x9b"
                    "31m") == "?31m"); // C1 as one byte
    CHECK(printable("\xff\xfe") == "??");
    CHECK(printable("\xc2") == "?");
    CHECK(printable("\xc1\x9b") == "??");
    CHECK(printable("\xe2\x80") == "??");
    CHECK(printable("\xed\xa0\x80") == "???");
    CHECK(printable("\xf4\x90\x80\x80") == "????");
}

TEST_CASE("text: long text is cut between characters") {
    CHECK(printable("abcdef", 6) == "abcdef");
    CHECK(printable("abcdefg", 6) == "abcdef...");
    CHECK(printable("abcd\u20ac", 6) == "abcd...");
    CHECK(printable(std::string(1'000'000, 'x')).size() == 303);
}
