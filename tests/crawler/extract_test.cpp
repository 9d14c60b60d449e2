#include "examples/crawler/extract.hpp"

#include "tests/support/catch.hpp"

#include <atomic>
#include <random>
#include <thread>

using namespace crawler;
using namespace std::string_view_literals;

namespace {

page_content read(std::string_view html, std::string_view type = "text/html; charset=utf-8") {
    return extract(html, type);
}

// The hrefs, separated by '|'.
std::string hrefs(std::string_view html) {
    std::string joined;
    for (const page_link& link : read(html).links)
        joined += "|" + link.href;
    return joined.empty() ? joined : joined.substr(1);
}

std::string repeat(std::string_view s, std::size_t bytes) {
    std::string out;
    while (out.size() < bytes)
        out += s;
    return out;
}

constexpr std::string_view sample = "<!DOCTYPE html><html><head><meta charset=utf-8><title>A &amp; "
                                    "B</title><base href='/b/'><link rel=next href=n>"
                                    "<meta name=robots content=none></head><body><!-- <a href=c> --><a "
                                    "href='x?a=1&amp;b=&eacute;&#233;' rel=nofollow>"
                                    "t</a><table><tr><td><a href=y>\u20AC</table><script>if (a<b) '<a "
                                    "href=s>'</script><iframe src=f></iframe>"
                                    "<meta http-equiv=refresh content='1;url=z'></body></html>";

} // namespace

TEST_CASE("extract: kinds of links, in document order") {
    const auto page =
        read("<link rel='shortcut canonical' href=1><link rel=NEXT href=2><link rel=prev href=3>"
             "<link rel=alternate href=4><link rel='alternate stylesheet' href=no><link rel=icon href=no>"
             "<link href=no><meta http-equiv=REFRESH content='0; url=5'><a name=no><a href=6>x</a>"
             "<map><area href=7></map><iframe src=8></iframe><img src=no><form action=no></form>");
    const link_kind kinds[] = {link_kind::canonical, link_kind::next,   link_kind::prev, link_kind::alternate,
                               link_kind::refresh,   link_kind::anchor, link_kind::area, link_kind::iframe};
    REQUIRE(page.links.size() == std::size(kinds));
    for (std::size_t i = 0; i < std::size(kinds); ++i) {
        CHECK(page.links[i].href == std::to_string(i + 1));
        CHECK(link_kind_name(page.links[i].kind) == link_kind_name(kinds[i]));
    }
    CHECK(read("<frameset><frame src=1></frameset>").links.at(0).kind == link_kind::frame);
}

TEST_CASE("extract: how attributes are written") {
    CHECK(hrefs("<A HREF=1><a hReF = '2' ><a href=\"3\"class=x><a href=4/><a x\nhref\n=\n5>") ==
          "1|2|3|4/|5");
    CHECK(hrefs("<a href='?a=1&amp;b=2&copy=3'>") == "?a=1&b=2&copy=3");
    CHECK(hrefs("<a href='&#47;&#x2F;&eacute;&#233'>") == "//\u00E9\u00E9");
    CHECK(hrefs("<a href='&bogus;&'>") == "&bogus;&");
    CHECK(hrefs("<a href=' x\ty\n'>") == " x\ty\n");
    CHECK(hrefs("<a href=''><a href>") == "|");
    CHECK(read("<a href>").links.size() == 1);
    CHECK(hrefs("<a href=a href=b>") == "a");
    CHECK(hrefs("<a title='>' href=1><img alt='<a href=no>'>") == "1");
    CHECK(hrefs("<a href=\"a\0b\">"sv) == "a\uFFFD"
                                          "b");
    CHECK(hrefs("\0<a href=1>"sv) == "1");
}

TEST_CASE("extract: what a browser without scripts sees") {
    CHECK(hrefs("<!-- <a href=no> --><a href=1>") == "1");
    CHECK(hrefs("<script>'<a href=no>'</script><style><a href=no></style><a href=1>") == "1");
    CHECK(hrefs("<textarea><a href=no></textarea><a href=1>") == "1");
    CHECK(hrefs("<title><a href=no></title><a href=1>") == "1");
    CHECK(hrefs("<iframe src=1><a href=no></iframe><a href=2>") == "1|2");
    CHECK(hrefs("<template><a href=no><template></template><base href=x><a href=no></template><a href=1>") ==
          "1");
    CHECK(hrefs("<xmp><a href=no></xmp><noembed><a href=no></noembed><a href=1>") == "1");
    CHECK(hrefs("<noscript><a href=1></noscript>") == "1");
    CHECK(hrefs("<textarea><textarea></textarea><a href=1>") == "1");
    CHECK(hrefs("<svg><a href=1></svg><x-y><a href=2></x-y>") == "1|2");
}

