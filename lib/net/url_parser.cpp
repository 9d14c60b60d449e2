#include "lib/net/url_parser.hpp"

#include "lib/net/host.hpp"
#include "lib/net/url_text.hpp"
#include "lib/net/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace tandem::detail {

namespace {

bool is_slash_at(std::string_view text, std::size_t i) {
    return i < text.size() && (url_byte_of(text[i]) & is_slash) != 0;
}

// The scheme that `text` begins with, as it was written and without the colon, or nothing.
std::optional<std::string_view> find_scheme(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == ':' && i > 0) return text.substr(0, i);
        const unsigned bits = url_byte_of(text[i]);
        if ((bits & is_letter) != 0) continue;
        const bool fits = (bits & is_digit) != 0 || text[i] == '+' || text[i] == '-' || text[i] == '.';
        if (i == 0 || !fits) return std::nullopt;
    }
    return std::nullopt;
}

// The supported scheme that equals `text` without regard to case, in lower case; empty when there is none.
std::string_view known_scheme(std::string_view text) {
    for (const std::string_view known : {"https", "http", "wss", "ws"}) {
        if (text.size() == known.size() && std::equal(text.begin(), text.end(), known.begin(),
                                                      [](char a, char b) { return to_lower(a) == b; })) {
            return known;
        }
    }
    return {};
}

// Strips what the standard ignores and makes the text UTF-8. Copies into `storage` only when something must
// change.
std::string_view clean(std::string_view input, std::string& storage) {
    auto ignored = [](char c) { return static_cast<unsigned char>(c) <= 0x20; };
    while (!input.empty() && ignored(input.front()))
        input.remove_prefix(1);
    while (!input.empty() && ignored(input.back()))
        input.remove_suffix(1);

    unsigned seen = 0;
    for (const char c : input)
        seen |= url_byte_of(c);
    if ((seen & (tab_or_newline | not_ascii)) == 0) return input;
    storage.reserve(input.size());
    // Decoding comes first in a browser: a newline within a character does not join its halves.
    while (!input.empty()) {
        const utf8_step step = decode_utf8(input);
        if (!step.ok) {
            append_utf8(storage, step.code_point);
        } else if ((url_byte_of(input.front()) & tab_or_newline) == 0) {
            storage.append(input, 0, step.size);
        }
        input.remove_prefix(step.size);
    }
    return storage;
}

// Whether `segment` is "." (1) or ".." (2), each dot perhaps as %2e; 0 for any other.
int dots(std::string_view segment) {
    int count = 0;
    while (!segment.empty()) {
        if (segment.front() == '.') {
            segment.remove_prefix(1);
        } else if (segment.size() >= 3 && segment[0] == '%' && segment[1] == '2' &&
                   to_lower(segment[2]) == 'e') {
            segment.remove_prefix(3);
        } else {
            return 0;
        }
        if (++count > 2) return 0;
    }
    return count;
}

} // namespace

boost::system::result<url> url_parser::run(std::string_view input, const url* base) {
    if (input.size() > url::max_size) return make_error_code(url_errc::too_long);
    std::string storage;
    url_parser parser;
    if (const error failure = parser.parse(clean(input, storage), base)) return make_error_code(*failure);
    if (parser.href_.size() > url::max_size) return make_error_code(url_errc::too_long);
    return std::move(parser.out_);
}

url_parser::error url_parser::parse(std::string_view text, const url* base) {
    if (base != nullptr && base->empty()) base = nullptr;
    const auto written = find_scheme(text);
    if (!written) {
        if (base != nullptr) return parse_relative(text, *base);
        return text.empty() ? url_errc::empty : url_errc::relative_without_base;
    }
    const std::string_view scheme = known_scheme(*written);
    if (scheme.empty()) return url_errc::unsupported_scheme;
    text.remove_prefix(written->size() + 1);
    // "http:x" is relative to a base of the same scheme, for old times' sake.
    if (base != nullptr && base->scheme() == scheme && !text.starts_with("//"))
        return parse_relative(text, *base);
    return parse_absolute(scheme, text);
}

url_parser::error url_parser::parse_absolute(std::string_view scheme, std::string_view rest) {
    std::size_t skip = 0;
    while (is_slash_at(rest, skip))
        ++skip; // any number of slashes, also none
    rest.remove_prefix(skip);

    href_.reserve(scheme.size() + 3 + rest.size() + 1);
    href_ += scheme;
    at_.scheme_end = static_cast<std::uint8_t>(scheme.size());
    href_ += "://";

    std::size_t end = 0;
    while (end < rest.size() && (url_byte_of(rest[end]) & (is_slash | ends_path)) == 0)
        ++end;
    std::string_view authority = rest.substr(0, end);
    rest.remove_prefix(end);

    at_.user = static_cast<std::uint8_t>(href_.size());
    at_.user_end = at_.user;
    if (const std::size_t last_at = authority.rfind('@'); last_at != authority.npos) {
        write_credentials(authority.substr(0, last_at));
        authority.remove_prefix(last_at + 1);
    }
    if (const error failure = parse_host_and_port(authority)) return failure;

    at_.path = position();
    if (is_slash_at(rest, 0)) rest.remove_prefix(1);
    write_path(rest);
    return {};
}

