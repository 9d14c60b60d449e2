#include "examples/crawler/robots.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <random>

using namespace crawler;
using namespace std::chrono_literals;

namespace {
robots_rules read(std::string_view body) {
    return parse_robots(body, "tandem-crawler");
}
bool open(std::string_view body, std::string_view path) {
    return read(body).allowed(path);
}
} // namespace

TEST_CASE("robots: groups") {
    SECTION("our group wins over everybody's, whatever the order") {
        for (const char* body : {"User-agent: *\nDisallow: /\nUser-agent: Tandem-Crawler\nDisallow: /x\n",
                                 "User-agent: Tandem-Crawler\nDisallow: /x\nUser-agent: *\nDisallow: /\n"}) {
            CHECK(open(body, "/y"));
            CHECK_FALSE(open(body, "/x"));
        }
    }
    SECTION("a group without rules still is ours") {
        CHECK(open("user-agent: *\ndisallow: /\n\nuser-agent: tandem-crawler\n", "/a"));
    }
    SECTION("groups of the same agent are merged, several agents share one") {
        const auto r =
            read("User-agent: a\nUser-agent: tandem-crawler\nDisallow: /1\n\nUser-agent: *\nDisallow: /2\n"
                 "User-agent: TANDEM-CRAWLER/2.0 (x)\nDisallow: /3\n");
        CHECK_FALSE(r.allowed("/1"));
        CHECK(r.allowed("/2"));
        CHECK_FALSE(r.allowed("/3"));
    }
    SECTION("other agents and prefixes of our name are not us") {
        CHECK(open("User-agent: tandem\nDisallow: /\nUser-agent: tandem-crawler-x\nDisallow: /\n", "/a"));
    }
    SECTION("rules before any group are ignored, other lines do not end the agents") {
        CHECK(open("Disallow: /\n", "/a"));
        CHECK_FALSE(
            open("User-agent: tandem-crawler\nSitemap: x\nnonsense\nUser-agent: other\nDisallow: /\n", "/a"));
    }
    SECTION("an empty file, and a product token with a version") {
        CHECK(open("", "/a"));
        CHECK_FALSE(parse_robots("User-agent: bot\nDisallow: /", "Bot/1.0").allowed("/"));
    }
}

TEST_CASE("robots: the longest match wins, Allow wins ties") {
    const auto r =
        read("User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c\nAllow: /t\nDisallow: /t\n");
    CHECK(r.allowed("/"));
    CHECK_FALSE(r.allowed("/a"));
    CHECK(r.allowed("/a/b"));
    CHECK_FALSE(r.allowed("/a/b/c?x"));
    CHECK(r.allowed("/t"));
    CHECK_FALSE(open("User-agent: *\nAllow: /p\nDisallow: /*.html\n", "/p.html"));
    CHECK(open("User-agent: *\nDisallow:\n", "/"));
    CHECK(open("User-agent: *\nDisallow: /\n", "/robots.txt"));
    CHECK_FALSE(open("User-agent: *\nDisallow: /\n", "/robots.txt2"));
    CHECK_FALSE(open("User-agent: *\nDisallow: /\n", ""));
    CHECK(open("User-agent: *\nDisallow: /x\n", "/#/x"));
}

TEST_CASE("robots: wildcards") {
    const auto blocked = [](std::string_view pattern, std::string_view path) {
        return !open("User-agent: *\nDisallow: " + std::string(pattern), path);
    };
    CHECK(blocked("/*.gif$", "/a/b.gif"));
    CHECK_FALSE(blocked("/*.gif$", "/a/b.gif?x"));
    CHECK(blocked("/*.gif", "/a.gifx"));
    CHECK(blocked("*.php", "/index.php"));
    CHECK(blocked("/a*b*c$", "/a-b-b-c-c"));
    CHECK_FALSE(blocked("/a*bc*bc$", "/abc"));
    CHECK(blocked("/a$", "/a"));
    CHECK_FALSE(blocked("/a$", "/ab"));
    CHECK(blocked("/a$b", "/a$bc"));
    CHECK(blocked("/*", "/"));
    CHECK(blocked("/**$", "/anything"));
    CHECK_FALSE(blocked("x", "/x"));
    CHECK(blocked("/" + std::string(50, 'a') + "*" + std::string(40, 'b') + "c",
                  "/" + std::string(60, 'a') + std::string(45, 'b') + "c"));
}

