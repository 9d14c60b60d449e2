// A site for tests, and a crawl of it with what it wrote.
#pragma once

#include "examples/crawler/crawl.hpp"

#include "tests/support/temporary_folder.hpp"

#include <tandem/core/runtime.hpp>
#include <tandem/http/server.hpp>
#include <tandem/sync/event.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace crawl_test {

using tests::content_of;
using tests::temporary_folder;

// Every line is whole and an object; throws otherwise.
inline std::vector<boost::json::object> parse_lines(const std::string& text) {
    std::vector<boost::json::object> lines;
    if (!text.empty() && text.back() != '\n') throw std::runtime_error("the last line is torn");
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        lines.push_back(boost::json::parse(text.substr(at, end - at)).as_object());
        at = end + 1;
    }
    return lines;
}

// A server on a thread of its own that answers by a function and remembers what it was asked.
class site {
public:
    using response = tandem::http::server_response;
    using answer = std::function<tandem::task<response>(tandem::http::server_request)>;
    using clock = std::chrono::steady_clock;

    explicit site(answer how, tandem::http::server_options options = tandem::http::server_options())
        : answer_(std::move(how)), server_(std::move(options), [this](tandem::http::server_request request) {
              note(request.target());
              return answer_(std::move(request));
          }) {
        server_.listen();
        thread_ = std::thread([this] {
            tandem::runtime loop(tandem::runtime_options().workers(1));
            loop.run(server_.serve());
        });
    }
    site(const site&) = delete;
    site& operator=(const site&) = delete;
    ~site() {
        server_.stop();
        thread_.join();
    }

    std::string url(std::string_view path = "/") const { return server_.url() + std::string(path); }
    std::uint16_t port() const { return server_.port(); }
    std::vector<std::pair<std::string, clock::time_point>> log() const {
        const std::lock_guard lock(mutex_);
        return log_;
    }
    std::vector<std::string> requests() const { // sorted
        std::vector<std::string> all;
        for (const auto& [target, when] : log())
            all.push_back(target);
        std::sort(all.begin(), all.end());
        return all;
    }
    std::size_t count(std::string_view target) const {
        const auto all = requests();
        return static_cast<std::size_t>(std::count(all.begin(), all.end(), target));
    }

private:
    void note(const std::string& target) {
        const std::lock_guard lock(mutex_);
        log_.emplace_back(target, clock::now());
    }

    answer answer_;
    mutable std::mutex mutex_;
    std::vector<std::pair<std::string, clock::time_point>> log_;
    tandem::http::server server_;
    std::thread thread_;
};

// A site from a table; 404 for the rest.
inline site::answer from_table(std::map<std::string, site::response> pages) {
    return [pages](tandem::http::server_request request) -> tandem::task<site::response> {
        const auto found = pages.find(request.target());
        if (found == pages.end()) co_return site::response::plain_status(404);
        co_return found->second;
    };
}

inline site::response page(const std::string& body) {
    return site::response::html(body);
}
inline std::string link(const std::string& to) {
    return "<a href=\"" + to + "\">x</a> ";
}

class crawled {
public:
    crawled() = default;

    crawler::crawl_figures figures;
    std::vector<boost::json::object> lines;

    // The line of a URL; throws when there is not exactly one.
    const boost::json::object& line(std::string_view url) const {
        const boost::json::object* found = nullptr;
        for (const auto& l : lines) {
            if (l.at("url").as_string() != url) continue;
            if (found) throw std::runtime_error("two lines for " + std::string(url));
            found = &l;
        }
        if (!found) throw std::runtime_error("no line for " + std::string(url));
        return *found;
    }
    bool has_line(std::string_view url) const {
        return std::any_of(lines.begin(), lines.end(),
                           [&](const auto& l) { return l.at("url").as_string() == url; });
    }
};

inline std::string text_of(const boost::json::object& line, std::string_view key) {
    return std::string(line.at(key).as_string());
}

inline crawler::options quiet_options() {
    crawler::options o;
    o.quiet = true;
    o.concurrency = 16;
    o.timeout = std::chrono::seconds(20);
    return o;
}

inline std::vector<tandem::url> seeds_of(const std::vector<std::string>& texts) {
    std::vector<tandem::url> seeds;
    for (const std::string& text : texts)
        seeds.emplace_back(text);
    return seeds;
}

// Without a braced list, which gcc 12 does not take where something is awaited.
inline std::vector<tandem::url> seeds_of_one(const std::string& text) {
    return std::vector<tandem::url>(1, tandem::url(text));
}

// A whole crawl on a runtime of its own.
inline crawled crawl_all(const crawler::options& o, const std::vector<std::string>& seeds) {
    const temporary_folder folder;
    crawled result;
    {
        crawler::sink out(folder / "pages");
        tandem::runtime rt(tandem::runtime_options().loops(o.loops).workers(2));
        result.figures = rt.run(crawler::crawl(o, out, seeds_of(seeds)));
    }
    result.lines = parse_lines(content_of(folder / "pages"));
    return result;
}

} // namespace crawl_test
