#include "examples/crawler/json.hpp"
#include "examples/crawler/page_record.hpp"

#include "tests/support/catch.hpp"

#include <boost/json.hpp>

#include <limits>
#include <string>
#include <string_view>

using namespace crawler;
using namespace std::string_view_literals;

namespace {

std::string written(std::string_view text) {
    return json_writer().string(text).take();
}

} // namespace

TEST_CASE("json: structure and commas") {
    json_writer j;
    j.begin_object();
    j.key("a").number(std::uint64_t{1});
    j.key("b")
        .begin_array()
        .string("x")
        .boolean(true)
        .begin_object()
        .end_object()
        .begin_array()
        .end_array()
        .end_array();
    j.key("c").begin_object();
    j.key("d").boolean(false).end_object();
    j.key("e").number(0.5);
    j.end_object();
    CHECK(j.text() == R"({"a":1,"b":["x",true,{},[]],"c":{"d":false},"e":0.500})");
}

TEST_CASE("json: every byte comes back, as far as it is text") {
    std::string all;
    for (int c = 0; c < 0x80; ++c)
        all += static_cast<char>(c);
    all += "\u0080\u009b\u009f\u00a0\u00e9\u20ac\U0001F600";
    const std::string line = written(all);
    CHECK(boost::json::parse(line).as_string() == all);
    for (const char c : line) // nothing that a terminal or a reader of lines would act on
        CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
    CHECK(written("\u009b2J") == R"("\u009b2J")");
    CHECK(written("\u00a0") == "\"\u00a0\"");
    CHECK(written("\"\\/") == R"("\"\\/")");
}

TEST_CASE("json: what is not UTF-8 is repaired") {
    for (const std::string_view bad : {"\xff"sv, "a\xc2"sv, "\xc2\x22"sv, "\xc0\x80"sv, "\xed\xa0\x80"sv,
                                       "\xf5\x80\x80\x80"sv, "\xe2\x82"sv, "\x80\x9b"sv}) {
        const std::string line = written(bad);
        boost::json::value v;
        REQUIRE_NOTHROW(v = boost::json::parse(line));
        CHECK(std::string_view(v.as_string()).find("\uFFFD") != std::string_view::npos);
    }
}

TEST_CASE("json: numbers") {
    const auto number = [](double v) { return json_writer().number(v).take(); };
    CHECK(number(0) == "0.000");
    CHECK(number(1.0 / 3) == "0.333");
    CHECK(number(-2.5) == "-2.500");
    CHECK(number(123456789.125) == "123456789.125");
    CHECK(number(std::numeric_limits<double>::infinity()) == "0.000");
    CHECK(number(std::numeric_limits<double>::quiet_NaN()) == "0.000");
    CHECK(number(1e300) == "0.000");
    CHECK(json_writer().number(std::numeric_limits<std::uint64_t>::max()).take() == "18446744073709551615");
}

TEST_CASE("json: a page's line") {
    page_record p;
    p.url = "http://a/";
    p.final_url = "http://a/b";
    p.status = 200;
    p.content_type = "text/html; charset=\"x\"\n";
    p.bytes = 12345678901;
    p.title = "A \xe2\x80\x9c"
              "title\xe2\x80\x9d\nof two lines \x1b[31m";
    p.depth = 3;
    p.referrer = "http://r/";
    p.links = 7;
    p.fetch_ms = 12.3456;
    p.parse_ms = 0.5;
    const std::string line = to_json(p);
    CHECK(line.find('\n') == std::string::npos);
    const boost::json::object o = boost::json::parse(line).as_object();
    CHECK(o.size() == 12);
    CHECK(o.at("url").as_string() == "http://a/");
    CHECK(o.at("final_url").as_string() == "http://a/b");
    CHECK(o.at("status").as_int64() == 200);
    CHECK(o.at("content_type").as_string() == p.content_type);
    CHECK(o.at("bytes").as_int64() == 12345678901);
    CHECK(o.at("title").as_string() == p.title);
    CHECK(o.at("depth").as_int64() == 3);
    CHECK(o.at("referrer").as_string() == "http://r/");
    CHECK(o.at("links").as_int64() == 7);
    CHECK(o.at("fetch_ms").as_double() == Approx(12.346));
    CHECK(o.at("parse_ms").as_double() == Approx(0.5));
    CHECK(o.at("error").as_string().empty());
}
