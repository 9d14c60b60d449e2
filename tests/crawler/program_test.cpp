// The program as a user meets it: exit codes, what goes to stdout and to stderr, signals.
#include "examples/crawler/options.hpp"

#include <tandem/concurrency/sleep.hpp>

#include "tests/crawler/crawl_support.hpp"
#include "tests/crawler/program_support.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http/test_certificates.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace crawl_test;
using namespace program_test;
using namespace std::chrono_literals;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// It failed with this code and one line on stderr, which holds `part`; nothing went to stdout.
void fails(const std::vector<std::string>& arguments, int code, const std::string& part) {
    const ended e = run(arguments);
    INFO(e.err);
    CHECK(e.code == code);
    CHECK(e.out.empty());
    CHECK(std::count(e.err.begin(), e.err.end(), '\n') == 1);
    CHECK(e.err.rfind("tandem-crawl: ", 0) == 0);
    CHECK(has(e.err, part));
}

std::string closed_port() {
    const site s(from_table({}));
    return s.url();
}

site::answer small_site() {
    return from_table(
        {{"/", page("<title>Home</title>" + link("/a") + link("/b"))}, {"/a", page("")}, {"/b", page("")}});
}

// Pages without end that take 5 ms each.
tandem::task<site::response> endless(tandem::http::server_request request) {
    co_await tandem::sleep_for(5ms);
    std::string body;
    const std::string here = request.target() == "/" ? std::string() : request.target();
    for (int i = 0; i < 10; ++i)
        body += link(here + "/" + std::to_string(i));
    co_return page(body);
}

bool has_control_characters(const std::string& text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\n') || byte == 0x7f || (byte >= 0x80 && byte < 0xa0);
    });
}

} // namespace

TEST_CASE("program: usage errors have exit code 2") {
    fails({}, 2, "no URL given");
    fails({"--concurency", "3", "http://a/"}, 2, "did you mean --concurrency?");
    fails({"--depth", "x", "http://a/"}, 2, "--depth wants a whole number");
    fails({"http://a b/"}, 2, "\"http://a b/\" is no http or https URL: ");
    fails({"http://["}, 2, "is no http or https URL");
    fails({"ftp://a/"}, 2, "is no http or https URL");
    fails({"mailto:a@b.test"}, 2, "is no http or https URL");
    fails({""}, 2, "\"\" is no http or https URL");
    fails({"http://\x1b[2J/"}, 2, "is no http or https URL");
    fails({"http://user:secret@a.test/"}, 2,
          "http://***@a.test/: user name and password in a URL are not supported");
    fails({"--user-agent", "a\nb", "http://a/"}, 2, "User-Agent");
    fails({"--demo", "http://a/"}, 2, "--demo crawls its own site");
}

TEST_CASE("program: a URL without a scheme") {
    const std::string gone = closed_port().substr(7); // without http://
    fails({"--no-robots", "localhost:1/x"}, 4, "GET https://localhost:1/x: connect: ");
    fails({"--no-robots", gone}, 4, "GET https://" + gone);
}

TEST_CASE("program: file errors have exit code 3, before anything is fetched") {
    const temporary_folder folder;
    const std::string missing = folder / "none/file";
    site s(small_site());
    fails({"--output", missing, s.url()}, 3, missing + ": cannot be opened: No such file or directory");
    fails({"--summary", missing, s.url()}, 3, missing + ": cannot be written: No such file or directory");
    fails({"--cacert", missing, s.url()}, 3, missing + ": cannot be read: No such file or directory");
    fails({"--cacert", TANDEM_CRAWL_PROGRAM, s.url()}, 3, "cannot be used");
    CHECK(s.requests().empty());
    fails({"--output", "/dev/full", s.url()}, 3, "/dev/full: cannot be written: No space left on device");
}

TEST_CASE("program: network errors have exit code 4") {
    const std::string gone = closed_port();
    for (const bool robots : {true, false}) {
        std::vector<std::string> options{"--timeout", "20"};
        if (!robots) options.emplace_back("--no-robots");
        auto refused = options;
        refused.push_back(gone);
        fails(refused, 4, "Connection refused");
        auto unknown = options;
        unknown.emplace_back("http://no-such-host.invalid/");
        fails(unknown, 4, "name look-up: ");
    }
    fails({"--quiet", gone}, 4, "Connection refused"); // what failed is not hushed up
}

