// examples/fetch: what it says and how it ends; what it fetches is shown by itself, without arguments.
#include "tests/examples/program_support.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace example_test;

namespace {

tandem::process_result fetch(std::vector<std::string> arguments, std::string input = "") {
    return run(EXAMPLE_FETCH, std::move(arguments), std::move(input));
}

// Nothing listens there.
const std::string nobody = "http://127.0.0.1:1/";

} // namespace

TEST_CASE("example fetch: help, and what is no usage") {
    const auto help = fetch({"--help"});
    CHECK(help.status.code() == 0);
    CHECK(help.out.find("usage: fetch") == 0);
    CHECK(help.err.empty());
    const auto typo = fetch({"--limt", "3", nobody});
    CHECK(typo.status.code() == 2);
    CHECK(typo.err.find("did you mean --limit?") != std::string::npos);
    for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--limit", "0", nobody},
                                                  {"--limit"},
                                                  {"--timeout", "x", nobody},
                                                  {"--json"}}) {
        const auto r = fetch(wrong);
        CHECK(r.status.code() == 2);
        CHECK(r.out.empty());
    }
}

TEST_CASE("example fetch: failures have exit codes, and lines of JSON") {
    const auto refused = fetch({nobody});
    CHECK(refused.status.code() == 4);
    CHECK(refused.out.empty());
    CHECK(refused.err.find("Connection refused") != std::string::npos);
    const auto two = fetch({"-", "--json"}, nobody + "\n\nnot a url\n");
    CHECK(two.status.code() == 2);
    CHECK(count(two.out, "\n") == 2);
    CHECK(count(two.out, "\"status\":0") == 2);
    CHECK(two.err.empty());
}

TEST_CASE("example fetch: into files") {
    const temporary_folder here;
    const auto r = fetch({"-o", here / "pages", nobody});
    CHECK(r.status.code() == 4);
    CHECK(std::filesystem::is_empty(here / "pages"));
    write(here / "file", "x");
    CHECK(fetch({"-o", here / "file/pages", nobody}).status.code() == 3);
}
