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

tandem::task<robots_answer> robots_cache::fetch(tandem::http::client& web, tandem::url robots_txt,
                                                std::chrono::milliseconds timeout) {
    robots_answer answer(robots_rules::disallow_all());
    tandem::http::request what(std::move(robots_txt));
    what.max_redirects(most_redirects).timeout(timeout);
    auto opened = co_await web.try_open(std::move(what));
    if (!opened) {
        const auto code = opened.error().code();
        if (code == tandem::http::errc::too_many_redirects || code == tandem::http::errc::redirect_loop)
            answer.rules = robots_rules::allow_all(); // as if there were no file
        else
            answer.failure = std::move(opened).error();
        co_return answer;
    }
    answer.status = opened->status();
    std::string body;
    while (body.size() <= robots_rules::max_bytes) {
        auto piece = co_await opened->try_read_some();
        if (!piece) { // what came before is not the whole file: as if nothing had come
            if (answer.status >= 400 && answer.status < 500) break; // there is no file, whatever its body
            answer.failure = std::move(piece).error();
            co_return answer;
        }
        if (piece->empty()) break;
        body += *piece;
    }
    answer.rules = from_status(answer.status, body, product_token);
    co_return answer;
}

tandem::task<std::shared_ptr<const robots_answer>> robots_cache::rules_for(tandem::http::client& web,
                                                                           tandem::url u) {
    std::shared_ptr<entry> e;
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            std::shared_ptr<entry>& slot = entries_[u.origin()];
            if (!slot) slot = std::make_shared<entry>();
            e = slot;
            if (e->answer) co_return e->answer;
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
    robots_answer fetched(robots_rules::disallow_all());
    if (robots_txt) fetched = co_await fetch(web, std::move(*robots_txt), timeout_);
    const auto answer = std::make_shared<const robots_answer>(std::move(fetched));
    const std::lock_guard lock(mutex_);
    e->answer = answer;
    co_return answer;
}

} // namespace crawler
