#include "tests/support/catch.hpp"

#include "tests/support/conformance.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/http/cookie_jar.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using tandem::url;
using tandem::http::cookie;
using tandem::http::cookie_jar;
using tandem::http::cookie_jar_options;

namespace {

const cookie_jar::time_point now = std::chrono::sys_days(std::chrono::year(2012) / 6 / 1) + 12h;

// What `jar` sends to `to` after `from` has set `text`.
std::string after(const std::string& from, const std::string& text, const std::string& to) {
    cookie_jar jar;
    jar.set(url(from), text, now);
    return jar.header_for(url(to), now);
}

} // namespace

TEST_CASE("domains of cookies") {
    // Without the attribute: that very host.
    CHECK(after("http://a.example.org/", "n=v", "http://a.example.org/") == "n=v");
    CHECK(after("http://a.example.org/", "n=v", "http://A.EXAMPLE.ORG:81/") == "n=v");
    CHECK(after("http://a.example.org/", "n=v", "http://b.a.example.org/").empty());
    CHECK(after("http://a.example.org/", "n=v", "http://example.org/").empty());
    // With it: that domain and below.
    for (const char* const domain : {"example.org", ".example.org", "EXAMPLE.org"}) {
        const std::string text = std::string("n=v; Domain=") + domain;
        CHECK(after("http://a.example.org/", text, "http://example.org/") == "n=v");
        CHECK(after("http://a.example.org/", text, "http://b.c.example.org/") == "n=v");
        CHECK(after("http://a.example.org/", text, "http://badexample.org/").empty());
    }
    CHECK(after("http://a.example.org/", "n=v; Domain=", "http://a.example.org/") == "n=v");
    CHECK(after("http://a.example.org/", "n=v; Domain=", "http://b.a.example.org/").empty());

    const auto refused = [](const std::string& from, const std::string& domain) {
        cookie_jar jar;
        return !jar.set(url(from), "n=v; Domain=" + domain, now) && jar.size() == 0;
    };
    CHECK(refused("http://a.example.org/", "b.example.org"));
    CHECK(refused("http://a.example.org/", "x.a.example.org"));
    CHECK(refused("http://example.org/", "ample.org"));
    CHECK(refused("http://example.org/", "..example.org"));
    CHECK(refused("http://example.org/", "example.org:80"));
    CHECK(refused("http://example.org/", "example.org."));
    CHECK(refused("http://b\xc3\xbc"
                  "cher.de/",
                  "b\xc3\xbc"
                  "cher.de")); // hosts are compared in ASCII
    CHECK_FALSE(refused("http://b\xc3\xbc"
                        "cher.de/",
                        "xn--bcher-kva.de"));
}

TEST_CASE("no cookie for a public suffix") {
    const auto set = [](const std::string& from, const std::string& domain) {
        cookie_jar jar;
        return jar.set(url(from), "n=v; Domain=" + domain, now);
    };
    CHECK_FALSE(set("http://example.com/", "com"));
    CHECK_FALSE(set("http://example.com./", "com."));
    CHECK_FALSE(set("http://example.co.uk/", "co.uk"));
    CHECK_FALSE(set("http://me.github.io/", "github.io"));
    CHECK_FALSE(set("http://a.localhost/", "localhost"));
    CHECK(set("http://me.github.io/", "me.github.io"));
    // A suffix that is the host itself speaks for itself alone.
    CHECK(set("http://github.io/", "github.io"));
    CHECK(after("http://github.io/", "n=v; Domain=github.io", "http://github.io/") == "n=v");
    CHECK(after("http://github.io/", "n=v; Domain=github.io", "http://me.github.io/").empty());
    CHECK(after("http://localhost/", "n=v; Domain=localhost", "http://localhost/") == "n=v");
}

TEST_CASE("addresses have no parents") {
    cookie_jar jar;
    CHECK_FALSE(jar.set(url("http://127.0.0.1/"), "n=v; Domain=0.0.1", now));
    CHECK_FALSE(jar.set(url("http://127.0.0.1/"), "n=v; Domain=1", now));
    CHECK_FALSE(jar.set(url("http://[::1]/"), "n=v; Domain=1]", now));
    CHECK(jar.set(url("http://127.0.0.1/"), "n=v; Domain=127.0.0.1", now));
    CHECK(jar.set(url("http://[::1]/"), "six=v; Domain=[::1]", now));
    CHECK(jar.header_for(url("http://127.0.0.1:8080/"), now) == "n=v");
    CHECK(jar.header_for(url("http://[::1]/"), now) == "six=v");
}

