#include "examples/crawler/frontier.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/when_any.hpp>

#include <algorithm>
#include <utility>

namespace crawler {

namespace {

// More than any number of workers: once it is over, nobody waits again.
constexpr std::size_t everybody = 1'000'000;

} // namespace

void frontier::move_ready(const std::string& origin, host_state& host, std::size_t& wake) {
    const std::chrono::milliseconds delay = std::max(delay_, host.delay);
    const std::size_t limit = delay.count() > 0 ? 1 : per_host_;
    while (!host.queue.empty() && host.active < limit && !over_) {
        if (delay.count() > 0 && host.next > clock::now()) { // later, so that no worker sits there waiting
            if (!std::exchange(host.timed, true)) {
                timed_.emplace(host.next, origin);
                timed_changed_.set();
            }
            return;
        }
        ready_.push_back(std::move(host.queue.front()));
        host.queue.pop_front();
        --queued_;
        ++host.active;
        ++wake;
    }
}

void frontier::check_end(std::size_t& wake) {
    if (open_ != 0 || over_) return;
    over_ = true;
    timed_changed_.set();
    wake = everybody;
}

void frontier::tell(std::size_t wake) {
    if (wake > 0) available_.release(wake);
}

std::size_t frontier::add(std::vector<visit> items) {
    std::size_t added = 0;
    std::size_t wake = 0;
    {
        const std::lock_guard lock(mutex_);
        if (over_) return 0;
        for (visit& item : items) {
            if (!seen_.insert(item.url.href()).second) continue;
            const std::string origin = item.url.origin();
            host_state& host = hosts_[origin];
            host.queue.push_back(std::move(item));
            ++queued_;
            ++open_;
            ++added;
            move_ready(origin, host, wake);
        }
    }
    tell(wake);
    return added;
}

tandem::task<std::optional<visit>> frontier::take() {
    for (;;) {
        tandem::semaphore_permit permit = co_await available_.acquire();
        const std::lock_guard lock(mutex_);
        if (!ready_.empty() && !over_) {
            permit.forget();
            std::optional<visit> item(std::move(ready_.front()));
            ready_.pop_front();
            co_return item;
        }
        if (over_) co_return std::nullopt; // the permit goes back, to the next who asks
    }
}

void frontier::finished(const std::string& origin) {
    std::size_t wake = 0;
    {
        const std::lock_guard lock(mutex_);
        host_state& host = hosts_[origin];
        --host.active;
        --open_;
        move_ready(origin, host, wake);
        check_end(wake);
    }
    tell(wake);
}

void frontier::moved(const std::string& from, const std::string& to) {
    std::size_t wake = 0;
    {
        const std::lock_guard lock(mutex_);
        ++hosts_[to].active;
        host_state& before = hosts_[from];
        --before.active;
        move_ready(from, before, wake);
    }
    tell(wake);
}

bool frontier::mark_visited(const tandem::url& u) {
    const std::lock_guard lock(mutex_);
    return seen_.insert(u.href()).second;
}

void frontier::slow_down(const tandem::url& u, std::chrono::milliseconds delay) {
    const std::lock_guard lock(mutex_);
    host_state& host = hosts_[u.origin()];
    host.delay = std::max(host.delay, delay);
}

frontier::clock::time_point frontier::reserve(const tandem::url& u) {
    const clock::time_point now = clock::now();
    const std::lock_guard lock(mutex_);
    host_state& host = hosts_[u.origin()];
    const clock::time_point begin = std::max(now, host.next);
    host.next = begin + std::max(delay_, host.delay);
    return begin;
}

void frontier::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(over_, true)) return;
        timed_changed_.set();
    }
    tell(everybody);
}

tandem::task<> frontier::keep_time() {
    for (;;) {
        std::optional<clock::time_point> next;
        std::size_t wake = 0;
        {
            const std::lock_guard lock(mutex_);
            if (over_) co_return;
            timed_changed_.reset();
            const clock::time_point now = clock::now();
            while (!timed_.empty() && timed_.begin()->first <= now) {
                const std::string origin = timed_.begin()->second;
                timed_.erase(timed_.begin());
                host_state& host = hosts_[origin];
                host.timed = false;
                move_ready(origin, host, wake);
            }
            if (!timed_.empty()) next = timed_.begin()->first;
        }
        tell(wake);
        if (next) {
            auto race = tandem::when_any(timed_changed_.wait(), tandem::sleep_until(*next));
            const auto ended = co_await std::move(race);
            static_cast<void>(ended);
        } else {
            co_await timed_changed_.wait();
        }
    }
}

std::size_t frontier::queued() const {
    const std::lock_guard lock(mutex_);
    return queued_ + ready_.size();
}

std::size_t frontier::seen() const {
    const std::lock_guard lock(mutex_);
    return seen_.size();
}

} // namespace crawler
