// A c-ares channel on an Asio executor: asks name servers and /etc/hosts, watches c-ares's sockets.
//
// Not thread-safe: its owner calls everything under one lock. When a socket becomes ready, Asio tells the
// owner without the lock (`dns_channel_owner::ready`), and the owner calls `ready` here under it. Answers are
// handed over inside such a call, or inside `ask` itself (a name of /etc/hosts).
#pragma once

#include "lib/net/dns_answer.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

struct ares_channeldata;
struct ares_addrinfo;

namespace tandem::net {

class dns_watch; // a socket of c-ares's

class dns_channel_owner {
public:
    virtual void ready(const std::shared_ptr<dns_watch>& watch, bool writable) = 0;

protected:
    ~dns_channel_owner() = default;
};

enum class dns_family { ipv4, ipv6 };

// What came of one question.
enum class dns_status {
    found,
    no_such_host,
    no_address,
    timed_out,
    failed,
    refused,
    unreachable,
    bad_name,
    cancelled,
    other
};

class dns_reply {
public:
    explicit dns_reply(dns_status s) noexcept : status(s) {}
    dns_status status;
    std::vector<ip_address> addresses; // at most 64
    std::chrono::seconds ttl{0};       // the least of all records on the way; 0 for /etc/hosts
    const char* words = "";            // c-ares's own, for `other`
};

class dns_channel {
public:
    using on_reply = std::function<void(dns_reply)>; // called exactly once; must not throw

    // `servers` as in "127.0.0.1:53,[::1]:5353"; empty: the system's. `try_timeout` is the first round's, and
    // doubles.
    dns_channel(boost::asio::any_io_executor executor, std::weak_ptr<dns_channel_owner> owner,
                std::string servers, std::chrono::milliseconds try_timeout, int tries);
    ~dns_channel(); // as `close`
    dns_channel(const dns_channel&) = delete;
    dns_channel& operator=(const dns_channel&) = delete;

    // `name` must have passed is_host_name.
    void ask(const std::string& name, dns_family family, on_reply reply);

    // Questions that have no reply yet.
    std::size_t pending() const noexcept { return pending_; }

    void ready(const std::shared_ptr<dns_watch>& watch, bool writable);

    // Repeats questions whose time is up, or gives them up. To be called now and again while some are
    // pending.
    void check_timeouts();

    // Every pending question gets `cancelled`; the sockets are closed.
    void cancel_all();

    // The same, for good. No reply is given by later calls of `ask` but `cancelled`.
    void close() noexcept;

private:
    class question;

    static void sockets_changed(void* self, int fd, int readable, int writable) noexcept;
    static void answered(void* asked, int status, int timeouts, ares_addrinfo* found) noexcept;
    bool open();
    ares_channeldata* make_channel(int flags); // nullptr on failure
    void watch_socket(int fd, bool readable, bool writable);
    void wait(const std::shared_ptr<dns_watch>& watch);
    void process(int readable, int writable);

    boost::asio::any_io_executor executor_; // empty when closed
    std::weak_ptr<dns_channel_owner> owner_;
    std::string servers_;
    std::chrono::milliseconds try_timeout_;
    int tries_;
    ares_channeldata* channel_ = nullptr;
    std::chrono::steady_clock::time_point opened_;
    std::unordered_map<int, std::shared_ptr<dns_watch>> watches_;
    std::size_t pending_ = 0;
    bool processing_ = false; // in a call of the channel's
};

} // namespace tandem::net