TEST_CASE("extract: rel=nofollow") {
    const auto page =
        read("<a href=1 rel='external NoFollow'><a href=2 rel=nofollowed><link rel='next nofollow' href=3>");
    REQUIRE(page.links.size() == 3);
    CHECK(page.links[0].nofollow);
    CHECK_FALSE(page.links[1].nofollow);
    CHECK(page.links[2].nofollow);
}

TEST_CASE("extract: title") {
    CHECK(read("<title> A\n &amp;\t B </title><title>no</title>").title == "A & B");
    CHECK(read("<title></title><title>no</title>").title.empty());
    CHECK(read("<svg><title>no</title></svg><title>yes</title>").title == "yes");
    CHECK(read("<p>no").title.empty());
    CHECK(read("<title>" + std::string(511, 'a') + "\u20AC</title>").title == std::string(511, 'a'));
    CHECK(read("<title>" + std::string(510, 'a') + "\u00E9x</title>").title ==
          std::string(510, 'a') + "\u00E9");
    CHECK(read("<title>" + std::string(512, 'a') + "</title>").title.size() == 512);
}

TEST_CASE("extract: base") {
    CHECK(read("<a href=x><base target=t><base href=/1/><base href=/2/>").base_href == "/1/");
    CHECK(read("<base href=''><base href=/2/>").has_base);
    CHECK(read("<base href=''><base href=/2/>").base_href.empty());
    CHECK_FALSE(read("<base target=x>").has_base);
}

TEST_CASE("extract: robots meta elements") {
    CHECK(read("<meta name=robots content='noindex'>").robots == robots_flags{true, false});
    CHECK(read("<meta name=ROBOTS content=noindex><meta name=robots content=nofollow>").robots ==
          robots_flags{true, true});
    CHECK(read("<meta name=tandem content=none>").robots == robots_flags{});
    extract_options options;
    options.product_token = "Tandem";
    CHECK(extract("<meta name=tandem content=none>", "", options).robots == robots_flags{true, true});
    CHECK(extract("<meta name='' content=none><meta content=none>", "").robots == robots_flags{});
}

TEST_CASE("extract: refresh") {
    CHECK(refresh_target("0;url=a") == "a");
    CHECK(refresh_target(" 5.5 , URL = 'a b' junk") == "a b");
    CHECK(refresh_target("0; \"a\"b") == "a");
    CHECK(refresh_target("0 url=\"a") == "a");
    CHECK(refresh_target("0;a") == "a");
    CHECK(refresh_target("0;url") == "url");
    CHECK(refresh_target("0;urx=1") == "urx=1");
    CHECK(refresh_target(".5;a") == "a");
    for (const char* none : {"", "5", "5;", "5; ", "x;url=a", "-1;url=a", "5x;url=a", "0;url=", "0;url=''"})
        CHECK(refresh_target(none).empty());
}

TEST_CASE("extract: encodings, converted once") {
    const auto first = [](std::string_view html, std::string_view type) {
        const auto page = extract(html, type);
        return page.links.empty() ? "none"
                                  : page.links.front().href + " " + std::string(charset_name(page.encoding));
    };
    CHECK(first("<a href='\xE9'>", "text/html; charset=latin1") == "\u00E9 windows-1252");
    CHECK(first("<meta charset=windows-1252><a href='\xE9'>", "text/html") == "\u00E9 windows-1252");
    CHECK(first("<meta charset=big5><a href='\u00E9'>", "text/html; charset=utf-8") == "\u00E9 utf-8");
    CHECK(first("<meta http-equiv=content-type content='text/html;charset=koi8-r'><a href='\xC1'>", "") ==
          "\u0430 koi8-r");
    CHECK(first("<a href='\xE9'>", "text/html") == "\u00E9 windows-1252");
    CHECK(first("<a href='\xE9\xFF'>", "text/html; charset=utf-8") == "\uFFFD\uFFFD utf-8");
    CHECK(first("\xFF\xFE<\0a\0 \0h\0r\0e\0f\0=\0\xE9\0>\0"sv, "") == "\u00E9 utf-16le");
    CHECK(first("\xEF\xBB\xBF<a href=x>", "") == "x utf-8");
    CHECK(first("<?xml version='1.0' encoding='iso-8859-1'?>\n<html><a href='\xE9'/></html>",
                "application/xhtml+xml") == "\u00E9 windows-1252");
    CHECK(first("<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"a\" \"b\">\n<html xmlns='x'><body><a "
                "href='x'/>",
                "") == "x utf-8");
}

