#include "examples/crawler/crawl.hpp"
#include "examples/crawler/demo_server.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>

#include "tests/crawler/crawl_support.hpp"
#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

using namespace crawler;
using namespace crawl_test;
using namespace std::chrono_literals;

namespace {

using list = std::vector<std::string>;

class demo_crawl {
public:
    demo_crawl() = default;

    crawled result;
    list requests; // sorted
    list expected; // sorted
    std::string base;
};

// Crawls the demonstration site, which is served by a loop of the same runtime.
demo_crawl crawl_demo_site(options o, std::size_t pages) {
    const temporary_folder folder;
    demo_options settings;
    settings.pages = pages;
    demo_server server(settings);
    demo_crawl c;
    c.base = server.url();
    {
        sink out(folder / "pages");
        tandem::runtime rt(tandem::runtime_options().loops(o.loops + 1).workers(2));
        const auto scenario = [&]() -> tandem::task<> {
            const auto body = [&](tandem::task_group& group) -> tandem::task<> {
                group.spawn_on(rt.loop(o.loops), &demo_server::serve, std::ref(server));
                c.result.figures = co_await crawl(o, out, seeds_of_one(server.url() + "/"));
                group.cancel();
            };
            co_await tandem::with_task_group(body);
        };
        rt.run(scenario());
    }
    c.result.lines = parse_lines(content_of(folder / "pages"));
    c.requests = server.requests();
    std::sort(c.requests.begin(), c.requests.end());
    c.expected = server.site().expected_pages(o.robots);
    if (o.robots) c.expected.push_back("/robots.txt");
    std::sort(c.expected.begin(), c.expected.end());
    return c;
}

} // namespace

TEST_CASE("crawl: the demonstration site is fetched exactly as expected, each page once") {
    const bool robots = GENERATE(true, false);
    const std::size_t loops = GENERATE(std::size_t{1}, std::size_t{2});
    options o = quiet_options();
    o.robots = robots;
    o.loops = loops;
    const demo_crawl c = crawl_demo_site(o, tests::repeat(300, 60));
    CHECK(c.requests == c.expected);

    const crawl_figures& f = c.result.figures;
    CHECK_FALSE(f.interrupted);
    CHECK(f.pages == c.result.lines.size());
    CHECK(f.loops == loops);
    CHECK(f.workers == 2);
    CHECK(f.peak_concurrency <= 16);
    CHECK(f.errors == 3);
    CHECK(f.succeeded == f.pages - 3);
    CHECK(f.pages + f.redirects ==
          c.expected.size() - (robots ? 1 : 0)); // each request was a page's or a hop's
    CHECK((robots ? f.robots_denied > 0 : f.robots_denied == 0));
    std::set<std::string> urls;
    std::uint64_t bytes = 0;
    for (const auto& line : c.result.lines) {
        CHECK(line.size() == 12);
        CHECK(urls.insert(text_of(line, "url")).second);
        CHECK(text_of(line, "final_url").starts_with("http://"));
        CHECK(line.at("status").as_int64() >= 200);
        CHECK(line.at("fetch_ms").as_double() > 0);
        CHECK(text_of(line, "error").empty());
        CHECK(text_of(line, "referrer").empty() == (line.at("depth").as_int64() == 0));
        bytes += static_cast<std::uint64_t>(line.at("bytes").as_int64());
    }
    CHECK(f.bytes == bytes);
    CHECK(f.broken.size() == 3);
    CHECK(f.slowest.size() == 10);
}

