// sqlite_cache_store: keeps the responses of an http::cache in a file, across runs.
//
//     auto store = std::make_shared<http::sqlite_cache_store>("cache.db");
//     http::client web(http::client_options().intercept(std::make_shared<http::cache>(store)));
//
// SQLite blocks, so it works on the companion pool (offload). Several clients, loops and processes may use
// one file. What is in it is not encrypted; credentials are in it as hashes only. A crash of the program
// loses nothing, one of the machine the last changes at most.
#pragma once

#include <tandem/http/cache_store.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace tandem::http {

/// Thread-safe. Logarithmic in the number of entries, but for the variants of one key (at most 16; then those
/// used longest ago go). Cancellation: as offload: a call that has begun is done to its end.
class sqlite_cache_store final : public cache_store {
public:
    /// Opens the file, or makes it, readable by its owner only; one of another version of this store is
    /// emptied. Blocks: milliseconds. Throws std::runtime_error, which names the path, when it cannot be
    /// opened or is no database. Beyond `max_bytes` (bodies, fields and keys) those used longest ago are
    /// removed.
    explicit sqlite_cache_store(std::string path, std::uint64_t max_bytes = std::uint64_t{256} << 20);
    ~sqlite_cache_store() override;

    /// Throw std::runtime_error when the database fails; entries that cannot be read count as not there.
    [[nodiscard]] task<entries> find(std::string key) override;
    [[nodiscard]] task<> put(std::string key, std::shared_ptr<const cached_response> what) override;
    [[nodiscard]] task<> remove(std::string key) override;

    /// What the entries take, by the last look. Thread-safe.
    [[nodiscard]] std::uint64_t bytes() const;

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace tandem::http
