#include "tests/support/catch.hpp"

#include "tests/support/conformance.hpp"

#include <tandem/http/public_suffix.hpp>
#include <tandem/net/url.hpp>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

using tandem::http::is_public_suffix;
using tandem::http::registrable_domain;

TEST_CASE("public suffixes and what is below them") {
    CHECK(is_public_suffix("com"));
    CHECK(is_public_suffix("co.uk"));
    CHECK(is_public_suffix("co.uk."));
    CHECK(is_public_suffix("github.io"));
    CHECK(is_public_suffix("localhost"));
    CHECK(is_public_suffix("not-in-the-list"));
    CHECK_FALSE(is_public_suffix("example.com"));
    CHECK_FALSE(is_public_suffix("www.ck")); // an exception to *.ck
    CHECK(is_public_suffix("foo.ck"));

    CHECK(registrable_domain("www.example.co.uk") == "example.co.uk");
    CHECK(registrable_domain("example.co.uk.") == "example.co.uk.");
    CHECK(registrable_domain("a.b.github.io") == "b.github.io");
    CHECK(registrable_domain("com").empty());
    CHECK(registrable_domain("localhost").empty());
}

TEST_CASE("what is no host name has no public suffix") {
    using namespace std::string_literals;
    for (const std::string& host :
         {""s, "."s, ".."s, ".com"s, "..com"s, "a..com"s, "com.."s, "127.0.0.1"s, "1.2"s, "[::1]"s, "::1"s,
          std::string("a\0.com", 6), std::string(300, 'a') + ".com"}) {
        INFO(host);
        CHECK_FALSE(is_public_suffix(host));
        CHECK(registrable_domain(host).empty());
    }
}

TEST_CASE("public suffixes agree with the list's own tests", "[conformance]") {
    std::ifstream file(conformance::directory() / "psl" / "tests.txt");
    if (!file) {
        WARN("skipped: no psl/tests.txt in " << conformance::directory());
        return;
    }
    // Cases that fail for a reason, by input. None at present.
    const std::set<std::string> known_differences;
    int cases = 0;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string input, expected;
        if (line.starts_with("//") || !(words >> input >> expected) || input == "null") continue;
        if (known_differences.contains(input)) continue;
        INFO(line);
        ++cases;
        // Names are compared as URLs have them: lower case, in their ASCII form.
        const auto in_url = [](const std::string& name) {
            if (name == "null") return std::string();
            const auto parsed = tandem::url::parse("http://" + name + "/");
            return std::string(parsed ? parsed->host() : std::string_view(name));
        };
        CHECK(std::string(registrable_domain(in_url(input))) == in_url(expected));
    }
    CHECK(cases > 70);
}
