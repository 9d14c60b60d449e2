#include "examples/crawler/robots.hpp"

#include "examples/crawler/ascii.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace crawler {
namespace {

constexpr std::size_t npos = std::string_view::npos;

constexpr bool is_unreserved(char c) {
    return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void append_encoded(std::string& out, char c) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto octet = static_cast<unsigned char>(c);
    out += '%';
    out += digits[octet >> 4];
    out += digits[octet & 15];
}

// The common form of rules and paths. `wildcards` says that a '*' keeps its meaning (a rule) and is no
// literal.
std::string normalise(std::string_view s, bool wildcards) {
    constexpr std::string_view kept = "!&'()+,/:;=?@[]#";
    std::string out;
    out.reserve(s.size() + 8);
    for (std::size_t i = 0; i < s.size(); ++i) {
        const char c = s[i];
        if (c == '%' && i + 2 < s.size() && ascii::hex_value(s[i + 1]) >= 0 &&
            ascii::hex_value(s[i + 2]) >= 0) {
            const char octet =
                static_cast<char>(ascii::hex_value(s[i + 1]) * 16 + ascii::hex_value(s[i + 2]));
            i += 2;
            if (is_unreserved(octet))
                out += octet;
            else
                append_encoded(out, octet);
        } else if (is_unreserved(c) || kept.find(c) != npos || (wildcards && c == '*')) {
            out += c;
        } else {
            append_encoded(out, c);
        }
    }
    return out;
}

// Where `needle` begins in `text` at or after `from`. Knuth-Morris-Pratt for long needles keeps it linear.
std::size_t find_linear(std::string_view text, std::string_view needle, std::size_t from) {
    if (needle.size() > text.size() - from) return npos;
    if (needle.size() <= 32) return text.find(needle, from);
    std::vector<std::uint32_t> border(needle.size(), 0);
    for (std::uint32_t i = 1, k = 0; i < needle.size(); ++i) {
        while (k > 0 && needle[i] != needle[k])
            k = border[k - 1];
        if (needle[i] == needle[k]) ++k;
        border[i] = k;
    }
    std::size_t matched = 0;
    for (std::size_t i = from; i < text.size(); ++i) {
        while (matched > 0 && text[i] != needle[matched])
            matched = border[matched - 1];
        if (text[i] == needle[matched]) ++matched;
        if (matched == needle.size()) return i + 1 - matched;
    }
    return npos;
}

std::string_view product_part(std::string_view s) {
    std::size_t n = 0;
    while (n < s.size() && (ascii::is_alpha(s[n]) || s[n] == '-' || s[n] == '_'))
        ++n;
    return s.substr(0, n);
}

// Decimal seconds, digits with an optional fraction; nothing else.
std::optional<std::chrono::milliseconds> parse_delay(std::string_view s) {
    constexpr std::int64_t longest = 24 * 60 * 60 * std::int64_t{1000};
    const std::size_t point = std::min(s.find('.'), s.size());
    const std::string_view whole = s.substr(0, point);
    const std::string_view fraction = point < s.size() ? s.substr(point + 1) : std::string_view{};
    const auto digits = [](std::string_view t) { return std::all_of(t.begin(), t.end(), ascii::is_digit); };
    if ((whole.empty() && fraction.empty()) || !digits(whole) || !digits(fraction)) return std::nullopt;
    std::int64_t ms = 0;
    for (const char c : whole)
        ms = std::min(longest, ms * 10 + (c - '0') * 1000);
    std::int64_t unit = 100;
    for (const char c : fraction.substr(0, 3)) {
        ms += (c - '0') * unit;
        unit /= 10;
    }
    return std::chrono::milliseconds(std::min(longest, ms));
}

std::string_view within_limit(std::string_view body) {
    if (body.size() <= robots_rules::max_bytes) return body;
    const char next = body[robots_rules::max_bytes];
    body = body.substr(0, robots_rules::max_bytes);
    if (next == '\r' || next == '\n') return body;
    const std::size_t last_end = body.find_last_of("\r\n");
    return last_end == npos ? std::string_view{} : body.substr(0, last_end + 1);
}

} // namespace

robots_rules robots_rules::allow_all() {
    return {};
}

robots_rules robots_rules::disallow_all() {
    robots_rules rules;
    rules.rules_.push_back(rule{"/", false, false});
    return rules;
}