TEST_CASE("paths of cookies") {
    CHECK(after("http://a.org/x/y", "n=v", "http://a.org/x/") == "n=v");
    CHECK(after("http://a.org/x/y", "n=v", "http://a.org/x") == "n=v");
    CHECK(after("http://a.org/x/y", "n=v", "http://a.org/xx").empty());
    CHECK(after("http://a.org/x/y", "n=v", "http://a.org/").empty());
    CHECK(after("http://a.org/x", "n=v", "http://a.org/other") == "n=v");
    CHECK(after("http://a.org/", "n=v; path=/x/", "http://a.org/x").empty());
    CHECK(after("http://a.org/", "n=v; path=/x/", "http://a.org/x/z?q") == "n=v");
    CHECK(after("http://a.org/x/y", "n=v; path=relative", "http://a.org/x/z") == "n=v");
    cookie_jar jar; // a TAB would add fields to the saved file
    CHECK(jar.set(url("http://a.org/"), "n=v; path=/", now));
    CHECK_FALSE(jar.set(url("http://a.org/"), "n=v; path=/\tTRUE\t9999999999\t__Secure-n\tv", now));
}

TEST_CASE("Secure cookies stay with TLS") {
    CHECK(after("https://a.org/", "n=v; Secure", "https://a.org/") == "n=v");
    CHECK(after("https://a.org/", "n=v; Secure", "wss://a.org/") == "n=v");
    CHECK(after("https://a.org/", "n=v; Secure", "http://a.org/").empty());
    CHECK(after("http://a.org/", "n=v; Secure", "https://a.org/").empty());
    CHECK(after("https://a.org/", "n=v", "http://a.org/") == "n=v");

    // A server that is not authenticated cannot overlay one (RFC 6265bis, 5.7, step 16).
    cookie_jar jar;
    CHECK(jar.set(url("https://a.org/"), "n=secret; Secure; Path=/x", now));
    CHECK_FALSE(jar.set(url("http://a.org/"), "n=forged; Path=/x", now));
    CHECK_FALSE(jar.set(url("http://a.org/"), "n=forged; Path=/x/y", now));
    CHECK_FALSE(jar.set(url("http://b.a.org/"), "n=forged; Path=/x; Domain=a.org", now));
    CHECK_FALSE(jar.set(url("http://a.org/"), "n=; Path=/x; Max-Age=0", now)); // nor remove it
    CHECK(jar.set(url("http://a.org/"), "n=other; Path=/", now));
    CHECK(jar.set(url("http://a.org/"), "m=other; Path=/x", now));
    CHECK(jar.header_for(url("https://a.org/x"), now) == "n=secret; m=other; n=other");
    CHECK(jar.set(url("https://a.org/"), "n=plain; Path=/x", now));
    CHECK(jar.header_for(url("http://a.org/x"), now) == "n=plain; m=other; n=other");
}

TEST_CASE("prefixes of names are promises") {
    const auto set = [](const std::string& from, const std::string& text) {
        cookie_jar jar;
        return jar.set(url(from), text, now);
    };
    CHECK(set("https://a.org/", "__Secure-n=v; Secure"));
    CHECK_FALSE(set("https://a.org/", "__Secure-n=v"));
    CHECK_FALSE(set("https://a.org/", "__sEcUrE-n=v"));
    CHECK_FALSE(set("http://a.org/", "__Secure-n=v; Secure"));
    CHECK(set("https://a.org/x", "__Host-n=v; Secure; Path=/"));
    CHECK_FALSE(set("https://a.org/", "__Host-n=v; Secure")); // Path=/ must be said
    CHECK_FALSE(set("https://a.org/", "__Host-n=v; Path=/"));
    CHECK_FALSE(set("https://a.org/", "__Host-n=v; Secure; Path=/x"));
    CHECK_FALSE(set("https://a.org/", "__Host-n=v; Secure; Path=/; Domain=a.org"));
    CHECK_FALSE(set("https://a.org/", "__HOST-n=v; Secure; Path=/; Domain=a.org"));
}