TEST_CASE("crawl: what a line says") {
    site s(from_table(
        {{"/", page("<title>Start &amp; more</title>" + link("/a") + link("/b.css") + link("/moved"))},
         {"/a", page("<title>A</title>" + link("/") + link("/missing"))},
         {"/b.css", site::response(200).body(link("/never"), "text/css")},
         {"/moved", site::response::redirect("/new#part", 301)},
         {"/new", page("<title>New</title>" + link("/from-new"))},
         {"/from-new", site::response(200).body("<title>\xe9</title>", "text/html")}}));
    const crawled c = crawl_all(quiet_options(), {s.url("/#top")});
    REQUIRE(c.lines.size() == 6);
    const auto& start = c.line(s.url("/"));
    CHECK(text_of(start, "final_url") == s.url("/"));
    CHECK(start.at("status").as_int64() == 200);
    CHECK(text_of(start, "content_type") == "text/html; charset=utf-8");
    CHECK(text_of(start, "title") == "Start & more");
    CHECK(start.at("depth").as_int64() == 0);
    CHECK(text_of(start, "referrer").empty());
    CHECK(start.at("links").as_int64() == 3);
    CHECK(start.at("bytes").as_int64() > 60);
    const auto& css = c.line(s.url("/b.css"));
    CHECK(text_of(css, "content_type") == "text/css");
    CHECK(css.at("links").as_int64() == 0);
    CHECK(css.at("parse_ms").as_double() == 0);
    CHECK(css.at("bytes").as_int64() > 0);
    const auto& moved = c.line(s.url("/moved"));
    CHECK(text_of(moved, "final_url") == s.url("/new"));
    CHECK(moved.at("status").as_int64() == 200);
    CHECK(text_of(moved, "title") == "New");
    CHECK(moved.at("depth").as_int64() == 1);
    const auto& after = c.line(s.url("/from-new"));
    CHECK(after.at("depth").as_int64() == 2);
    CHECK(text_of(after, "referrer") == s.url("/new"));
    const auto& missing = c.line(s.url("/missing"));
    CHECK(missing.at("status").as_int64() == 404);
    CHECK(text_of(missing, "referrer") == s.url("/a"));
    CHECK(text_of(missing, "error").empty());
    CHECK(s.count("/never") == 0);
}

namespace {

// Numbered pages; page n links to 10n + 1 ... 10n + 10.
tandem::task<site::response> endless(tandem::http::server_request request) {
    std::string body;
    const std::string here = request.target() == "/" ? std::string() : request.target();
    for (int i = 0; i < 10; ++i)
        body += link(here + "/" + std::to_string(i));
    co_return page(body);
}

} // namespace

TEST_CASE("crawl: a limit on pages is exact") {
    for (const std::size_t most : {std::size_t{1}, std::size_t{2}, std::size_t{37}, std::size_t{150}}) {
        for (const std::size_t loops : {std::size_t{1}, std::size_t{2}}) {
            site s(endless);
            options o = quiet_options();
            o.robots = false;
            o.loops = loops;
            o.max_pages = most;
            const crawled c = crawl_all(o, {s.url()});
            CHECK(c.lines.size() == most);
            CHECK(s.log().size() == most);
            CHECK(c.figures.pages == most);
            CHECK_FALSE(c.figures.interrupted);
        }
    }
}

TEST_CASE("crawl: a limit on depth") {
    std::size_t pages = 1;
    for (const std::size_t depth : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
        site s(endless);
        options o = quiet_options();
        o.robots = false;
        o.depth = depth;
        const crawled c = crawl_all(o, {s.url()});
        CHECK(c.lines.size() == pages);
        for (const auto& line : c.lines)
            CHECK(line.at("depth").as_int64() <= static_cast<std::int64_t>(depth));
        pages = pages * 10 + 1;
    }
}

TEST_CASE("crawl: cancelled in the middle") {
    for (const std::size_t loops : {std::size_t{1}, std::size_t{2}}) {
        tandem::event enough; // set on the server's loop
        std::atomic<int> seen{0};
        const auto counted = [&](tandem::http::server_request request) -> tandem::task<site::response> {
            if (++seen == 60) enough.set();
            if (seen > 80) co_await tandem::sleep_for(1h); // so that requests are in flight
            co_return co_await endless(std::move(request));
        };
        site s(counted, tandem::http::server_options().drain_timeout(0ms));
        const temporary_folder folder;
        options o = quiet_options();
        o.loops = loops;
        o.robots = false;
        crawl_figures figures;
        {
            sink out(folder / "pages");
            tandem::runtime rt(tandem::runtime_options().loops(loops).workers(2));
            const auto crawling = [&]() -> tandem::task<> {
                figures = co_await crawl(o, out, seeds_of_one(s.url()));
            };
            const auto scenario = [&]() -> tandem::task<> {
                const auto body = [&](tandem::task_group& group) -> tandem::task<> {
                    group.spawn(crawling);
                    co_await enough.wait();
                    group.cancel();
                };
                co_await tandem::with_task_group(body);
            };
            rt.run(scenario());
        }
        const auto lines = parse_lines(content_of(folder / "pages"));
        CHECK(figures.interrupted);
        CHECK(figures.pages == lines.size());
        CHECK(lines.size() >= 20);
        CHECK(lines.size() < 90);
    }
}

TEST_CASE("crawl: no seeds, and seeds that are one") {
    CHECK(crawl_all(quiet_options(), {}).lines.empty());
    site s(from_table({{"/", page("x")}}));
    const crawled c = crawl_all(quiet_options(), {s.url("/"), s.url("/#a"), s.url("")});
    CHECK(c.lines.size() == 1);
    CHECK(s.requests() == list{"/", "/robots.txt"});
}

