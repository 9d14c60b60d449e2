// What a cache has given stale and will ask for again, and the tasks that do so (cache::revalidate).
#pragma once

#include <tandem/http/client_options.hpp>
#include <tandem/http/request.hpp>
#include <tandem/sync/channel.hpp>

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace tandem::http {

/// Thread-safe: clients of several loops may share a cache, and then do not ask for the same beside each
/// other.
class cache_revalidation {
    /// While it exists nothing else is asked for under its key.
    class claim {
    public:
        claim(cache_revalidation& owner, std::string key) noexcept : owner_(&owner), key_(std::move(key)) {}
        claim(claim&& other) noexcept
            : owner_(std::exchange(other.owner_, nullptr)), key_(std::move(other.key_)) {}
        claim& operator=(claim&&) = delete;
        ~claim() {
            if (owner_) owner_->release(key_);
        }

    private:
        cache_revalidation* owner_;
        std::string key_;
    };

public:
    cache_revalidation() noexcept {}
    cache_revalidation(const cache_revalidation&) = delete;
    cache_revalidation& operator=(const cache_revalidation&) = delete;

    /// To be sent, with a result that nobody waits for.
    class job {
    public:
        job(claim mine, const request& from);
        request what;

    private:
        claim claim_;
    };

    /// One task's in cache::revalidate. What it has not begun is dropped with it.
    class worker {
    public:
        /// Throws std::logic_error when the client has one.
        worker(cache_revalidation& owner, const client_options& of);
        worker(const worker&) = delete;
        worker& operator=(const worker&) = delete;
        ~worker();
        channel<job> jobs{most_waiting};

    private:
        cache_revalidation& owner_;
        const client_options& of_;
    };

    /// Whether somebody asks for it in the background, for that client; on the client's loop.
    [[nodiscard]] bool hand_over(const client_options& of, const std::string& key, const request& what);

private:
    static constexpr std::size_t most_waiting = 64;
    void release(const std::string& key) noexcept;

    std::mutex mutex_;
    // By what a client has only one of, and keeps.
    std::unordered_map<const client_options*, worker*> workers_;
    std::unordered_set<std::string> claimed_;
};

} // namespace tandem::http
