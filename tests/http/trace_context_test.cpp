// W3C Trace Context: what is valid, and how a trace goes from request to request.
#include "tandem/http/trace_context.hpp"

#include "tests/http/stub_site.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <tandem/concurrency/when_all.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/retry.hpp>
#include <tandem/testing.hpp>

#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace tandem;
using http::client_options;
using http::trace_context;
using tests::answer;
using tests::reply;

namespace {

const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string example = "00-" + trace + "-00f067aa0ba902b7-01";

std::string parent_of(const http::request& what) {
    return std::string(what.headers().get("traceparent").value_or("none"));
}

} // namespace

TEST_CASE("trace context: the example of the recommendation") {
    const auto read = trace_context::parse(example, "congo=t61rcWkgMzE");
    REQUIRE(read);
    CHECK(read->trace_id() == trace);
    CHECK(read->span_id() == "00f067aa0ba902b7");
    CHECK(read->sampled());
    CHECK(read->tracestate() == "congo=t61rcWkgMzE");
    CHECK(read->traceparent() == example);
    const auto next = read->child();
    CHECK(next.trace_id() == trace);
    CHECK(next.span_id() != read->span_id());
    CHECK(next.tracestate() == read->tracestate());
}

TEST_CASE("trace context: flags and later versions") {
    CHECK_FALSE(trace_context::parse("00-" + trace + "-00f067aa0ba902b7-00")->sampled());
    CHECK(trace_context::parse("00-" + trace + "-00f067aa0ba902b7-ff")->sampled());
    CHECK_FALSE(trace_context::parse("00-" + trace + "-00f067aa0ba902b7-02")->sampled());
    const auto later = trace_context::parse("cc-" + trace + "-00f067aa0ba902b7-01-what-comes");
    REQUIRE(later);
    CHECK(later->traceparent() == example);
    CHECK(trace_context::parse("cc-" + trace + "-00f067aa0ba902b7-01"));
}

TEST_CASE("trace context: what is none") {
    const std::string zeros(32, '0');
    for (const std::string& text : std::vector<std::string>{
             "", "00", example + "-more", "00-" + zeros + "-00f067aa0ba902b7-01",
             "00-" + trace + "-0000000000000000-01", "ff-" + trace + "-00f067aa0ba902b7-01",
             "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
             "00_" + trace + "-00f067aa0ba902b7-01", "00-" + trace + "_00f067aa0ba902b7-01",
             "00-" + trace + "-00f067aa0ba902b7_01", "0g-" + trace + "-00f067aa0ba902b7-01",
             "00-" + trace + "-00f067aa0ba902b7-0g", "cc-" + trace + "-00f067aa0ba902b7-01.more",
             example.substr(0, 54)})
        CHECK_FALSE(trace_context::parse(text));
    CHECK(trace_context::parse(example, std::string(512, 'a'))->tracestate().size() == 512);
    CHECK(trace_context::parse(example, std::string(513, 'a'))->tracestate().empty());
    CHECK(trace_context::parse(example, "a=b\r\nX: y")->tracestate().empty());
    http::headers twice;
    twice.add("traceparent", example).add("traceparent", example);
    CHECK_FALSE(trace_context::from(twice));
    http::headers once;
    once.add("Traceparent", example).add("tracestate", "a=1").add("tracestate", "b=2");
    REQUIRE(trace_context::from(once));
    CHECK(trace_context::from(once)->tracestate() == "a=1, b=2");
}

TEST_CASE("trace context: fresh ones are valid and differ") {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto made = trace_context::fresh(i % 2 == 0);
        seen.insert(made.trace_id());
        seen.insert(made.span_id());
        const auto read = trace_context::parse(made.traceparent());
        REQUIRE(read);
        CHECK(read->sampled() == (i % 2 == 0));
    }
    CHECK(seen.size() == 200);
}

TEST_CASE("trace propagation: begins, continues, and leaves alone") {
    test::run([]() -> task<> {
        auto site =
            tests::site_of([](const http::request& what, int) { return answer(reply(what).build()); });
        http::client web(
            client_options().intercept(std::make_shared<http::trace_propagation>(false)).intercept(site));
        co_await web.get("http://a.invalid/");
        const auto begun = trace_context::parse(parent_of(site->seen.back()));
        REQUIRE(begun);
        CHECK_FALSE(begun->sampled());

        const auto outer = *trace_context::parse(example, "a=1");
        auto inside = [&]() -> task<> {
            auto one = web.get("http://a.invalid/");
            auto other = web.open(http::request("http://a.invalid/"));
            co_await when_all(std::move(one), std::move(other)); // children inherit it
        };
        auto work = inside();
        co_await http::current_trace.with(outer, std::move(work));
        REQUIRE(site->seen.size() == 3);
        const auto first = trace_context::from(site->seen[1].headers());
        const auto second = trace_context::from(site->seen[2].headers());
        REQUIRE((first && second));
        CHECK(first->trace_id() == trace);
        CHECK(second->trace_id() == trace);
        CHECK(first->span_id() != outer.span_id());
        CHECK(first->span_id() != second->span_id());
        CHECK(first->tracestate() == "a=1");

        co_await web.send(http::request("http://a.invalid/").header("traceparent", "mine"));
        CHECK(parent_of(site->seen.back()) == "mine");
    });
}

TEST_CASE("trace propagation: each attempt inside of a retry policy is a span") {
    test::run([]() -> task<> {
        auto site =
            tests::site_of([](const http::request& what, int) { return answer(reply(what, 503).build()); });
        http::client web(client_options()
                             .retry(http::retry_options())
                             .intercept(std::make_shared<http::trace_propagation>())
                             .intercept(site));
        const auto outer = *trace_context::parse(example);
        auto work = web.get("http://a.invalid/");
        co_await http::current_trace.with(outer, std::move(work));
        std::set<std::string> spans;
        for (const auto& seen : site->seen) {
            const auto read = trace_context::from(seen.headers());
            REQUIRE(read);
            CHECK(read->trace_id() == trace);
            spans.insert(read->span_id());
        }
        CHECK(spans.size() == 3);
    });
}
