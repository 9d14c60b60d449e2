#include "examples/crawler/links.hpp"

#include "tests/support/catch.hpp"

#include <memory>
#include <string>
#include <vector>

using namespace crawler;

namespace {

std::vector<std::string> links_of(const std::string& body, bool obey = true, bool header_nofollow = false,
                                  const std::string& type = "text/html; charset=utf-8",
                                  const std::string& base = "http://a.test/dir/page.html") {
    auto where = std::make_shared<scope>(scope_kind::host);
    where->add_seed(tandem::url("http://a.test/"));
    const parsed_page p = parse_page(body, type, tandem::url(base), where, obey, header_nofollow);
    std::vector<std::string> all;
    for (const tandem::url& u : p.links)
        all.push_back(u.href());
    return all;
}

using list = std::vector<std::string>;

} // namespace

TEST_CASE("links: resolved, without fragment, each once, in order") {
    CHECK(
        links_of("<a href=b>1</a><a href=/c#x>2</a><a href='/c#y'>3</a><a href=c/../b>4</a><a href='?q'>5</a>"
                 "<a href='//a.test/d'>6</a><a href='#top'>7</a><a href='https://a.test/e'>8</a>") ==
        list{"http://a.test/dir/b", "http://a.test/c", "http://a.test/dir/page.html?q", "http://a.test/d",
             "http://a.test/dir/page.html", "https://a.test/e"});
}

TEST_CASE("links: only http and https, only in scope, only what parses") {
    CHECK(links_of(
              "<a href='mailto:a@a.test'>x</a><a href='javascript:x()'>x</a><a href='ftp://a.test/'>x</a>"
              "<a href='data:text/html,x'>x</a><a href='file:///etc/passwd'>x</a><a href='ws://a.test/'>x</a>"
              "<a href='http://b.test/'>x</a><a href='http://a.test.evil/'>x</a><a href='http://['>x</a>"
              "<a href='http://a.test:99999/'>x</a>") == list{});
}

TEST_CASE("links: user name and password are left out") {
    CHECK(
        links_of("<a href='http://u:p@a.test/x#f'>1</a><a href='http://v@a.test/x'>2</a><a href=/x>3</a>") ==
        list{"http://a.test/x"});
    CHECK(links_of("<a href=y>1</a>", true, false, "text/html", "http://u:p@a.test/x") ==
          list{"http://a.test/y"});
    CHECK(visitable(tandem::url("http://u:p@a.test:81/x?y#z")).href() == "http://a.test:81/x?y");
    CHECK(visitable(tandem::url("http://a.test/x?#z")).href() == "http://a.test/x?");
    CHECK(visitable(tandem::url("http://u@a.test/?")).href() == "http://a.test/?");
}

TEST_CASE("links: what a page asks of robots") {
    const std::string body = "<a rel=nofollow href=1>x</a><a href=2>x</a>";
    CHECK(links_of(body) == list{"http://a.test/dir/2"});
    CHECK(links_of(body, true, true) == list{});
    CHECK(links_of(body, false, true) == list{"http://a.test/dir/1", "http://a.test/dir/2"});
    const std::string meta = "<meta name=tandem-crawl content=nofollow>";
    CHECK(links_of(meta + body) == list{});
    CHECK(links_of(meta + body, false).size() == 2);
    CHECK(links_of("<meta name=otherbot content=nofollow>" + body).size() == 1);
}

TEST_CASE("links: base") {
    CHECK(links_of("<base href=/other/><a href=x>x</a>") == list{"http://a.test/other/x"});
    CHECK(links_of("<base href='http://b.test/'><a href=x>x</a><a href=//a.test/y>y</a>") ==
          list{"http://a.test/y"});
    CHECK(links_of("<base href='http://['><a href=x>x</a>") == list{"http://a.test/dir/x"});
}

TEST_CASE("links: addresses that are too long are left out") {
    const std::string long_path(8000, 'x');
    CHECK(links_of("<a href='/" + long_path + "'>x</a>").size() == 1);
    CHECK(links_of("<a href='/" + long_path + "/" + long_path + "'>x</a>").empty());
    // Long by the page's base.
    const std::string base = "<base href='/" + std::string(longest_url - 32, 'x') + "/'>";
    CHECK(links_of(base + "<a href=a>x</a>").size() == 1);
    CHECK(links_of(base + "<a href=" + std::string(32, 'a') + ">x</a>").empty());
}

TEST_CASE("links: the addresses of one page are bounded together") {
    std::string many;
    for (int i = 0; i < 20'000; ++i)
        many += "<a href=" + std::to_string(i) + ">";
    CHECK(links_of(many).size() == 20'000);
    const std::string path(8000, 'x');
    const std::size_t by_base = links_of("<base href='/" + path + "/'>" + many).size();
    CHECK(by_base > 2'000);
    CHECK(by_base < 5'000);
    // Each link remembers where it was found.
    CHECK(links_of(many, true, false, "text/html", "http://a.test/x?" + path).size() < 5'000);
}

TEST_CASE("links: the charset of the header and of the page") {
    CHECK(links_of("<a href='/caf\xe9'>x</a>", true, false, "text/html; charset=iso-8859-1") ==
          list{"http://a.test/caf%C3%A9"});
    CHECK(links_of("<meta charset=windows-1251><a href='/\xe0'>x</a>", true, false, "text/html") ==
          list{"http://a.test/%D0%B0"});
    // A wrong one costs the character, not the page.
    CHECK(links_of("<a href='/caf\xe9'>x</a><a href=/y>x</a>") ==
          list{"http://a.test/caf%EF%BF%BD", "http://a.test/y"});
}

TEST_CASE("links: title and time") {
    auto where = std::make_shared<scope>(scope_kind::host);
    const parsed_page p = parse_page("<title> A \n page </title>", "text/html", tandem::url("http://a.test/"),
                                     where, true, false);
    CHECK(p.title == "A page");
    CHECK(p.links.empty());
    CHECK(p.cpu_ms >= 0);
    CHECK(parse_page(std::string(), std::string(), tandem::url("http://a.test/"), where, true, true)
              .title.empty());
}
