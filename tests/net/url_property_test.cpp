// What must hold for any input whatever.
#include "tandem/net/url.hpp"

#include "tests/support/catch.hpp"

#include <random>
#include <string>
#include <vector>

using tandem::url;
using tandem::url_errc;

namespace {

// Everything that a url promises about itself. Plain ifs: a CHECK for each would be most of the time.
std::string complaint(const url& u) {
    const auto again = url::parse(u.href());
    if (!again) return "href() does not parse: " + again.error().message();
    if (again->href() != u.href()) return "href() is not stable: " + again->href();
    const auto against = url::parse(u.href(), url("https://elsewhere.example/z"));
    if (!against || *against != u) return "href() depends on a base";
    const auto self = url::parse("", u);
    if (!self || *self != u.without_fragment()) return "an empty reference changes it";
    if (url::parse("https:x", u).error() == url_errc::unsupported_scheme) return "a scheme is lost";
    for (const char c : u.href()) {
        if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F)
            return "unsafe byte in href";
    }
    std::string rebuilt(u.scheme());
    rebuilt += "://";
    if (u.has_credentials()) {
        rebuilt += u.username();
        if (!u.password().empty()) (rebuilt += ':') += u.password();
        rebuilt += '@';
    }
    rebuilt += u.host();
    if (u.port()) (rebuilt += ':') += std::to_string(*u.port());
    rebuilt += u.path();
    if (u.has_query()) (rebuilt += '?') += u.query();
    if (u.has_fragment()) (rebuilt += '#') += u.fragment();
    if (rebuilt != u.href()) return "parts do not make the whole: " + rebuilt;
    if (!u.path().starts_with('/')) return "path without slash";
    if (u.host().empty() || u.host().find_first_of("@/\\?# %") != std::string_view::npos) return "bad host";
    if (u.target().find('#') != std::string_view::npos) return "fragment in target";
    if (again->host_is_ip() != u.host_is_ip()) return "host_is_ip() is not stable";
    return {};
}

const std::vector<std::string> pieces = {"http:",
                                         "https:",
                                         "HTTP:",
                                         "ws:",
                                         "wss:",
                                         "//",
                                         "/",
                                         "\\",
                                         "..",
                                         ".",
                                         "%2e",
                                         "%2E%2e",
                                         "?",
                                         "#",
                                         "@",
                                         ":",
                                         "[",
                                         "]",
                                         "[::1]",
                                         "[1:2::3]",
                                         "[::ffff:1.2.3.4]",
                                         "80",
                                         "443",
                                         "65536",
                                         "user",
                                         "pw",
                                         "example.com",
                                         "EXAMPLE.org",
                                         "%20",
                                         "%",
                                         "%41",
                                         "%00",
                                         " ",
                                         "\t",
                                         "\n",
                                         "\xC3\xA9",
                                         "\xE4\xB8\xAD",
                                         "\xC3\x9F",
                                         "\xC2\xAD",
                                         "\xE2\x80\x8D",
                                         "\xE3\x80\x82",
                                         "xn--",
                                         "xn--bcher-kva",
                                         "\xD7\x90",
                                         "\xD8\xA8",
                                         "\xCC\x81",
                                         "\xEF\xBC\x91",
                                         "\xF0\x9F\x98\x80",
                                         "\xFF",
                                         "\xE4\xB8",
                                         "1",
                                         "127.0.0.1",
                                         "0x7f",
                                         "017",
                                         "256",
                                         "4294967295",
                                         "-",
                                         "'",
                                         "\"",
                                         "<",
                                         "`",
                                         "{",
                                         "|",
                                         "^",
                                         "&",
                                         "mailto:",
                                         "data:",
                                         std::string(1, '\0'),
                                         "\x7F",
                                         "\xE2\x98\x83",
                                         "\xE0\xA4\x95\xE0\xA5\x8D"};

} // namespace

TEST_CASE("any mixture of pieces is refused or gives a sound url", "[net][url][property]") {
    std::mt19937 random(20240229);
    auto below = [&random](std::size_t n) { return random() % n; };
    const std::vector<url> bases = {url("http://example.org/a/b/c?q#f"), url("https://u:p@h:8443/x/"),
                                    url("ws://[::1]")};
    int parsed = 0;
    for (int round = 0; round < 30000; ++round) {
        std::string input = round % 3 == 0 ? "http://" : round % 3 == 1 ? "https://h" : "";
        for (std::size_t n = below(8); n > 0; --n)
            input += pieces[below(pieces.size())];
        for (std::size_t n = below(3); n > 0 && !input.empty(); --n) {
            input[below(input.size())] = static_cast<char>(below(256)); // any byte anywhere
        }
        const auto result = url::parse(input, bases[below(bases.size())]);
        if (!result) continue;
        ++parsed;
        const std::string wrong = complaint(*result);
        if (!wrong.empty()) FAIL_CHECK("[" << input << "] " << result->href() << ": " << wrong);
    }
    CHECK(parsed > 10000);
}

TEST_CASE("the largest inputs take linear time", "[net][url][property]") {
    // All inputs together are some 40 MB: a moment when each byte is looked at a few times, many minutes when
    // an input costs the square of its 64 KiB. So a regression shows as a test that does not end.
    constexpr int rounds = 5;
    const std::vector<std::string> repeated = {
        "/../", "/..", "/a/..",    "a/",   "@",  "%", "%2e/", ".",      ":",  "[",   "?",      "#",      "\\",
        " ",    "\t",  "\xC3\xA9", "\xFF", "1.", "0", "x.",   "xn--a.", "::", "%41", "%C3%A9", "/%2e%2e"};
    const url base("http://example.org/" + std::string(20000, 'p') + "/x");
    int answers = 0;
    for (int round = 0; round < rounds; ++round) {
        for (const std::string& piece : repeated) {
            std::string body;
            while (body.size() + piece.size() + 20 < url::max_size)
                body += piece;
            for (const char* head : {"http://", "http://h/", "http://h/?", "http://u:p@", ""}) {
                const auto result = url::parse(head + body, base);
                answers += result.has_value() || result.has_error() ? 1 : 0;
                if (result && round == 0) CHECK(complaint(*result).empty());
            }
        }
    }
    CHECK(answers == rounds * 5 * static_cast<int>(repeated.size()));
}

TEST_CASE("dot segments never climb above the root", "[net][url][property]") {
    std::mt19937 random(7);
    const url base("http://h/a/b");
    for (int round = 0; round < 2000; ++round) {
        std::string input;
        for (auto n = random() % 12; n > 0; --n) {
            static constexpr const char* parts[] = {"..", ".", "x", "", "%2e", ".%2E", "..."};
            (input += parts[random() % 7]) += random() % 4 == 0 ? '\\' : '/';
        }
        const auto result = url::parse("./" + input, base);
        REQUIRE(result.has_value());
        CHECK(result->host() == "h");
        CHECK((std::string(result->path()) + "/").find("/../") == std::string::npos);
        CHECK((std::string(result->path()) + "/").find("/./") == std::string::npos);
    }
}
