#include "examples/crawler/robots_cache.hpp"

#include "examples/crawler/options.hpp"

#include <string_view>
#include <utility>

namespace crawler {

namespace {
constexpr unsigned most_redirects = 5; // RFC 9309, 2.3.1.2
}

// However the fetch ends, those who wait are told.
class robots_cache::fetch_guard {
public:
    fetch_guard(std::mutex& mutex, entry& e) noexcept : mutex_(mutex), entry_(e) {}
    fetch_guard(const fetch_guard&) = delete;
    fetch_guard& operator=(const fetch_guard&) = delete;
    ~fetch_guard() {
        {
            const std::lock_guard lock(mutex_);
            entry_.fetching = false;
        }
        entry_.changed.set();
    }

private:
    std::mutex& mutex_;
    entry& entry_;
};

tandem::task<robots_rules> robots_cache::fetch(tandem::http::client& web, tandem::url robots_txt) {
    tandem::http::request what(std::move(robots_txt));
    what.max_redirects(most_redirects);
    auto opened = co_await web.try_open(std::move(what));
    if (!opened) {
        const bool endless = opened.error().code() == tandem::http::errc::too_many_redirects;
        co_return from_status(endless ? 404 : 0, std::string_view(), product_token);
    }
    std::string body;
    while (body.size() <= robots_rules::max_bytes) {
        auto piece = co_await opened->try_read_some();
        // What came before a failure is not the whole file: the answer counts as none.
        if (!piece) co_return from_status(0, std::string_view(), product_token);
        if (piece->empty()) break;
        body += *piece;
    }
    co_return from_status(opened->status(), body, product_token);
}

tandem::task<std::shared_ptr<const robots_rules>> robots_cache::rules_for(tandem::http::client& web,
                                                                          tandem::url u) {
    std::shared_ptr<entry> e;
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            std::shared_ptr<entry>& slot = entries_[u.origin()];
            if (!slot) slot = std::make_shared<entry>();
            e = slot;
            if (e->rules) co_return e->rules;
            if (!e->fetching) {
                e->fetching = true;
                e->changed.reset();
                break;
            }
        }
        co_await e->changed.wait();
    }
    const fetch_guard guard(mutex_, *e);
    auto robots_txt = tandem::url::parse("/robots.txt", u);
    robots_rules fetched = robots_rules::disallow_all();
    if (robots_txt) fetched = co_await fetch(web, std::move(*robots_txt));
    const auto rules = std::make_shared<const robots_rules>(std::move(fetched));
    const std::lock_guard lock(mutex_);
    e->rules = rules;
    co_return rules;
}

} // namespace crawler
