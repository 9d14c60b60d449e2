#include "tandem/http/memory_cache_store.hpp"

#include <algorithm>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tandem::http {

namespace {

constexpr std::size_t most_variants = 16;
constexpr std::size_t overhead = 128; // of a key, in list and index

} // namespace

class memory_cache_store::impl {
public:
    explicit impl(std::size_t max_bytes) noexcept : most(max_bytes) {}

    class slot {
    public:
        explicit slot(std::string k) : key(std::move(k)) {}
        std::string key;
        entries variants; // oldest first
        std::size_t bytes = 0;
    };
    using place = std::list<slot>::iterator;

    void measure(slot& s) {
        total -= s.bytes;
        s.bytes = overhead + s.key.size();
        for (const auto& one : s.variants)
            s.bytes += one->bytes();
        total += s.bytes;
    }
    void drop(place at) {
        total -= at->bytes;
        index.erase(at->key);
        order.erase(at);
    }

    const std::size_t most;
    mutable std::mutex mutex;
    std::list<slot> order; // the one used last first
    std::unordered_map<std::string_view, place> index;
    std::size_t total = 0;
};

memory_cache_store::memory_cache_store(std::size_t max_bytes) : impl_(std::make_unique<impl>(max_bytes)) {}
memory_cache_store::~memory_cache_store() = default;

task<cache_store::entries> memory_cache_store::find(std::string key) {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->index.find(key);
    if (found == impl_->index.end()) co_return entries();
    impl_->order.splice(impl_->order.begin(), impl_->order, found->second);
    co_return found->second->variants;
}

task<> memory_cache_store::put(std::string key, std::shared_ptr<const cached_response> what) {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->index.find(key);
    impl::place at;
    if (found != impl_->index.end()) {
        at = found->second;
        impl_->order.splice(impl_->order.begin(), impl_->order, at);
    } else {
        impl_->order.emplace_front(std::move(key));
        at = impl_->order.begin();
        impl_->index.emplace(at->key, at);
    }
    std::erase_if(at->variants, [&](const auto& one) { return one->variant == what->variant; });
    at->variants.push_back(std::move(what));
    if (at->variants.size() > most_variants) at->variants.erase(at->variants.begin());
    impl_->measure(*at);
    if (at->bytes > impl_->most) impl_->drop(at); // it would drive out all others, for nothing
    while (impl_->total > impl_->most)
        impl_->drop(std::prev(impl_->order.end()));
    co_return;
}

task<> memory_cache_store::remove(std::string key) {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->index.find(key);
    if (found != impl_->index.end()) impl_->drop(found->second);
    co_return;
}

std::size_t memory_cache_store::bytes() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->total;
}

std::size_t memory_cache_store::keys() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->order.size();
}

} // namespace tandem::http
