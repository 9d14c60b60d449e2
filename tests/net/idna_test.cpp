#include "lib/net/idna.hpp"
#include "lib/net/idna_tables.hpp"
#include "lib/net/punycode.hpp"
#include "lib/net/utf8.hpp"

#include "tests/support/catch.hpp"

#include <string>

using namespace tandem::detail;

namespace {

std::string ascii(std::u32string_view domain) {
    std::string utf8;
    for (const char32_t c : domain)
        append_utf8(utf8, c);
    return domain_to_ascii(utf8).value_or("invalid");
}

} // namespace

TEST_CASE("punycode: the samples of RFC 3492", "[net][idna]") {
    struct sample {
        std::u32string_view text;
        std::string_view encoded;
    };
    const sample samples[] = {
        {U"b\u00FCcher", "bcher-kva"},
        {U"\u4ED6\u4EEC\u4E3A\u4EC0\u4E48\u4E0D\u8BF4\u4E2D\u6587", "ihqwcrb4cv8a8dqg056pqjye"},
        {U"3\u5E74b\u7D44\u91D1\u516B\u5148\u751F", "3b-ww4c5e180e575a65lsy2b"},
        {U"-> $1.00 <-", "-> $1.00 <--"},
        {U"\U0001F600", "e28h"},
    };
    for (const sample& s : samples) {
        std::string encoded;
        append_punycode(encoded, s.text);
        CHECK(encoded == s.encoded);
        const auto decoded = decode_punycode(s.encoded);
        REQUIRE(decoded.has_value());
        CHECK((*decoded == s.text)); // Catch cannot print a u32string
    }
}

TEST_CASE("punycode: what cannot be decoded", "[net][idna]") {
    CHECK_FALSE(decode_punycode("99999999").has_value());
    CHECK_FALSE(decode_punycode("a-=").has_value());
    CHECK_FALSE(decode_punycode("zz").has_value()); // ends within a number
    CHECK_FALSE(decode_punycode("\xC3\xA9-kva").has_value());
    CHECK_FALSE(decode_punycode(std::string(2000, '9')).has_value());
    CHECK(decode_punycode("").has_value());
}

