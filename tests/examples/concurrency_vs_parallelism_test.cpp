// examples/concurrency_vs_parallelism: the table, the picture, the timeline, the exit codes.
#include "tests/examples/program_support.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace example_test;

namespace {

tandem::process_result four_ways(std::vector<std::string> arguments) {
    return run(EXAMPLE_CONCURRENCY_VS_PARALLELISM, std::move(arguments));
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;)
        words.push_back(std::move(word));
    return words;
}

// Whether a line has these words; * stands for any one.
bool has_line(const std::string& text, const std::string& pattern) {
    const std::vector<std::string> wanted = words_of(pattern);
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        const std::vector<std::string> words = words_of(line);
        if (std::equal(words.begin(), words.end(), wanted.begin(), wanted.end(),
                       [](const std::string& w, const std::string& p) { return p == "*" || p == w; }))
            return true;
    }
    return false;
}

// What Python says of a file; nothing where there is no Python.
bool python_accepts(const std::string& script, const std::string& file) {
    try {
        const auto r = run("python3", {"-c", script, file});
        INFO(r.err);
        CHECK(r.err.empty());
        return r.status.success();
    } catch (const std::system_error& e) {
        WARN("not checked: " << e.what());
        return true;
    }
}

} // namespace

TEST_CASE("example concurrency_vs_parallelism: a table of four ways, and Amdahl's law") {
    const auto r = four_ways(
        {"--pages", "6", "--latency", "5", "--compute", "1", "--threads=3", "--blocking-threads", "2"});
    INFO(r.out);
    CHECK(r.status.code() == 0);
    CHECK(r.err.empty());
    CHECK(r.out.find('\033') == std::string::npos); // no colours into a pipe
    // Name; wall and unit; what the formula expects; speed-up, threads, cores busy, stall.
    CHECK(has_line(r.out, "1 one after the other * * 36 ms 1.0x 1 * -"));
    CHECK(has_line(r.out, "2 concurrent: one loop, computing inline * * 11 ms * 1 * * *"));
    CHECK(has_line(r.out, "3 parallel: threads that block * * 18 ms * 2 * -"));
    CHECK(has_line(r.out, "4 in tandem: loop and pool * * * ms * 4 * * *"));
    // Threads; wall and unit; speed-up, the law's; more threads than cores are marked.
    CHECK(has_line(r.out, "1 * * 1.00x 1.00x"));
    CHECK((has_line(r.out, "2 * * * *") || has_line(r.out, "2 * * * * (more threads than cores)")));
    CHECK((has_line(r.out, "3 * * * *") || has_line(r.out, "3 * * * * (more threads than cores)")));
}

TEST_CASE("example concurrency_vs_parallelism: the picture and the timeline are well-formed") {
    const temporary_folder here;
    const auto r = four_ways({"--pages", "90", "--latency", "2", "--compute", "0.1", "--threads", "2",
                              "--svg", here / "ways.svg", "--trace", here / "ways.json"});
    INFO(r.out);
    REQUIRE(r.status.code() == 0);
    const std::string svg = content_of(here / "ways.svg");
    CHECK(count(svg, "class=\"way\"") == 4);
    CHECK(count(svg, "(80 shown)") == 4);
    CHECK(count(svg, "class=\"queue\" d=") >= 1);
    CHECK(svg.find("prefers-color-scheme:dark") != std::string::npos);
    CHECK(svg.find("href") == std::string::npos); // nothing from elsewhere
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(svg.find("inf") == std::string::npos);
    CHECK(python_accepts("import sys, xml.etree.ElementTree as tree\n"
                         "root = tree.parse(sys.argv[1]).getroot()\n"
                         "assert root.tag == '{http://www.w3.org/2000/svg}svg', root.tag\n",
                         here / "ways.svg"));
    CHECK(python_accepts("import sys, json\n"
                         "events = json.load(open(sys.argv[1]))['traceEvents']\n"
                         "assert sum(e.get('name') == 'page' for e in events) >= 90, len(events)\n",
                         here / "ways.json"));
}

TEST_CASE("example concurrency_vs_parallelism: extremes") {
    const temporary_folder here;
    const auto r =
        four_ways({"--pages", "1", "--latency", "0", "--compute", "0", "--svg", here / "ways.svg"});
    INFO(r.out);
    CHECK(r.status.code() == 0);
    const std::string svg = content_of(here / "ways.svg");
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(svg.find("inf") == std::string::npos);
    // More threads than pages.
    CHECK(four_ways({"--pages", "2", "--latency", "1", "--compute", "0.1", "--blocking-threads", "50"})
              .status.code() == 0);
}

TEST_CASE("example concurrency_vs_parallelism: wrong use, help, and files that cannot be written") {
    CHECK(four_ways({"--help"}).out.find("N x (L + C)") != std::string::npos);
    for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{{"--pages", "0"},
                                                                                       {"--pages"},
                                                                                       {"--latency", "nan"},
                                                                                       {"--compute", "-1"},
                                                                                       {"--threads=x"},
                                                                                       {"--frob"},
                                                                                       {"x"}}) {
        const auto r = four_ways(wrong);
        INFO(wrong[0]);
        CHECK(r.status.code() == 2);
        CHECK(r.out.empty());
        CHECK(r.err.rfind("concurrency_vs_parallelism: ", 0) == 0);
    }
    const temporary_folder here;
    CHECK(four_ways({"--svg", here / "none/ways.svg"}).status.code() == 1);
    CHECK(four_ways({"--trace", here / "none/ways.json"}).status.code() == 1);
}