TEST_CASE("crawl: robots.txt that cannot be had means that nothing is fetched, and it is said") {
    SECTION("5xx") {
        site s(from_table({{"/", page(link("/a"))}, {"/robots.txt", site::response::plain_status(503)}}));
        const crawled c = crawl_all(quiet_options(), {s.url(), s.url("/a")});
        CHECK(s.requests() == list{"/robots.txt"});
        CHECK(c.lines.size() == 2);
        CHECK(text_of(c.line(s.url()), "error") ==
              "GET " + s.url("/robots.txt") + ": status 503: nothing of this host may be fetched");
        CHECK(c.line(s.url()).at("status").as_int64() == 0);
        CHECK(c.figures.succeeded == 0);
        CHECK(c.figures.first_exit_code == 8);
    }
    SECTION("nobody listens") {
        std::string gone;
        {
            const site s(from_table({}));
            gone = s.url();
        }
        const crawled c = crawl_all(quiet_options(), {gone});
        REQUIRE(c.lines.size() == 1);
        CHECK(text_of(c.lines[0], "error").find("/robots.txt: connect: ") != std::string::npos);
        CHECK(c.figures.first_exit_code == 4);
    }
    SECTION("garbage") {
        site s(from_table(
            {{"/", page("x")}, {"/robots.txt", site::response(200).body("\xff\0<html>", "text/html")}}));
        const crawled c = crawl_all(quiet_options(), {s.url()});
        CHECK(c.figures.succeeded == 1);
    }
    SECTION("everything disallowed") {
        site s(from_table(
            {{"/", page("x")}, {"/robots.txt", site::response::text("User-agent: *\nDisallow: /")}}));
        const crawled c = crawl_all(quiet_options(), {s.url()});
        CHECK(s.requests() == list{"/robots.txt"});
        CHECK(c.lines.empty());
        CHECK(c.figures.robots_denied == 1);
    }
}

TEST_CASE("crawl: Crawl-delay") {
    std::string start;
    for (int i = 0; i < 5; ++i)
        start += link("/" + std::to_string(i));
    const auto answer = [&](tandem::http::server_request request) -> tandem::task<site::response> {
        if (request.target() == "/robots.txt")
            co_return site::response::text("User-agent: *\nCrawl-delay: 0.05\n");
        co_return page(request.target() == "/" ? start : std::string());
    };
    site s(answer);
    options o = quiet_options();
    o.per_host = 8;
    const crawled c = crawl_all(o, {s.url()});
    CHECK(c.lines.size() == 6);
    const auto log = s.log();
    REQUIRE(log.size() == 7);
    CHECK(log[0].first == "/robots.txt");
    // The first page comes after robots.txt, each further one the delay later: whatever the machine's load.
    // The clock of sleeping is coarse.
    for (std::size_t i = 1; i < log.size(); ++i)
        CHECK(log[i].second - log[0].second >= static_cast<int>(i - 1) * 50ms - 2ms);
}

TEST_CASE("crawl: --delay") {
    site s(from_table({{"/", page(link("/a") + link("/b") + link("/c"))}}));
    options o = quiet_options();
    o.robots = false;
    o.delay = 30ms;
    const auto begun = site::clock::now();
    const crawled c = crawl_all(o, {s.url()});
    CHECK(c.lines.size() == 4);
    const auto log = s.log();
    REQUIRE(log.size() == 4);
    for (std::size_t i = 0; i < log.size(); ++i)
        CHECK(log[i].second - begun >= static_cast<int>(i) * 30ms - 2ms);
}

TEST_CASE("crawl: X-Robots-Tag") {
    site s(from_table(
        {{"/", page(link("/all") + link("/mine") + link("/other"))},
         {"/all", page(link("/x1")).header("X-Robots-Tag", "noindex, nofollow")},
         {"/mine",
          page(link("/x2")).header("X-Robots-Tag", "noarchive").header("X-Robots-Tag", "tandem-crawl: none")},
         {"/other", page(link("/seen")).header("X-Robots-Tag", "otherbot: nofollow")}}));
    const crawled c = crawl_all(quiet_options(), {s.url()});
    CHECK(s.requests() == list{"/", "/all", "/mine", "/other", "/robots.txt", "/seen"});
    options rude = quiet_options();
    rude.robots = false;
    CHECK(crawl_all(rude, {s.url()}).lines.size() == 7);
}