TEST_CASE("program: TLS errors have exit code 5") {
    test_support::certificate_authority authority;
    using tandem::http::server_options;
    const auto options = [](const test_support::certificate_files& files) {
        return server_options().tls(files.certificate, files.key);
    };
    site good(small_site(), options(authority.issue()));
    fails({good.url()}, 5, "TLS handshake: ");
    fails({"--no-robots", good.url()}, 5, "GET " + good.url() + ": TLS handshake: ");
    const ended trusted = run({"--cacert", authority.ca_file(), good.url()});
    CHECK(trusted.code == 0);
    CHECK(has(trusted.out, "3 visited"));
    CHECK(run({"--insecure", "--quiet", good.url()}).code == 0);

    site self_signed(small_site(),
                     options(authority.issue(test_support::certificate_request().self_signed())));
    fails({"--no-robots", self_signed.url()}, 5, "self-signed certificate");
    site other(small_site(),
               options(authority.issue(test_support::certificate_request().names("DNS:other.test"))));
    fails({"--no-robots", "--cacert", authority.ca_file(), other.url()}, 5, "127.0.0.1");
    site expired(small_site(), options(authority.issue(test_support::certificate_request().valid(-20, -10))));
    fails({"--no-robots", "--cacert", authority.ca_file(), expired.url()}, 5, "expired");
}

