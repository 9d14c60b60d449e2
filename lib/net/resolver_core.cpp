#include "lib/net/resolver_core.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace tandem::net {

namespace {

using namespace std::chrono_literals;
namespace error = boost::asio::error;

constexpr auto resolution_delay = 50ms; // RFC 8305, section 3
constexpr std::chrono::seconds longest_kept = 60s;
constexpr std::chrono::seconds no_such_host_kept = 5s;

// The first round's time-out, so that all rounds, each twice as long as the one before, take
// `options.timeout()`.
std::chrono::milliseconds first_timeout(const resolver_options& options) {
    return std::max(options.timeout() / ((1 << options.tries()) - 1), 1ms);
}

std::string in_words(std::chrono::milliseconds time) {
    return time % 1s == 0ms ? std::to_string(time / 1s) + " s" : std::to_string(time.count()) + " ms";
}

void describe(dns_answer& answer, dns_status status, const std::string& words,
              std::chrono::milliseconds timeout) {
    switch (status) {
    case dns_status::no_such_host:
        answer.error = error::host_not_found;
        answer.detail = "no such host";
        break;
    case dns_status::found:
    case dns_status::no_address:
        answer.error = error::no_data;
        answer.detail = "the host has no address";
        break;
    case dns_status::timed_out:
        answer.error = error::timed_out;
        answer.detail = "the name server did not answer within " + in_words(timeout);
        break;
    case dns_status::failed:
        answer.error = error::host_not_found_try_again;
        answer.detail = "the name server could not find out (SERVFAIL)";
        break;
    case dns_status::refused:
        answer.error = error::no_recovery;
        answer.detail = "the name server refused to answer";
        break;
    case dns_status::unreachable:
        answer.error = error::connection_refused;
        answer.detail = "no name server gave an answer";
        break;
    case dns_status::bad_name:
        answer.error = error::invalid_argument;
        answer.detail = "not a host name";
        break;
    case dns_status::cancelled:
        answer.error = error::operation_aborted;
        answer.detail = "the look-up was cancelled";
        break;
    case dns_status::other:
        answer.error = error::no_recovery;
        answer.detail = words;
        break;
    }
}

} // namespace

std::shared_ptr<resolver::core> resolver::core::make(boost::asio::any_io_executor executor,
                                                     resolver_options options) {
    auto made = std::make_shared<core>(executor, std::move(options));
    made->begin(std::move(executor));
    return made;
}

resolver::core::core(boost::asio::any_io_executor executor, resolver_options options)
    : options_(std::move(options)),
      tick_(std::clamp<clock::duration>(first_timeout(options_) / 8, 2ms, 100ms)),
      timer_(std::move(executor)), cache_(options_.cached_names()) {}

resolver::core::~core() {
    close(false);
}

void resolver::core::begin(boost::asio::any_io_executor executor) {
    channel_.emplace(std::move(executor), weak_from_this(), options_.servers(), first_timeout(options_),
                     options_.tries());
}

void resolver::core::close(bool wake) noexcept {
    const section locked(*this);
    if (closed_ || !channel_) return;
    closed_ = true;
    silent_ = !wake;
    abandon_all();
    channel_->close();
    timer_.reset();
    cache_.clear();
}

resolver::core::section::~section() {
    core_.set_timer();
    wake_chain to_wake(std::move(core_.to_wake_));
    lock_.unlock();
    to_wake.wake_all();
}

std::shared_ptr<lookup> resolver::core::join(const std::string& name) {
    if (closed_) {
        auto none = std::make_shared<lookup>(name);
        none->worst = dns_status::cancelled;
        none->answer = answer_of(*none);
        return none;
    }
    std::shared_ptr<lookup>& known = lookups_[name];
    if (known) return known;
    auto begun = std::make_shared<lookup>(name);
    known = begun;
    begun->ttl = longest_kept;
    if (asked_ < options_.concurrency())
        ask(begun);
    else
        queued_.push_back(begun);
    return begun;
}

void resolver::core::enter(lookup& l, waiter& w) noexcept {
    l.waiters.push_back(w);
    ++waiting_;
}

void resolver::core::leave(lookup& l, waiter& w) {
    l.waiters.remove(w);
    // With nobody waiting at all the sockets are closed: a foreign Asio context may then run out of work.
    if (--waiting_ == 0 && late_ == 0) abandon_all();
}

void resolver::core::enter_late(lookup& l, waiter& w) noexcept {
    l.late_waiters.push_back(w);
    ++late_;
}

void resolver::core::leave_late(lookup& l, waiter& w) noexcept {
    l.late_waiters.remove(w);
    --late_;
}

void resolver::core::ask(const std::shared_ptr<lookup>& l) {
    ++asked_;
    const auto now = clock::now();
    if (channel_->pending() == 0) next_tick_ = now + tick_;
    set_alarm(l, now + options_.timeout());
    for (const dns_family family : {dns_family::ipv6, dns_family::ipv4})
        channel_->ask(l->name, family, [this, l](dns_reply reply) { replied(l, std::move(reply)); });
    // What is known before the question has gone out is from /etc/hosts, which has the last word.
    if (!l->addresses.empty()) publish(l);
}

