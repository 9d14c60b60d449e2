#include "examples/crawler/fetcher.hpp"

#include "examples/crawler/content_type.hpp"
#include "examples/crawler/links.hpp"
#include "examples/crawler/robots_flags.hpp"
#include "examples/crawler/text.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/parallelism/offload.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

namespace crawler {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t most_redirects = 5;
constexpr std::uint64_t most_page_bytes = 8 * 1024 * 1024;
constexpr std::uint64_t most_other_bytes =
    256 * 1024; // of what is not a page: then its connection is given up
constexpr std::chrono::milliseconds longest_crawl_delay{30'000};

// Counts a request while it is in flight, however it ends, and its time.
class flight {
public:
    flight(statistics& figures, page_record& page) noexcept : figures_(figures), page_(page) {
        figures_.fetch_begun();
    }
    flight(const flight&) = delete;
    flight& operator=(const flight&) = delete;
    ~flight() {
        page_.fetch_ms += std::chrono::duration<double, std::milli>(clock::now() - begun_).count();
        figures_.fetch_ended();
    }

private:
    statistics& figures_;
    page_record& page_;
    clock::time_point begun_ = clock::now();
};

int exit_code_of(const tandem::http::error& e) {
    using tandem::http::request_phase;
    if (e.is_tls()) return 5;
    switch (e.phase()) {
    case request_phase::response_head:
    case request_phase::body:
    case request_phase::redirect:
    case request_phase::limit:
        return e.is_timeout() ? 4 : 7;
    default:
        return 4;
    }
}

void note_failure(page_record& page, const tandem::http::error& e) {
    page.error = e.message();
    page.exit_code = exit_code_of(e);
}

bool is_followed(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// What one request came to: a body to parse, the target of a redirect, or nothing more to do.
class hop_result {
public:
    hop_result() noexcept {}

    bool is_page = false;
    std::string body;
    bool header_nofollow = false;
    std::optional<tandem::url> redirect;
};

// Reads and drops a body that nobody parses, as long as that is cheaper than a new connection.
tandem::task<> discard(tandem::http::response_stream& response, page_record& page) {
    while (page.bytes <= most_other_bytes) {
        auto piece = co_await response.try_read_some();
        if (!piece) {
            note_failure(page, piece.error());
            co_return;
        }
        if (piece->empty()) co_return;
        page.bytes += piece->size();
    }
}

tandem::task<hop_result> request_once(crawl_state& state, tandem::http::client& web,
                                      const tandem::url& target, page_record& page) {
    hop_result result;
    tandem::http::request what(target);
    what.follow_redirects(false).timeout(state.settings.timeout);
    const flight counted(state.figures, page);
    page.bytes = 0; // of the redirect before
    page.content_type.clear();
    auto opened = co_await web.try_open(std::move(what));
    if (!opened) {
        note_failure(page, opened.error());
        co_return result;
    }
    tandem::http::response_stream& response = *opened;
    page.status = response.status();
    page.content_type = std::string(response.headers().get("Content-Type").value_or(std::string_view()));
    if (is_followed(page.status)) {
        if (const auto location = response.headers().get("Location")) {
            auto resolved = tandem::url::parse(*location, target);
            if (resolved && resolved->href().size() <= longest_url)
                result.redirect = visitable(std::move(*resolved));
            else {
                page.error = "GET " + target.href() + ": redirect to an address that is none, or too long: " +
                             printable(*location, 200);
                page.exit_code = 7;
            }
        }
    }
    const media_type type = parse_media_type(page.content_type);
    if (response.ok() && type.is_html()) {
        auto body = co_await response.try_read_all(most_page_bytes);
        if (!body) {
            note_failure(page, body.error());
            co_return result;
        }
        result.is_page = true;
        result.body = std::move(*body);
        page.bytes = result.body.size();
        for (const std::string_view wish : response.headers().get_all("X-Robots-Tag"))
            if (parse_x_robots_tag(wish, product_token).nofollow) result.header_nofollow = true;
    } else {
        co_await discard(response, page);
    }
    co_return result;
}

tandem::task<bool> rules_allow(std::shared_ptr<const robots_answer> robots, const tandem::url& target) {
    constexpr std::size_t most_on_the_loop = 200'000; // some tenths of a millisecond
    if (robots->rules.cost(target.target()) <= most_on_the_loop)
        co_return robots->rules.allowed(target.target());
    auto asking = tandem::offload(
        [robots, path = std::string(target.target())] { return robots->rules.allowed(path); });
    co_return co_await std::move(asking);
}

// Whether `target` may be fetched; waits for its robots.txt and for its host's turn. False with an error in
// `page` when its robots.txt could not be had.
tandem::task<bool> admitted(crawl_state& state, tandem::http::client& web, const tandem::url& target,
                            page_record& page) {
    if (state.settings.robots) {
        const std::shared_ptr<const robots_answer> robots = co_await state.robots.rules_for(web, target);
        if (!robots->is_known()) {
            if (robots->failure) {
                note_failure(page, *robots->failure);
            } else {
                page.error = "GET " + target.origin() + "/robots.txt: status " +
                             std::to_string(robots->status) + ": nothing of this host may be fetched";
                page.exit_code = 8;
            }
            co_return false;
        }
        const bool allowed = co_await rules_allow(robots, target);
        if (!allowed) {
            state.figures.add_robots_denied();
            co_return false;
        }
        if (const auto delay = robots->rules.crawl_delay(); delay && delay->count() > 0)
            state.visits.slow_down(target, std::min(*delay, longest_crawl_delay));
    }
    const clock::time_point begin = state.visits.reserve(target);
    if (begin > clock::now()) co_await tandem::sleep_until(begin);
    co_return true;
}

void report_page(crawl_state& state, const page_record& page, const tandem::url& requested) {
    state.pages_out.write(page);
    state.figures.add(page, std::string(requested.host()));
    const bool is_seed = page.referrer.empty();
    if (is_seed && !page.error.empty())
        complain(page.error);
    else if (is_seed && page.status >= 400)
        complain("GET " + page.url + ": status " + std::to_string(page.status));
    else if (state.settings.verbose)
        std::fprintf(stderr, "%3d %8.1f ms %9llu B %s%s%s\n", page.status, page.fetch_ms,
                     static_cast<unsigned long long>(page.bytes), printable(page.url, 1000).c_str(),
                     page.error.empty() ? "" : ": ", printable(page.error, 1000).c_str());
}

// Gives an item back, however its visit ends.
class turn {
public:
    turn(frontier& visits, std::string origin) noexcept : visits_(visits), origin_(std::move(origin)) {}
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() { visits_.finished(origin_); }

    // A redirect: the work goes on at `to`.
    void move_to(std::string to) {
        if (to == origin_) return;
        visits_.moved(origin_, to);
        origin_ = std::move(to);
    }

private:
    frontier& visits_;
    std::string origin_;
};

tandem::task<> visit_page(crawl_state& state, tandem::http::client& web, const visit& item, turn& held) {
    page_record page;
    page.url = item.url.href();
    page.final_url = page.url;
    page.depth = item.depth;
    page.referrer = item.referrer;
    const bool may_fetch = co_await admitted(state, web, item.url, page);
    if (!may_fetch && page.error.empty()) co_return;
    const std::size_t number = state.pages_begun.fetch_add(1, std::memory_order_relaxed) + 1;
    const std::size_t most = state.settings.max_pages.value_or(static_cast<std::size_t>(-1));
    if (number >= most) state.visits.stop(); // this is the last one, or one too many
    if (number > most) co_return;
    if (!may_fetch) {
        report_page(state, page, item.url);
        co_return;
    }

    tandem::url target = item.url;
    hop_result hop;
    for (std::size_t hops = 0;; ++hops) {
        page.final_url = target.href();
        hop = co_await request_once(state, web, target, page);
        if (!hop.redirect) break;
        target = std::move(*hop.redirect);
        page.final_url = target.href();
        if (!state.where->contains(target)) { // left alone
            if (page.referrer.empty())
                complain(page.url + " redirects to " + page.final_url + ", which is not in --scope");
            break;
        }
        if (hops + 1 > most_redirects) {
            page.error = "GET " + page.url + ": more than " + std::to_string(most_redirects) + " redirects";
            page.exit_code = 7;
            break;
        }
        // A target that was visited, or waits to be, is a page of its own.
        if (!state.visits.mark_visited(target)) break;
        held.move_to(target.origin());
        const bool go_on = co_await admitted(state, web, target, page);
        if (!go_on) break;
        state.figures.add_redirect();
    }

    if (hop.is_page) {
        auto parsing = tandem::offload(parse_page, std::move(hop.body), page.content_type, target,
                                       state.where, state.settings.robots, hop.header_nofollow);
        parsed_page parsed = co_await std::move(parsing);
        page.title = std::move(parsed.title);
        page.links = parsed.links.size();
        page.parse_ms = parsed.cpu_ms;
        if (!state.settings.depth || item.depth < *state.settings.depth) {
            std::vector<visit> found;
            found.reserve(parsed.links.size());
            for (tandem::url& link : parsed.links)
                found.emplace_back(std::move(link), item.depth + 1, page.final_url);
            state.visits.add(std::move(found));
        }
    }
    report_page(state, page, item.url);
}

} // namespace

tandem::http::client_options client_settings(const options& o) {
    tandem::http::client_options settings;
    settings.connections_per_host(o.per_host);
    settings.connections_total(o.concurrency);
    settings.user_agent(o.user_agent);
    settings.ca_file(o.ca_file);
    settings.verify(!o.insecure);
    return settings;
}

tandem::task<> crawl_worker(crawl_state& state, tandem::http::client& web) {
    for (;;) {
        const std::optional<visit> item = co_await state.visits.take();
        if (!item) co_return;
        turn held(state.visits, item->url.origin());
        co_await visit_page(state, web, *item, held);
    }
}

} // namespace crawler
