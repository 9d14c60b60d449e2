// The rules of RFC 9111 by themselves: storing, freshness, age, selection, renewal.
#include "lib/http/cache_rules.hpp"

#include "lib/http/http_date.hpp"
#include "tests/support/catch.hpp"

#include <tandem/http/cookie_jar.hpp>
#include <tandem/http/response_builder.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace tandem::http;
using caching::usability;
using fields = std::vector<std::pair<std::string, std::string>>;

namespace {

const cached_response::time_point noon{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1) + 12h};

std::string date(std::chrono::seconds after_noon) {
    return detail::format_http_date(std::chrono::floor<std::chrono::seconds>(noon) + after_noon);
}

// Received at noon, at once.
cached_response kept(const fields& all) {
    cached_response made;
    made.status = 200;
    made.requested_at = made.received_at = noon;
    for (const auto& [name, value] : all)
        made.headers.add(name, value);
    return made;
}

response got(int status, const fields& all) {
    response_builder made(*tandem::url::parse("http://a/"));
    made.status(status);
    for (const auto& [name, value] : all)
        made.header(name, value);
    return made.build();
}

cache_control asking(const char* value) {
    headers all;
    all.add("Cache-Control", value);
    return cache_control(all);
}

std::int64_t lifetime(const fields& all, cache_options how = {}) {
    return caching::freshness_lifetime(kept(all), how).count();
}

bool stored(int status, const fields& all, const cache_control& wanted = cache_control()) {
    return caching::may_store(wanted, got(status, all), cache_options());
}

} // namespace