TEST_CASE("utf8 refuses what is overlong, a surrogate, too large or cut off", "[net][idna]") {
    CHECK(decode_utf8("\xF4\x8F\xBF\xBF").code_point == 0x10FFFF);
    CHECK(decode_utf8("\xEF\xBF\xBD").ok);
    for (const char* text :
         {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE4\xB8", "\xF0\x9F\x98"}) {
        CHECK_FALSE(decode_utf8(text).ok);
    }
    CHECK(decode_utf8("\xE4\xB8x").size == 2); // the maximal subpart
    CHECK(decode_utf8("\xED\xA0\x80").size == 1);
}

TEST_CASE("domains become ASCII without transitional mapping", "[net][idna]") {
    CHECK(ascii(U"B\u00DCCHER.de") == "xn--bcher-kva.de");
    CHECK(ascii(U"fa\u00DF.de") == "xn--fa-hia.de");
    CHECK(ascii(U"\u1E9E.de") == "xn--zca.de");
    CHECK(ascii(U"\u2603.net") == "xn--n3h.net");             // a symbol
    CHECK(ascii(U"\u4E2D\u3002\u6587") == "xn--fiq.xn--7dv"); // an ideographic full stop
    CHECK(ascii(U"e\u0301.fr") == "xn--9ca.fr");              // composed
    CHECK(ascii(U"a\u0316\u0301\u4E2D") == ascii(U"a\u0301\u0316\u4E2D"));
    CHECK(ascii(U"\u1112\u1161\u11AB") == "xn--6q8b"); // jamo make one syllable
    CHECK(ascii(U"\u10A0.ge") == "xn--rkj.ge");
    CHECK(ascii(U"\u00E9-") == "xn----9fa");
    CHECK(ascii(U"\u00E9--x") == ascii(U"E\u0301--X")); // hyphens anywhere
    CHECK(ascii(U".\u00E9..") == ".xn--9ca..");
    CHECK(ascii(U"x\u00ADy\u00E9") == "xn--xy-cja");
}

TEST_CASE("ASCII domains are only made lower case", "[net][idna]") {
    CHECK(domain_to_ascii("ExAmPle.COM") == "example.com");
    CHECK(domain_to_ascii("xn--a.XN--ZCA") == "xn--a.xn--zca");
    CHECK(domain_to_ascii("") == "");
}

TEST_CASE("xn-- labels beside Unicode ones must be right", "[net][idna]") {
    CHECK(ascii(U"xn--zca.\u00DF") == "xn--zca.xn--zca");
    CHECK(ascii(U"XN--bcher-KVA.\u00DF") == "xn--bcher-kva.xn--zca");
    CHECK(ascii(U"xn--a.\u00DF") == "invalid");
    CHECK(ascii(U"xn--.\u00DF") == "invalid");
    CHECK(ascii(U"xn--abc-.\u00DF") == "invalid");       // ASCII in disguise
    CHECK(ascii(U"xn--te\u0161la") == "invalid");        // not ASCII
    CHECK(ascii(U"xn--bcher-kva8.\u00DF") == "invalid"); // disallowed content
    CHECK(ascii(U"xn--e-xbb.\u00DF") == "invalid");      // e + U+0301, not composed
    CHECK(ascii(U"xn--xn--e-bfd.\u00DF") == "invalid");
    CHECK(ascii(U"xn--4ca.\u00DF") == "xn--4ca.xn--zca");
}

TEST_CASE("disallowed code points, marks and joiners", "[net][idna]") {
    CHECK(ascii(U"\uFFFD.com") == "invalid");
    CHECK(ascii(U"a\u202Eb") == "invalid");
    CHECK(ascii(U"\U000E0041") == "invalid");
    CHECK(ascii(U"\u0301a") == "invalid");   // begins with a mark
    CHECK(ascii(U"a.\u0301b") == "invalid"); // so does the second label
    CHECK(ascii(U"a\u200Db") == "invalid");  // a joiner between Latin letters
    CHECK(ascii(U"\u200D\u00E9") == "invalid");
    CHECK(ascii(U"\u0DC1\u0DCA\u200D\u0DBB\u0DD3") == "xn--10cl1a0b660p"); // after a virama
    CHECK(ascii(U"\u0646\u0627\u0645\u0647\u200C\u0627\u06CC") == "xn--mgba3gch31f060k");
    CHECK(ascii(U"\u0915\u094D\u200D\u2665") != "invalid"); // whatever follows
    CHECK(ascii(U"\U0001F469\u200D\U0001F4BB") == "invalid");
    CHECK_FALSE(domain_to_ascii("\xC3").has_value());
}

TEST_CASE("the Bidi rule holds for the whole domain", "[net][idna]") {
    CHECK(ascii(U"\u05D0\u05D1.com") == "xn--4dbc.com");
    CHECK(ascii(U"\u05D01.com") == "xn--1-zhc.com");
    CHECK(ascii(U"\u064Aa") == "invalid");
    CHECK(ascii(U"a\u05D0") == "invalid");
    CHECK(ascii(U"1.\u05D0") == "invalid");            // a label of digits beside a Hebrew one
    CHECK(ascii(U"a-.\u05D0") == "invalid");           // one that ends in a hyphen
    CHECK(ascii(U"1.\u00E9") == "1.xn--9ca");          // no rule without right-to-left text
    CHECK(ascii(U"\u0627\u0660\u06F1") == "invalid");  // both kinds of digits
    CHECK(ascii(U"\u05D0\u05B8") == "xn--gdb1c");      // may end in a mark
    CHECK(ascii(U"\u05D0\u0B95\u05D1") == "invalid");  // Tamil within Hebrew
    CHECK(ascii(U"\u05D0\u2665\u05D1") != "invalid");  // a symbol is neutral
    CHECK(ascii(U"\u00E9\u0301.\u05D0") != "invalid"); // a left-to-right label that ends in marks
}

TEST_CASE("hostile domains cost little", "[net][idna]") {
    std::u32string marks = U"e";
    marks.append(500, U'\u0301');
    CHECK(ascii(marks) == "invalid");
    CHECK(ascii(std::u32string(max_unicode_domain + 1, U'\u00E9')) == "invalid");
    std::u32string distinct;
    for (char32_t c = 0x4E00; distinct.size() < max_unicode_domain; ++c)
        distinct += c;
    CHECK(ascii(distinct).starts_with("xn--"));
    std::u32string grows(max_unicode_domain, U'\uFDFB'); // each becomes eight
    CHECK(ascii(grows) == "invalid");
}