TEST_CASE("program: a server that answers with errors only has exit code 8, one that speaks no HTTP 7") {
    site s(from_table({}));
    fails({s.url("/missing")}, 8, "GET " + s.url("/missing") + ": status 404");
    site busy(from_table({{"/robots.txt", site::response::plain_status(503)}}));
    fails({busy.url()}, 8, "/robots.txt: status 503: nothing of this host may be fetched");
    const scripted::answering other(
        [](const std::string&) { return std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"); });
    fails({other.url()}, 7, "GET " + other.url("/robots.txt") + ": waiting for the response: ");
    fails({"--no-robots", other.url()}, 7, "GET " + other.url() + ": waiting for the response: ");
}

TEST_CASE("program: robots.txt that allows nothing") {
    site s(from_table({{"/robots.txt", site::response::text("User-agent: *\nDisallow: /")}}));
    fails({s.url()}, 0, "robots.txt allows none of these URLs");
}

TEST_CASE("program: a start that leads elsewhere is explained") {
    site other(small_site());
    site s(from_table({{"/", site::response::redirect(other.url())}}));
    const ended e = run({s.url()});
    CHECK(e.code == 0);
    CHECK(e.err ==
          "tandem-crawl: " + s.url() + " redirects to " + other.url() + ", which is not in --scope\n");
    CHECK(other.requests().empty());
}

TEST_CASE("program: --help and --version") {
    const ended help = run({"--help"});
    CHECK(help.code == 0);
    CHECK(help.out == crawler::help_text());
    CHECK(help.err.empty());
    CHECK(run({"-h"}).out == help.out);
    CHECK(run({"--version"}).out.rfind("tandem-crawl ", 0) == 0);
}

TEST_CASE("program: the demonstration prints its report on stdout, messages on stderr") {
    const ended e = run({"--demo", "--workers", "2"});
    INFO(e.out);
    CHECK(e.code == 0);
    CHECK(has(e.out, " visited, 3 broken, "));
    CHECK(has(e.out, "(64 at most) on 1 loop thread"));
    CHECK(has(e.out, "speed-up"));
    CHECK(has(e.err, "crawling the demonstration site at http://127.0.0.1:"));
    CHECK_FALSE(has_control_characters(e.out + e.err));
}

TEST_CASE("program: --quiet says nothing") {
    const ended e = run({"--demo", "--quiet", "--loops", "2", "--max-pages", "30"});
    CHECK(e.code == 0);
    CHECK(e.out.empty());
    CHECK(e.err.empty());
}

TEST_CASE("program: data on stdout is nothing but data") {
    site s(small_site());
    const ended pages = run({"--output", "-", s.url()});
    CHECK(pages.code == 0);
    CHECK(parse_lines(pages.out).size() == 3);
    CHECK(has(pages.err, "3 visited"));
    const ended summary = run({"--summary=-", s.url()});
    CHECK(summary.code == 0);
    CHECK(boost::json::parse(summary.out).as_object().at("pages").as_int64() == 3);
    CHECK(has(summary.err, "3 visited"));
    const temporary_folder folder;
    const ended both =
        run({"--quiet", "--output", folder / "pages", "--summary", folder / "summary", s.url()});
    CHECK(both.out.empty());
    CHECK(both.err.empty());
    CHECK(parse_lines(content_of(folder / "pages")).size() == 3);
    CHECK(boost::json::parse(content_of(folder / "summary")).as_object().at("pages").as_int64() == 3);
    CHECK(folder.entries() == 2);
}

TEST_CASE("program: --verbose has a line for each page") {
    site s(small_site());
    const ended e = run({"--verbose", s.url()});
    CHECK(e.code == 0);
    CHECK(has(e.err, s.url("/a")));
    CHECK(std::count(e.err.begin(), e.err.end(), '\n') == 3);
    CHECK(has(e.out, "3 visited"));
}

TEST_CASE("program: Ctrl-C and SIGTERM end it soon, with whole lines and a summary") {
    const int number = GENERATE(SIGINT, SIGTERM);
    const std::string loops = GENERATE("1", "2");
    site s(endless, tandem::http::server_options().drain_timeout(0ms));
    const temporary_folder folder;
    program p({"--output", "-", "--loops", loops, "--summary", folder / "summary", s.url()});
    p.read_lines(1);
    REQUIRE_FALSE(p.out.empty());
    const auto begun = program::clock::now();
    p.signal(number);
    CHECK(p.finish() == 128 + number);
    CHECK(program::clock::now() - begun < 5s);
    const auto lines = parse_lines(p.out);
    const boost::json::object summary = boost::json::parse(content_of(folder / "summary")).as_object();
    CHECK(summary.at("interrupted").as_bool());
    CHECK(summary.at("pages").as_int64() == static_cast<std::int64_t>(lines.size()));
    CHECK(has(p.err, "interrupted"));
}

TEST_CASE("program: Ctrl-C in the demonstration") {
    program p({"--demo", "--output", "-", "--concurrency", "2"});
    p.read_lines(1);
    const auto begun = program::clock::now();
    p.signal(SIGINT);
    CHECK(p.finish() == 130);
    CHECK(program::clock::now() - begun < 5s);
    CHECK_FALSE(parse_lines(p.out).empty());
}

TEST_CASE("program: progress is rewritten on a terminal only") {
    const std::vector<std::string> arguments{"--demo", "--concurrency", "8", "--max-pages", "100"};
    program terminal(arguments, errors_to::terminal);
    CHECK(terminal.finish() == 0);
    CHECK(has(terminal.err, "\r"));
    CHECK(has(terminal.err, " in flight, "));
    CHECK(has(terminal.err, "\r\x1b[K"));
    CHECK_FALSE(has(terminal.out, "\x1b"));
    program dumb(arguments, errors_to::terminal, "dumb");
    CHECK(dumb.finish() == 0);
    CHECK_FALSE(has(dumb.err, "\x1b"));
    program piped(arguments);
    CHECK(piped.finish() == 0);
    CHECK_FALSE(has_control_characters(piped.err + piped.out));
}

TEST_CASE("program: what a server says cannot control the terminal") {
    site s(from_table({{"/", page("<title>\x1b[2J\xc2\x9b"
                                  "31m</title>" +
                                  link("/bad") + link("/\x1b]0;x\x07") + link("/type"))},
                       {"/bad", site::response(302).header("Location", "http://[\x9b"
                                                                       "31m\xc2\x9b"
                                                                       "31m\xe2\x80\xae")},
                       {"/type", site::response(200).header("Content-Type", "text/html\x9b"
                                                                            "31m")}}));
    for (const char* option : {"--verbose", "--output=-", "--summary=-"}) {
        const ended e = run({option, s.url()});
        CHECK(e.code == 0);
        CHECK_FALSE(has_control_characters(e.err));
        CHECK_FALSE(has_control_characters(e.out));
        const ended seed = run({option, s.url("/bad")});
        CHECK(has(seed.err, "redirect to an address that is none"));
        CHECK_FALSE(has_control_characters(seed.err));
    }
}

TEST_CASE("program: a reader that goes away ends it") {
    site s(endless, tandem::http::server_options().drain_timeout(0ms));
    program p({"--output", "-", "--quiet", s.url()});
    p.read_lines(1);
    p.close_output();
    const int code = p.finish();
    CHECK((code == 3 || code == 1000 + SIGPIPE));
}
