// A client with a cache before a site without sockets.
#pragma once

#include "lib/http/http_date.hpp"
#include "lib/http/wall_clock.hpp"
#include "tests/http/stub_site.hpp"

#include <tandem/http/cache.hpp>
#include <tandem/http/client.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace cache_tests {

using tandem::task;
using tandem::http::client_options;
using tests::answer;
namespace http = tandem::http;

inline const std::string here = "http://a.invalid/x";

// As a server answers: with a Date, and with its number as body.
inline http::response_builder dated(const http::request& what, int number, int status = 200) {
    auto made = tests::reply(what, status);
    made.header("Date",
                http::detail::format_http_date(std::chrono::floor<std::chrono::seconds>(http::wall_now())));
    made.body(std::to_string(number));
    return made;
}

// Answers all with these fields; to a condition that holds with 304.
inline std::function<answer(const http::request&, int)> with(std::string cache_control,
                                                             std::string etag = {}) {
    return [=](const http::request& what, int number) {
        const bool same = !etag.empty() && what.headers().get("If-None-Match") == etag;
        auto made = dated(what, number, same ? 304 : 200);
        if (same) made.body("");
        if (!cache_control.empty()) made.header("Cache-Control", cache_control);
        if (!etag.empty()) made.header("ETag", etag);
        return answer(made.build());
    };
}

// A client with a cache before a site.
class fixture {
public:
    explicit fixture(std::function<answer(const http::request&, int)> give, http::cache_options how = {},
                     client_options base = {})
        : site(tests::site_of(std::move(give))), cache(std::make_shared<http::cache>(how)),
          web(client_options(base).intercept(cache).intercept(site)) {}

    task<std::string> body(http::request what) {
        const answer got = co_await web.try_send(std::move(what));
        co_return got ? std::to_string(got->status()) + ' ' + got->body() : got.error().message();
    }
    task<std::string> body() { return body(http::request(here)); }
    int asked() const { return static_cast<int>(site->seen.size()); }

    std::shared_ptr<tests::stub_site> site;
    std::shared_ptr<http::cache> cache;
    http::client web;
};

inline http::request asking(const char* cache_control) {
    return http::request(here).header("Cache-Control", cache_control);
}

} // namespace cache_tests
