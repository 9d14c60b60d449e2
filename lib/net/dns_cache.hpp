// Answers of name servers, kept until they expire; of too many, the ones not used for longest go first.
#pragma once

#include "lib/net/dns_answer.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace tandem::net {

// Not thread-safe. Every operation takes constant time.
class dns_cache {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit dns_cache(std::size_t most) noexcept : most_(most) {}

    // nullptr when nothing is known that is still true at `now`.
    std::shared_ptr<const dns_answer> find(const std::string& name, time_point now);

    // Replaces what was known. An answer that has expired at `now` is not kept.
    void store(const std::string& name, std::shared_ptr<const dns_answer> answer, time_point now);

    // Where it is still this answer that is known.
    void forget(const std::string& name, const dns_answer& answer);

    void clear() noexcept;
    std::size_t size() const noexcept { return entries_.size(); }

private:
    using entry = std::pair<std::string, std::shared_ptr<const dns_answer>>;

    std::list<entry> entries_; // the one used last is in front
    std::unordered_map<std::string, std::list<entry>::iterator> index_;
    std::size_t most_;
};

} // namespace tandem::net
