#include "examples/crawler/options.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace crawler;
using namespace std::chrono_literals;

namespace {

// The message of what parse_options throws; empty when it does not.
std::string complaint(std::vector<std::string> arguments) {
    try {
        static_cast<void>(parse_options(arguments));
    } catch (const usage_error& e) {
        return e.what();
    }
    return std::string();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

options with(std::vector<std::string> arguments) {
    arguments.emplace_back("http://a/");
    return parse_options(arguments);
}

const std::vector<std::string> value_options{
    "--concurrency", "--per-host", "--depth",      "--max-pages", "--timeout", "--delay",  "--scope",
    "--workers",     "--loops",    "--user-agent", "--cacert",    "--output",  "--summary"};
const std::vector<std::string> flag_options{"--no-robots", "--insecure", "--quiet",  "--verbose",
                                            "--demo",      "--help",     "--version"};

} // namespace

TEST_CASE("options: defaults") {
    const options o = parse_options({"http://a/", "b"});
    CHECK(o.seeds == std::vector<std::string>{"http://a/", "b"});
    CHECK(o.concurrency == 64);
    CHECK(o.per_host == 8);
    CHECK_FALSE(o.depth);
    CHECK_FALSE(o.max_pages);
    CHECK(o.timeout == 30s);
    CHECK(o.delay == 0ms);
    CHECK(o.scope == scope_kind::host);
    CHECK(o.workers == 0);
    CHECK(o.loops == 1);
    CHECK(o.robots);
    CHECK(o.ca_file.empty());
    CHECK_FALSE((o.insecure || o.quiet || o.verbose || o.demo || o.help || o.version));
    CHECK(o.output.empty());
    CHECK(o.summary.empty());
}

TEST_CASE("options: each takes its value, as the next argument or behind an equals sign") {
    for (const bool joined : {false, true}) {
        const auto set = [&](const std::string& name, const std::string& value) {
            return joined ? with({name + "=" + value}) : with({name, value});
        };
        CHECK(set("--concurrency", "200").concurrency == 200);
        CHECK(set("--per-host", "3").per_host == 3);
        CHECK(set("--depth", "0").depth == std::size_t{0});
        CHECK(set("--max-pages", "17").max_pages == std::size_t{17});
        CHECK(set("--timeout", "2.5").timeout == 2500ms);
        CHECK(set("--timeout", "0.0001").timeout == 1ms);
        CHECK(set("--delay", "250").delay == 250ms);
        CHECK(set("--scope", "host").scope == scope_kind::host);
        CHECK(set("--scope", "domain").scope == scope_kind::domain);
        CHECK(set("--scope", "prefix").scope == scope_kind::prefix);
        CHECK(set("--workers", "5").workers == 5);
        CHECK(set("--loops", "4").loops == 4);
        CHECK(set("--user-agent", "me/1 (a=b)").user_agent == "me/1 (a=b)");
        CHECK(set("--cacert", "ca.pem").ca_file == "ca.pem");
        CHECK(set("--output", "-").output == "-");
        CHECK(set("--summary", "s.json").summary == "s.json");
    }
    CHECK(with({"--user-agent="}).user_agent.empty());
    CHECK(with({"--depth", "1", "--depth", "2"}).depth == std::size_t{2}); // the last one counts
}

TEST_CASE("options: flags") {
    CHECK_FALSE(with({"--no-robots"}).robots);
    CHECK(with({"--insecure"}).insecure);
    CHECK(with({"--quiet"}).quiet);
    CHECK(with({"--verbose"}).verbose);
    CHECK(parse_options({"--demo"}).demo);
    CHECK(parse_options({"--help"}).help);
    CHECK(parse_options({"-h"}).help);
    CHECK(parse_options({"--version"}).version);
    CHECK(with({}).seeds.size() == 1);
}

TEST_CASE("options: the demonstration site is not spared, unless asked for") {
    CHECK(parse_options({"--demo"}).per_host == 64);
    CHECK(parse_options({"--concurrency", "20", "--demo"}).per_host == 20);
    CHECK(parse_options({"--per-host", "8", "--demo"}).per_host == 8);
    CHECK(with({"--concurrency", "20"}).per_host == 8);
}

TEST_CASE("options: numbers that are none, or out of bounds") {
    for (const char* bad :
         {"", "x", "-1", "+1", " 1", "1 ", "1.5", "0x10", "1e3", "99999999999999999999", "10001"})
        CHECK(complaint({"--concurrency", bad, "a"}) ==
              std::string("--concurrency wants a whole number from 1 to 10000, not \"") + bad + "\"");
    for (const char* name : {"--concurrency", "--per-host", "--max-pages", "--workers", "--loops"})
        CHECK(has(complaint({name, "0", "a"}), std::string(name) + " wants a whole number from 1 to "));
    for (const char* name : {"--depth", "--delay"}) {
        CHECK(complaint({name, "0", "a"}).empty());
        CHECK(has(complaint({name, "many", "a"}), std::string(name) + " wants a whole number from 0 to "));
    }
    for (const char* bad : {"", "0", "-1", "nan", "inf", "1s", "86401", "1e400"})
        CHECK(has(complaint({"--timeout", bad, "a"}), "--timeout wants seconds"));
    CHECK(has(complaint({"--scope", "hosts", "a"}), "--scope is host, domain or prefix, not \"hosts\""));
    // However long the value, the message is a line.
    CHECK(complaint({"--depth", std::string(100'000, '9'), "a"}).size() < 300);
}

TEST_CASE("options: a typo gets a suggestion") {
    CHECK(complaint({"--concurency", "3", "a"}) ==
          "unknown option --concurency; did you mean --concurrency? (--help lists them)");
    CHECK(has(complaint({"--out=x", "a"}), "unknown option --out"));
    CHECK(has(complaint({"--max-page=3", "a"}), "did you mean --max-pages?"));
    CHECK(has(complaint({"--norobots", "a"}), "did you mean --no-robots?"));
    CHECK(has(complaint({"--Quiet", "a"}), "did you mean --quiet?"));
    CHECK(complaint({"--something-else", "a"}) == "unknown option --something-else (--help lists them)");
    CHECK(has(complaint({"-v", "a"}), "unknown option -v"));
    CHECK(complaint({"--" + std::string(1'000'000, 'x'), "a"}).size() < 300);
    for (const auto& name : value_options) // one letter off is always close enough
        CHECK(has(complaint({name + "x", "a"}), "did you mean " + name + "?"));
    for (const auto& name : flag_options)
        CHECK(has(complaint({name + "x", "a"}), "did you mean " + name + "?"));
}

TEST_CASE("options: missing and superfluous values") {
    for (const auto& name : value_options)
        CHECK(complaint({"a", name}) == name + " wants a value (--help shows which)");
    for (const auto& name : flag_options)
        CHECK(complaint({"a", name + "=yes"}) == name + " takes no value");
}

TEST_CASE("options: what excludes each other") {
    CHECK(has(complaint({"--quiet", "--verbose", "a"}), "--quiet and --verbose exclude each other"));
    CHECK(has(complaint({"--demo", "a"}), "--demo crawls its own site"));
    CHECK(has(complaint({}), "no URL given"));
    CHECK(has(complaint({"--quiet"}), "no URL given"));
    CHECK(has(complaint({"--output", "-", "--summary", "-", "a"}), "cannot be the same file"));
    CHECK(has(complaint({"--output", "x", "--summary=x", "a"}), "cannot be the same file"));
    CHECK(complaint({"--output", "-", "--summary", "x", "a"}).empty());
}

TEST_CASE("options: behind -- there are URLs only") {
    CHECK(parse_options({"--quiet", "--", "--demo", "-", "--"}).seeds ==
          std::vector<std::string>{"--demo", "-", "--"});
    CHECK_FALSE(parse_options({"--", "--demo"}).demo);
    CHECK(parse_options({"-"}).seeds == std::vector<std::string>{"-"});
    CHECK(has(complaint({"--"}), "no URL given"));
}

TEST_CASE("options: the help names each of them, in lines that fit a terminal") {
    const std::string help = help_text();
    for (const auto& name : value_options)
        CHECK(has(help, name + " "));
    for (const auto& name : flag_options)
        CHECK(has(help, name));
    std::size_t longest = 0;
    for (std::size_t at = 0; at < help.size();) {
        const std::size_t end = help.find('\n', at);
        longest = std::max(longest, end - at);
        at = end + 1;
    }
    CHECK(longest <= 100);
    CHECK(help.back() == '\n');
}
