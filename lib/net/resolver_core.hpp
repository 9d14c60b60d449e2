// The state of a resolver: look-ups in progress, those who wait for them, the cache and the one timer.
//
// Everything is under one lock, because a foreign Asio context may have several threads; on a loop nobody
// contends. Waiters are woken after the lock was released.
#pragma once

#include "lib/net/dns_cache.hpp"
#include "lib/net/dns_channel.hpp"
#include "lib/net/resolver.hpp"

#include <tandem/core/wait_list.hpp>

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <mutex>
#include <optional>
#include <set>

namespace tandem::net {

// One name that is being asked for.
class lookup {
public:
    explicit lookup(std::string n) : name(std::move(n)) {}

    const std::string name;
    wait_list waiters;
    std::vector<ip_address> addresses;           // so far
    std::chrono::seconds ttl;                    // the least so far
    int open = 2;                                // replies still to come
    dns_status worst = dns_status::no_such_host; // of the replies without addresses
    std::string words;
    std::chrono::steady_clock::time_point alarm; // in the set of alarms when not the epoch
    std::shared_ptr<const dns_answer> answer;    // set once; then nobody waits for it any more
    wait_list late_waiters;                      // who has the answer, and waits for the reply behind it
};

class resolver::core final : public dns_channel_owner, public std::enable_shared_from_this<core> {
public:
    using clock = std::chrono::steady_clock;

    static std::shared_ptr<core> make(boost::asio::any_io_executor executor, resolver_options options);
    core(boost::asio::any_io_executor executor, resolver_options options);
    ~core();

    void begin(boost::asio::any_io_executor executor); // once, right after construction

    // Ends every look-up and lets go of everything of Asio's. `wake`: those who wait are told
    // (operation_aborted); otherwise their frames are about to be destroyed.
    void close(bool wake) noexcept;

    // Holds the lock; at its end sets the timer, releases the lock and wakes whom `wake_later` has collected.
    class section {
    public:
        explicit section(core& c) : core_(c), lock_(c.mutex_) {}
        section(const section&) = delete;
        section& operator=(const section&) = delete;
        ~section();

    private:
        core& core_;
        std::unique_lock<std::mutex> lock_;
    };

    // ---- inside a section ----

    std::shared_ptr<const dns_answer> find_cached(const std::string& name) {
        return cache_.find(name, clock::now());
    }
    // The look-up of `name`, begun now or before. Without a wait its answer may be there already.
    std::shared_ptr<lookup> join(const std::string& name);
    void enter(lookup& l, waiter& w) noexcept;
    void leave(lookup& l, waiter& w);
    // For the reply behind the answer. It goes on without a waiter, for the cache.
    void enter_late(lookup& l, waiter& w) noexcept;
    void leave_late(lookup& l, waiter& w) noexcept;
    std::size_t cached() const noexcept { return cache_.size(); }

    // ---- without ----

    void ready(const std::shared_ptr<dns_watch>& watch, bool writable) override;

private:
    using alarm_set = std::set<std::pair<clock::time_point, std::shared_ptr<lookup>>>;

    void ask(const std::shared_ptr<lookup>& l);
    void replied(const std::shared_ptr<lookup>& l, dns_reply reply);
    void publish(const std::shared_ptr<lookup>& l, bool rest_counts = false);
    std::shared_ptr<dns_answer> answer_of(const lookup& l) const;
    void ask_queued();
    void abandon_all();
    void set_alarm(const std::shared_ptr<lookup>& l, clock::time_point when);
    void clear_alarm(const std::shared_ptr<lookup>& l);
    void set_timer();
    void on_timer();

    const resolver_options options_;
    const clock::duration tick_; // how often c-ares looks after its time-outs
    std::mutex mutex_;
    std::optional<dns_channel> channel_;
    std::optional<boost::asio::steady_timer> timer_;
    clock::time_point timer_at_ = clock::time_point::max();
    clock::time_point next_tick_;
    dns_cache cache_;
    std::unordered_map<std::string, std::shared_ptr<lookup>> lookups_; // without an answer, by name
    std::deque<std::shared_ptr<lookup>> queued_; // those of them that were not asked yet
    alarm_set alarms_;
    std::size_t asked_ = 0;   // look-ups that were asked and have no answer
    std::size_t waiting_ = 0; // waiters in all lists
    std::size_t late_ = 0;    // late waiters in all lists
    wake_chain to_wake_;
    bool asking_queued_ = false;
    bool closed_ = false;
    bool silent_ = false; // closed, and nobody is to be woken
};

} // namespace tandem::net
