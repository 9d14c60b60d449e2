// web-platform-tests: every case that http, https, ws and wss URLs and their references can take part in.
#include "tests/net/wpt_data.hpp"
#include "tests/support/catch.hpp"

#include "lib/net/idna.hpp"
#include "lib/net/url_text.hpp"
#include "tandem/net/url.hpp"

#include <algorithm>
#include <map>

namespace {

using tandem::url;
using tandem::url_errc;

// Cases that fail for a reason, by input. None at present.
const std::map<std::string, std::string> known_differences = {};

bool is_supported(std::string_view protocol) {
    return protocol == "http:" || protocol == "https:" || protocol == "ws:" || protocol == "wss:";
}

std::string prefixed(char prefix, std::string_view text) {
    return text.empty() ? std::string() : prefix + std::string(text);
}

void check_parts(const boost::json::object& test, const url& parsed) {
    auto expect = [&test](std::string_view key, std::string_view actual) {
        const auto expected = wpt::text_of(test, key);
        INFO(key);
        if (expected) CHECK(std::string(actual) == *expected);
    };
    const auto port = parsed.port();
    expect("href", parsed.href());
    expect("origin", parsed.origin());
    expect("protocol", std::string(parsed.scheme()) + ":");
    expect("username", parsed.username());
    expect("password", parsed.password());
    expect("host", parsed.authority());
    expect("hostname", parsed.host());
    expect("port", port ? std::to_string(*port) : std::string());
    expect("pathname", parsed.path());
    expect("search", prefixed('?', parsed.query()));
    expect("hash", prefixed('#', parsed.fragment()));
}

} // namespace

TEST_CASE("url agrees with web-platform-tests", "[net][url][conformance]") {
    int lone_surrogates = 0;
    const auto tests = wpt::load("urltestdata.json", lone_surrogates);
    if (!tests) {
        WARN("skipped: no urltestdata.json in " << conformance::directory());
        return;
    }
    int parsed_cases = 0;
    int failing_cases = 0;
    int unsupported_cases = 0;
    int skipped_cases = 0;
    for (const auto& value : *tests) {
        if (!value.is_object()) continue; // a comment
        const auto& test = value.get_object();
        const std::string input = wpt::text_of(test, "input").value();
        if (known_differences.contains(input)) continue;
        const auto base_text = wpt::text_of(test, "base");
        INFO("input " << input << ", base " << base_text.value_or("null"));

        const auto base = url::parse(base_text.value_or(""));
        const auto result = base ? url::parse(input, *base) : url::parse(input);
        const bool base_unsupported = base_text && !base;

        if (test.contains("failure")) {
            ++failing_cases;
            CHECK_FALSE(result.has_value());
        } else if (is_supported(wpt::text_of(test, "protocol").value())) {
            ++parsed_cases;
            REQUIRE(result.has_value());
            check_parts(test, *result);
        } else if (base_unsupported && !result && result.error() == url_errc::relative_without_base) {
            ++skipped_cases; // a reference to something like file:, mailto: or about:
        } else {
            ++unsupported_cases;
            REQUIRE_FALSE(result.has_value());
            // An empty reference or one to a fragment of an unsupported base has no scheme to complain of.
            CHECK((result.error() == url_errc::unsupported_scheme || base_unsupported));
        }
    }
    WARN("parsed " << parsed_cases << ", refused " << failing_cases << ", unsupported schemes "
                   << unsupported_cases << ", not applicable " << skipped_cases
                   << "; lone surrogates taken as U+FFFD " << lone_surrogates);
    CHECK(parsed_cases > 250);
    CHECK(failing_cases > 200);
    CHECK(unsupported_cases > 100);
}

TEST_CASE("domain to ASCII agrees with web-platform-tests", "[net][url][idna][conformance]") {
    int lone_surrogates = 0;
    const auto tests = wpt::load("toascii.json", lone_surrogates);
    if (!tests) {
        WARN("skipped: no toascii.json in " << conformance::directory());
        return;
    }
    int cases = 0;
    for (const auto& value : *tests) {
        if (!value.is_object()) continue;
        const auto& test = value.get_object();
        const std::string input = wpt::text_of(test, "input").value();
        const auto output = wpt::text_of(test, "output");
        INFO("input " << input);
        ++cases;
        const auto parsed = url::parse("https://" + input + "/x");
        CHECK(parsed.has_value() == output.has_value());
        if (parsed && output) CHECK(parsed->host() == *output);
        if (output) CHECK(tandem::detail::domain_to_ascii(input) == output);
    }
    CHECK(cases > 80);
}
