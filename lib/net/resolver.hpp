// Host names to addresses: c-ares on the loop, one resolver for each scheduler (`resolver_of`).
//
// Literals ("127.0.0.1", "::1") and localhost (RFC 6761, section 6.3) are answered at once; then come the
// cache, /etc/hosts and the name servers. A and AAAA are asked side by side, and the slower one delays the
// other by 50 ms at most (RFC 8305, section 3): then the answer says that there may be more (`late`). Callers
// who ask for the same name at the same time share one look-up. A look-up that nobody waits for any more goes
// on as long as others are in progress: its answer is kept for the next caller.
#pragma once

#include "lib/net/dns_answer.hpp"

#include <tandem/core/scheduler.hpp>
#include <tandem/core/task.hpp>

#include <boost/system/error_code.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::net {

class resolver_options {
public:
    resolver_options() noexcept {}

    // Name servers instead of the system's: "127.0.0.1:5353,[::1]:53". The system's search list is then not
    // used.
    resolver_options& servers(std::string list) {
        servers_ = std::move(list);
        return *this;
    }
    // How long a look-up takes at most, all tries together. Default 5 s; at least 10 ms.
    resolver_options& timeout(std::chrono::milliseconds limit) noexcept {
        timeout_ = std::max(limit, std::chrono::milliseconds(10));
        return *this;
    }
    // How often a question is sent to each name server; the waits double. Default 2; 1 to 8.
    resolver_options& tries(int n) noexcept {
        tries_ = std::clamp(n, 1, 8);
        return *this;
    }
    // Look-ups in progress at a time; others queue. Default 64 (two questions each; small servers stop at
    // 150).
    resolver_options& concurrency(std::size_t n) noexcept {
        concurrency_ = std::max<std::size_t>(n, 1);
        return *this;
    }
    // Names kept in the cache. Default 10,000; 0: none.
    resolver_options& cached_names(std::size_t n) noexcept {
        cached_names_ = n;
        return *this;
    }

    const std::string& servers() const noexcept { return servers_; }
    std::chrono::milliseconds timeout() const noexcept { return timeout_; }
    int tries() const noexcept { return tries_; }
    std::size_t concurrency() const noexcept { return concurrency_; }
    std::size_t cached_names() const noexcept { return cached_names_; }

private:
    std::string servers_;
    std::chrono::milliseconds timeout_{5000};
    int tries_ = 2;
    std::size_t concurrency_ = 64;
    std::size_t cached_names_ = 10'000;
};

// What is still being asked when an answer is given: the family of addresses that takes longer.
class late_lookup;

class resolve_result {
public:
    resolve_result() noexcept {}

    std::vector<ip_address> addresses; // IPv6 and IPv4 by turns, at most 64; empty when there was an error
    std::chrono::seconds ttl{0};       // how long they may be kept: at most 60 s; 0: for this connection only
    // netdb's host_not_found, no_data, host_not_found_try_again or no_recovery; timed_out; connection_refused
    // (no name server there); invalid_argument (no host name); operation_aborted.
    boost::system::error_code error;
    std::string detail; // for people: "no such host", "the name server did not answer within 5 s"
    std::shared_ptr<late_lookup> late; // null: these are all
};

// Waits for the rest of a look-up and gives all addresses of the host, those known before included, in no
// particular order. Ends when the name servers have answered, or their time is up. Cancellation: ends at
// once, with none. By any number of tasks, of the resolver's scheduler.
task<std::vector<ip_address>> late_addresses(std::shared_ptr<late_lookup> rest);

// Thread-safe, but meant for one scheduler: its sockets belong to the scheduler's Asio context.
class resolver {
public:
    using time_point = scheduler::clock::time_point;

    explicit resolver(scheduler& home, resolver_options options = resolver_options());
    resolver(resolver&&) noexcept = default;
    resolver& operator=(resolver&&) = delete;
    ~resolver(); // look-ups in progress end with operation_aborted

    // The addresses of `host`, a name or an address without brackets. Not throwing; the error says what was
    // wrong. Ends by `deadline` at the latest, with timed_out. Cancellation: operation_aborted, at once.
    // Addresses with a zone ("fe80::1%eth0") are refused: they mean something on this machine only.
    task<resolve_result> resolve(std::string host, time_point deadline = time_point::max());

    // Names in the cache, those that have expired included.
    std::size_t cached() const;

    class core;

private:
    friend class resolver_service;
    explicit resolver(std::shared_ptr<core> c) noexcept;

    std::shared_ptr<core> core_;
};

// The resolver of the Asio context that `home` runs on, made at first use; the options of a later call
// change nothing. A runtime's loops have one each; tasks on a foreign executor share their context's. It
// lives as long as the context.
resolver& resolver_of(scheduler& home, const resolver_options& options = resolver_options());

// Whether `name` may be asked for: 1 to 253 visible ASCII characters but for some that no host name has,
// labels of 1 to 63 characters, a dot at the end allowed, and a last label that is not a number.
bool is_host_name(std::string_view name) noexcept;

} // namespace tandem::net
