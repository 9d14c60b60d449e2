// robots.txt, RFC 9309: which paths of a host may be fetched. Pure: fetching and caching the file is the
// caller's.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crawler {

/// The rules of one host for one crawler. Immutable after construction, so any thread may ask.
///
/// Choices where RFC 9309 leaves room:
/// - Both sides are brought to one form: octets outside printable ASCII are percent-encoded, an encoded
/// unreserved
///   character is decoded, hexadecimal digits are upper case. `%2F` stays distinct from `/`. A literal `*` or
///   `$` of a path is matched by `%2A` or `%24` of a rule; a `$` that is not the last character of a rule is
///   literal.
/// - "Most octets" is the length of the rule in that form, `*` and `$` included.
/// - A user-agent line names its leading letters, `-` and `_`, so "Bot/2.1" is the token "bot".
/// - Only Allow and Disallow end the run of user-agent lines that opens a group. A Crawl-delay belongs to the
/// agents
///   named before it; the largest counts when there are several, at most one day, in milliseconds.
class robots_rules {
public:
    /// Bytes that are read of a file; a line cut by the limit is dropped (RFC 9309, 2.5 asks for at least
    /// this).
    static constexpr std::size_t max_bytes = 500 * 1024;

    /// The same as allow_all().
    robots_rules() = default;

    [[nodiscard]] static robots_rules allow_all();
    /// Nothing but /robots.txt may be fetched.
    [[nodiscard]] static robots_rules disallow_all();

    /// May this path with its query ("/a?b") be fetched? A fragment is ignored, an empty path means "/". The
    /// longest matching rule decides, Allow wins a tie, /robots.txt is always allowed. Time is linear in the
    /// length of the path for each rule, whatever wildcards it holds.
    [[nodiscard]] bool allowed(std::string_view path_and_query) const;

    /// About how many steps `allowed` takes for that path at worst.
    [[nodiscard]] std::size_t cost(std::string_view path_and_query) const {
        return rules_.size() * path_and_query.size();
    }

    /// The least time between two requests that the file asks for, if it does.
    [[nodiscard]] std::optional<std::chrono::milliseconds> crawl_delay() const { return crawl_delay_; }

    /// The Sitemap lines of the whole file in order, as written (not checked).
    [[nodiscard]] const std::vector<std::string>& sitemaps() const { return sitemaps_; }

private:
    friend robots_rules parse_robots(std::string_view body, std::string_view product_token);

    struct rule {
        std::string pattern; // normalised; '*' is a wildcard
        bool anchored = false;
        bool allow = false;
    };
    static bool matches(const rule& r, std::string_view path);
    static std::optional<rule> make_rule(std::string_view value, bool allow);

    std::vector<rule> rules_; // longest first, Allow before Disallow: the first match decides
    std::optional<std::chrono::milliseconds> crawl_delay_;
    std::vector<std::string> sitemaps_;
};

/// Reads a robots.txt as the crawler named `product_token` ("tandem-crawler"; a version after it is ignored).
/// Never fails: what is not understood is skipped.
[[nodiscard]] robots_rules parse_robots(std::string_view body, std::string_view product_token);

/// What the answer to a request for robots.txt means (RFC 9309, 2.3.1), redirects having been followed: 2xx
/// is parsed, 3xx (too many redirects) and 4xx (also 429) allow all, anything else (5xx, or 0 for no answer)
/// disallows all.
[[nodiscard]] robots_rules from_status(int http_status, std::string_view body,
                                       std::string_view product_token);

} // namespace crawler
