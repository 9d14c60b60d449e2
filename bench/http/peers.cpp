#include "bench/http/peers.hpp"

#include <boost/json.hpp>

#include <charconv>
#include <cstdlib>

#include <unistd.h>

namespace bench {

namespace {

// The line of JSON that clients of this benchmark print.
std::optional<figures> read_report(const job&, const finished& end) {
    if (!end.ok) return std::nullopt;
    boost::system::error_code failed;
    const boost::json::value parsed = boost::json::parse(end.output, failed);
    if (failed || !parsed.is_object()) return std::nullopt;
    const auto number = [&](const char* name) { return parsed.at(name).to_number<double>(); };
    figures found;
    found.requests = number("requests");
    found.per_second = found.requests / number("seconds");
    found.cpu_us = number("cpu_us") / found.requests;
    found.p50_us = number("p50_us");
    found.p99_us = number("p99_us");
    return found;
}

// The number that stands behind `mark`, and the text right after it.
double number_after(std::string_view text, std::string_view mark, std::string_view* rest = nullptr) {
    std::size_t at = text.find(mark);
    if (at == std::string_view::npos) return 0;
    text.remove_prefix(at + mark.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc()) return 0;
    if (rest) *rest = text.substr(static_cast<std::size_t>(end - text.data()));
    return value;
}

double us_after(std::string_view text, std::string_view mark) {
    std::string_view unit;
    const double value = number_after(text, mark, &unit);
    if (unit.starts_with("us")) return value;
    if (unit.starts_with("ms")) return value * 1e3;
    return value * 1e6;
}

std::optional<figures> read_wrk(const job&, const finished& end) {
    const std::size_t total = end.output.find(" requests in ");
    if (!end.ok || total == std::string::npos || end.output.find("Socket errors") != std::string::npos ||
        end.output.find("Non-2xx") != std::string::npos)
        return std::nullopt;
    figures found;
    found.requests = number_after(std::string_view(end.output).substr(end.output.rfind('\n', total) + 1), "");
    found.per_second = number_after(end.output, "Requests/sec:");
    found.cpu_us = end.cpu_us / found.requests;
    found.p50_us = us_after(end.output, "50%");
    found.p99_us = us_after(end.output, "99%");
    return found;
}

std::optional<figures> read_h2load(const job& what, const finished& end) {
    if (!end.ok || number_after(end.output, " done,") != static_cast<double>(what.requests))
        return std::nullopt; // some have failed
    std::string_view rest;
    figures found;
    found.requests = static_cast<double>(what.requests);
    number_after(end.output, "finished in", &rest);
    found.per_second = number_after(rest, ",");
    found.cpu_us = end.cpu_us / found.requests;
    return found;
}

std::vector<std::string> with_job(std::vector<std::string> command, const job& what) {
    command.insert(command.end(), {what.url, std::to_string(what.requests), std::to_string(what.in_flight),
                                   std::to_string(what.body_bytes), what.connection(),
                                   what.ca_file.empty() ? "-" : what.ca_file});
    return command;
}

peer own_client(const std::string& name, std::vector<std::string> command, bool native) {
    peer one;
    one.name = name;
    one.is_native = native;
    one.command = [command](const job& what) { return with_job(command, what); };
    one.read = read_report;
    return one;
}

peer wrk(const std::string& program) {
    peer one;
    one.name = "wrk";
    one.is_native = true;
    one.command = [program](const job& what) {
        // It takes a time instead of a number; two seconds are enough for a median over rounds.
        std::vector<std::string> command{
            program, "-t1", "-c" + std::to_string(what.in_flight), "-d2s", "--latency", "--timeout", "30s"};
        if (what.new_connections) command.insert(command.end(), {"-H", "Connection: close"});
        command.push_back(what.url);
        return command;
    };
    one.read = read_wrk;
    return one;
}

peer h2load(const std::string& program) {
    peer one;
    one.name = "h2load";
    one.is_native = true;
    one.speaks_http2 = true;
    one.command = [program](const job& what) {
        const std::string in_flight = std::to_string(what.in_flight);
        std::vector<std::string> command{program, "-t1", "-n" + std::to_string(what.requests)};
        if (what.http2)
            command.insert(command.end(), {"-c1", "-m" + in_flight});
        else
            command.insert(command.end(), {"--h1", "-c" + in_flight});
        if (what.new_connections) command.insert(command.end(), {"-H", "Connection: close"});
        command.push_back(what.url);
        return command;
    };
    one.read = read_h2load;
    return one;
}

bool works(const std::vector<std::string>& command) {
    return !command[0].empty() && run_process(command, processor::client).ok;
}

const std::string sources = TANDEM_SOURCE_DIR "/bench/http/peers/";

} // namespace

std::vector<peer> all_peers(std::vector<std::string>& missing) {
    const std::string self = own_program();
    const std::string beside = self.substr(0, self.rfind('/')) + "/http-peers"; // what scripts have made
    std::vector<peer> all;
    all.push_back(own_client("tandem", {self, "client", "tandem"}, true));
    all.back().speaks_http2 = true;
    all.push_back(own_client("epoll", {self, "client", "epoll"}, true));

    if (const std::string program = find_program("wrk"); !program.empty())
        all.push_back(wrk(program));
    else
        missing.push_back("wrk (Debian: wrk)");
    if (const std::string program = find_program("h2load"); !program.empty())
        all.push_back(h2load(program));
    else
        missing.push_back("h2load (Debian: nghttp2-client)");

#ifdef TANDEM_BENCH_CURL
    // Not over HTTP/2: with prior knowledge libcurl 7.88 (Debian 12) fails on the second request of a
    // connection.
    all.push_back(own_client("libcurl", {self, "client", "curl"}, true));
#else
    missing.push_back("libcurl (Debian: libcurl4-openssl-dev)");
#endif

    const std::string go = beside + "/go_client";
    if (access(go.c_str(), X_OK) == 0)
        all.push_back(own_client("Go", {go}, false));
    else
        missing.push_back("Go (Debian: golang-go; then bench/http/peers/setup.sh)");

    const std::string node = find_program("node");
    if (!node.empty() && access((beside + "/node_modules/undici").c_str(), F_OK) == 0)
        all.push_back(own_client("undici", {node, beside + "/undici_client.mjs"}, false));
    else
        missing.push_back("undici (Debian: nodejs npm; then bench/http/peers/setup.sh)");

    // Debian's packages are seen by Debian's Python only, which need not be the first of PATH.
    const std::string python =
        access("/usr/bin/python3", X_OK) == 0 ? "/usr/bin/python3" : find_program("python3");
    if (works({python, "-c", "import aiohttp"}))
        all.push_back(own_client("aiohttp", {python, sources + "aiohttp_client.py", "asyncio"}, false));
    else
        missing.push_back("aiohttp (Debian: python3-aiohttp)");
    if (works({python, "-c", "import aiohttp, uvloop"}))
        all.push_back(own_client("aiohttp+uvloop", {python, sources + "aiohttp_client.py", "uvloop"}, false));
    else
        missing.push_back("aiohttp with uvloop (Debian: python3-uvloop)");
    return all;
}

} // namespace bench