TEST_CASE("how long cookies live") {
    cookie_jar jar;
    const url site("http://a.org/");
    jar.set(site, "session=v", now);
    jar.set(site, "short=v; Max-Age=10", now);
    jar.set(site, "dated=v; Expires=Fri, 01 Jun 2012 12:00:10 GMT", now);
    jar.set(site, "both=v; Max-Age=20; Expires=Thu, 01 Jan 1970 00:00:00 GMT", now);
    jar.set(site, "wild=v; Expires=Fri, 31 Dec 9999 23:59:59 GMT", now);
    jar.set(site, "wilder=v; Max-Age=99999999999999999999", now);
    CHECK(jar.header_for(site, now + 9s) == "session=v; short=v; dated=v; both=v; wild=v; wilder=v");
    CHECK(jar.header_for(site, now + 10s) == "session=v; both=v; wild=v; wilder=v");
    CHECK(jar.header_for(site, now + 20s) == "session=v; wild=v; wilder=v");
    CHECK(jar.header_for(site, now + cookie_jar::max_age - 1s) == "session=v; wild=v; wilder=v");
    CHECK(jar.header_for(site, now + cookie_jar::max_age) == "session=v");

    CHECK(jar.set(site, "session=; Max-Age=-5", now)); // removes
    CHECK(jar.set(site, "wild=; Expires=Thu, 01 Jan 1601 00:00:00 GMT", now));
    CHECK(jar.header_for(site, now + 20s) == "wilder=v");
    CHECK(jar.set(site, "never=v; Max-Age=0", now));
    CHECK(jar.cookies(now + 20s).size() == 1);
}

TEST_CASE("longer paths first, then older cookies, whose age a new value keeps") {
    cookie_jar jar;
    const url site("http://a.org/x/y");
    jar.set(site, "first=1; path=/", now);
    jar.set(site, "second=1; path=/", now);
    jar.set(site, "long=1; path=/x/y", now);
    jar.set(site, "first=2; path=/", now);
    CHECK(jar.header_for(site, now) == "long=1; first=2; second=1");
    CHECK(jar.size() == 3);
}

TEST_CASE("the bound on a site: first what has expired, then what is not Secure, then what was not used") {
    cookie_jar jar(cookie_jar_options().max_per_site(3));
    const url site("https://a.org/");
    jar.set(site, "expires=v; Secure; Max-Age=5", now);
    jar.set(site, "secure=v; Secure", now);
    jar.set(site, "plain=v", now);
    CHECK(jar.size() == 3); // just at the bound
    jar.set(url("https://sub.a.org/"), "domain=v; Domain=a.org", now + 6s);
    CHECK(jar.header_for(site, now + 6s) == "secure=v; plain=v; domain=v");
    CHECK(jar.header_for(url("http://a.org/"), now + 6s) == "plain=v; domain=v");
    jar.set(url("https://sub.a.org/"), "more=v", now + 6s); // subdomains count for the site
    CHECK(jar.size() == 3);
    CHECK(jar.header_for(url("https://sub.a.org/"), now + 6s) == "domain=v; more=v");
    CHECK(jar.header_for(site, now + 6s) == "secure=v; domain=v");
    jar.set(url("https://other.org/"), "n=v", now + 6s); // other sites do not
    CHECK(jar.size() == 4);
    jar.set(site, "s2=v; Secure", now + 6s);
    jar.set(site, "s3=v; Secure", now + 6s);
    jar.set(site, "s4=v; Secure", now + 6s);
    CHECK(jar.header_for(site, now + 6s) == "s2=v; s3=v; s4=v");
}

TEST_CASE("the bound on all cookies goes by use") {
    cookie_jar jar(cookie_jar_options().max_cookies(20));
    const auto site = [](int i) { return url("http://a" + std::to_string(i) + ".org/"); };
    for (int i = 0; i < 20; ++i)
        jar.set(site(i), "n=v", now);
    CHECK(jar.size() == 20);
    CHECK(jar.header_for(site(0), now) == "n=v"); // used
    jar.set(site(20), "n=v", now);
    CHECK(jar.size() == 18); // a tenth goes at once
    CHECK(jar.header_for(site(0), now) == "n=v");
    CHECK(jar.header_for(site(1), now).empty());
    CHECK(jar.header_for(site(3), now).empty());
    CHECK(jar.header_for(site(4), now) == "n=v");
    CHECK(jar.header_for(site(20), now) == "n=v");
}