void resolver::core::replied(const std::shared_ptr<lookup>& l, dns_reply reply) {
    --l->open;
    const bool found = !reply.addresses.empty();
    if (found) {
        l->addresses.insert(l->addresses.end(), reply.addresses.begin(), reply.addresses.end());
        l->ttl = std::min(l->ttl, reply.ttl);
    } else if (reply.status >
               l->worst) { // in the order of the enumeration: what says less about the name wins
        l->worst = reply.status;
        l->words = reply.words;
    }
    // Given up by us and not answered: what there is must not pass for all that there is.
    const bool given_up = reply.status == dns_status::cancelled;
    if (given_up) l->ttl = std::chrono::seconds(0); // which is not kept
    if (l->answer) {                                // too late for those who asked, but not for the next
        if (found && !closed_) cache_.store(l->name, answer_of(*l), clock::now());
        if (given_up) cache_.forget(l->name, *l->answer);
        while (l->open == 0 && !silent_ && !l->late_waiters.empty()) {
            --late_;
            to_wake_.add(*l->late_waiters.take_front());
        }
    } else if (l->open == 0) {
        publish(l);
    } else if (found) {
        set_alarm(l, std::min(l->alarm, clock::now() + resolution_delay));
    }
}

std::shared_ptr<dns_answer> resolver::core::answer_of(const lookup& l) const {
    auto answer = std::make_shared<dns_answer>();
    const auto now = clock::now();
    answer->addresses = interleave(l.addresses);
    if (!answer->addresses.empty()) {
        answer->expires = now + l.ttl;
        return answer;
    }
    describe(*answer, l.worst, l.words, options_.timeout());
    // Only when the name server has said that there is no such name; it might only be ill otherwise.
    if (l.worst == dns_status::no_such_host) answer->expires = now + no_such_host_kept;
    return answer;
}

void resolver::core::publish(const std::shared_ptr<lookup>& l, bool rest_counts) {
    if (l->answer) return;
    const std::shared_ptr<dns_answer> made = answer_of(*l);
    if (rest_counts) made->rest = l;
    l->answer = made;
    if (!closed_) cache_.store(l->name, l->answer, clock::now());
    clear_alarm(l);
    --asked_;
    if (const auto known = lookups_.find(l->name); known != lookups_.end() && known->second == l)
        lookups_.erase(known);
    while (!silent_ && !l->waiters.empty()) {
        --waiting_;
        to_wake_.add(*l->waiters.take_front());
    }
    ask_queued();
}

void resolver::core::ask_queued() {
    if (asking_queued_ || closed_) return; // an answer from /etc/hosts comes inside `ask`: no recursion
    asking_queued_ = true;
    while (!queued_.empty() && asked_ < options_.concurrency()) {
        const std::shared_ptr<lookup> next = std::move(queued_.front());
        queued_.pop_front();
        ask(next);
    }
    asking_queued_ = false;
}

void resolver::core::abandon_all() {
    const bool outer = std::exchange(asking_queued_, true); // none of them is to be asked now
    while (!queued_.empty()) {
        const std::shared_ptr<lookup> l = std::move(queued_.front());
        queued_.pop_front();
        ++asked_; // as if, because `publish` takes it off
        l->worst = dns_status::cancelled;
        publish(l);
    }
    channel_->cancel_all();
    asking_queued_ = outer;
}

void resolver::core::set_alarm(const std::shared_ptr<lookup>& l, clock::time_point when) {
    clear_alarm(l);
    l->alarm = when;
    alarms_.emplace(when, l);
}

void resolver::core::clear_alarm(const std::shared_ptr<lookup>& l) {
    if (l->alarm == clock::time_point()) return;
    alarms_.erase(std::pair(l->alarm, l));
    l->alarm = clock::time_point();
}

void resolver::core::set_timer() {
    if (!timer_) return;
    auto next = clock::time_point::max();
    if (channel_->pending() > 0) next = next_tick_;
    if (!alarms_.empty()) next = std::min(next, alarms_.begin()->first);
    if (next == clock::time_point::max()) {
        if (timer_at_ != next) timer_->cancel();
        timer_at_ = next;
    } else if (next < timer_at_) { // otherwise it wakes a little early, and is set again
        timer_at_ = next;
        timer_->expires_at(next);
        timer_->async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
            if (ec) return;
            if (const auto self = weak.lock()) self->on_timer();
        });
    }
}

void resolver::core::on_timer() {
    const section locked(*this);
    if (closed_) return;
    timer_at_ = clock::time_point::max();
    const auto now = clock::now();
    if (now >= next_tick_) {
        next_tick_ = now + tick_;
        channel_->check_timeouts();
    }
    while (!alarms_.empty() && alarms_.begin()->first <= now) {
        const std::shared_ptr<lookup> l = alarms_.begin()->second;
        if (l->addresses.empty()) l->worst = std::max(l->worst, dns_status::timed_out);
        publish(l, !l->addresses.empty());
    }
}

void resolver::core::ready(const std::shared_ptr<dns_watch>& watch, bool writable) {
    const section locked(*this);
    if (!closed_) channel_->ready(watch, writable);
}

} // namespace tandem::net
