#include "lib/http/content_range.hpp"

#include "lib/http/chars.hpp"

#include <charconv>

namespace tandem::http {

namespace {

// Digits only: no sign, no space. Nothing beyond 2^63 either, so that sums do not wrap.
std::optional<std::uint64_t> number(std::string_view text) noexcept {
    if (text.empty() || !detail::is_digit(text.front())) return std::nullopt;
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || value >> 63 != 0) return std::nullopt;
    return value;
}

} // namespace

std::optional<content_range> parse_content_range(std::string_view value) noexcept {
    constexpr std::string_view unit = "bytes ";
    if (value.size() < unit.size() || !detail::iequals(value.substr(0, unit.size()), unit))
        return std::nullopt;
    value.remove_prefix(unit.size());
    const std::size_t slash = value.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const std::string_view range = value.substr(0, slash);
    const std::string_view total = value.substr(slash + 1);
    content_range told;
    if (total != "*") {
        told.total = number(total);
        if (!told.total) return std::nullopt;
    }
    if (range == "*") return told.total ? std::optional<content_range>(told) : std::nullopt;
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    told.first = number(range.substr(0, dash));
    const std::optional<std::uint64_t> last = number(range.substr(dash + 1));
    if (!told.first || !last || *last < *told.first || (told.total && *last >= *told.total))
        return std::nullopt;
    told.last = *last;
    return told;
}

} // namespace tandem::http
