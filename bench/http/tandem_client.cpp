// tandem's client with all that is on by default: pool, redirects, decompression, time-outs, limits.
#include "bench/http/job.hpp"

#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

#include <cstdio>
#include <fstream>
#include <string>

#include <malloc.h>
#include <unistd.h>

namespace bench {

namespace {

using tandem::task;
namespace http = tandem::http;

http::client_options options_for(const job& what) {
    http::client_options options;
    options.connections_per_host(what.in_flight).connections_total(what.in_flight);
    if (what.tls()) options.ca_file(what.ca_file);
    if (what.http2) options.http2(http::http2_use::prior_knowledge);
    if (what.new_connections) options.header("Connection", "close");
    return options;
}

class load {
public:
    load(http::client& web, const job& what, measurement& notes) : web_(web), what_(what), notes_(notes) {}

    task<> run(std::size_t requests) {
        left_ = requests;
        auto start = [this](tandem::task_group& group) -> task<> {
            for (std::size_t i = 0; i < what_.in_flight; ++i)
                group.spawn([this] { return work(); });
            co_return;
        };
        co_await tandem::with_task_group(start);
    }

private:
    task<> work() {
        while (left_ != 0) {
            --left_;
            const double begin = wall_ns();
            const http::response r = co_await web_.get(url_);
            notes_.note_ns(wall_ns() - begin);
            if (r.status() != 200 || r.body().size() != what_.body_bytes) die("tandem: a wrong response");
        }
    }

    http::client& web_;
    const job& what_;
    measurement& notes_;
    const tandem::url url_ = tandem::url::parse(what_.url).value();
    std::size_t left_ = 0;
};

task<> request_all(const job& what) {
    http::client web(options_for(what));
    measurement notes;
    load requests(web, what, notes);
    co_await requests.run(what.warm_up());
    notes.begin();
    co_await requests.run(what.requests);
    notes.end(what.requests);
}

double resident_bytes() {
    malloc_trim(0); // what was freed on the way is not what idle connections hold
    std::ifstream statm("/proc/self/statm");
    double total = 0;
    double resident = 0;
    statm >> total >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Each connection carries a response, and is idle afterwards. They are opened one after the other, each while
// those before it are kept busy by a body that has not been read.
task<> open_and_idle(const job& what) {
    http::client_options options = options_for(what);
    options.connections_per_host(what.requests + 1).connections_total(what.requests + 1);
    options.idle_timeout(std::chrono::hours(1));
    http::client web(options);
    co_await web.get(what.url);
    const double before = resident_bytes();
    {
        std::vector<http::response_stream> busy;
        busy.reserve(what.requests);
        for (std::size_t i = 0; i < what.requests; ++i)
            busy.push_back(co_await web.open(http::request(what.url)));
        for (http::response_stream& stream : busy) {
            for (;;) {
                const std::string_view piece = co_await stream.read_some();
                if (piece.empty()) break;
            }
        }
    }
    if (web.counters().connections_idle != what.requests) die("tandem: connections are missing");
    std::printf("{\"connections\": %zu, \"bytes_each\": %.0f}\n", what.requests,
                (resident_bytes() - before) / static_cast<double>(what.requests));
}

} // namespace

int run_tandem_client(const job& what) {
    tandem::runtime(tandem::runtime_options().workers(1)).run(request_all(what));
    return 0;
}

int run_tandem_idle(const job& what) {
    tandem::runtime(tandem::runtime_options().workers(1)).run(open_and_idle(what));
    return 0;
}

} // namespace bench