void url_parser::write_credentials(std::string_view text) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    append_encoded(href_, text.substr(0, colon), encode_userinfo);
    at_.user_end = position();
    if (colon + 1 < text.size()) {
        href_ += ':';
        append_encoded(href_, text.substr(colon + 1), encode_userinfo);
    }
    if (href_.size() > at_.user) href_ += '@';
}

url_parser::error url_parser::parse_host_and_port(std::string_view text) {
    std::size_t colon = 0;
    for (bool in_brackets = false; colon < text.size(); ++colon) {
        if (text[colon] == '[') in_brackets = true;
        if (text[colon] == ']') in_brackets = false;
        if (text[colon] == ':' && !in_brackets) break;
    }
    if (colon == 0) return url_errc::missing_host;

    at_.host = position();
    const host_kind kind = append_host(href_, text.substr(0, colon));
    if (kind == host_kind::invalid) return url_errc::invalid_host;
    at_.host_end = position();
    at_.host_is_ip = kind != host_kind::domain;

    if (colon + 1 >= text.size()) return {}; // no port, or an empty one
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (failure != std::errc() || stop != digits.data() + digits.size()) return url_errc::invalid_port;
    at_.path = at_.host_end; // so that effective_port() tells the scheme's default
    if (port == out_.effective_port()) return {};
    at_.port = port;
    href_ += ':';
    std::array<char, 5> text_of_port{};
    href_.append(text_of_port.data(), std::to_chars(text_of_port.data(), text_of_port.data() + 5, port).ptr);
    return {};
}

url_parser::error url_parser::parse_relative(std::string_view rest, const url& base) {
    if (is_slash_at(rest, 0)) {
        if (is_slash_at(rest, 1)) return parse_absolute(base.scheme(), rest);
        begin_with(base, base.at_.path, rest.size());
        write_path(rest.substr(1));
    } else if (rest.empty()) {
        begin_with(base, base.at_.fragment, 0);
        at_.fragment = position();
    } else if (rest.front() == '#') {
        begin_with(base, base.at_.fragment, rest.size());
        write_fragment(rest);
    } else if (rest.front() == '?') {
        begin_with(base, base.at_.query, rest.size());
        write_query(rest);
    } else {
        begin_with(base, base.at_.path + base.path().rfind('/'), rest.size() + 1);
        write_path(rest);
    }
    return {};
}

void url_parser::begin_with(const url& base, std::size_t size, std::size_t room) {
    href_.reserve(size + room);
    href_.assign(base.href_, 0, size);
    at_ = base.at_;
}

// Appends the segments of `rest`, which has no leading slash (a first slash is an empty segment), to the path
// so far, which begins at at_.path and is empty or "/a/b"; then what follows the path.
void url_parser::write_path(std::string_view rest) {
    std::size_t i = 0;
    bool more = true;
    while (more) {
        const std::size_t begin = i;
        const std::size_t out_begin = href_.size();
        href_ += '/';
        std::size_t run = i;
        for (; i < rest.size(); ++i) {
            const unsigned bits = url_byte_of(rest[i]);
            if ((bits & (encode_path | is_slash | ends_path)) == 0) continue;
            if ((bits & (is_slash | ends_path)) != 0) break;
            href_.append(rest, run, i - run);
            append_percent(href_, rest[i]);
            run = i + 1;
        }
        href_.append(rest, run, i - run);
        more = is_slash_at(rest, i);

        if (i != begin && (rest[begin] == '.' || rest[begin] == '%')) {
            if (const int count = dots(rest.substr(begin, i - begin)); count > 0) {
                href_.resize(out_begin);
                // Each step back scans only what it removes, so that a path of dots costs linear time.
                if (count == 2 && out_begin > at_.path) href_.resize(href_.rfind('/'));
                if (!more) href_ += '/';
            }
        }
        if (more) ++i;
    }
    write_query(rest.substr(i));
}

// `rest` is empty or begins with '?' or '#'.
void url_parser::write_query(std::string_view rest) {
    at_.query = position();
    if (rest.starts_with('?')) {
        const std::size_t end = std::min(rest.find('#'), rest.size());
        href_ += '?';
        append_encoded(href_, rest.substr(1, end - 1), encode_query);
        rest.remove_prefix(end);
    }
    write_fragment(rest);
}

// `rest` is empty or begins with '#'.
void url_parser::write_fragment(std::string_view rest) {
    at_.fragment = position();
    if (rest.empty()) return;
    href_ += '#';
    append_encoded(href_, rest.substr(1), encode_fragment);
}

} // namespace tandem::detail

namespace tandem {

boost::system::result<url> url::parse(std::string_view input) {
    return detail::url_parser::run(input, nullptr);
}

boost::system::result<url> url::parse(std::string_view input, const url& base) {
    return detail::url_parser::run(input, &base);
}

} // namespace tandem