TEST_CASE("bounds on what is sent") {
    cookie_jar jar(cookie_jar_options().max_sent(3).max_sent_bytes(12));
    const url site("http://a.org/");
    for (const char* const text : {"a=1", "b=1234567", "c=1", "d=", "e="})
        jar.set(site, text, now);
    CHECK(jar.header_for(site, now) == "a=1; c=1; d="); // 12 bytes
    cookie_jar less(cookie_jar_options().max_sent_bytes(11));
    for (const char* const text : {"a=1", "b=1234567", "c=1", "d=", "e="})
        less.set(site, text, now);
    CHECK(less.header_for(site, now) == "a=1; c=1");
    cookie_jar more;
    for (int i = 0; i < 151; ++i)
        more.set(site, "c" + std::to_string(i) + "=", now);
    const std::string most = more.header_for(site, now);
    CHECK(std::count(most.begin(), most.end(), '=') == 150);
}

TEST_CASE("cookies of one's own are held to the same rules") {
    cookie_jar jar;
    CHECK(jar.add(cookie("n", "v").domain("a.org"), now));
    CHECK(jar.add(cookie("d", "v").domain("a.org").host_only(false).path("/x"), now));
    CHECK(jar.add(cookie("local", "v").domain("localhost"), now));
    CHECK_FALSE(jar.add(cookie("n", "v"), now));
    CHECK_FALSE(jar.add(cookie("n", "v").domain("A.org"), now)); // not as url::host() has it
    CHECK_FALSE(jar.add(cookie("n", "v").domain("a.org/x"), now));
    CHECK_FALSE(jar.add(cookie("n", "v").domain("a.org:80"), now));
    CHECK_FALSE(jar.add(cookie("n", "v").domain("com").host_only(false), now));
    CHECK_FALSE(jar.add(cookie("n", "v").domain("127.0.0.1").host_only(false), now));
    CHECK_FALSE(jar.add(cookie("", "v").domain("a.org"), now));
    CHECK_FALSE(jar.add(cookie("n;", "v").domain("a.org"), now));
    CHECK_FALSE(jar.add(cookie("n=", "v").domain("a.org"), now));
    CHECK_FALSE(jar.add(cookie("n", "v; x=y").domain("a.org"), now));
    CHECK_FALSE(jar.add(cookie("n", "v\r\nEvil: 1").domain("a.org"), now));
    CHECK_FALSE(jar.add(cookie("n", " v").domain("a.org"), now));
    CHECK_FALSE(jar.add(cookie("n", "v").domain("a.org").path("x"), now));
    CHECK_FALSE(jar.add(cookie("__Host-n", "v").domain("a.org").host_only(false).secure(true), now));
    CHECK(jar.header_for(url("http://a.org/x"), now) == "d=v; n=v");
    CHECK(jar.cookies(now).size() == 3);
    CHECK(jar.remove("a.org", "/x", "d"));
    CHECK_FALSE(jar.remove("a.org", "/x", "d"));
    jar.set(url("http://b.org/"), "kept=v; Max-Age=60", now);
    jar.clear_session();
    CHECK(jar.cookies(now).size() == 1);
    jar.clear();
    CHECK(jar.size() == 0);
}

TEST_CASE("the Netscape format, there and back") {
    cookie_jar jar;
    jar.set(url("https://www.a.org/x/y"), "host=only; Secure; HttpOnly; Max-Age=3600", now);
    jar.set(url("https://www.a.org/"), "dom=v=w; Domain=a.org; Path=/p", now);
    jar.set(url("http://127.0.0.1/"), "ip=", now);
    const std::string text = jar.to_netscape(now);
    const std::string end =
        std::to_string(std::chrono::floor<std::chrono::seconds>(now + 1h).time_since_epoch().count());
    CHECK(text == "# Netscape HTTP Cookie File\n\n"
                  "#HttpOnly_www.a.org\tFALSE\t/x\tTRUE\t" +
                      end +
                      "\thost\tonly\n"
                      ".a.org\tTRUE\t/p\tFALSE\t0\tdom\tv=w\n"
                      "127.0.0.1\tFALSE\t/\tFALSE\t0\tip\t\n");
    cookie_jar copy;
    CHECK(copy.from_netscape(text, now) == 3);
    CHECK(copy.to_netscape(now) == text);
    // Host-only stays host-only, Secure stays Secure.
    CHECK(copy.header_for(url("https://sub.www.a.org/x"), now).empty());
    CHECK(copy.header_for(url("http://www.a.org/x"), now).empty());
    CHECK(copy.header_for(url("https://www.a.org/x"), now) == "host=only");
    CHECK(copy.header_for(url("https://b.a.org/p"), now) == "dom=v=w");
    CHECK(copy.cookies(now)[0].http_only());
}