TEST_CASE("crawl: a page over 8 MiB is a limit, other content is given up without one") {
    const std::string huge(9 * 1024 * 1024, ' ');
    site s(from_table({{"/", page(link("/huge") + link("/binary") + link("/after"))},
                       {"/huge", page(link("/never") + huge)},
                       {"/binary", site::response(200).body(huge, "application/octet-stream")},
                       {"/after", page("")}}));
    const crawled c = crawl_all(quiet_options(), {s.url()});
    CHECK(c.lines.size() == 4);
    CHECK(text_of(c.line(s.url("/huge")), "error").find("limit exceeded") != std::string::npos);
    CHECK(c.line(s.url("/huge")).at("links").as_int64() == 0);
    CHECK(text_of(c.line(s.url("/binary")), "error").empty());
    CHECK(c.line(s.url("/binary")).at("bytes").as_int64() < 1024 * 1024);
    CHECK(c.figures.errors == 1);
    CHECK(s.count("/never") == 0);
}

TEST_CASE("crawl: only HTML is parsed, whatever it is named") {
    const std::string body = "<a href=/never>x</a>";
    std::map<std::string, site::response> pages;
    std::string start;
    int number = 0;
    for (const char* type :
         {"text/plain", "text/css", "application/json", "application/xml", "text/htmlx", "image/svg+xml"}) {
        const std::string path = "/" + std::to_string(number++) + ".html";
        pages.emplace(path, site::response(200).body(body, type));
        start += link(path);
    }
    pages.emplace("/untyped.html", site::response(200).body(body));
    pages.emplace("/xhtml.txt",
                  site::response(200).body("<a href='/seen'>x</a>", "Application/XHTML+XML ; a=b"));
    start += link("/untyped.html") + link("/xhtml.txt");
    pages.emplace("/", page(start));
    site s(from_table(pages));
    crawl_all(quiet_options(), {s.url()});
    CHECK(s.count("/never") == 0);
    CHECK(s.count("/seen") == 1);
}

TEST_CASE("crawl: a page with a wrong charset") {
    site s(from_table(
        {{"/", site::response(200).body("<title>caf\xe9</title><a href='/caf\xe9'>x</a><a href=/ok>y</a>",
                                        "text/html; charset=utf-8")},
         {"/ok",
          site::response(200).body("<title>\xc3\xa9</title>", "text/html; charset=no-such-charset")}}));
    const crawled c = crawl_all(quiet_options(), {s.url()}); // the lines are valid JSON all the same
    CHECK(text_of(c.line(s.url()), "title") == "caf\uFFFD");
    CHECK(s.count("/ok") == 1);
    CHECK(s.count("/caf%EF%BF%BD") == 1);
}

TEST_CASE("crawl: several hosts, one of them gone") {
    site a(from_table({{"/", page(link("/1"))}, {"/1", page("")}}));
    site b(from_table({{"/", page(link("/2"))}, {"/2", page("")}}));
    std::string gone;
    {
        const site g(from_table({}));
        gone = g.url();
    }
    const crawled c = crawl_all(quiet_options(), {a.url(), b.url(), gone});
    CHECK(c.lines.size() == 5);
    CHECK(c.figures.succeeded == 4);
    CHECK(c.figures.by_host == std::map<std::string, std::uint64_t>{{"127.0.0.1", 5}});
    CHECK(a.requests() == list{"/", "/1", "/robots.txt"});
}

TEST_CASE("crawl: requests at a time, in all and for each host") {
    std::atomic<int> now{0};
    std::atomic<int> most{0};
    const auto slow = [&](tandem::http::server_request request) -> tandem::task<site::response> {
        const int n = ++now;
        int m = most;
        while (n > m && !most.compare_exchange_weak(m, n)) {
        }
        co_await tandem::sleep_for(2ms);
        --now;
        co_return co_await endless(std::move(request));
    };
    for (const std::size_t loops : {std::size_t{1}, std::size_t{2}}) {
        most = 0;
        site s(slow);
        options o = quiet_options();
        o.robots = false;
        o.per_host = 3;
        o.loops = loops;
        o.max_pages = 60;
        crawl_all(o, {s.url()});
        CHECK(most <= 3);
        CHECK(most > 1);
        o.per_host = 100;
        o.concurrency = 5;
        most = 0;
        crawl_all(o, {s.url()});
        CHECK(most <= 5);
        CHECK(most > 1);
    }
}

TEST_CASE("crawl: a full disk ends it with an error") {
    site s(endless);
    options o = quiet_options();
    sink out("/dev/full");
    tandem::runtime rt(tests::small());
    CHECK_THROWS_AS(rt.run(crawl(o, out, seeds_of_one(s.url()))), file_error);
}
