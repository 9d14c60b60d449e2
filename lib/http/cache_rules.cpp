#include "lib/http/cache_rules.hpp"

#include "lib/http/chars.hpp"
#include "lib/http/http_date.hpp"

#include <tandem/http/content_coding.hpp>
#include <tandem/http/cookie_jar.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <vector>

#include <openssl/sha.h>

namespace tandem::http::caching {

namespace {

// RFC 9110, 15.1, without 206, which needs the joining of parts.
bool is_heuristically_cacheable(int status) noexcept {
    for (const int known : {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
        if (status == known) return true;
    return false;
}

std::optional<std::chrono::sys_seconds> date_of(const headers& fields, std::string_view name) {
    const auto value = fields.get(name);
    if (!value) return std::nullopt;
    return detail::parse_http_date(*value);
}

std::chrono::sys_seconds made_at(const cached_response& kept) {
    return date_of(kept.headers, "Date").value_or(std::chrono::floor<seconds>(kept.received_at));
}

// The field as the client will send it.
std::optional<std::string> sent_field(std::string_view name, const request& what,
                                      const client_options& options) {
    const auto is = [name](std::string_view known) { return detail::iequals(name, known); };
    if (const auto own = what.headers().get_joined(name)) return own;
    if (const auto usual = options.headers().get_joined(name)) return usual;
    if (is("User-Agent")) return options.user_agent();
    if (is("Accept")) return std::string("*/*");
    if (is("Accept-Encoding") && options.decompress()) return std::string(decoder::accept_encoding());
    if (is("Cookie") && options.cookies()) return options.cookies()->header_for(what.url());
    return std::nullopt;
}

std::string hash_of(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::array<unsigned char, SHA256_DIGEST_LENGTH> out{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
    std::string hex;
    for (const unsigned char byte : out) {
        hex += digits[byte >> 4];
        hex += digits[byte & 15];
    }
    return hex;
}

seconds staleness(const cached_response& kept, time_point now, const cache_options& how) {
    return current_age(kept, now) - freshness_lifetime(kept, how);
}

} // namespace

cache_control directives_of(const request& what, const client_options& options) {
    cache_control wanted(what.headers());
    if (!wanted.any) wanted.read(options.headers());
    if (!wanted.any) wanted.no_cache = what.headers().has_token("Pragma", "no-cache");
    return wanted;
}

bool may_store(const cache_control& wanted, const response_info& got, const cache_options& how) {
    const headers& fields = got.headers();
    const cache_control said(fields);
    const bool understood = is_heuristically_cacheable(got.status());
    if (!understood || wanted.no_store) return false;
    if (said.no_store && !said.must_understand) return false; // 5.2.2.3: every status here is understood
    bool any_request = false;
    fields.for_each("Vary", [&](std::string_view list) {
        detail::for_each_element(list, [&](std::string_view name) {
            any_request = any_request || name == "*";
            return true;
        });
    });
    if (any_request) return false;
    if (fields.contains("ETag") || fields.contains("Last-Modified")) return true; // can be validated
    const seconds none(0);
    if (said.stale_if_error.value_or(none) > none || said.stale_while_revalidate.value_or(none) > none)
        return true; // of use also when it is stale
    cached_response kept;
    kept.status = got.status();
    kept.headers = fields;
    return freshness_lifetime(kept, how) > none;
}

seconds freshness_lifetime(const cached_response& kept, const cache_options& how) {
    const cache_control said(kept.headers);
    if (said.max_age) return *said.max_age;
    const auto made = made_at(kept);
    if (kept.headers.contains("Expires")) {
        const auto until = date_of(kept.headers, "Expires"); // what is no date has expired (5.3)
        return until && kept.headers.count("Expires") == 1 ? std::max(*until - made, seconds(0)) : seconds(0);
    }
    const auto modified = date_of(kept.headers, "Last-Modified");
    if (!how.heuristic() || !modified || *modified >= made) return seconds(0);
    if (!said.is_public && !is_heuristically_cacheable(kept.status)) return seconds(0);
    return std::min((made - *modified) / 10, std::chrono::duration_cast<seconds>(how.max_heuristic()));
}

seconds current_age(const cached_response& kept, time_point now) {
    using std::chrono::ceil;
    seconds age_value{0};
    if (const auto field = kept.headers.get("Age")) {
        std::int64_t value = 0;
        bool valid = !field->empty();
        for (const char c : *field) {
            valid = valid && detail::is_digit(c);
            if (valid) value = std::min<std::int64_t>(value * 10 + (c - '0'), std::int64_t{1} << 31);
        }
        if (valid) age_value = seconds(value);
    }
    const auto apparent = std::max(kept.received_at - made_at(kept), std::chrono::milliseconds(0));
    const auto delay = std::max(kept.received_at - kept.requested_at, std::chrono::milliseconds(0));
    const auto initial = std::max<std::chrono::milliseconds>(apparent, age_value + delay);
    const auto resident = std::max(now - kept.received_at, std::chrono::milliseconds(0));
    return std::chrono::floor<seconds>(initial + resident);
}

usability judge(const cached_response& kept, const cache_control& wanted, time_point now,
                const cache_options& how) {
    const cache_control said(kept.headers);
    if (said.no_cache || wanted.no_cache) return usability::validate;
    const seconds age = current_age(kept, now);
    if (wanted.max_age && age > *wanted.max_age) return usability::validate;
    const seconds left = freshness_lifetime(kept, how) - age;
    if (wanted.min_fresh && left < *wanted.min_fresh) return usability::validate;
    if (left > seconds(0)) return usability::fresh;
    if (said.must_revalidate) return usability::validate;
    if (wanted.max_stale_any || (wanted.max_stale && -left <= *wanted.max_stale)) return usability::stale;
    return usability::validate;
}

bool stands_in_for_error(const cached_response& kept, const cache_control& wanted, time_point now,
                         const cache_options& how) {
    const cache_control said(kept.headers);
    if (said.must_revalidate || said.no_cache || wanted.no_cache) return false;
    const auto limit = wanted.stale_if_error ? wanted.stale_if_error : said.stale_if_error;
    return limit && staleness(kept, now, how) <= *limit;
}

bool may_be_given_meanwhile(const cached_response& kept, const cache_control& wanted, time_point now,
                            const cache_options& how) {
    const cache_control said(kept.headers);
    if (!said.stale_while_revalidate || said.must_revalidate || said.no_cache) return false;
    // Whoever asks for a response of a certain age gets no other; what may not be kept, or not be asked for,
    // is not renewed.
    if (wanted.no_cache || wanted.no_store || wanted.only_if_cached || wanted.min_fresh) return false;
    if (wanted.max_age && current_age(kept, now) > *wanted.max_age) return false;
    const seconds since = staleness(kept, now, how);
    if (wanted.max_stale && since > *wanted.max_stale) return false;
    return since <= *said.stale_while_revalidate;
}

namespace {

std::string owner_by_fields(const request& what, const client_options& options) {
    const auto of = [](const credentials& who) {
        return hash_of(std::to_string(static_cast<int>(who.kind())) + '\n' + who.user() + '\n' +
                       who.secret());
    };
    if (const auto own = what.headers().get_joined("Authorization")) return hash_of(*own);
    if (const auto usual = options.headers().get_joined("Authorization")) return hash_of(*usual);
    if (what.auth()) return of(*what.auth());
    if (const credentials* const known = options.credentials_for(what.url())) return of(*known);
    if (const netrc_entry* const entry = options.netrc().find(what.url().hostname_for_connect()))
        return hash_of("netrc\n" + entry->login + '\n' + entry->password);
    return std::string();
}

} // namespace

// A certificate tells who asks, as credentials do.
std::string owner_of(const request& what, const client_options& options) {
    std::string who = owner_by_fields(what, options);
    const std::string& own = options.tls().certificate_file();
    if (own.empty() || !what.url().is_https()) return who;
    return hash_of(who + "\ncertificate\n" + own);
}

std::string variant_of(const headers& response_fields, const request& what, const client_options& options,
                       std::string_view owner) {
    std::set<std::string> names;
    response_fields.for_each("Vary", [&](std::string_view list) {
        detail::for_each_element(list, [&](std::string_view name) {
            std::string lower(name);
            std::transform(lower.begin(), lower.end(), lower.begin(), detail::to_lower);
            names.insert(std::move(lower));
            return true;
        });
    });
    std::string text(owner);
    for (const std::string& name : names) {
        text += '\n' + name;
        // Secrets are not written down.
        if (const auto value = sent_field(name, what, options))
            text += name == "cookie" || name == "authorization" ? ": " + hash_of(*value) : ": " + *value;
    }
    return text;
}

headers storable_fields(const headers& fields, time_point received) {
    static constexpr std::string_view of_connection[] = {"Connection",
                                                         "Keep-Alive",
                                                         "Proxy-Authenticate",
                                                         "Proxy-Authentication-Info",
                                                         "Proxy-Authorization",
                                                         "Proxy-Connection",
                                                         "TE",
                                                         "Trailer",
                                                         "Transfer-Encoding",
                                                         "Upgrade"};
    headers kept;
    for (const auto field : fields) {
        const bool own =
            std::any_of(std::begin(of_connection), std::end(of_connection),
                        [&](std::string_view name) { return detail::iequals(name, field.name); });
        if (!own && !fields.has_token("Connection", field.name)) kept.add(field.name, field.value);
    }
    if (!kept.contains("Date"))
        kept.add("Date", detail::format_http_date(std::chrono::floor<seconds>(received)));
    return kept;
}

headers renewed_fields(const headers& kept, const headers& fresh) {
    static constexpr std::string_view of_body[] = {"Content-Encoding", "Content-Length", "Content-Range"};
    const auto describes_body = [](std::string_view name) {
        return std::any_of(std::begin(of_body), std::end(of_body),
                           [&](std::string_view known) { return detail::iequals(known, name); });
    };
    headers made;
    for (const auto field : kept)
        // An Age was that of the response before.
        if (describes_body(field.name) ||
            (!fresh.contains(field.name) && !detail::iequals(field.name, "Age")))
            made.add(field.name, field.value);
    for (const auto field : fresh)
        if (!describes_body(field.name)) made.add(field.name, field.value);
    return made;
}

} // namespace tandem::http::caching
