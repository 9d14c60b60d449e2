#include "lib/http/h1/body_reader.hpp"

#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

using namespace tandem::http;
using h1::event;

namespace {

h1::body_reader start(h1::framing how, std::uint64_t length = 0, h1::limits bounds = {}) {
    h1::body_reader reader;
    h1::body_reader::plan plan;
    plan.framing = how;
    plan.length = length;
    reader.reset(plan, bounds, h1::strictness::strict);
    return reader;
}

} // namespace

TEST_CASE("body_reader hands out views into the bytes given", "[http][h1]") {
    h1::body_reader reader = start(h1::framing::chunked);
    const std::string_view bytes = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nnext";
    h1::step now = reader.read(bytes, false);
    CHECK(now.what == event::body);
    CHECK(now.data == "abc");
    CHECK(now.data.data() == bytes.data() + 3);
    CHECK(now.consumed == 6);
    std::string_view rest = bytes.substr(6);
    now = reader.read(rest, false);
    CHECK(now.data == "de");
    rest.remove_prefix(now.consumed);
    now = reader.read(rest, false);
    CHECK(now.what == event::complete);
    CHECK(rest.substr(now.consumed) == "next");
    CHECK(reader.bytes_read() == 5);
    CHECK(reader.read("more", false).what == event::complete);
    CHECK(reader.read("more", false).consumed == 0);
}

TEST_CASE("body_reader asks for more without keeping the bytes that it has understood", "[http][h1]") {
    h1::body_reader reader = start(h1::framing::chunked);
    CHECK(reader.read("", false).what == event::need_more);
    h1::step now = reader.read("0003;ext", false);
    CHECK(now.what == event::need_more);
    CHECK(now.consumed == 8);
    CHECK(reader.read("ension\r", false).consumed == 7);
    CHECK(reader.read("\n", false).consumed == 1);
    CHECK(reader.read("abc", false).data == "abc");
    // but trailers stay with the caller until they are whole
    now = reader.read("\r\n0\r\nA: b\r\nC", false);
    CHECK(now.what == event::need_more);
    CHECK(now.consumed == 5);
    CHECK(reader.trailers().empty());
    now = reader.read("A: b\r\nC: d\r\n\r\nx", false);
    CHECK(now.what == event::complete);
    CHECK(now.consumed == 14);
    CHECK(reader.trailers().get("c") == "d");
}

TEST_CASE("body_reader with a length, to the end, and without a body", "[http][h1]") {
    h1::body_reader reader = start(h1::framing::length, 5);
    CHECK(reader.read("abc", false).data == "abc");
    CHECK(reader.read("defg", true).data == "de");
    CHECK(reader.read("fg", true).what == event::complete);

    reader = start(h1::framing::length, 5);
    CHECK(reader.read("abc", true).data == "abc");
    CHECK(reader.read("", true).what == event::failed);
    CHECK(reader.error() == h1::error::truncated);

    reader = start(h1::framing::until_close);
    CHECK(reader.read("abc", true).data == "abc");
    CHECK(reader.read("", false).what == event::need_more);
    CHECK(reader.read("", true).what == event::complete);

    reader = start(h1::framing::none);
    CHECK(reader.read("abc", false).what == event::complete);
    CHECK(reader.read("abc", false).consumed == 0);
}

TEST_CASE("body_reader: sizes do not overflow what was read before", "[http][h1]") {
    h1::body_reader reader = start(h1::framing::chunked);
    CHECK(reader.read("1\r\nx", false).data == "x");
    CHECK(reader.read("\r\nffffffffffffffff\r\nx", false).what == event::failed);
    CHECK(reader.error() == h1::error::body_too_large);
    reader = start(h1::framing::length, ~std::uint64_t{0});
    CHECK(reader.read("x", false).data == "x");
}
