#include "tests/support/catch.hpp"

#include "lib/http/charset.hpp"

#include <string>

using namespace std::string_literals;
using tandem::http::decode_text;

TEST_CASE("text of several encodings as UTF-8") {
    CHECK(decode_text("J\xc3\xb6rg", "utf-8") == "J\xc3\xb6rg");
    CHECK(decode_text("J\xf6rg \x80", "ISO-8859-1") == "J\xc3\xb6rg \xe2\x82\xac"); // windows-1252 in truth
    CHECK(decode_text("\x81", "latin1") == "\xc2\x81");
    CHECK(decode_text("\xf9\xec\xe5\xed", "windows-1255") == "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d");
    CHECK(decode_text("\xe0", "windows-1255") == "\xd7\x90");
    CHECK(decode_text("abc", "windows-1258") == "abc");
    CHECK(decode_text("\xef\xf0\xe8", "windows-1251") == "\xd0\xbf\xd1\x80\xd0\xb8");
    CHECK(decode_text("\xd0\xd2\xc9", "koi8-r") == "\xd0\xbf\xd1\x80\xd0\xb8");
    CHECK(decode_text("\x93\xfa\x96\x7b", "Shift_JIS") == "\xe6\x97\xa5\xe6\x9c\xac");
    CHECK(decode_text("\xc4\xe3", "gb2312") == "\xe4\xbd\xa0");
    CHECK(decode_text("\xa4\xe9", "euc-jp").size() == 3);
    CHECK(decode_text("\xa4", "iso-8859-15") == "\xe2\x82\xac");
    CHECK(decode_text("a\0\xf6\0"s, "utf-16") == "a\xc3\xb6");
    CHECK(decode_text("\0a\xd8\x3d\xde\x00"s, "utf-16be") == "a\xf0\x9f\x98\x80");
    CHECK(decode_text("", "utf-16").empty());
}

TEST_CASE("a byte order mark decides, whatever the label says") {
    CHECK(decode_text("\xef\xbb\xbf\xc3\xb6", "latin1") == "\xc3\xb6");
    CHECK(decode_text("\xff\xfe\xf6\0"s, "utf-8") == "\xc3\xb6");
    CHECK(decode_text("\xfe\xff\0\xf6"s, "utf-8") == "\xc3\xb6");
}

TEST_CASE("what is invalid is replaced, what is unknown is UTF-8") {
    const std::string bad = "\xef\xbf\xbd";
    CHECK(decode_text("a\xff"
                      "b",
                      "utf-8") == "a" + bad + "b");
    CHECK(decode_text("\xe2\x82", "utf-8") == bad);                 // cut off: one replacement
    CHECK(decode_text("\xed\xa0\x80", "utf-8") == bad + bad + bad); // a surrogate
    CHECK(decode_text("\x3d\xd8"s + "a\0"s, "utf-16le") == bad + "a");
    CHECK(decode_text("a\0b"s, "utf-16le") == "a" + bad);
    CHECK(decode_text("\xd8\x3d", "utf-16be") == bad);
    CHECK(decode_text("\x93", "shift_jis") == bad);
    CHECK(decode_text("\x93\xfa\xff"
                      "a",
                      "shift_jis") == "\xe6\x97\xa5" + bad + "a");
    for (const char* const label : {"no-such", "utf-8//IGNORE", "hz-gb-2312", "utf-7", "../x", "\"", "x y"})
        CHECK(decode_text("+AGE-\xc3\xb6", label) == "+AGE-\xc3\xb6");
}
