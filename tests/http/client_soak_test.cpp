// Many requests against a server that answers some and fails others in every way it knows, with
// cancellations, time-outs and abandoned streams thrown in: each answer belongs to its request, the counters
// add up, memory and descriptors stay what they were. Over HTTP/1.1 and over HTTP/2.
//
// 20,000 requests as a test; TANDEM_SOAK_REQUESTS=1000000 is the long run, which also prints what it saw.
#include "tests/http/chaos_h2.hpp"
#include "tests/http/chaos_server.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"

#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/http/client.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include <malloc.h>

using namespace std::chrono_literals;
using namespace tandem;
using chaos::behaviour;

namespace {

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

double resident_mib() {
    malloc_trim(0); // what is free but not given back is no leak
    std::ifstream statm("/proc/self/statm");
    double total = 0;
    double resident = 0;
    statm >> total >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

class tally {
public:
    tally() noexcept {}
    std::uint64_t answers = 0, errors = 0, timeouts = 0, cancelled = 0, abandoned = 0;
    std::uint64_t lost = 0;  // errors of those whose connection ended because of another request
    std::uint64_t wrong = 0; // answers of another request, and outcomes that cannot be
    std::string first_wrong;

    std::uint64_t all() const { return answers + errors + timeouts + cancelled + abandoned; }
    void note_wrong(std::string text) {
        if (wrong++ == 0) first_wrong = std::move(text);
    }
};

class soak {
public:
    soak(const chaos::server& on, http::http2_use how)
        : server_(on), web_(http::client_options()
                                .connections_per_host(24)
                                .connections_total(24)
                                .http2(how)
                                .http2_ping_interval(2ms)
                                .http2_ping_timeout(60s)),
          shares_(how == http::http2_use::prior_knowledge) {}

    task<> run(std::uint64_t requests) {
        left_ = requests;
        auto start = [this](task_group& group) -> task<> {
            for (int i = 0; i < 48; ++i) // half of them wait for a connection
                group.spawn([this] { return work(); });
            co_return;
        };
        co_await with_task_group(start);
    }
    const tally& seen() const { return seen_; }
    http::client& web() { return web_; }

private:
    std::size_t below(std::size_t bound) { return random_() % bound; }

    // Half of all requests are answered plainly, so that connections are kept and used again.
    behaviour any_behaviour() {
        const auto drawn = static_cast<behaviour>(below(chaos::behaviours));
        if (below(2) == 0) return behaviour::plain;
        // Over HTTP/2 it would end many others.
        return shares_ && chaos::ends_connection(drawn) && below(32) != 0 ? behaviour::plain : drawn;
    }

    task<> work() {
        while (left_ != 0) {
            --left_;
            const std::uint64_t id = ++ids_;
            const behaviour what = any_behaviour();
            // What nobody asked for comes in the same segment as the answer: later, nobody could tell.
            const bool large = below(16) == 0 && what != behaviour::trailing_answer;
            const std::size_t size = below(large ? 100'000 : 2'000);
            const std::size_t fate = below(16);
            if (fate == 0)
                co_await cancel_one(id, what, size);
            else if (fate <= 2)
                co_await stream_one(id, what, size, fate == 1);
            else
                co_await send_one(id, what, size);
        }
    }

    http::request request_for(std::uint64_t id, behaviour what, std::size_t size) {
        http::request one(server_.url(chaos::target(id, what, size)));
        if (what == behaviour::echo) one.method(http::method::put).body(chaos::text_for(id, size));
        // Silence must end; who is answered has all the time that a busy machine may need.
        const bool silent = what == behaviour::no_answer || what == behaviour::stalls;
        one.timeout(silent ? std::chrono::nanoseconds(3ms) : std::chrono::nanoseconds(60s));
        return one;
    }

    void check(std::uint64_t id, behaviour what, std::size_t size, const http::response& r) {
        if (!chaos::is_answer(what) || r.status() != 200 || r.body() != chaos::text_for(id, size) ||
            (what == behaviour::chunked && r.trailers().get("X-Id") != std::to_string(id)))
            seen_.note_wrong("request " + chaos::target(id, what, size) + " got " +
                             std::to_string(r.status()) + " " + r.body().substr(0, 60));
        ++seen_.answers;
    }
    void check(std::uint64_t id, behaviour what, std::size_t size, const http::error& e) {
        const bool silent = what == behaviour::no_answer || what == behaviour::stalls;
        if (shares_ && !e.is_timeout() && (chaos::is_answer(what) || silent))
            ++seen_.lost;
        else if (chaos::is_answer(what) || e.is_timeout() != silent)
            seen_.note_wrong("request " + chaos::target(id, what, size) + " failed: " + e.message());
        ++(e.is_timeout() ? seen_.timeouts : seen_.errors);
    }

    task<> send_one(std::uint64_t id, behaviour what, std::size_t size) {
        const http::result<http::response> r = co_await web_.try_send(request_for(id, what, size));
        if (r)
            check(id, what, size, *r);
        else
            check(id, what, size, r.error());
    }

    // Anything may come of it, but never another request's answer.
    task<> cancel_one(std::uint64_t id, behaviour what, std::size_t size) {
        try {
            const http::result<http::response> r = co_await with_timeout(
                std::chrono::microseconds(below(1500)), web_.try_send(request_for(id, what, size)));
            if (r)
                check(id, what, size, *r);
            else
                check(id, what, size, r.error());
        } catch (const timeout_error&) {
            ++seen_.cancelled;
        }
    }

    task<> stream_one(std::uint64_t id, behaviour what, std::size_t size, bool give_up) {
        http::result<http::response_stream> opened = co_await web_.try_open(request_for(id, what, size));
        if (!opened) {
            check(id, what, size, opened.error());
            co_return;
        }
        const std::string expected = chaos::text_for(id, size);
        std::string got;
        bool failed = false;
        try {
            for (;;) {
                const std::string_view piece = co_await opened->read_some();
                if (piece.empty()) break;
                got += piece;
                if (give_up) { // the rest stays unread
                    if (expected.compare(0, got.size(), got) != 0 && what != behaviour::two_lengths)
                        seen_.note_wrong("stream of " + chaos::target(id, what, size));
                    ++seen_.abandoned;
                    co_return;
                }
            }
        } catch (const http::request_error& e) {
            failed = true;
            check(id, what, size, e.error());
        }
        if (failed) co_return;
        if (!chaos::is_answer(what) || got != expected)
            seen_.note_wrong("stream of " + chaos::target(id, what, size) + " ended with " +
                             got.substr(0, 60));
        ++seen_.answers;
    }

    const chaos::server& server_;
    http::client web_;
    const bool shares_; // many requests share a connection, and its end
    std::mt19937 random_{20261130};
    std::uint64_t ids_ = 0;
    std::uint64_t left_ = 0;
    tally seen_;
};

std::uint64_t wanted_requests() {
    const char* const text = std::getenv("TANDEM_SOAK_REQUESTS");
    return text ? std::strtoull(text, nullptr, 10) : tests::repeat(20'000, 4'000);
}

void run_soak(const chaos::server& server, http::http2_use how) {
    const std::uint64_t requests = wanted_requests();
    auto work = [&]() -> task<> {
        soak run(server, how);
        co_await run.run(requests / 4); // what is kept for later is there now
        run.web().close_idle();
        const double mib_before = resident_mib();
        const std::size_t descriptors_before = open_descriptors();

        co_await run.run(requests - requests / 4);
        const tally& seen = run.seen();
        CAPTURE(seen.first_wrong);
        CHECK(seen.wrong == 0);
        CHECK(seen.lost < requests / 8);
        CHECK(seen.all() == requests);
        CHECK(seen.answers > requests / 2);
        CHECK(seen.errors > requests / 20);
        CHECK(seen.timeouts > 0);
        CHECK(seen.cancelled > 0);
        CHECK(seen.abandoned > 0);

        const http::client_counters now = run.web().counters();
        CHECK(now.connections_in_use == 0);
        CHECK(now.waiting == 0);
        CHECK(now.connections_idle <= 24);
        // Each try to send has opened a connection or used a kept one; some were cancelled before they could.
        CHECK(now.connections_opened + now.connections_reused <= now.requests + now.retries);
        CHECK(now.requests >= requests - seen.cancelled - seen.timeouts);

        run.web().close_idle();
        const double mib_after = resident_mib();
        const std::size_t descriptors_after = open_descriptors();
        CHECK(server.accepted() >= now.connections_opened);
        // The server learns a moment later that a connection has been closed: it may still have the last
        // ones.
        CHECK(descriptors_after <= descriptors_before + 24);
        if (!tests::sanitized) CHECK(mib_after < mib_before + 8);
        if (std::getenv("TANDEM_SOAK_REQUESTS"))
            std::printf(
                "%llu requests: %llu answers, %llu errors (%llu lost), %llu time-outs, %llu cancelled, %llu "
                "abandoned; "
                "%llu connections, %llu reused, %llu retries; %.1f -> %.1f MiB, %zu -> %zu descriptors\n",
                static_cast<unsigned long long>(requests), static_cast<unsigned long long>(seen.answers),
                static_cast<unsigned long long>(seen.errors), static_cast<unsigned long long>(seen.lost),
                static_cast<unsigned long long>(seen.timeouts),
                static_cast<unsigned long long>(seen.cancelled),
                static_cast<unsigned long long>(seen.abandoned),
                static_cast<unsigned long long>(now.connections_opened),
                static_cast<unsigned long long>(now.connections_reused),
                static_cast<unsigned long long>(now.retries), mib_before, mib_after, descriptors_before,
                descriptors_after);
    };
    scripted::run(work());
}

} // namespace

TEST_CASE("a client under cancellations, resets, time-outs and lies leaks nothing and mixes up nothing",
          "[soak]") {
    const chaos::server server;
    run_soak(server, http::http2_use::off);
}

TEST_CASE("http2: under cancellations, resets, time-outs and lies nothing leaks and nothing is mixed up",
          "[soak]") {
    const chaos::server server(
        [](std::atomic<std::uint64_t>& requests) { return std::make_unique<chaos::h2_speaker>(requests); });
    run_soak(server, http::http2_use::prior_knowledge);
}
