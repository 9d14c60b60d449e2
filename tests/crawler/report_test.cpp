#include "examples/crawler/report.hpp"

#include "tests/support/catch.hpp"

#include <boost/json.hpp>

#include <string>

using namespace crawler;

namespace {

crawl_figures sample() {
    crawl_figures f;
    f.pages = 360;
    f.errors = 3;
    f.succeeded = 357;
    f.bytes = 4'200'000;
    f.redirects = 9;
    f.robots_denied = 4;
    f.peak_concurrency = 64;
    f.wall_s = 0.5;
    f.cpu_s = 0.2;
    f.wait_s = 20;
    f.parse_s = 0.25;
    f.loop_busy = 0.04;
    f.pool_busy = 0.25;
    f.max_rss_mb = 20;
    f.loops = 1;
    f.workers = 2;
    f.by_status = {{200, 357}, {404, 3}};
    f.by_host = {{"a.test", 360}};
    f.slowest.emplace_back("http://a.test/slow", 81.5);
    f.broken.emplace_back("http://a.test/x", "http://a.test/", 404, "");
    f.broken.emplace_back("http://b.test/", "", 0, "GET http://b.test/: connect: refused\x1b[31m");
    f.broken_total = 2;
    return f;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("report: what it says") {
    const std::string t = report_text(sample());
    INFO(t);
    CHECK(has(t, "360 visited, 3 broken, 9 redirects followed, 4 kept out by robots.txt"));
    CHECK(has(t, "4.2 MB in 0.50 s: 720 pages/s"));
    CHECK(has(t, "357 x 200, 3 x 404"));
    CHECK(has(t, "40.0 requests in flight on average (64 at most) on 1 loop thread, 4 % busy"));
    CHECK(has(t, "0.50 cores busy parsing on average, on 2 pool threads, 25 % busy"));
    CHECK(has(t, "20.00 s of waiting + 0.25 s of parsing = 20.25 s; in tandem: 0.50 s"));
    CHECK(has(t, "40.5x = 40.0x by waiting for many answers at once + 0.5x by parsing meanwhile"));
    CHECK(has(t, "404 http://a.test/x  (on http://a.test/)"));
    CHECK_FALSE(has(t, "interrupted"));
}

TEST_CASE("report: why a page is broken that did answer") {
    crawl_figures f = sample();
    f.broken.emplace_back("http://a.test/huge", "http://a.test/", 200, "GET http://a.test/huge: too large");
    const std::string t = report_text(f);
    INFO(t);
    CHECK(has(t, "200 http://a.test/huge  (on http://a.test/)\n      GET http://a.test/huge: too large\n"));
}

TEST_CASE("report: nothing from the network reaches the terminal raw") {
    crawl_figures f = sample();
    f.broken.emplace_back("http://a/\x1b[2J", "http://\u009b/", 404, "");
    for (const char c : report_text(f))
        CHECK((static_cast<unsigned char>(c) >= 0x20 || c == '\n'));
    CHECK_FALSE(has(report_text(f), "\u009b"));
}

TEST_CASE("report: an interrupted crawl, an empty one") {
    crawl_figures f = sample();
    f.interrupted = true;
    CHECK(has(report_text(f), "interrupted"));
    const std::string nothing = report_text(crawl_figures());
    CHECK(has(nothing, "statuses    none"));
    CHECK_FALSE(has(nothing, "nan"));
    CHECK_FALSE(has(nothing, "inf"));
}

TEST_CASE("report: many broken links are cut, and it says so") {
    crawl_figures f = sample();
    for (int i = 0; i < 100; ++i)
        f.broken.emplace_back("http://a/" + std::to_string(i), "", 500, "");
    f.broken_total = f.broken.size();
    const std::string t = report_text(f);
    CHECK(has(t, "... 92 more: --summary FILE has them all"));
    CHECK_FALSE(has(t, "http://a/20\n"));
}

TEST_CASE("report: the summary") {
    const std::string text = summary_json(sample());
    CHECK(text.back() == '\n');
    const boost::json::object o = boost::json::parse(text).as_object();
    CHECK(o.at("pages").as_int64() == 360);
    CHECK(o.at("errors").as_int64() == 3);
    CHECK(o.at("bytes").as_int64() == 4'200'000);
    CHECK(o.at("redirects").as_int64() == 9);
    CHECK(o.at("robots_denied").as_int64() == 4);
    CHECK_FALSE(o.at("interrupted").as_bool());
    CHECK(o.at("wall_s").as_double() == Approx(0.5));
    CHECK(o.at("pages_per_s").as_double() == Approx(720));
    CHECK(o.at("cpu_s").as_double() == Approx(0.2));
    CHECK(o.at("wait_s").as_double() == Approx(20));
    CHECK(o.at("parse_s").as_double() == Approx(0.25));
    CHECK(o.at("mean_concurrency").as_double() == Approx(40));
    CHECK(o.at("peak_concurrency").as_int64() == 64);
    CHECK(o.at("loops").as_int64() == 1);
    CHECK(o.at("loop_busy").as_double() == Approx(0.04));
    CHECK(o.at("workers").as_int64() == 2);
    CHECK(o.at("pool_busy").as_double() == Approx(0.25));
    CHECK(o.at("max_rss_mb").as_double() == Approx(20));
    CHECK(o.at("by_status").as_object().at("404").as_int64() == 3);
    CHECK(o.at("by_host").as_object().at("a.test").as_int64() == 360);
    CHECK(o.at("slowest").as_array().at(0).as_object().at("url").as_string() == "http://a.test/slow");
    CHECK(o.at("broken_total").as_int64() == 2);
    const boost::json::array& broken = o.at("broken").as_array();
    REQUIRE(broken.size() == 2);
    CHECK(broken[0].as_object().at("referrer").as_string() == "http://a.test/");
    CHECK(broken[0].as_object().at("status").as_int64() == 404);
    CHECK(broken[1].as_object().at("error").as_string() == "GET http://b.test/: connect: refused\x1b[31m");
    CHECK_NOTHROW(boost::json::parse(summary_json(crawl_figures())));
}