TEST_CASE("robots: percent-encoding is compared by octets") {
    const auto blocked = [](std::string_view pattern, std::string_view path) {
        return !open("User-agent: *\nDisallow: " + std::string(pattern), path);
    };
    CHECK(blocked("/foo/bar/\xE3\x83\x84", "/foo/bar/%E3%83%84")); // the table of RFC 9309, 2.2.2
    CHECK(blocked("/foo/bar/%E3%83%84", "/foo/bar/\xE3\x83\x84"));
    CHECK(blocked("/foo/bar/%62%61%7A", "/foo/bar/baz"));
    CHECK(blocked("/foo/bar/baz", "/foo/bar/%62%61%7a"));
    CHECK(blocked("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https://foo.bar"));
    CHECK(blocked("/a%3cd.html", "/a%3Cd.html"));
    CHECK_FALSE(blocked("/a/b", "/a%2Fb"));
    CHECK_FALSE(blocked("/a%2fb", "/a/b"));
    CHECK(blocked("/a%2fb", "/a%2Fb"));
    CHECK(blocked("/x-%2A.html", "/x-*.html"));
    CHECK_FALSE(blocked("/x-%2A.html", "/x-y.html"));
    CHECK(blocked("/x%24", "/x$"));
    CHECK(blocked("/100%", "/100%zz"));
}

TEST_CASE("robots: lines") {
    CHECK_FALSE(open("\xEF\xBB\xBFUser-agent: *\nDisallow: /a", "/a"));
    CHECK_FALSE(open("User-agent: *\rDisallow: /a\r", "/a"));
    CHECK_FALSE(open("User-agent: *\r\nDisallow: /a\r\n", "/a"));
    CHECK_FALSE(open("  USER-AGENT \t:\t*  # all\n\t disallow :/a # b\n", "/a"));
    CHECK(open("User-agent: *\nDisallow: /a b#c\n", "/a"));
    CHECK(open("User-agent *\nDisallow /a\nDissallow: /a\n", "/a"));
    CHECK_FALSE(open(std::string_view("User-agent: *\n\0: \0\nDisallow: /a\n", 32), "/a"));
}

TEST_CASE("robots: 500 KiB are read, and no partial line") {
    const std::string head = "User-agent: *\nDisallow: /a\n#";
    const std::string tail = "\nDisallow: /b/c";
    const auto sized = [&](std::size_t last_byte) { // `tail` ends at this offset
        return head + std::string(last_byte - head.size() - tail.size(), 'x') + tail;
    };
    CHECK_FALSE(open(sized(robots_rules::max_bytes), "/b/c"));
    CHECK_FALSE(open(sized(robots_rules::max_bytes) + "\nDisallow: /d\n", "/b/c"));
    CHECK(open(sized(robots_rules::max_bytes) + "\nDisallow: /d\n", "/d"));
    CHECK(open(sized(robots_rules::max_bytes + 2), "/b"));
    CHECK(open(sized(robots_rules::max_bytes + 2), "/b/c"));
    CHECK_FALSE(open(sized(robots_rules::max_bytes + 2), "/a"));
    CHECK(open(std::string(robots_rules::max_bytes * 2, 'x'), "/"));
}

