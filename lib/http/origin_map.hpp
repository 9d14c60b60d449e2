// What a policy remembers of each origin; bounded: the one that was not asked for longest goes first.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tandem::http {

/// Not thread-safe. What somebody still holds is not forgotten, so there may be more than `most` for a while.
template <class T>
class origin_map {
public:
    explicit origin_map(std::size_t most) noexcept : most_(most) {}

    /// Null when it is not there.
    [[nodiscard]] std::shared_ptr<T> find(std::string_view origin) const {
        const auto found = index_.find(origin);
        return found == index_.end() ? nullptr : found->second->second;
    }

    /// The one of `origin`, made by `make()` (a shared_ptr) if it is not there.
    template <class Make>
    [[nodiscard]] std::shared_ptr<T> at(std::string_view origin, Make make) {
        const auto found = index_.find(origin);
        if (found != index_.end()) {
            order_.splice(order_.begin(), order_, found->second);
            return found->second->second;
        }
        order_.emplace_front(std::string(origin), make());
        index_.emplace(order_.front().first, order_.begin());
        const std::shared_ptr<T> made = order_.front().second;
        forget_unused();
        return made;
    }

    [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }

private:
    using entry = std::pair<std::string, std::shared_ptr<T>>;

    // Looks at a few only: constant time.
    void forget_unused() {
        auto at = order_.end();
        for (int looked = 0; index_.size() > most_ && looked < 16 && at != order_.begin(); ++looked) {
            --at;
            if (at->second.use_count() > 1) continue;
            index_.erase(at->first);
            at = order_.erase(at);
        }
    }

    const std::size_t most_;
    std::list<entry> order_; // the one asked for last first
    std::unordered_map<std::string_view, typename std::list<entry>::iterator> index_;
};

} // namespace tandem::http
