// memory_cache_store: keeps the responses of an http::cache in memory; those used last stay.
#pragma once

#include <tandem/http/cache_store.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace tandem::http {

/// Thread-safe. Constant time, but for the variants of one key (at most 16; then the oldest goes). Its
/// operations never wait.
class memory_cache_store final : public cache_store {
public:
    /// `max_bytes` counts bodies, fields and keys, each with a little on top.
    explicit memory_cache_store(std::size_t max_bytes = std::size_t{64} << 20);
    ~memory_cache_store() override;

    [[nodiscard]] task<entries> find(std::string key) override;
    [[nodiscard]] task<> put(std::string key, std::shared_ptr<const cached_response> what) override;
    [[nodiscard]] task<> remove(std::string key) override;

    [[nodiscard]] std::size_t bytes() const; ///< kept now
    [[nodiscard]] std::size_t keys() const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tandem::http