std::optional<robots_rules::rule> robots_rules::make_rule(std::string_view value, bool allow) {
    if (value.empty()) return std::nullopt; // an empty pattern matches nothing
    rule r;
    r.allow = allow;
    r.anchored = value.back() == '$';
    if (r.anchored) value.remove_suffix(1);
    r.pattern = normalise(value, true);
    return r;
}

// The first piece must be a prefix, each later piece is taken where it first occurs (taking it earlier never
// hurts), and of an anchored rule the last piece must be a suffix. So nothing is ever tried twice.
bool robots_rules::matches(const rule& r, std::string_view path) {
    std::string_view pattern = r.pattern;
    std::size_t star = pattern.find('*');
    const std::string_view head = pattern.substr(0, star);
    if (!path.starts_with(head)) return false;
    if (star == npos) return !r.anchored || path.size() == head.size();
    std::size_t at = head.size();
    pattern.remove_prefix(star + 1);
    while ((star = pattern.find('*')) != npos) {
        const std::size_t found = find_linear(path, pattern.substr(0, star), at);
        if (found == npos) return false;
        at = found + star;
        pattern.remove_prefix(star + 1);
    }
    if (r.anchored) return path.size() - at >= pattern.size() && path.ends_with(pattern);
    return find_linear(path, pattern, at) != npos;
}

bool robots_rules::allowed(std::string_view path_and_query) const {
    path_and_query = path_and_query.substr(0, path_and_query.find('#'));
    const std::string path = path_and_query.empty() ? "/" : normalise(path_and_query, false);
    if (path == "/robots.txt") return true;
    for (const rule& r : rules_)
        if (matches(r, path)) return r.allow;
    return true;
}

robots_rules parse_robots(std::string_view body, std::string_view product_token) {
    if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    body = within_limit(body);
    const std::string_view own = product_part(product_token);

    // Only two groups can matter: ours and that of everybody. Rules are merged into both as they come.
    struct merged_group {
        bool present = false; // some group names this agent
        bool current = false; // the group being read names this agent
        std::vector<robots_rules::rule> rules;
        std::optional<std::chrono::milliseconds> delay;
    };
    merged_group mine;
    merged_group everybody;
    bool rules_begun = false;
    robots_rules result;

    const auto line_read = [&](std::string_view line) {
        line = line.substr(0, line.find('#'));
        const std::size_t colon = line.find(':');
        if (colon == npos) return;
        const std::string_view key = ascii::trim(line.substr(0, colon));
        const std::string_view value = ascii::trim(line.substr(colon + 1));
        if (ascii::iequals(key, "user-agent")) {
            if (std::exchange(rules_begun, false)) mine.current = everybody.current = false;
            const bool star = value.starts_with('*') && (value.size() == 1 || ascii::is_space(value[1]));
            const std::string_view token = product_part(value);
            if (star) everybody.present = everybody.current = true;
            if (!token.empty() && ascii::iequals(token, own)) mine.present = mine.current = true;
        } else if (ascii::iequals(key, "allow") || ascii::iequals(key, "disallow")) {
            rules_begun = true;
            if (!mine.current && !everybody.current) return;
            const auto r = robots_rules::make_rule(value, ascii::lower(key.front()) == 'a');
            if (!r) return;
            if (mine.current) mine.rules.push_back(*r);
            if (everybody.current) everybody.rules.push_back(*r);
        } else if (ascii::iequals(key, "crawl-delay")) {
            const auto delay = parse_delay(value);
            if (!delay) return;
            for (merged_group* g : {&mine, &everybody})
                if (g->current) g->delay = std::max(g->delay.value_or(*delay), *delay);
        } else if (ascii::iequals(key, "sitemap") && !value.empty()) {
            result.sitemaps_.emplace_back(value);
        }
    };
    ascii::for_each_token(body, [](char c) { return c == '\r' || c == '\n'; }, line_read);

    merged_group& chosen = mine.present ? mine : everybody;
    result.rules_ = std::move(chosen.rules);
    result.crawl_delay_ = chosen.delay;
    const auto octets = [](const robots_rules::rule& r) { return r.pattern.size() + (r.anchored ? 1 : 0); };
    std::sort(result.rules_.begin(), result.rules_.end(), [&](const auto& a, const auto& b) {
        return octets(a) != octets(b) ? octets(a) > octets(b) : a.allow && !b.allow;
    });
    return result;
}

robots_rules from_status(int http_status, std::string_view body, std::string_view product_token) {
    if (http_status >= 200 && http_status < 300) return parse_robots(body, product_token);
    if (http_status >= 300 && http_status < 500) return robots_rules::allow_all();
    return robots_rules::disallow_all();
}

} // namespace crawler
