#include "tandem/net/address_guard.hpp"

#include "tests/support/catch.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

using tandem::address_guard;
using tandem::ip_network;

namespace {

std::string why(std::string_view address, const address_guard& guard = address_guard()) {
    return std::string(guard.refusal(address));
}

} // namespace

TEST_CASE("address guard: public addresses pass", "[net][guard]") {
    for (const char* const address : {"1.1.1.1",         "8.8.8.8",
                                      "9.255.255.255",   "11.0.0.0",
                                      "100.63.255.255",  "100.128.0.0",
                                      "126.255.255.255", "128.0.0.0",
                                      "169.253.255.255", "169.255.0.0",
                                      "172.15.255.255",  "172.32.0.0",
                                      "192.0.1.0",       "192.0.3.0",
                                      "192.167.255.255", "192.169.0.0",
                                      "198.17.255.255",  "198.20.0.0",
                                      "223.255.255.255", "168.63.129.15",
                                      "168.63.129.17",   "2606:4700:4700::1111",
                                      "2a00::1",         "2001:200::1",
                                      "2001:db7::1",     "2001:db9::1",
                                      "2003::1",         "3ffe::1",
                                      "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8",
                                      "2002:808:808::1", "2a00::200:5efe:808:808"}) {
        CAPTURE(address);
        CHECK(why(address).empty());
    }
}

TEST_CASE("address guard: what is not public is refused and named", "[net][guard]") {
    const auto refused = [](std::string_view words, std::initializer_list<const char*> addresses) {
        for (const char* const address : addresses) {
            CAPTURE(address);
            CHECK(why(address) == words);
        }
    };
    refused("an unspecified address", {"0.0.0.0", "0.255.255.255", "::", "::ffff:0.0.0.0"});
    refused("a loopback address", {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"});
    refused("a private address", {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0",
                                  "192.168.255.255", "::ffff:10.1.2.3"});
    refused("a shared address (carrier-grade NAT)", {"100.64.0.0", "100.127.255.255"});
    refused("a link-local address", {"169.254.0.0", "169.254.255.255", "fe80::1", "febf:ffff::"});
    refused("the address of a cloud's metadata service",
            {"169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254",
             "::ffff:169.254.169.254"});
    refused("a unique-local address", {"fc00::", "fd12::1", "fdff:ffff::"});
    refused("a site-local address", {"fec0::1", "feff::1"});
    refused("a multicast address", {"224.0.0.0", "239.255.255.255", "ff02::1", "ffff::"});
    refused("a broadcast address", {"255.255.255.255"});
    refused("a reserved address", {"240.0.0.0", "255.255.255.254", "100::1", "1000::", "4000::1", "fe00::1"});
    refused("a documentation address",
            {"192.0.2.1", "198.51.100.1", "203.0.113.255", "2001:db8::1", "3fff::1", "3fff:fff::"});
    refused("a benchmarking address", {"198.18.0.0", "198.19.255.255"});
    refused("an address for protocol assignments", {"192.0.0.0", "192.0.0.192", "2001:2::1", "2001:1ff::1"});
    refused("a deprecated address (6to4 relay)", {"192.88.99.1"});
    refused("a Teredo address", {"2001::1", "2001:0:ffff::"});
    refused("an IPv4-compatible address", {"::7f00:1", "::8.8.8.8", "::2"});
    refused("an IPv4-translated address", {"::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"});
    refused("a local NAT64 address", {"64:ff9b:1::1", "64:ff9b:1:ffff::8.8.8.8"});
    refused("an address of segment routing", {"5f00::1"});
    refused("an IPv6 address for an IPv4 address that is not public",
            {"64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::10.0.0.1", "2002:7f00:1::",
             "2002:a9fe:a9fe::1", "2002:c0a8:101::1", "2a00::5efe:a00:1", "2a00::200:5efe:7f00:1"});
    refused("not an address", {"", "localhost", "127.1", "0x7f.1", "127.0.0.1 ", "[::1]", "::1%lo",
                               "1.2.3.4/32", "0177.0.0.1", "2130706433"});
    CHECK(why(std::string_view("8.8.8.8\0", 8)) == "not an address");
}

TEST_CASE("address guard: networks that are allowed, and refused", "[net][guard]") {
    const auto guard = address_guard()
                           .allow("10.1.0.0/16")
                           .allow("::1")
                           .allow("fd00::/8")
                           .refuse("10.1.2.0/24")
                           .refuse("8.8.8.8");
    CHECK(why("10.1.0.1", guard).empty());
    CHECK(why("::ffff:10.1.0.1", guard).empty()); // leads to the same host
    CHECK(why("10.2.0.1", guard) == "a private address");
    CHECK(why("10.1.2.1", guard) == "in a network that is refused"); // refuse comes first
    CHECK(why("8.8.8.8", guard) == "in a network that is refused");
    CHECK(why("::ffff:8.8.8.8", guard) == "in a network that is refused");
    CHECK(why("8.8.8.9", guard).empty());
    CHECK(why("::1", guard).empty());
    CHECK(why("fd12::1", guard).empty());
    CHECK(why("fd00:ec2::254", guard).empty()); // allowed with its network
    CHECK(why("127.0.0.1", guard) == "a loopback address");
    // What an IPv6 address carries is not an exception because of the IPv4 network.
    CHECK_FALSE(why("64:ff9b::10.1.0.1", guard).empty());

    // But a network that is refused is refused in whatever form.
    CHECK(why("8.8.8.8", guard) == "in a network that is refused");
    CHECK(why("64:ff9b::8.8.8.8", guard) == "in a network that is refused");
    CHECK(why("2002:808:808::1", guard) == "in a network that is refused");
    CHECK(why("64:ff9b::8.8.8.9", guard).empty());

    const auto six = address_guard().allow("::/0");
    CHECK(why("fe80::1", six).empty());
    CHECK(why("10.0.0.1", six) == "a private address"); // no IPv6 network has an IPv4 address
    CHECK(why("10.0.0.1", address_guard().allow("0.0.0.0/0")).empty());
    CHECK(why("::1", address_guard().allow("0.0.0.0/0")) == "a loopback address");
    CHECK(why("10.0.0.1", address_guard().allow("::ffff:10.0.0.0/104")).empty());
    CHECK(why("1.1.1.1", address_guard().refuse("0.0.0.0/0")) == "in a network that is refused");
}

TEST_CASE("address guard: what is no network", "[net][guard]") {
    for (const char* const text :
         {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.1/8",
          "10/8", "::/129", "fd00::1/8", "localhost", "::ffff:10.0.0.1/104", "10.0.0.0/8/8", "[::1]"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(ip_network(text), std::invalid_argument);
    }
    CHECK_NOTHROW(ip_network("10.0.0.0/8"));
    CHECK_NOTHROW(ip_network("0.0.0.0/0"));
    CHECK_NOTHROW(ip_network("::/0"));
    CHECK_NOTHROW(ip_network("10.0.0.1/32"));
}
