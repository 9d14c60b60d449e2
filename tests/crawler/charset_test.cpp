#include "examples/crawler/charset.hpp"

#include "tests/support/catch.hpp"

#include <random>

using namespace crawler;
using namespace std::string_view_literals;

TEST_CASE("charset: labels") {
    CHECK(charset_from_label(" UTF8\t") == charset::utf_8);
    for (const char* label : {"iso-8859-1", "latin1", "ASCII", "us-ascii", "cp1252", "windows-1252"})
        CHECK(charset_from_label(label) == charset::windows_1252);
    CHECK(charset_from_label("utf-16") == charset::utf_16le);
    CHECK(charset_from_label("sjis") == charset::shift_jis);
    CHECK(charset_from_label("gb2312") == charset::gb18030);
    CHECK(charset_from_label("iso-8859-9") == charset::windows_1254);
    CHECK(charset_from_label("hz-gb-2312") == charset::replacement);
    CHECK_FALSE(charset_from_label("utf 8").has_value());
    CHECK_FALSE(charset_from_label("").has_value());
    CHECK_FALSE(charset_from_label("utf8 unicode11utf8").has_value());
    CHECK(charset_name(charset::euc_kr) == "euc-kr");
}

TEST_CASE("charset: prescan") {
    CHECK(prescan_charset("<meta charset=koi8-r>") == charset::koi8_r);
    CHECK(prescan_charset("<META\nx=y CHARSET = \"Big5\" >") == charset::big5);
    CHECK(prescan_charset("<meta/charset='euc-jp'/>") == charset::euc_jp);
    CHECK(prescan_charset("<meta http-equiv=Content-Type content='text/html; charset=euc-kr'>") ==
          charset::euc_kr);
    CHECK(prescan_charset("<meta content='text/html; charset = \"euc-kr\"' http-equiv=content-type>") ==
          charset::euc_kr);
    CHECK_FALSE(prescan_charset("<meta content='text/html; charset=euc-kr'>").has_value());
    CHECK_FALSE(prescan_charset("<meta name=x http-equiv=refresh content='charset=euc-kr'>").has_value());
    CHECK(prescan_charset("<!-- <meta charset=big5> --><meta charset=koi8-u>") == charset::koi8_u);
    CHECK(prescan_charset("<!--><meta charset=big5>") == charset::big5);
    CHECK_FALSE(prescan_charset("<!-- <meta charset=big5>").has_value());
    CHECK(prescan_charset("<a title='<meta charset=big5>'><meta charset=koi8-r>") == charset::koi8_r);
    CHECK(prescan_charset("<? <meta charset=big5><meta charset=koi8-r>") == charset::koi8_r);
    CHECK(prescan_charset("<metadata charset=big5><meta charset=nonsense><meta charset=koi8-r>") ==
          charset::koi8_r);
    CHECK(prescan_charset("<meta charset=utf-16>") == charset::utf_8);
    CHECK(prescan_charset("<meta charset=x-user-defined>") == charset::windows_1252);
    CHECK(prescan_charset("<?xml version='1.0' encoding='Shift_JIS'?><html>") == charset::shift_jis);
    CHECK(prescan_charset("<\0?\0x\0m\0"sv) == charset::utf_16le);
    CHECK(prescan_charset(std::string(1003, ' ') + "<meta charset=big5>") == charset::big5);
    CHECK_FALSE(prescan_charset(std::string(1024, ' ') + "<meta charset=big5>").has_value());
    CHECK_FALSE(prescan_charset(std::string(1010, ' ') + "<meta charset=big5>").has_value());
}

TEST_CASE("charset: order of the signs") {
    const std::string meta = "<meta charset=koi8-r>";
    CHECK(detect_charset("\xEF\xBB\xBF" + meta, "big5") == charset::utf_8);
    CHECK(detect_charset("\xFF\xFEx", "big5") == charset::utf_16le);
    CHECK(detect_charset("\xFE\xFFx", "") == charset::utf_16be);
    CHECK(detect_charset(meta, "big5") == charset::big5);
    CHECK(detect_charset(meta, "unknown") == charset::koi8_r);
    CHECK(detect_charset("caf\xC3\xA9", "") == charset::utf_8);
    CHECK(detect_charset("caf\xC3", "") == charset::utf_8);
    CHECK(detect_charset("caf\xE9 x", "") == charset::windows_1252);
    CHECK(detect_charset("", "") == charset::utf_8);
}

