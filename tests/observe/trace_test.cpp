#include <tandem/observe/trace.hpp>

#include <tandem/concurrency/when_all.hpp>
#include <tandem/core/error.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/sync/event.hpp>

#include "tests/support/build.hpp"
#include "tests/support/capture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include <unistd.h>

using namespace tandem;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

class temporary_file {
public:
    temporary_file() {
        const int fd = mkstemp(path.data());
        if (fd < 0) throw std::runtime_error("mkstemp");
        close(fd);
    }
    ~temporary_file() { unlink(path.c_str()); }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;

    json::value parsed() const { // throws when it is no JSON
        std::ifstream in(path);
        return json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
    }
    std::string path = "/tmp/tandem_trace_XXXXXX";
};

std::string text_of(const json::object& event, const char* key) {
    const json::value* const v = event.if_contains(key);
    return v && v->is_string() ? std::string(v->as_string()) : std::string();
}

// The events of one phase and category ("" for any).
std::vector<json::object> events_of(const json::value& trace, const std::string& phase,
                                    const std::string& category) {
    std::vector<json::object> found;
    for (const json::value& v : trace.at("traceEvents").as_array()) {
        const json::object& event = v.as_object();
        if (text_of(event, "ph") == phase && (category.empty() || text_of(event, "cat") == category))
            found.push_back(event);
    }
    return found;
}

std::map<std::int64_t, std::string> lanes_of(const json::value& trace) {
    std::map<std::int64_t, std::string> lanes;
    for (const json::object& event : events_of(trace, "M", ""))
        if (text_of(event, "name") == "thread_name")
            lanes[event.at("tid").as_int64()] = text_of(event.at("args").as_object(), "name");
    return lanes;
}

task<> waiting(event& gate) {
    task_context::current()->set_name("a \"waiting\" task");
    co_await gate.wait();
}
task<> work() {
    task_context::current()->set_name("main");
    event gate;
    auto compute = [&]() -> task<> {
        task_context::current()->set_name("computing");
        co_await sleep_for(2ms);
        co_await offload([] { return 1; });
        gate.set();
    };
    co_await when_all(waiting(gate), compute());
}

} // namespace

TEST_CASE("a trace shows tasks, waits, loops and jobs") {
    temporary_file file;
    {
        runtime rt(tests::small());
        trace_to trace(file.path);
        rt.run(work);
        rt.pool().drain(); // the job's end is noted after its task was woken
        trace.stop();
        CHECK(trace.dropped() == 0);
        CHECK(trace.events() > 5);
    }
    const json::value trace = file.parsed();
    const auto lanes = lanes_of(trace);

    std::set<std::string> names;
    for (const json::object& run : events_of(trace, "X", "task")) {
        names.insert(text_of(run, "name"));
        CHECK(lanes.at(run.at("tid").as_int64()) == "loop 0");
        CHECK(run.at("dur").to_number<double>() >= 0);
    }
    CHECK(names.count("main") == 1);
    CHECK(names.count("computing") == 1);
    CHECK(names.count("a \"waiting\" task") == 1);

    const auto jobs = events_of(trace, "X", "pool");
    REQUIRE(!jobs.empty());
    CHECK(lanes.at(jobs.front().at("tid").as_int64()) == "tandem-pool-0");
    CHECK(!events_of(trace, "X", "loop").empty());

#ifndef TANDEM_NO_TASK_REGISTRY
    const auto begins = events_of(trace, "b", "wait");
    const auto ends = events_of(trace, "e", "wait");
    CHECK(begins.size() == ends.size());
    std::set<std::string> operations;
    for (std::size_t i = 0; i < begins.size(); ++i) {
        operations.insert(text_of(begins[i], "name"));
        CHECK(text_of(begins[i], "id") == text_of(ends[i], "id"));
        CHECK(text_of(begins[i], "name") == text_of(ends[i], "name"));
        CHECK(begins[i].at("ts").to_number<double>() <= ends[i].at("ts").to_number<double>());
    }
    CHECK(operations.count("event.wait") == 1);
    CHECK(operations.count("sleep") == 1);
    CHECK(operations.count("offload") == 1);
    CHECK(operations.count("when_all") == 1);
#endif
}

TEST_CASE("the file is valid at every moment") {
    temporary_file file;
    runtime rt(tests::small());
    trace_to trace(file.path);
    CHECK(file.parsed().at("traceEvents").is_array());
    while (trace.events() == 0) // until it was written for the first time
        rt.run(work);
    CHECK(!events_of(file.parsed(), "X", "task").empty());
    const std::uint64_t before = trace.events();
    while (trace.events() == before)
        rt.run(work);
    CHECK(!events_of(file.parsed(), "X", "task").empty());
}

TEST_CASE("memory is bounded: what finds its buffer full is dropped and counted") {
    temporary_file file;
    runtime rt(tests::small());
    trace_to trace(file.path, trace_options().events_per_thread(64));
    rt.run(tests::turns(20'000));
    trace.stop();
    trace.stop();
    CHECK(trace.dropped() > 0);
    const json::value parsed = file.parsed();
    CHECK(parsed.at("otherData").at("dropped").to_number<std::uint64_t>() == trace.dropped());
    CHECK(events_of(parsed, "X", "task").size() + events_of(parsed, "X", "loop").size() <= trace.events());
    CHECK(trace.events() + trace.dropped() >= 20'000);
}

TEST_CASE("one trace follows another, and only one is on at a time") {
    runtime rt(tests::loops(2));
    for (int i = 0; i < 3; ++i) {
        temporary_file file;
        trace_to trace(file.path);
        temporary_file other;
        CHECK_THROWS_AS(trace_to(other.path), std::logic_error);
        rt.run(work);
        trace.stop();
        CHECK(!events_of(file.parsed(), "X", "task").empty());
    }
    CHECK_THROWS_AS(trace_to("/nonexistent/run.json"), system_error);
    temporary_file file;
    trace_to trace(file.path); // the failure left nothing on
}

TEST_CASE("a trace may begin and end while everything runs") {
    runtime rt(tests::loops(2));
    std::atomic<bool> stop{false};
    auto busy = [&]() -> task<> {
        while (!stop) {
            co_await when_all(tests::turns(5), sleep_for(1us));
            co_await offload([] {});
        }
    };
    rt.spawn(busy(), 1);
    std::thread runner([&] { rt.run(busy); });
    const std::size_t rounds = tests::repeat(50, 10);
    for (std::size_t i = 0; i < rounds; ++i) {
        temporary_file file;
        {
            trace_to trace(file.path);
        }
        CHECK(file.parsed().at("traceEvents").is_array());
    }
    stop = true;
    runner.join();
}

TEST_CASE("what was written stays readable when the process dies") {
    if (tests::thread_sanitized) return; // threads after a fork are not to its liking
    temporary_file file;
    const tests::child_result child = tests::in_child([&] {
        runtime rt(tests::small());
        trace_to trace(file.path);
        while (trace.events() == 0)
            rt.run(work);
        throw std::runtime_error("out of main");
    });
    CHECK(child.status != 0);
    CHECK(!events_of(file.parsed(), "X", "task").empty());
}
