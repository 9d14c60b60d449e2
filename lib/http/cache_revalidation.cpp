#include "lib/http/cache_revalidation.hpp"

#include <stdexcept>
#include <utility>

namespace tandem::http {

// What the caller wanted to be told of is his own request.
cache_revalidation::job::job(claim mine, const request& from) : what(from), claim_(std::move(mine)) {
    what.on_upload(nullptr).on_download(nullptr).on_informational(nullptr);
}

cache_revalidation::worker::worker(cache_revalidation& owner, const client_options& of)
    : owner_(owner), of_(of) {
    const std::lock_guard lock(owner_.mutex_);
    if (!owner_.workers_.emplace(&of, this).second)
        throw std::logic_error("http::cache::revalidate: another task does so for this client");
}

cache_revalidation::worker::~worker() {
    const std::lock_guard lock(owner_.mutex_);
    owner_.workers_.erase(&of_);
}

bool cache_revalidation::hand_over(const client_options& of, const std::string& key, const request& what) {
    worker* to = nullptr;
    std::string own = key; // before the claim: whatever fails after it has to release it
    {
        const std::lock_guard lock(mutex_);
        const auto found = workers_.find(&of);
        if (found == workers_.end()) return false;
        if (!claimed_.insert(key).second) return true;
        to = found->second;
    }
    // Without the lock: a job that finds no room takes it. The worker is of this loop, so it stays meanwhile.
    return to->jobs.try_send(job(claim(*this, std::move(own)), what));
}

void cache_revalidation::release(const std::string& key) noexcept {
    const std::lock_guard lock(mutex_);
    claimed_.erase(key);
}

} // namespace tandem::http
