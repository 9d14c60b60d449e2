// What a client program of the benchmark is asked to do, and what it reports.
//
// Every client is a process of its own: it warms up, does its requests, and prints one line of JSON:
//     {"requests": 50000, "seconds": 1.2, "cpu_us": 400000, "p50_us": 510, "p99_us": 900}
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

class job {
public:
    std::string scheme; // "http" or "https"
    std::string host;
    std::uint16_t port = 0;
    std::string path;
    std::string url; // all of it
    std::size_t requests = 0;
    std::size_t in_flight = 1;
    std::size_t body_bytes = 0; // of each response: anything else is an error
    bool new_connections = false;
    bool http2 = false;  // with prior knowledge, all over one connection
    std::string ca_file; // PEM, for https

    bool tls() const { return scheme == "https"; }
    std::string connection() const { return new_connections ? "close" : http2 ? "http2" : "keep"; }
    // Requests before the measured ones: connections are open and memory is warm then.
    std::size_t warm_up() const { return requests / 10 + in_flight; }
};

// URL REQUESTS IN_FLIGHT BODY_BYTES keep|close|http2 CA_FILE; ends the program when they are not that.
job parse_job(const std::vector<std::string>& arguments);

// Time, CPU time and latencies of the measured requests; prints the report.
class measurement {
public:
    void begin();
    void note_ns(double latency) { latencies_.push_back(latency); }
    void end(std::size_t requests);

private:
    double wall_ = 0;
    double cpu_ = 0;
    std::vector<double> latencies_;
};

double wall_ns();
[[noreturn]] void die(std::string_view what);

// The programs; each gives an exit code.
int run_tandem_client(const job& what);
int run_tandem_idle(const job& what); // opens `requests` connections and prints what one costs
int run_epoll_client(const job& what);
int run_curl_client(const job& what);
int run_tiny_server();

} // namespace bench