TEST_CASE("charset: conversion") {
    CHECK(to_utf8("caf\xE9 \x80\x81", charset::windows_1252) == "caf\u00E9 \u20AC\u0081");
    CHECK(to_utf8("\xEF\xBB\xBF"
                  "a\xC3\xA9",
                  charset::utf_8) == "a\u00E9");
    CHECK(to_utf8("\xFF\xFE"
                  "a\0\x3D\xD8\x00\xDE"sv,
                  charset::utf_16le) == "a\U0001F600");
    CHECK(to_utf8("\0a\xD8\x3D\xDE\x00\xD8\x3D\0b\0"sv, charset::utf_16be) == "a\U0001F600\uFFFD"
                                                                              "b\uFFFD");
    CHECK(to_utf8("\xDC\x00\xD8\x3D"sv, charset::utf_16be) == "\uFFFD\uFFFD");
    CHECK(to_utf8("\x83\x5C\x81\x5B", charset::shift_jis) == "\u30BD\u30FC");
    CHECK(to_utf8("\xC4\xE3", charset::gb18030) == "\u4F60");
    CHECK(to_utf8("\xCF\xF0\xE8", charset::windows_1251) == "\u041F\u0440\u0438");
    CHECK(to_utf8("\xB0\xA1", charset::euc_kr) == "\uAC00");
    CHECK(to_utf8("a\x83", charset::shift_jis) == "a\uFFFD");
    CHECK(to_utf8("a\xFF<b>", charset::euc_jp) == "a\uFFFD<b>");
    CHECK(to_utf8("anything", charset::replacement) == "\uFFFD");
    CHECK(to_utf8("", charset::big5).empty());
}

TEST_CASE("charset: invalid UTF-8 by the maximal subpart") {
    CHECK(to_utf8("a\x80\xC0\xAF"
                  "b",
                  charset::utf_8) == "a\uFFFD\uFFFD\uFFFDb");
    CHECK(to_utf8("\xE2\x82"
                  "a\xF0\x9F\x98",
                  charset::utf_8) == "\uFFFDa\uFFFD");
    CHECK(to_utf8("\xED\xA0\x80", charset::utf_8) == "\uFFFD\uFFFD\uFFFD");
    CHECK(to_utf8("\xF4\x90\x80\x80", charset::utf_8) == "\uFFFD\uFFFD\uFFFD\uFFFD");
    CHECK(is_valid_utf8("abcdefghijk\u20AC"));
    CHECK_FALSE(is_valid_utf8("abcdefgh\xE2\x82"));
    CHECK(is_valid_utf8("abcdefgh\xE2\x82", true));
    CHECK_FALSE(is_valid_utf8("\xE2\x82x", true));
    CHECK(utf8_prefix("a\u20AC", 3) == "a");
    CHECK(utf8_prefix("a\u20AC", 4) == "a\u20AC");
    CHECK(utf8_prefix("abc", 0).empty());
}

TEST_CASE("charset: any bytes in any encoding give valid UTF-8") {
    std::mt19937 random(11);
    for (int round = 0; round < 200; ++round) {
        std::string bytes(random() % 300, '\0');
        for (char& c : bytes)
            c = static_cast<char>(random() % (round % 2 ? 256 : 130));
        for (int c = 0; c <= static_cast<int>(charset::euc_kr); ++c) {
            const std::string text = to_utf8(bytes, static_cast<charset>(c));
            REQUIRE(is_valid_utf8(text));
            REQUIRE(text.size() <= 3 * bytes.size() + 3);
        }
        (void)prescan_charset("<meta " + bytes);
    }
}
