// The cookies of a jar, by site, within bounds. Not thread-safe; the jar has the lock.
#pragma once

#include <tandem/http/cookie_jar.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tandem::http {

class cookie_store {
public:
    using time_point = cookie::time_point;

    class record {
    public:
        explicit record(cookie c) : what(std::move(c)) {}
        [[nodiscard]] bool expired(time_point now) const noexcept {
            return what.expires() && *what.expires() <= now;
        }
        cookie what;
        std::uint64_t created = 0; // both in terms of uses_
        std::uint64_t used = 0;
    };

    explicit cookie_store(const cookie_jar_options& limits) : limits_(limits) {}

    /// Puts a cookie in the place of the one with its name, domain and path, which gives its age to it. One
    /// that has expired only takes the other away.
    void put(cookie what, time_point now);

    /// A Secure cookie that `what`, which came over http, would overlay.
    [[nodiscard]] bool has_secure_twin(const cookie& what) const;

    /// The cookies for a request, in the order in which they are sent.
    [[nodiscard]] std::vector<record*> select(const url& to, time_point now);
    void touch(record& r) noexcept { r.used = ++uses_; }

    /// All of them, oldest first.
    [[nodiscard]] std::vector<const record*> all(time_point now) const;

    template <class Predicate>
    std::size_t remove_if(Predicate&& unwanted) {
        std::size_t removed = 0;
        for (auto site = sites_.begin(); site != sites_.end();) {
            removed += std::erase_if(site->second, unwanted);
            site = site->second.empty() ? sites_.erase(site) : std::next(site);
        }
        size_ -= removed;
        return removed;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] const cookie_jar_options& limits() const noexcept { return limits_; }

private:
    class key_hash {
    public:
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>()(text);
        }
    };
    using records = std::vector<record>;

    void bound_site(records& site, time_point now);
    void bound_all(time_point now);

    cookie_jar_options limits_;
    std::unordered_map<std::string, records, key_hash, std::equal_to<>> sites_;
    std::size_t size_ = 0;
    std::uint64_t uses_ = 0;
};

} // namespace tandem::http
