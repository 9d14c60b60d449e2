#include "tandem/net/percent.hpp"

#include "tests/support/catch.hpp"

#include <string>

using tandem::percent_decode;
using tandem::percent_encode_component;

TEST_CASE("percent_encode_component leaves only unreserved characters", "[net][url]") {
    CHECK(percent_encode_component("").empty());
    CHECK(percent_encode_component("AZaz09-._~") == "AZaz09-._~");
    CHECK(percent_encode_component("a b&c=d/e?f#g+h%") == "a%20b%26c%3Dd%2Fe%3Ff%23g%2Bh%25");
    CHECK(percent_encode_component("\xC3\xA9\x7F") == "%C3%A9%7F");
    CHECK(percent_encode_component(std::string(1, '\0')) == "%00");
}

TEST_CASE("percent_decode leaves alone what is not encoded", "[net][url]") {
    CHECK(percent_decode("").empty());
    CHECK(percent_decode("a%20b+c") == "a b+c");
    CHECK(percent_decode("%41%4a%4A%") == "AJJ%");
    CHECK(percent_decode("%4") == "%4");
    CHECK(percent_decode("%zz%4g%%41") == "%zz%4g%A");
    CHECK(percent_decode("%00") == std::string(1, '\0'));
}

TEST_CASE("percent_decode undoes percent_encode_component for every byte", "[net][url]") {
    std::string all;
    for (int c = 0; c < 256; ++c)
        all += static_cast<char>(c);
    CHECK(percent_decode(percent_encode_component(all)) == all);
}
