#include "examples/crawler/statistics.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <thread>
#include <vector>

using namespace crawler;

namespace {

page_record page(std::string url, int status, double fetch_ms = 1) {
    page_record p;
    p.url = std::move(url);
    p.status = status;
    p.fetch_ms = fetch_ms;
    return p;
}

} // namespace

TEST_CASE("statistics: sums") {
    statistics s;
    page_record first = page("http://a/1", 200, 500);
    first.bytes = 100;
    first.parse_ms = 250;
    s.add(first, "a");
    s.add(page("http://a/2", 302, 1000), "a");
    page_record third = page("http://b/", 404, 1500);
    third.bytes = 11;
    third.referrer = "http://a/1";
    s.add(third, "b");
    page_record fourth = page("http://c/", 0, 0);
    fourth.error = "refused";
    fourth.exit_code = 4;
    s.add(fourth, "c");
    s.add_redirect();
    s.add_robots_denied();
    s.add_robots_denied();

    const crawl_figures f = s.figures();
    CHECK(f.pages == 4);
    CHECK(f.errors == 2);
    CHECK(s.pages() == f.pages);
    CHECK(s.errors() == f.errors);
    CHECK(f.succeeded == 2);
    CHECK(f.bytes == 111);
    CHECK(f.redirects == 1);
    CHECK(f.robots_denied == 2);
    CHECK(f.wait_s == Approx(3));
    CHECK(f.parse_s == Approx(0.25));
    CHECK(f.by_status == std::map<int, std::uint64_t>{{200, 1}, {302, 1}, {404, 1}}); // none for no response
    CHECK(f.by_host == std::map<std::string, std::uint64_t>{{"a", 2}, {"b", 1}, {"c", 1}});
    REQUIRE(f.broken.size() == 2);
    CHECK(f.broken[0].url == "http://b/");
    CHECK(f.broken[0].referrer == "http://a/1");
    CHECK(f.broken[0].status == 404);
    CHECK(f.broken[1].status == 0);
    CHECK(f.broken[1].error == "refused");
    CHECK(f.broken_total == 2);
    CHECK(f.first_exit_code == 8); // of the first that failed
}

TEST_CASE("statistics: a response that broke off is an error, whatever its status") {
    statistics s;
    page_record p = page("http://a/", 200);
    p.error = "limit exceeded";
    p.exit_code = 7;
    s.add(p, "a");
    CHECK(s.figures().errors == 1);
    CHECK(s.figures().succeeded == 0);
    CHECK(s.figures().first_exit_code == 7);
}

TEST_CASE("statistics: the ten slowest, slowest first") {
    statistics s;
    for (int i = 0; i < 100; ++i)
        s.add(page(std::to_string(i), 200, (i * 37) % 100), "a");
    const crawl_figures f = s.figures();
    REQUIRE(f.slowest.size() == 10);
    for (std::size_t i = 0; i < 10; ++i)
        CHECK(f.slowest[i].fetch_ms == Approx(99 - static_cast<double>(i)));
}

TEST_CASE("statistics: broken links are kept up to a limit and counted beyond") {
    statistics s;
    for (int i = 0; i < 10'050; ++i)
        s.add(page("u", 404), "a");
    CHECK(s.figures().broken.size() == 10'000);
    CHECK(s.figures().broken_total == 10'050);
    CHECK(s.figures().errors == 10'050);
}

TEST_CASE("statistics: the peak of what is in flight") {
    statistics s;
    s.fetch_begun();
    s.fetch_begun();
    s.fetch_begun();
    s.fetch_ended();
    CHECK(s.in_flight() == 2);
    s.fetch_begun();
    s.fetch_ended();
    s.fetch_ended();
    s.fetch_ended();
    CHECK(s.in_flight() == 0);
    CHECK(s.figures().peak_concurrency == 3);
}

TEST_CASE("statistics: several threads") {
    statistics s;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&s, t] {
            for (int i = 0; i < 500; ++i) {
                s.fetch_begun();
                s.add(page("u", i % 2 ? 200 : 500, i), "host" + std::to_string(t));
                s.add_redirect();
                s.fetch_ended();
                if (i % 100 == 0) static_cast<void>(s.figures());
            }
        });
    for (std::thread& t : threads)
        t.join();
    const crawl_figures f = s.figures();
    CHECK(f.pages == 1500);
    CHECK(f.errors == 750);
    CHECK(f.redirects == 1500);
    CHECK(f.by_host.size() == 3);
    CHECK(f.peak_concurrency <= 3);
    CHECK(s.in_flight() == 0);
}
