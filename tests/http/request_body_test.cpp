#include "tests/support/catch.hpp"

#include "tests/support/tasks.hpp"

#include <tandem/http/request.hpp>
#include <tandem/http/request_body.hpp>

#include <boost/json.hpp>

#include <stdexcept>
#include <string>

using namespace tandem;
using http::request_body;

namespace {

async_generator<std::string> letters() {
    co_yield "a";
    co_yield "b";
}

} // namespace

TEST_CASE("bodies of bytes and files can be joined") {
    request_body body = request_body::bytes("a");
    body.append(request_body::bytes("b")).append(request_body::file("/f")).append(request_body::bytes("c"));
    REQUIRE(body.parts().size() == 3);
    CHECK(body.parts()[0].text == "ab");
    CHECK(body.parts()[1].is_file);
    CHECK(body.parts()[2].text == "c");
    CHECK(body.repeatable());
    CHECK_THROWS_AS(body.append(request_body::stream(letters)), std::invalid_argument);
    CHECK_THROWS_AS(request_body::stream(letters).append(body), std::invalid_argument);
    CHECK_THROWS_AS(request_body::stream(request_body::producer()), std::invalid_argument);
}

TEST_CASE("a one-time stream is given once") {
    const request_body body = request_body::stream_once(letters(), 2);
    const request_body copy = body;
    CHECK(body.is_stream());
    CHECK_FALSE(body.repeatable());
    CHECK(body.stream_length() == 2u);
    auto pieces = copy.stream_producer()();
    CHECK_THROWS_AS(body.stream_producer()(), std::logic_error);
    auto work = [&]() -> task<> {
        const auto first = co_await pieces.next();
        CHECK(first == "a");
    };
    tests::run_on_loop(work());
}

TEST_CASE("what a request takes as its body") {
    http::request what("http://a.org/");
    what.body(request_body());
    CHECK(what.has_body());
    CHECK(what.body().empty());
    what.body(request_body::bytes("x"), "text/plain");
    CHECK(what.body() == "x");
    what.body(request_body::file("/f"), "image/png");
    CHECK(what.body().empty());
    CHECK(what.streamed_body()->parts().size() == 1);
    CHECK(what.headers().get("Content-Type") == "image/png");
    what.json({{"a", 1}, {"b", nullptr}});
    CHECK(what.body() == "{\"a\":1,\"b\":null}");
    CHECK(what.headers().get("Content-Type") == "application/json");
    CHECK(what.headers().count("Content-Type") == 1);
    CHECK_FALSE(what.streamed_body());
}

TEST_CASE("copies of a request share its body, until one gets another") {
    http::request what("http://a.org/");
    what.body(request_body::bytes(std::string(10'000'000, 'x')));
    const char* const bytes = what.body().data();
    http::request copy = what;
    CHECK(copy.body().data() == bytes);
    copy.body("other");
    CHECK(what.body().data() == bytes);
    CHECK(what.body().size() == 10'000'000);
    http::request moved = std::move(what);
    CHECK(moved.body().data() == bytes);
    copy = moved;
    moved.body(std::string());
    CHECK(moved.body().empty());
    CHECK(moved.has_body());
    CHECK(copy.body().data() == bytes);
}
