// keyed_rate_limiter<Key>: a rate limit of its own for each key, such as a host, a user or an address.
//
//     keyed_rate_limiter<std::string> per_host(5, 1s, 2);
//     co_await per_host.acquire(std::string(url.host()));
//
// Each key has a bucket as `rate_limiter` has (same rate for all), made at its first use. A bucket that is
// full again, and that nobody waits for, means nothing and is forgotten, the one used longest ago first; so
// memory is bounded by the keys that were used within the last `burst` tokens' time, and in any case by
// `max_keys`. Beyond that an operation on a new key throws std::length_error: raise `max_keys`, or a stranger
// could make it forget the limits of others. Thread-safe; cancellation as in rate_limiter.
//
// `Hash` and `Equal` are called under the limiter's one lock, for each operation once and about once, and for
// all keys when its table grows: they must be quick, and must not use the limiter. Keys are moved in under
// the lock if a key is new, and destroyed outside of it.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>
#include <tandem/core/task.hpp>
#include <tandem/core/time_span.hpp>
#include <tandem/sync/rate_limiter.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

namespace tandem {

template <class Key, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
class keyed_rate_limiter {
public:
    // Rate as in rate_limiter (and the same exceptions).
    keyed_rate_limiter(std::uint64_t tokens, time_span period, std::uint64_t burst = 1,
                       std::size_t max_keys = 10'000)
        : tokens_(tokens), period_(period), burst_(burst), max_keys_(max_keys) {
        static_cast<void>(rate_limiter(tokens, period, burst)); // throws now what it would throw later
    }
    keyed_rate_limiter(const keyed_rate_limiter&) = delete;
    keyed_rate_limiter& operator=(const keyed_rate_limiter&) = delete;

    // As rate_limiter::acquire, for the bucket of `key`; all exceptions come when it is awaited.
    [[nodiscard]] task<> acquire(Key key, std::uint64_t n = 1) {
        const use entry(*this, std::move(key));
        co_await entry->acquire(n);
    }

    // As rate_limiter::try_acquire. O(1) on average; O(keys) for a new key when there are `max_keys`.
    bool try_acquire(const Key& key, std::uint64_t n = 1) {
        const use entry(*this, key);
        return entry->try_acquire(n);
    }

    // Keys that are remembered.
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return places_.size();
    }
    std::size_t max_keys() const noexcept { return max_keys_; }

private:
    class bucket {
    public:
        bucket(const keyed_rate_limiter& owner, Key&& k)
            : key(std::move(k)), limiter(owner.tokens_, owner.period_, owner.burst_) {}
        bool forgettable() const { return users == 0 && limiter.idle(); }

        const Key key;
        rate_limiter limiter;
        std::size_t users = 0; // operations that are under way
    };
    using buckets = std::list<bucket>; // the one used longest ago first

    // The table refers to the keys in the buckets.
    class hash_of {
    public:
        std::size_t operator()(const Key* key) const { return hash_(*key); }

    private:
        [[no_unique_address]] Hash hash_;
    };
    class equal_of {
    public:
        bool operator()(const Key* a, const Key* b) const { return equal_(*a, *b); }

    private:
        [[no_unique_address]] Equal equal_;
    };

    // Keeps a bucket from being forgotten.
    class use {
    public:
        use(keyed_rate_limiter& owner, Key key) : owner_(owner), bucket_(owner.find(std::move(key))) {}
        use(const use&) = delete;
        use& operator=(const use&) = delete;
        ~use() {
            const std::lock_guard lock(owner_.mutex_);
            --bucket_->users;
            owner_.buckets_.splice(owner_.buckets_.end(), owner_.buckets_, bucket_);
        }
        rate_limiter* operator->() const noexcept { return &bucket_->limiter; }

    private:
        keyed_rate_limiter& owner_;
        typename buckets::iterator bucket_;
    };

    typename buckets::iterator find(Key key) {
        buckets forgotten; // destroyed after the lock was released
        buckets fresh;
        const std::lock_guard lock(mutex_);
        const auto known = places_.find(&key);
        if (known != places_.end()) {
            ++known->second->users;
            return known->second;
        }
        make_room(forgotten);
        fresh.emplace_back(*this, std::move(key));
        const auto place = places_.emplace(&fresh.front().key, fresh.begin()).first;
        fresh.front().users = 1;
        buckets_.splice(buckets_.end(), fresh);
        return place->second;
    }

    void make_room(buckets& forgotten) { // mutex_ held
        for (int n = 0; n < 2 && !buckets_.empty() && buckets_.front().forgettable(); ++n)
            forget(buckets_.begin(), forgotten);
        if (places_.size() < max_keys_) return;
        for (auto i = buckets_.begin(); i != buckets_.end();) {
            const auto candidate = i++;
            if (candidate->forgettable()) forget(candidate, forgotten);
        }
        if (places_.size() >= max_keys_)
            throw std::length_error("keyed_rate_limiter: more than " + std::to_string(max_keys_) +
                                    " keys are in use at once (max_keys)");
    }
    void forget(typename buckets::iterator which, buckets& forgotten) {
        places_.erase(&which->key);
        forgotten.splice(forgotten.end(), buckets_, which);
    }

    const std::uint64_t tokens_;
    const time_span period_;
    const std::uint64_t burst_;
    const std::size_t max_keys_;
    mutable detail::short_lock mutex_;
    buckets buckets_;
    std::unordered_map<const Key*, typename buckets::iterator, hash_of, equal_of> places_;
};

} // namespace tandem
