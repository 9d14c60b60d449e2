// Sessions of TLS that a client may resume, by host and port: for one context, least recently used go first.
// Thread-safe.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

struct ssl_session_st;

namespace tandem::net {

class tls_session_cache {
public:
    class deleter {
    public:
        void operator()(ssl_session_st* session) const noexcept;
    };
    using session = std::unique_ptr<ssl_session_st, deleter>;

    // So many are kept for each host and port: connections that are opened at a time want one each.
    static constexpr std::size_t most_per_host = 16;

    explicit tls_session_cache(std::size_t most) noexcept : most_(most) {}

    // The newest session for `host`, or none. One of TLS 1.3 leaves the cache, as its ticket may be used once
    // only (RFC 8446, appendix C.4: whoever watches could tell that two connections belong together); one of
    // TLS 1.2 stays.
    session take(const std::string& host);

    void put(const std::string& host, session s);

    std::size_t size() const;

private:
    class entry {
    public:
        entry(std::string h, session s) : host(std::move(h)), kept(std::move(s)) {}
        std::string host;
        session kept;
    };
    using order = std::list<entry>; // the newest first

    void erase(order::iterator which);

    const std::size_t most_;
    mutable std::mutex mutex_;
    order entries_;
    std::unordered_map<std::string, std::list<order::iterator>> hosts_; // the newest first
};

} // namespace tandem::net
