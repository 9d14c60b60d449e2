#include "lib/net/host.hpp"

#include "tests/support/catch.hpp"

#include <string>

using tandem::detail::append_host;
using tandem::detail::host_kind;

namespace {

// The serialized host, or "invalid".
std::string host(std::string_view text) {
    std::string out = "//";
    return append_host(out, text) == host_kind::invalid ? "invalid" : out.substr(2);
}

} // namespace

TEST_CASE("an IPv4 host may be short, octal or hexadecimal", "[net][url]") {
    CHECK(host("127.0.0.1") == "127.0.0.1");
    CHECK(host("127.1") == "127.0.0.1");
    CHECK(host("0x7F.1.") == "127.0.0.1");
    CHECK(host("017700000001") == "127.0.0.1");
    CHECK(host("2130706433") == "127.0.0.1");
    CHECK(host("0x") == "0.0.0.0");
    CHECK(host("4294967295") == "255.255.255.255");
    CHECK(host("1.2.65535") == "1.2.255.255");
    CHECK(host("%31.0x2.03.4") == "1.2.3.4");
    CHECK(host("\xEF\xBC\x91.2.3.4") == "1.2.3.4"); // full-width digit one
    CHECK(host("0000000000000000000000000000000000001") == "0.0.0.1");
}

TEST_CASE("a host that ends in a number is an IPv4 address or nothing", "[net][url]") {
    for (const char* text : {"256.0.0.1", "1.2.3.4.5", "4294967296", "1.2.65536", "1..2", "foo.0x4", "foo.09",
                             "08", "0x100000000", "1.2.3.4..", "99999999999999999999999999", "a.1"}) {
        INFO(text);
        const std::string result = host(text);
        CHECK(result == (std::string_view(text) == "1.2.3.4.." ? "1.2.3.4.." : "invalid"));
    }
    CHECK(host("0xg") == "0xg");
    CHECK(host("1.2.3.a") == "1.2.3.a");
}

TEST_CASE("IPv6 hosts are written in the shortest way", "[net][url]") {
    CHECK(host("[::]") == "[::]");
    CHECK(host("[::1]") == "[::1]");
    CHECK(host("[1::]") == "[1::]");
    CHECK(host("[0:0:0:0:0:0:0:1]") == "[::1]");
    CHECK(host("[2001:0DB8:0:0:1:0:0:1]") == "[2001:db8::1:0:0:1]"); // the first of two equal runs
    CHECK(host("[1:0:2:0:0:3:0:0]") == "[1:0:2::3:0:0]");
    CHECK(host("[1:0:2:3:4:5:6:7]") == "[1:0:2:3:4:5:6:7]"); // one zero stays
    CHECK(host("[1:2:3:4:5:6:7::]") == "[1:2:3:4:5:6:7:0]");
    CHECK(host("[::2:3:4:5:6:7:8]") == "[0:2:3:4:5:6:7:8]");
    CHECK(host("[::ffff:192.168.0.1]") == "[::ffff:c0a8:1]");
    CHECK(host("[1:2:3:4:5:6:7.8.9.10]") == "[1:2:3:4:5:6:708:90a]");
}

TEST_CASE("ill-formed IPv6 hosts are refused", "[net][url]") {
    for (const char* text : {"[]",
                             "[",
                             "[:]",
                             "[:::]",
                             "[::1",
                             "[1]",
                             "[1:2:3:4:5:6:7]",
                             "[1:2:3:4:5:6:7:8:9]",
                             "[1::2::3]",
                             "[12345::]",
                             "[:1::2]",
                             "[1::2:]",
                             "[1:2:3:4:5:6:7:8::]",
                             "[::1%25eth0]",
                             "[::1%eth0]",
                             "[::1.2.3]",
                             "[::1.2.3.4.5]",
                             "[::1.2.3.256]",
                             "[::01.2.3.4]",
                             "[::1.2.3.4:5]",
                             "[1:2:3:4:5:6:7:1.2.3.4]",
                             "[::g]",
                             "[::1]x",
                             "[v1.x]",
                             "[::1.2.3.]",
                             "[::.1]",
                             "[ ::1]",
                             "[::%31]"}) {
        INFO(text);
        CHECK(host(text) == "invalid");
    }
}

TEST_CASE("a domain is made lower case and percent-decoded, and must not hold forbidden characters",
          "[net][url]") {
    CHECK(host("EXAMPLE.Org") == "example.org");
    CHECK(host("ex%61mple.%6Frg") == "example.org");
    CHECK(host("a_b!$&'()*+,;=~.-x-") == "a_b!$&'()*+,;=~.-x-");
    CHECK(host("a.b.") == "a.b.");
    for (const char* text : {"", "a b", "a%2Fb", "a%00", "a%40b", "a%25", "a%", "a%3Ab", "a|b", "a^b", "a<b",
                             "a%7F", "a]", "%C2%AD", "\xFF", "%E4%B8"}) {
        INFO(text);
        CHECK(host(text) == "invalid");
    }
    CHECK(host(std::string_view("a\0b", 3)) == "invalid");
}
