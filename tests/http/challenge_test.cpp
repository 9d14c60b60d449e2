#include "tests/support/catch.hpp"

#include "lib/http/challenge.hpp"

#include <string>

using tandem::http::parse_challenges;

namespace {

// `Basic[realm=x|a=b] Digest[...]`
std::string shown(std::string_view value) {
    std::string text;
    for (const auto& c : parse_challenges(value)) {
        text += (text.empty() ? "" : " ") + c.scheme + '[';
        for (std::size_t i = 0; i < c.parameters.size(); ++i)
            text += (i ? "|" : "") + c.parameters[i].first + '=' + c.parameters[i].second;
        text += ']';
    }
    return text;
}

} // namespace

TEST_CASE("challenges of a WWW-Authenticate field") {
    CHECK(shown("Basic realm=\"a, b\"") == "Basic[realm=a, b]");
    CHECK(shown("Basic realm=simple") == "Basic[realm=simple]");
    CHECK(shown("Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\", Basic realm=\"simple\"") ==
          "Newauth[realm=apps|type=1|title=Login to \"apps\"] Basic[realm=simple]");
    CHECK(shown("Negotiate, Basic realm=x") == "Negotiate[] Basic[realm=x]");
    CHECK(shown("Negotiate abc/+==, Basic realm=x") == "Negotiate[] Basic[realm=x]");
    CHECK(shown("Negotiate") == "Negotiate[]");
    CHECK(shown(" ,, Digest  a = b ,\tc=\"d\" ,, e=f,") == "Digest[a=b|c=d|e=f]");
    CHECK(shown("Digest a=\"\"") == "Digest[a=]");
    CHECK(parse_challenges("Digest REALM=x")[0].get("realm") == "x");
    CHECK_FALSE(parse_challenges("Digest x=y")[0].get("realm"));
}

TEST_CASE("challenges that end in the middle") {
    CHECK(shown("").empty());
    CHECK(shown(",").empty());
    CHECK(shown("\"x\"").empty());
    CHECK(shown("Digest a=\"b") == "Digest[]");
    CHECK(shown("Digest a=\"b\\") == "Digest[]");
    CHECK(shown("Digest a=b c=d") == "Digest[a=b]");
    CHECK(shown("Digest a=b, =c") == "Digest[a=b]");
}

TEST_CASE("challenges are bounded") {
    std::string many, wide = "Digest a=b";
    for (int i = 0; i < 100; ++i) {
        many += "S" + std::to_string(i) + ", ";
        wide += ", a=b";
    }
    CHECK(parse_challenges(many).size() == 16);
    CHECK(parse_challenges(wide).front().parameters.size() == 32);
}
