#include "examples/crawler/crawl.hpp"

#include "tests/crawler/crawl_support.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <map>
#include <string>
#include <vector>

using namespace crawler;
using namespace crawl_test;

namespace {

using list = std::vector<std::string>;

} // namespace

TEST_CASE("crawl: redirects") {
    using response = site::response;
    SECTION("a loop") {
        site s(from_table({{"/", response::redirect("/a")},
                           {"/a", response::redirect("/b")},
                           {"/b", response::redirect("/")}}));
        const crawled c = crawl_all(quiet_options(), {s.url()});
        CHECK(s.requests() == list{"/", "/a", "/b", "/robots.txt"});
        CHECK(text_of(c.line(s.url()), "final_url") == s.url());
        CHECK(c.line(s.url()).at("status").as_int64() == 302);
    }
    SECTION("to itself") {
        site s(from_table({{"/", response::redirect("")}}));
        const crawled c = crawl_all(quiet_options(), {s.url()});
        CHECK(s.count("/") == 1);
        CHECK(c.lines.size() == 1);
    }
    SECTION("to what was visited, and to what another page links to") {
        site s(from_table({{"/", page(link("/a") + link("/r1") + link("/r2"))},
                           {"/a", page("")},
                           {"/r1", response::redirect("/a")},
                           {"/r2", response::redirect("/a")}}));
        const crawled c = crawl_all(quiet_options(), {s.url()});
        CHECK(s.requests() == list{"/", "/a", "/r1", "/r2", "/robots.txt"});
        CHECK(c.lines.size() == 4);
        CHECK(text_of(c.line(s.url("/r2")), "final_url") == s.url("/a"));
    }
    SECTION("out of scope") {
        site other(from_table({}));
        site s(from_table({{"/", response::redirect(other.url("/x"))}}));
        const crawled c = crawl_all(quiet_options(), {s.url()});
        CHECK(other.requests().empty());
        CHECK(text_of(c.line(s.url()), "final_url") == other.url("/x"));
        CHECK(c.line(s.url()).at("status").as_int64() == 302);
    }
    SECTION("into a disallowed path") {
        site s(from_table({{"/robots.txt", response::text("User-agent: tandem-crawl\nDisallow: /private/")},
                           {"/", response::redirect("/private/x")},
                           {"/private/x", page("")}}));
        const crawled c = crawl_all(quiet_options(), {s.url()});
        CHECK(s.requests() == list{"/", "/robots.txt"});
        CHECK(c.figures.robots_denied == 1);
    }
    SECTION("too many; what is behind can still be found by a link") {
        std::map<std::string, response> pages;
        for (int i = 0; i < 10; ++i)
            pages.emplace("/" + std::to_string(i), response::redirect("/" + std::to_string(i + 1), 307));
        pages.emplace("/10", page(""));
        site s(from_table(pages));
        const crawled c = crawl_all(quiet_options(), {s.url("/0"), s.url("/6")});
        CHECK(text_of(c.line(s.url("/0")), "error") == "GET " + s.url("/0") + ": more than 5 redirects");
        for (int i = 0; i <= 10; ++i)
            CHECK(s.count("/" + std::to_string(i)) == 1);
    }
    SECTION("to an address that is too long") {
        site s(from_table({{"/", response::redirect("/" + std::string(9'000, 'x'))}}));
        const crawled c = crawl_all(quiet_options(), {s.url()});
        CHECK(s.requests() == list{"/", "/robots.txt"});
        CHECK(
            text_of(c.line(s.url()), "error").find("redirect to an address that is none, or too long: /xx") !=
            std::string::npos);
    }
    SECTION("to a host that does not answer: what the redirect said is not the page's") {
        std::string gone;
        {
            const site other(from_table({}));
            gone = other.url("/x");
        }
        site s(from_table({{"/", response::redirect(gone + "x")}}));
        options o = quiet_options();
        o.robots = false;
        const crawled c = crawl_all(o, {s.url(), gone}); // a seed, so that its host is in scope
        const auto& line = c.line(s.url());
        CHECK(text_of(line, "final_url") == gone + "x");
        CHECK(text_of(line, "content_type").empty());
        CHECK(line.at("bytes").as_int64() == 0);
        CHECK(text_of(line, "error").find("connect") != std::string::npos);
    }
    SECTION("to an address that is none, and to other schemes") {
        site s(from_table({{"/", page(link("/bad") + link("/file") + link("/data"))},
                           {"/bad", response::redirect("http://[")},
                           {"/file", response::redirect("file:///etc/passwd")},
                           {"/data", response::redirect("data:text/html,x")}}));
        const crawled c = crawl_all(quiet_options(), {s.url()});
        CHECK(c.lines.size() == 4);
        CHECK(text_of(c.line(s.url("/bad")), "error").find("redirect to an address that is none") !=
              std::string::npos);
        CHECK(s.requests().size() == 5);
    }
    SECTION("user name and password of a target are not sent") {
        std::atomic<bool> sent{false};
        const auto answer = [&](tandem::http::server_request request) -> tandem::task<response> {
            if (request.headers().contains("Authorization")) sent = true;
            if (request.target() == "/")
                co_return response::redirect("http://user:secret@" + request.authority() + "/next");
            co_return page("");
        };
        site s(answer);
        const crawled c = crawl_all(quiet_options(), {s.url()});
        CHECK(s.count("/next") == 1);
        CHECK_FALSE(sent);
        CHECK(text_of(c.line(s.url()), "final_url") == s.url("/next"));
    }
}
