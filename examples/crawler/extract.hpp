// What a crawler wants from an HTML page: title, base, links, and what the page asks of robots.
#pragma once

#include "examples/crawler/charset.hpp"
#include "examples/crawler/robots_flags.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace crawler {

enum class link_kind : unsigned char {
    anchor,
    area,
    canonical,
    next,
    prev,
    alternate,
    iframe,
    frame,
    refresh
};

[[nodiscard]] std::string_view link_kind_name(link_kind kind);

/// A link as the page wrote it.
class page_link {
public:
    page_link() = default;
    page_link(std::string reference, link_kind what, bool not_followed)
        : href(std::move(reference)), kind(what), nofollow(not_followed) {}

    std::string
        href; ///< UTF-8, character references decoded; white space is left to the URL parser; not resolved
    link_kind kind = link_kind::anchor;
    bool nofollow =
        false; ///< rel=nofollow on the element itself (the page's own wish is in page_content::robots)
};

class page_content {
public:
    page_content() = default;

    std::string title;     ///< of the first title element, white space collapsed, at most 512 bytes
    std::string base_href; ///< of the first base element with a href: applies to every link of the page
    bool has_base = false; ///< a base element with a href (which may be empty) was seen
    std::vector<page_link> links; ///< in document order, duplicates kept
    robots_flags robots;          ///< from meta elements; headers are the caller's (parse_x_robots_tag)
    charset encoding = charset::utf_8;
    bool truncated = false; ///< a limit (extract_options, or about 20 KB of different names) was reached and
                            ///< the rest of the page was not read
    std::size_t links_dropped = 0; ///< links whose href was longer than the limit
};

/// Limits and the name that `<meta name=...>` is compared with. Safe to share between threads while nobody
/// writes.
class extract_options {
public:
    extract_options() = default;

    std::string product_token;              ///< our name in robots directives; empty: only "robots" counts
    std::size_t max_links = 100'000;        ///< reading stops after this many
    std::size_t max_href = 8 * 1024;        ///< bytes; a longer link is dropped and counted
    std::size_t max_depth = 4'096;          ///< open elements; reading stops at a deeper page
    std::size_t max_body = 8 * 1024 * 1024; ///< bytes read of the body, before conversion; at most 1 GiB
    std::size_t max_attributes = 512;       ///< of one element; reading stops at more
    std::uint64_t max_repair_work = 20'000'000; ///< steps spent on mismatched end tags; reading stops at more
};

/// Reads a page. `content_type_header` gives the charset (detect_charset has the order); whether it is HTML
/// at all is for the caller to ask (media_type::is_html).
///
/// Links are those that a browser with scripting off follows: the content of `noscript` counts; that of
/// comments, script, style, textarea, title, xmp, iframe, noembed, noframes and template does not. `rel` is a
/// set of words; an alternate *style sheet* is no link. Taken are a[href], area[href],
/// link[rel~=canonical|next|prev|alternate][href], iframe[src], frame[src] and meta[http-equiv=refresh] with
/// an address.
///
/// Any bytes are fine: never throws but for std::bad_alloc, does not recurse, and every limit above bounds
/// work that would otherwise grow quadratically. Callable on many threads at once.
///
/// The tokens come from libxml2's SAX parser (2.9), which knows HTML 4 and not the WHATWG rules. It differs
/// in:
/// - a named character reference without its semicolon (`?a=1&amp b`) is left as it is; of the 2,231 names
///   it knows 253, so `&sol;`, `&colon;`, `&Tab;` stay; `&#128;` to `&#159;` are not mapped from
///   windows-1252;
/// - textarea, title, xmp, iframe, noembed and noframes are parsed as markup: their links are skipped here,
/// but an
///   unclosed comment or quote within them swallows what follows, tags within a title are not part of its
///   text, and noframes outside body and frameset never ends;
/// - `<!--` with `<script>` inside a script is not honoured: the first `</script>` ends it;
/// - `<!-->` and `<!--->` are no complete comments;
/// - an attribute whose name begins with another character than a letter, `:`, `_` or `.` is dropped up to
/// the next
///   space; a slash between attributes swallows the next one (`<a/href=x>` is no link);
/// - plaintext is not honoured; elements are closed by the HTML 4 DTD, and foreign content (svg, math) is
/// unknown.
[[nodiscard]] page_content extract(std::string_view body, std::string_view content_type_header,
                                   const extract_options& options = {});

/// The address in the content of `<meta http-equiv=refresh>` ("5; url='next.html'"), by the HTML standard's
/// shared declarative refresh steps; empty if there is none or the value is malformed.
[[nodiscard]] std::string_view refresh_target(std::string_view content);

} // namespace crawler
