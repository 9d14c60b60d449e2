// The HTTP client beside its peers, in one run: requests a second, CPU time, system calls and allocations for
// each request, latency, memory of idle connections.
//
//     build/release/bench/bench_http [--rounds N] [--quick] [--only CASE] [--client NAME] [--json FILE]
//                                    [--counts] [--instructions]
//
// Clients and servers are processes of their own, the clients pinned to one processor, the servers to
// another. Rounds are interleaved: each runs every client on a case, one right after the other, beginning
// with another one every time. The tables have medians. --counts leaves the timings out: what it prints
// (system calls, allocations, with --instructions also instructions) is the same on a busy machine.
#include "bench/http/counts.hpp"
#include "bench/http/servers.hpp"
#include "bench/options.hpp"
#include "bench/pool/measure.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include <sys/resource.h>

namespace {

using namespace bench;

class bench_case {
public:
    bench_case(std::string n, std::string u, std::size_t r, std::size_t f, std::size_t b) // NOLINT
        : name(std::move(n)), url(std::move(u)), requests(r), in_flight(f), body_bytes(b) {}
    std::string name;
    std::string url;
    std::size_t requests;
    std::size_t in_flight;
    std::size_t body_bytes;
    bool new_connections = false;
    bool http2 = false;
    bool counts_only = false;
    bool suits(const peer& p) const { return !http2 || p.speaks_http2; }
};

std::vector<bench_case> all_cases(const servers& on) {
    std::vector<bench_case> all;
    all.emplace_back("128 B", on.tiny("/"), 100'000, 64, 128);
    if (on.has_nginx()) {
        all.emplace_back("16 KiB", on.nginx("/16k"), 60'000, 64, 16 << 10);
        all.emplace_back("1 MiB", on.nginx("/1m"), 2'000, 64, 1 << 20);
        all.emplace_back("16 KiB TLS", on.nginx_tls("/16k"), 30'000, 64, 16 << 10);
    }
    all.emplace_back("new connection", on.tiny("/"), 15'000, 64, 128);
    all.back().new_connections = true;
    all.emplace_back("20 ms, 64", on.tiny("/d"), 10'000, 64, 128);
    all.emplace_back("20 ms, 512", on.tiny("/d"), 60'000, 512, 128);
    if (on.has_nginx()) {
        all.emplace_back("5 MiB", on.nginx("/5m"), 100, 1, 5 << 20);
        all.back().counts_only = true;
        all.emplace_back("HTTP/2 128 B", on.nginx_http2("/128"), 100'000, 64, 128);
        all.back().http2 = true;
        all.emplace_back("HTTP/2 16 KiB", on.nginx_http2("/16k"), 60'000, 64, 16 << 10);
        all.back().http2 = true;
    }
    return all;
}

class arguments {
public:
    arguments(int argc, char** argv) {
        option_parser(
            "[--rounds N] [--quick] [--only CASE] [--client NAME] [--json FILE] [--counts] [--instructions]")
            .count("--rounds", rounds)
            .flag("--quick", quick)
            .text("--only", only)
            .text("--client", client)
            .text("--json", json)
            .flag("--counts", counting)
            .flag("--instructions", instructions)
            .parse(argc, argv);
        counting = counting || instructions;
        if (quick) rounds = 1;
    }

    std::size_t rounds = 5;
    bool quick = false;
    bool counting = false;
    bool instructions = false;
    std::string only;
    std::string client;
    std::string json;
};

job job_for(const bench_case& one, const servers& on, std::size_t requests) {
    const std::string connection = one.new_connections ? "close" : one.http2 ? "http2" : "keep";
    return parse_job({one.url, std::to_string(requests), std::to_string(one.in_flight),
                      std::to_string(one.body_bytes), connection, on.certificate()});
}

class samples {
public:
    std::vector<double> per_second, cpu_us, p50_us, p99_us;
    std::size_t failed = 0;
};

// "-" where there is no value.
std::string shown(std::optional<double> value, int digits) {
    if (!value || *value < 0) return "-";
    char text[32];
    std::snprintf(text, sizeof(text), "%.*f", digits, *value);
    return text;
}
std::optional<double> median(const std::vector<double>& values) {
    if (values.empty()) return std::nullopt;
    const double value = quantile(values, 0.5);
    return value > 0 ? std::optional<double>(value) : std::nullopt;
}

class run {
public:
    run(const arguments& options, const servers& on) : options_(options), on_(on) {
        std::vector<std::string> missing;
        peers_ = all_peers(missing);
        if (!on.has_nginx()) missing.push_back("nginx and its cases (Debian: nginx-light openssl)");
        for (const std::string& one : missing)
            std::printf("left out, missing: %s\n", one.c_str());
        std::erase_if(peers_,
                      [&](const peer& p) { return !options.client.empty() && p.name != options.client; });
        for (bench_case& one : all_cases(on))
            if (one.name.find(options.only) != std::string::npos || options.only.empty())
                cases_.push_back(std::move(one));
    }

    void measure_all() {
        for (std::size_t round = 0; round < options_.rounds; ++round)
            for (const bench_case& one : cases_) {
                if (one.counts_only) continue;
                std::vector<const peer*> order;
                for (const peer& p : peers_)
                    if (one.suits(p)) order.push_back(&p);
                if (order.empty()) continue;
                std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(round % order.size()),
                            order.end());
                for (const peer* const p : order)
                    measure(one, *p);
            }
        for (const bench_case& one : cases_)
            if (!one.counts_only) print(one);
    }

    void count_all() {
        for (const bench_case& one : cases_) {
            std::printf("\n%-16s %12s %12s %12s %14s   for each request\n", one.name.c_str(), "system calls",
                        "reads", "allocations", "instructions");
            for (const peer& p : peers_) {
                if (!one.suits(p)) continue;
                const std::size_t requests =
                    one.counts_only ? 5 : std::min<std::size_t>(one.requests / 10, 2'000);
                const counts seen = count(p, job_for(one, on_, requests), options_.instructions);
                std::printf("%-16s %12s %12s %12s %14s\n", p.name.c_str(), shown(seen.calls, 2).c_str(),
                            shown(seen.reads, 2).c_str(), shown(seen.allocations, 2).c_str(),
                            shown(seen.instructions, 0).c_str());
                std::fflush(stdout);
                boost::json::object row{{"case", one.name}, {"client", p.name}};
                if (seen.calls) row["system_calls"] = *seen.calls;
                if (seen.reads) row["reads"] = *seen.reads;
                if (seen.allocations) row["allocations"] = *seen.allocations;
                if (seen.instructions) row["instructions"] = *seen.instructions;
                rows_.push_back(std::move(row));
            }
        }
    }

    void idle_all() {
        if (!options_.client.empty() && options_.client != "tandem") return;
        idle("idle", on_.tiny("/"), 128);
        if (on_.has_nginx()) idle("idle TLS", on_.nginx_tls("/16k"), 16 << 10);
    }

    bool save() const {
        if (options_.json.empty()) return true;
        const std::string text = boost::json::serialize(rows_) + "\n";
        const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(options_.json.c_str(), "w"), std::fclose);
        return file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
    }

private:
    void measure(const bench_case& one, const peer& p) {
        const job what = job_for(one, on_, std::max(one.requests / (options_.quick ? 20 : 1), one.in_flight));
        const std::optional<figures> found = p.read(what, run_process(p.command(what), processor::client));
        samples& into = results_[one.name][p.name];
        if (!found) {
            ++into.failed;
            return;
        }
        into.per_second.push_back(found->per_second);
        into.cpu_us.push_back(found->cpu_us);
        into.p50_us.push_back(found->p50_us);
        into.p99_us.push_back(found->p99_us);
    }

    void print(const bench_case& one) {
        std::map<std::string, samples>& found = results_[one.name];
        const std::optional<double> ours = median(found["tandem"].cpu_us);
        std::printf("\n%-16s %12s %12s %12s %12s %14s\n", one.name.c_str(), "requests/s", "CPU us", "p50 us",
                    "p99 us", "tandem's CPU x");
        for (const peer& p : peers_) {
            if (!one.suits(p)) continue;
            const samples& s = found[p.name];
            const std::optional<double> cpu = median(s.cpu_us);
            std::printf("%-16s %12s %12s %12s %12s %14s%s\n", p.name.c_str(),
                        shown(median(s.per_second), 0).c_str(), shown(cpu, 1).c_str(),
                        shown(median(s.p50_us), 0).c_str(), shown(median(s.p99_us), 0).c_str(),
                        shown(ours && cpu ? std::optional<double>(*ours / *cpu) : std::nullopt, 2).c_str(),
                        s.failed != 0 ? "  (failed runs left out)" : "");
            boost::json::object row{{"case", one.name}, {"client", p.name}, {"failed", s.failed}};
            const auto put = [&](const char* name, const std::vector<double>& values) {
                if (const auto value = median(values)) row[name] = *value;
            };
            put("requests_per_second", s.per_second);
            put("cpu_us", s.cpu_us);
            put("p50_us", s.p50_us);
            put("p99_us", s.p99_us);
            rows_.push_back(std::move(row));
        }
    }

    void idle(const char* name, const std::string& url, std::size_t body) {
        if (name != options_.only && !options_.only.empty()) return;
        const job what = parse_job(
            {url, options_.quick ? "1000" : "10000", "1", std::to_string(body), "keep", on_.certificate()});
        const finished end =
            run_process({own_program(), "client", "tandem-idle", what.url, std::to_string(what.requests), "1",
                         std::to_string(body), "keep", what.ca_file},
                        processor::client, {}, true);
        boost::system::error_code failed;
        const boost::json::value parsed = boost::json::parse(end.output, failed);
        if (!end.ok || failed || !parsed.is_object()) {
            std::printf("\n%s: failed\n", name);
            return;
        }
        const double bytes = parsed.at("bytes_each").to_number<double>();
        std::printf("\n%-16s %12.1f KiB for each of %zu idle connections\n", name, bytes / 1024,
                    what.requests);
        rows_.push_back(boost::json::object{
            {"case", name}, {"client", "tandem"}, {"connections", what.requests}, {"bytes_each", bytes}});
    }

    const arguments& options_;
    const servers& on_;
    std::vector<peer> peers_;
    std::vector<bench_case> cases_;
    std::map<std::string, std::map<std::string, samples>> results_;
    boost::json::array rows_;
};

int run_client(const std::string& name, const job& what) {
    if (name == "tandem") return run_tandem_client(what);
    if (name == "tandem-idle") return run_tandem_idle(what);
    if (name == "epoll") return run_epoll_client(what);
    if (name == "curl") return run_curl_client(what);
    die("no client " + name);
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv, argv + argc);
    if (argc == 2 && words[1] == "tiny-server") return run_tiny_server();
    if (argc > 3 && words[1] == "client")
        return run_client(words[2], parse_job(std::vector<std::string>(words.begin() + 3, words.end())));

    const arguments options(argc, argv);
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max; // 10,000 connections
    setrlimit(RLIMIT_NOFILE, &files);
    const servers on;
    run all(options, on);
    if (options.counting)
        all.count_all();
    else
        all.measure_all();
    all.idle_all();
    if (!all.save()) die("cannot write " + options.json);
}