TEST_CASE("robots: Crawl-delay and Sitemap") {
    const auto delay = [](std::string_view v) {
        return read("User-agent: *\nCrawl-delay: " + std::string(v) + "\n").crawl_delay();
    };
    CHECK(delay("2") == 2s);
    CHECK(delay("0.25") == 250ms);
    CHECK(delay(".5") == 500ms);
    CHECK(delay("1.23456") == 1234ms);
    CHECK(delay("99999999999999999999999") == 24h);
    for (const char* nonsense : {"", "-1", "1e3", "0x10", "nan", "inf", "1,5", "2s", ".", "1.2.3"})
        CHECK_FALSE(delay(nonsense).has_value());
    const auto r =
        read("Sitemap: http://a/1\nUser-agent: *\nCrawl-delay: 9\nUser-agent: tandem-crawler\nDisallow: /x\n"
             "Crawl-delay: 1\nsitemap:http://a/2\nUser-agent: y\nCrawl-delay: 7\nSitemap:\n");
    CHECK(r.crawl_delay() == 1s);
    CHECK(r.sitemaps() == std::vector<std::string>{"http://a/1", "http://a/2"});
}

TEST_CASE("robots: the status of the answer") {
    const std::string body = "User-agent: *\nDisallow: /a\n";
    CHECK_FALSE(from_status(200, body, "t").allowed("/a"));
    CHECK(from_status(200, body, "t").allowed("/b"));
    for (const int status : {301, 400, 401, 403, 404, 410, 429})
        CHECK(from_status(status, body, "t").allowed("/a"));
    for (const int status : {500, 503, 599, 0, 100, 700})
        CHECK_FALSE(from_status(status, body, "t").allowed("/b"));
    CHECK(robots_rules::disallow_all().allowed("/robots.txt"));
    CHECK(robots_rules::allow_all().allowed("/a"));
}

TEST_CASE("robots: hostile wildcards take linear time") {
    std::string stars = "/";
    for (int i = 0; i < 100'000; ++i)
        stars += "*a";
    const std::string path = "/" + std::string(8'000, 'a');
    CHECK(open("User-agent: *\nDisallow: " + stars + "b\n", path));
    CHECK_FALSE(open("User-agent: *\nDisallow: /" + std::string(100'000, '*') + "a$\n", path));
    std::string rules = "User-agent: *\n";
    while (rules.size() < 400'000)
        rules += "Disallow: /*" + std::string(4'000, 'a') + "b*\n";
    CHECK(open(rules, path));
}

TEST_CASE("robots: matching agrees with a simple model, and mutated files do no harm") {
    // The model: one row of states per pattern position, no cleverness.
    const auto model = [](std::string_view pattern, std::string_view path) {
        const bool anchored = pattern.ends_with('$');
        if (anchored) pattern.remove_suffix(1);
        std::vector<bool> at(path.size() + 1, false);
        at[0] = true;
        for (const char c : pattern) {
            std::vector<bool> next(path.size() + 1, false);
            for (std::size_t i = 0; i <= path.size(); ++i) {
                if (c == '*')
                    next[i] = at[i] || (i > 0 && next[i - 1]);
                else
                    next[i] = i > 0 && at[i - 1] && path[i - 1] == c;
            }
            at = next;
        }
        return anchored ? static_cast<bool>(at.back()) : std::find(at.begin(), at.end(), true) != at.end();
    };
    std::mt19937 random(7);
    int matched = 0;
    for (int round = 0; round < 5'000; ++round) {
        std::string pattern = "/";
        std::string path = "/";
        for (auto n = random() % 8; n > 0; --n)
            pattern += "ab**"[random() % 4];
        for (auto n = random() % 10; n > 0; --n)
            path += "ab"[random() % 2];
        if (random() % 2 == 0) pattern += '$';
        const bool expected = model(pattern, path);
        matched += expected ? 1 : 0;
        INFO(pattern << " against " << path);
        REQUIRE(open("User-agent: *\nDisallow: " + pattern, path) == !expected);
    }
    CHECK(matched > 500);

    const std::string seed =
        "\xEF\xBB\xBFUser-agent: *\r\nDisallow: /a*b$\nAllow: /%41%2f#c\rCrawl-delay: 1.5\nSitemap: x\n";
    for (int round = 0; round < 3'000; ++round) {
        std::string body = seed;
        for (auto n = 1 + random() % 8; n > 0; --n)
            body[random() % body.size()] = static_cast<char>(random() % 256);
        const auto rules = read(body.substr(0, random() % (body.size() + 1)));
        CHECK(rules.allowed("/robots.txt"));
        (void)rules.allowed(body);
    }
}