TEST_CASE("a cookie file is held to the rules") {
    const auto taken = [](const std::string& text) {
        cookie_jar jar;
        return jar.from_netscape(text, now);
    };
    CHECK(taken("a.org\tFALSE\t/\tFALSE\t0\tn\tv") == 1); // no newline at the end
    CHECK(taken("a.org\tFALSE\t/\tFALSE\t0\tn\tv\r\n") == 1);
    CHECK(taken("a.org\tFALSE\t/\tFALSE\t99999999999999\tn\tv\n") == 1);
    CHECK(taken("# a comment\n\n  \na.org\n") == 0);
    CHECK(taken("a.org\tFALSE\t/\tFALSE\t0\tn\n") == 0);
    CHECK(taken("a.org\tFALSE\t/\tFALSE\t0\tn\tv\tx\n") == 0);
    CHECK(taken("a.org\tFALSE\t/\tFALSE\tx\tn\tv\n") == 0);
    CHECK(taken("a.org\tFALSE\t/\tFALSE\t-1\tn\tv\n") == 0);
    CHECK(taken("a.org\tFALSE\t/\tFALSE\t999999999999999999999\tn\tv\n") == 0);
    CHECK(taken("a.org\tFALSE\t/\tFALSE\t1\tn\tv\n") == 0); // long expired
    CHECK(taken(".com\tTRUE\t/\tFALSE\t0\tn\tv\n") == 0);
    CHECK(taken("a.org\tFALSE\tx\tFALSE\t0\tn\tv\n") == 0);
    CHECK(taken("a.org\tFALSE\t/\tFALSE\t0\t__Secure-n\tv\n") == 0);
    CHECK(taken("a.org\tFALSE\t/\tFALSE\t0\tn\tv\x01\n") == 0);
}

TEST_CASE("a jar serves several threads") {
    cookie_jar jar(cookie_jar_options().max_cookies(64).max_per_site(8));
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&jar, t] {
            for (int i = 0; i < 300; ++i) {
                const url site("http://h" + std::to_string((t + i) % 40) + ".org/");
                jar.set(site, "n" + std::to_string(i % 20) + "=v", now);
                const std::string sent = jar.header_for(site, now);
                if (sent.find("=v") == sent.npos && !sent.empty()) std::abort();
                if (i % 50 == 0) static_cast<void>(jar.to_netscape(now));
            }
        });
    threads.clear();
    CHECK(jar.size() <= 64);
    CHECK(jar.size() > 0);
}

TEST_CASE("cookies agree with the http-state tests", "[conformance]") {
    const auto file = conformance::directory() / "http-state" / "parser.json";
    if (!std::filesystem::exists(file)) {
        WARN("skipped: no " << file);
        return;
    }
    // Cases that fail for a reason, by name.
    const std::set<std::string> known_differences = {
        "OPTIONAL_DOMAIN0042", // RFC 6265 ignored an empty Domain; 6265bis lets it count as the last
    };
    const auto tests = boost::json::parse(tests::content_of(file)).as_array();
    int cases = 0;
    for (const auto& value : tests) {
        const auto& test = value.as_object();
        const std::string name(test.at("test").as_string());
        if (name.starts_with("DISABLED") || known_differences.contains(name)) continue;
        INFO(name);
        ++cases;
        cookie_jar jar;
        const url from("http://home.example.org:8888/cookie-parser?" + name);
        for (const auto& field : test.at("received").as_array())
            jar.set(from, std::string(field.as_string()), now);
        std::string to = "/cookie-parser-result?" + name;
        if (const auto* where = test.if_contains("sent-to")) to = std::string(where->as_string());
        std::string expected;
        for (const auto& sent : test.at("sent").as_array()) {
            if (!expected.empty()) expected += "; ";
            expected +=
                std::string(sent.at("name").as_string()) + '=' + std::string(sent.at("value").as_string());
        }
        CHECK(jar.header_for(*url::parse(to, from), now) == expected);
    }
    CHECK(cases > 200);
}
