// tandem-crawl: the command line around crawl().
#include "examples/crawler/crawl.hpp"
#include "examples/crawler/demo_server.hpp"
#include "examples/crawler/fetcher.hpp"
#include "examples/crawler/options.hpp"
#include "examples/crawler/report.hpp"
#include "examples/crawler/sink.hpp"
#include "examples/crawler/text.hpp"

#include <tandem/tandem.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace crawler;

constexpr int exit_usage = 2;
constexpr int exit_file = 3;

// Writes what the crawl came to; gives the exit code.
int conclude(const options& o, const crawl_figures& figures) {
    if (!o.summary.empty()) write_file(o.summary, summary_json(figures));
    // Where nothing was fetched, every given URL has had its line on stderr, and there is nothing to report.
    if (!o.quiet && (figures.succeeded > 0 || figures.interrupted)) {
        // Data and the report do not mix.
        const bool data_on_stdout = o.output == "-" || o.summary == "-";
        std::fputs(report_text(figures).c_str(), data_on_stdout ? stderr : stdout);
    }
    if (figures.succeeded > 0) return 0;
    return figures.first_exit_code != 0 ? figures.first_exit_code : figures.robots_denied > 0 ? 0 : 4;
}

tandem::task<int> crawl_sites(const options& o, sink& out, std::vector<tandem::url> seeds) {
    try {
        const crawl_figures figures = co_await crawl(o, out, std::move(seeds));
        if (figures.pages == 0 && figures.robots_denied > 0)
            complain("robots.txt allows none of these URLs (--no-robots is for sites of your own)");
        co_return conclude(o, figures);
    } catch (const file_error& e) {
        complain(e.what());
        co_return exit_file;
    }
}

// The demonstration site has a loop of its own, the last one, so that the figures are the crawler's.
tandem::task<int> crawl_demo(const options& o, sink& out) {
    tandem::runtime& runtime = *tandem::runtime::current();
    demo_options site;
    site.latency = std::chrono::milliseconds(20);
    site.latency_jitter = std::chrono::milliseconds(60);
    demo_server server(site);
    if (!o.quiet)
        std::fprintf(
            stderr,
            "crawling the demonstration site at %s/ (it answers after 20 to 80 ms, like a distant one)\n",
            server.url().c_str());
    int code = 0;
    const auto body = [&](tandem::task_group& group) -> tandem::task<> {
        group.spawn_on(runtime.loop(o.loops), &demo_server::serve, std::ref(server));
        std::vector<tandem::url> seeds;
        seeds.emplace_back(server.url() + "/");
        code = co_await crawl_sites(o, out, std::move(seeds));
        group.cancel();
    };
    co_await tandem::with_task_group(body);
    co_return code;
}

int crawl_program(const options& o) {
    std::vector<tandem::url> seeds;
    for (const std::string& text : o.seeds) {
        auto seed = tandem::url::parse(text);
        if (!seed &&
            text.find("://") == std::string::npos) { // "example.org", "localhost:8080"; no "mailto:a@b"
            auto guess = tandem::url::parse("https://" + text);
            if (guess && !guess->has_credentials()) seed = std::move(guess);
        }
        if (!seed || (seed->scheme() != "http" && seed->scheme() != "https"))
            throw usage_error("\"" + text.substr(0, 200) + "\" is no http or https URL" +
                              (seed ? std::string() : ": " + seed.error().message()));
        if (seed->has_credentials())
            throw usage_error(seed->redacted() + ": user name and password in a URL are not supported");
        seeds.push_back(std::move(*seed));
    }
    if (!o.ca_file.empty()) check_readable(o.ca_file);
    try {
        const tandem::http::client probe(
            client_settings(o)); // complains of the CA file before anything begins
    } catch (const tandem::system_error& e) {
        throw file_error(e.what());
    } catch (const std::invalid_argument& e) {
        throw usage_error(e.what());
    }
    check_writable(o.summary);
    sink out(o.output);
    const auto settings = tandem::runtime_options().loops(o.loops + (o.demo ? 1 : 0)).workers(o.workers);
    if (o.demo) return tandem::run(settings, crawl_demo(o, out));
    return tandem::run(settings, crawl_sites(o, out, std::move(seeds)));
}

} // namespace

int main(int argc, char** argv) {
    try {
        const options o = parse_options(std::vector<std::string>(argv + 1, argv + argc));
        if (o.help) {
            std::fputs(help_text().c_str(), stdout);
            return 0;
        }
        if (o.version) {
            std::puts("tandem-crawl 0.1");
            return 0;
        }
        return crawl_program(o);
    } catch (const usage_error& e) {
        complain(e.what());
        return exit_usage;
    } catch (const file_error& e) {
        complain(e.what());
        return exit_file;
    } catch (const std::exception& e) {
        complain(e.what());
        return 1;
    }
}