TEST_CASE("cache: what may be stored (RFC 9111, 3)") {
    const fields fresh{{"Cache-Control", "max-age=60"}};
    for (const int status : {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
        CHECK(stored(status, fresh));
    for (const int status : {201, 206, 302, 303, 304, 307, 400, 401, 403, 500, 502, 503})
        CHECK_FALSE(stored(status, fresh));
    CHECK_FALSE(stored(200, {})); // of no use
    CHECK(stored(200, {{"ETag", "\"a\""}}));
    CHECK(stored(200, {{"Last-Modified", date(-100s)}}));
    CHECK(stored(200, {{"Date", date(0s)}, {"Expires", date(60s)}}));
    CHECK_FALSE(stored(200, {{"Date", date(0s)}, {"Expires", date(-60s)}}));
    CHECK_FALSE(stored(200, {{"Cache-Control", "max-age=0"}}));
    CHECK(stored(200, {{"Cache-Control", "max-age=0, stale-while-revalidate=9"}})); // of use when it is stale
    CHECK(stored(200, {{"Cache-Control", "max-age=0, stale-if-error=9"}}));
    CHECK_FALSE(stored(200, {{"Cache-Control", "max-age=0, stale-while-revalidate=0, stale-if-error"}}));
    CHECK_FALSE(stored(200, {{"Cache-Control", "max-age=60, no-store"}}));
    CHECK_FALSE(stored(200, {{"Cache-Control", "no-store"}, {"ETag", "\"a\""}}));
    CHECK(stored(200, {{"Cache-Control", "max-age=60, no-store, must-understand"}}));
    CHECK(stored(200, {{"Cache-Control", "private, max-age=60"}})); // this cache is private
    CHECK_FALSE(stored(200, {{"Cache-Control", "s-maxage=60"}}));   // for shared ones
    CHECK_FALSE(stored(200, {{"Cache-Control", "max-age=60"}, {"Vary", "*"}}));
    CHECK_FALSE(stored(200, {{"Cache-Control", "max-age=60"}, {"Vary", "Accept"}, {"Vary", "X, *"}}));
    CHECK(stored(200, {{"Cache-Control", "max-age=60"}, {"Vary", "Accept"}}));
    CHECK_FALSE(stored(200, fresh, asking("no-store")));
    CHECK(stored(200, fresh, asking("no-cache")));
}

TEST_CASE("cache: freshness lifetime (RFC 9111, 4.2.1 and 4.2.2)") {
    CHECK(lifetime({{"Cache-Control", "max-age=60"}, {"Expires", date(5s)}}) == 60);
    CHECK(lifetime({{"Cache-Control", "s-maxage=60"}, {"Date", date(0s)}, {"Expires", date(5s)}}) == 5);
    CHECK(lifetime({{"Date", date(-10s)}, {"Expires", date(5s)}}) == 15);
    CHECK(lifetime({{"Expires", date(5s)}}) == 5); // no Date: when it was received
    CHECK(lifetime({{"Expires", "0"}}) == 0);
    CHECK(lifetime({{"Expires", "-1"}, {"Last-Modified", date(-1000s)}}) == 0);
    CHECK(lifetime({{"Expires", date(5s)}, {"Expires", date(50s)}}) == 0);
    CHECK(lifetime({{"Date", date(0s)}, {"Last-Modified", date(-1000s)}}) == 100);
    CHECK(lifetime({{"Date", date(0s)}, {"Last-Modified", date(-24h * 365)}}) == 24 * 3600);
    CHECK(lifetime({{"Date", date(0s)}, {"Last-Modified", date(10s)}}) == 0);
    CHECK(lifetime({{"Date", date(0s)}, {"Last-Modified", date(-1000s)}}, cache_options().heuristic(false)) ==
          0);
    CHECK(lifetime({{"Date", date(0s)}, {"Last-Modified", date(-1000s)}},
                   cache_options().max_heuristic(10s)) == 10);
    CHECK(lifetime({}) == 0);
}

TEST_CASE("cache: age (RFC 9111, 4.2.3)") {
    const auto age = [](cached_response of, std::chrono::milliseconds later) {
        return caching::current_age(of, noon + later).count();
    };
    CHECK(age(kept({{"Date", date(0s)}}), 0s) == 0);
    CHECK(age(kept({{"Date", date(0s)}}), 90s) == 90);
    CHECK(age(kept({{"Date", date(-30s)}}), 90s) == 120);
    CHECK(age(kept({{"Date", date(30s)}}), 90s) == 90); // a clock that is ahead makes nothing younger
    CHECK(age(kept({{"Date", date(0s)}, {"Age", "7"}}), 90s) == 97);
    CHECK(age(kept({{"Date", date(-30s)}, {"Age", "7"}}), 0s) == 30); // the larger of both
    for (const char* const nonsense : {"", "-7", "7s", "7, 8", "a"})
        CHECK(age(kept({{"Date", date(0s)}, {"Age", nonsense}}), 0s) == 0);
    CHECK(age(kept({{"Age", "99999999999999999999"}}), 0s) == (std::int64_t{1} << 31));
    cached_response slow = kept({{"Date", date(0s)}, {"Age", "7"}});
    slow.requested_at -= 5s;
    CHECK(age(slow, 0s) == 12);                        // it may have aged on the way
    CHECK(age(kept({{"Date", date(0s)}}), -90s) == 0); // the clock was set back
}

TEST_CASE("cache: fresh, stale, or to be validated (RFC 9111, 4.2, 5.2)") {
    const auto judge = [](const char* said, const char* wanted, std::chrono::seconds later) {
        const auto one = kept({{"Date", date(0s)}, {"Cache-Control", said}});
        return caching::judge(one, asking(wanted), noon + later, cache_options());
    };
    CHECK(judge("max-age=60", "", 59s) == usability::fresh);
    CHECK(judge("max-age=60", "", 60s) == usability::validate);
    CHECK(judge("max-age=60, no-cache", "", 0s) == usability::validate);
    CHECK(judge("max-age=60", "no-cache", 0s) == usability::validate);
    CHECK(judge("max-age=60", "max-age=10", 10s) == usability::fresh);
    CHECK(judge("max-age=60", "max-age=10", 11s) == usability::validate);
    CHECK(judge("max-age=60", "max-age=0", 0s) == usability::fresh);
    CHECK(judge("max-age=60", "min-fresh=10", 50s) == usability::fresh);
    CHECK(judge("max-age=60", "min-fresh=10", 51s) == usability::validate);
    CHECK(judge("max-age=60", "max-stale=10", 70s) == usability::stale);
    CHECK(judge("max-age=60", "max-stale=10", 71s) == usability::validate);
    CHECK(judge("max-age=60", "max-stale", 1000000s) == usability::stale);
    CHECK(judge("max-age=60, must-revalidate", "max-stale", 61s) == usability::validate);
    CHECK(judge("max-age=60, must-revalidate", "max-stale", 59s) == usability::fresh);
    CHECK(judge("max-age=60, proxy-revalidate", "max-stale", 61s) == usability::stale);
    CHECK(judge("max-age=60", "max-stale, min-fresh=1", 60s) == usability::validate);
    CHECK(judge("max-age=60", "max-stale=100, max-age=61", 62s) == usability::validate);
}

TEST_CASE("cache: who stands in when asking fails (RFC 5861)") {
    const auto stands = [](const char* said, const char* wanted, std::chrono::seconds later) {
        const auto one = kept({{"Date", date(0s)}, {"Cache-Control", said}});
        return caching::stands_in_for_error(one, asking(wanted), noon + later, cache_options());
    };
    CHECK_FALSE(stands("max-age=60", "", 61s));
    CHECK(stands("max-age=60, stale-if-error=10", "", 70s));
    CHECK_FALSE(stands("max-age=60, stale-if-error=10", "", 71s));
    CHECK(stands("max-age=60", "stale-if-error=10", 70s));
    CHECK_FALSE(stands("max-age=60, must-revalidate, stale-if-error=10", "", 61s));
    CHECK_FALSE(stands("max-age=60, stale-if-error=10", "no-cache", 61s));
}

TEST_CASE("cache: who is given while it is asked for again (RFC 5861)") {
    const auto given = [](const char* said, const char* wanted, std::chrono::seconds later) {
        const auto one = kept({{"Date", date(0s)}, {"Cache-Control", said}});
        return caching::may_be_given_meanwhile(one, asking(wanted), noon + later, cache_options());
    };
    const char* const usual = "max-age=60, stale-while-revalidate=10";
    CHECK_FALSE(given("max-age=60", "", 61s));
    CHECK(given(usual, "", 70s));
    CHECK_FALSE(given(usual, "", 71s));
    CHECK_FALSE(given("max-age=60, must-revalidate, stale-while-revalidate=10", "", 61s));
    CHECK_FALSE(given("max-age=60, no-cache, stale-while-revalidate=10", "", 61s));
    CHECK_FALSE(given("max-age=60, stale-while-revalidate=x", "", 61s));
    for (const char* const other :
         {"no-cache", "no-store", "only-if-cached", "min-fresh=0", "max-age=60", "max-stale=0"})
        CHECK_FALSE(given(usual, other, 61s));
    CHECK(given(usual, "max-age=61", 61s));
    CHECK(given(usual, "max-stale=1", 61s));
}

TEST_CASE("cache: directives of a request, and Pragma") {
    const client_options plain;
    request what("http://a/");
    CHECK_FALSE(caching::directives_of(what, plain).no_cache);
    what.header("Pragma", "no-cache");
    CHECK(caching::directives_of(what, plain).no_cache);
    what.header("Cache-Control", "max-age=5");
    CHECK_FALSE(caching::directives_of(what, plain).no_cache);
    const auto usual = client_options().header("Cache-Control", "no-store");
    CHECK(caching::directives_of(request("http://a/"), usual).no_store);
    CHECK_FALSE(caching::directives_of(what, usual).no_store);
}

TEST_CASE("cache: variants by Vary and by who asks (RFC 9111, 4.1)") {
    const client_options plain;
    headers vary;
    vary.add("Vary", "Accept-Language, X-A").add("vary", "accept-language");
    const auto variant = [&](const request& what, const client_options& options = client_options()) {
        return caching::variant_of(vary, what, options, caching::owner_of(what, options));
    };
    const request none("http://a/");
    const auto german = request("http://a/").header("accept-LANGUAGE", "de");
    CHECK(variant(none) == variant(request("http://a/").header("X-B", "b")));
    CHECK(variant(none) != variant(german));
    CHECK(variant(german) == variant(request("http://a/").header("Accept-Language", "de")));
    CHECK(variant(german) == variant(none, client_options().header("Accept-Language", "de")));
    CHECK(variant(request("http://a/").header("Accept-Language", "")) != variant(none));
    const auto joe = request("http://a/").auth(credentials::basic("joe", "secret"));
    const auto eve = request("http://a/").auth(credentials::basic("eve", "secret"));
    CHECK(variant(joe) != variant(none));
    CHECK(variant(joe) != variant(eve));
    CHECK(variant(joe) == variant(joe));
    CHECK(variant(request("http://a/").header("Authorization", "x")) != variant(none));
    CHECK(variant(none, client_options().credentials("http://a", credentials::bearer("t"))) != variant(none));
    CHECK(variant(none, client_options().netrc(netrc::parse("machine a login joe password secret"))) !=
          variant(none));
    CHECK(variant(joe).find("secret") == std::string::npos);

    headers by_cookie;
    by_cookie.add("Vary", "Cookie, User-Agent, Accept-Encoding");
    auto jar = std::make_shared<cookie_jar>();
    const auto with_jar = client_options().cookies(jar);
    const std::string before = caching::variant_of(by_cookie, none, with_jar, "");
    jar->set(*tandem::url::parse("http://a/"), "session=topsecret");
    const std::string after = caching::variant_of(by_cookie, none, with_jar, "");
    CHECK(before != after);
    CHECK(after.find("topsecret") == std::string::npos);
    CHECK(after.find("tandem/") != std::string::npos);
    CHECK(after != caching::variant_of(by_cookie, none, client_options(with_jar).decompress(false), ""));
}

TEST_CASE("cache: fields that are kept and renewed (RFC 9111, 3.1 and 3.2)") {
    headers all;
    all.add("Connection", "close, X-Hop").add("X-Hop", "1").add("Keep-Alive", "1").add("TE", "x");
    all.add("Transfer-Encoding", "chunked").add("Set-Cookie", "a=b").add("X-A", "1").add("X-A", "2");
    const headers stored = caching::storable_fields(all, noon);
    CHECK(stored.size() == 4);
    CHECK(stored.get("Date") == date(0s));
    CHECK(stored.count("X-A") == 2);
    CHECK(stored.get("Set-Cookie") == "a=b");

    headers kept_fields;
    kept_fields.add("Content-Length", "5").add("Content-Encoding", "gzip").add("X-A", "1").add("X-A", "2");
    kept_fields.add("ETag", "\"a\"").add("Cache-Control", "max-age=1").add("Age", "9").add("X-B", "b");
    headers fresh;
    fresh.add("Content-Length", "0").add("Content-Encoding", "br").add("X-A", "3");
    fresh.add("Cache-Control", "max-age=60").add("X-C", "c");
    const headers renewed = caching::renewed_fields(kept_fields, fresh);
    CHECK(renewed.get("Content-Length") == "5");
    CHECK(renewed.get("Content-Encoding") == "gzip");
    CHECK(renewed.get_joined("X-A") == "3");
    CHECK(renewed.get("ETag") == "\"a\"");
    CHECK(renewed.get_joined("Cache-Control") == "max-age=60");
    CHECK(renewed.get("X-B") == "b");
    CHECK(renewed.get("X-C") == "c");
    CHECK_FALSE(renewed.contains("Age"));
}
