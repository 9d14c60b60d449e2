// What to visit next: every URL once, hosts in turns, no host too often.
//
//   add(links) --> [queue of each host] --slot free, delay over--> [ready] --> take() --> finished()
//
// A host's slot is taken when its item becomes ready and given back by `finished`, so that one large host
// cannot fill the ready list: hosts alternate. The crawl is over when no item is queued, ready or being
// worked on.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/net/url.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/semaphore.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace crawler {

/// One URL to visit. Without fragment.
class visit {
public:
    visit() = default;
    visit(tandem::url u, std::size_t d, std::string from)
        : url(std::move(u)), depth(d), referrer(std::move(from)) {}

    tandem::url url;
    std::size_t depth = 0;
    std::string referrer; ///< empty for a seed
};

/// Thread-safe: workers on several loops share it.
class frontier {
public:
    using clock = std::chrono::steady_clock;

    frontier(std::size_t per_host, std::chrono::milliseconds delay) : per_host_(per_host), delay_(delay) {}

    /// Queues those that have not been seen before. Returns how many.
    std::size_t add(std::vector<visit> items);

    /// The next item; empty when the crawl is over. Each must be given back with `finished`.
    /// Cancellation: throws operation_cancelled; no item is lost (the crawl is ending anyway).
    tandem::task<std::optional<visit>> take();

    /// An item has been worked on, at last at `origin`. That host may be visited again.
    void finished(const std::string& origin);

    /// The work on an item goes on at another host (a redirect), in one of whose slots it is from here on.
    /// There may be more such than slots: to wait for one while holding another could wait for ever.
    void moved(const std::string& from, const std::string& to);

    /// Marks a URL (a redirect's target) as visited. False if it was before.
    bool mark_visited(const tandem::url& u);

    /// Slows a host down (robots.txt's Crawl-delay): one request at a time, `delay` between their beginnings,
    /// never less than the general delay.
    void slow_down(const tandem::url& u, std::chrono::milliseconds delay);

    /// When the next request to `u`'s host may begin; the caller waits until then. Reserves that time.
    clock::time_point reserve(const tandem::url& u);

    /// No further items are handed out: what is queued is dropped.
    void stop();

    /// Moves items whose host's delay is over to the ready list, as long as the crawl lasts. One task of the
    /// crawl runs it.
    tandem::task<> keep_time();

    [[nodiscard]] std::size_t queued() const; ///< waiting, ready ones included
    [[nodiscard]] std::size_t seen() const;   ///< different URLs so far

private:
    class host_state {
    public:
        host_state() = default;
        std::deque<visit> queue;
        std::size_t active = 0; // ready or being worked on
        std::chrono::milliseconds delay{0};
        clock::time_point next{};
        bool timed = false; // in timed_
    };

    // mutex_ held; what must be told afterwards is counted in `wake`.
    void move_ready(const std::string& origin, host_state& host, std::size_t& wake);
    void check_end(std::size_t& wake);
    void tell(std::size_t wake);

    const std::size_t per_host_;
    const std::chrono::milliseconds delay_;
    mutable std::mutex mutex_;
    std::unordered_set<std::string> seen_;
    std::unordered_map<std::string, host_state> hosts_;
    std::multimap<clock::time_point, std::string> timed_;
    std::deque<visit> ready_;
    std::size_t open_ = 0;   // items added and not finished
    std::size_t queued_ = 0; // items in the hosts' queues
    bool over_ = false;
    tandem::semaphore available_{0}; // one permit for each ready item
    tandem::event timed_changed_;
};

} // namespace crawler