TEST_CASE("extract: limits") {
    extract_options options;
    options.max_links = 3;
    auto page = extract(repeat("<a href=x>", 1000), "", options);
    CHECK(page.links.size() == 3);
    CHECK(page.truncated);
    CHECK_FALSE(extract("<a href=x><a href=x><a href=x>", "", options).truncated);

    page = read("<a href='" + std::string(8193, 'x') + "'><a href='" + std::string(8192, 'y') + "'>");
    CHECK(page.links.size() == 1);
    CHECK(page.links_dropped == 1);
    CHECK_FALSE(page.truncated);

    options = {};
    options.max_body = 20;
    page = extract("<a href=1>0123456789<a href=2>", "", options);
    CHECK(page.links.size() == 1);
    CHECK(page.truncated);

    page = read("<a href=1>" + repeat("<div>", 50'000) + "<a href=2>");
    CHECK(page.links.size() == 1);
    CHECK(page.truncated);
    CHECK(read(repeat("<div>", 5 * 1'000) + "<a href=2>").links.size() == 1);
}

TEST_CASE("extract: hostile pages end") {
    std::string many_names = "<a href=1><a ";
    for (int i = 0; i < 100'000; ++i)
        many_names += "x" + std::to_string(i) + " ";
    CHECK(read(many_names + ">").truncated);
    std::string many_elements = "<a href=1>";
    for (int i = 0; i < 50'000; ++i)
        many_elements += "<z" + std::to_string(i) + "/>";
    CHECK(read(many_elements).truncated);
    // A second body makes no event, so its names fill libxml2's dictionary unseen before the next element.
    std::string hidden = "<body><body ";
    for (int i = 0; i < 30'000; ++i)
        hidden += "x" + std::to_string(i) + " ";
    CHECK(read(hidden + "><zz><yy a=b>text<a href=1>").truncated);
    CHECK(read(hidden + "><zz").links.empty());
    std::string repeated = "<a ";
    for (int i = 0; i < 1'000; ++i)
        repeated += "x" + std::to_string(i) + " ";
    CHECK(read(repeated + repeat("x999 ", 1'000'000) + ">").truncated);
    CHECK(read(repeat("<b>", 3 * 4'000) + repeat("</i>", 1'000'000)).truncated);
    for (const char* piece :
         {"<", "<a", "<a ", "<!--", "<?", "</", "<!", "&", "&#", "<p>", "</p>", "\xFF", "<title>", "<script>",
          "<html a=b>", "<a href='", "<table><tr><td>", "<template>", "<textarea>"})
        CHECK(read(repeat(piece, 300'000)).title.empty());
    CHECK(read(std::string(300'000, '\0')).links.empty());
    CHECK(read("<title>" + repeat("x ", 1'000'000)).title.size() == 512);
    CHECK(read("").links.empty());
}

TEST_CASE("extract: mutated pages do no harm") {
    std::mt19937 random(5);
    const std::string_view pieces[] = {
        "<",         ">",        "\"",  "'",       "&",        "<!--",       "-->",   "</", "\0"sv,
        "<a href=",  "\xE2\x82", "]]>", "<title>", "</title>", "<template>", "<svg>", "<?", "<base href=q>",
        "&#x110000;"};
    for (int round = 0; round < 3'000; ++round) {
        std::string html(sample);
        for (auto n = 1 + random() % 6; n > 0; --n) {
            const auto at = random() % html.size();
            switch (random() % 4) {
            case 0:
                html[at] = static_cast<char>(random() % 256);
                break;
            case 1:
                html.erase(at, random() % 9);
                break;
            case 2:
                html.insert(at, pieces[random() % std::size(pieces)]);
                break;
            default:
                html.insert(at, html.substr(random() % html.size(), random() % 40));
                break;
            }
            if (html.empty()) html = "<";
        }
        const page_content page = read(html, round % 3 == 0 ? "text/html" : "text/html; charset=utf-8");
        REQUIRE(is_valid_utf8(page.title));
        for (const page_link& link : page.links)
            REQUIRE(is_valid_utf8(link.href));
    }
}

TEST_CASE("extract: many threads at once") {
    std::atomic<int> good = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&good] {
                for (int i = 0; i < 200; ++i) {
                    const auto page = extract(sample, "text/html");
                    if (page.links.size() == 5 && page.title == "A & B" && page.base_href == "/b/") ++good;
                }
            });
    }
    CHECK(good == 800);
}
