#include "lib/http/cache_control.hpp"

#include "lib/http/chars.hpp"

#include <algorithm>
#include <string>

namespace tandem::http {

namespace {

constexpr std::int64_t most_seconds = std::int64_t{1} << 31;

std::chrono::seconds seconds_of(std::string_view text) noexcept {
    std::int64_t value = 0;
    if (text.empty()) return std::chrono::seconds(0);
    for (const char c : text) {
        if (!detail::is_digit(c)) return std::chrono::seconds(0);
        value = std::min(value * 10 + (c - '0'), most_seconds);
    }
    return std::chrono::seconds(value);
}

void least(std::optional<std::chrono::seconds>& so_far, std::chrono::seconds value) noexcept {
    so_far = so_far ? std::min(*so_far, value) : value;
}

} // namespace

void cache_control::read(const headers& fields) {
    fields.for_each("Cache-Control", [this](std::string_view list) {
        any = true;
        // name [ = ( token / quoted-string ) ], separated by commas outside of quotes
        std::size_t at = 0;
        while (at < list.size()) {
            std::size_t end = at;
            while (end < list.size() && list[end] != ',' && list[end] != '=')
                ++end;
            const std::string_view name = detail::trim(list.substr(at, end - at));
            std::optional<std::string_view> value;
            std::string unquoted;
            if (end < list.size() && list[end] == '=') {
                std::size_t from = end + 1;
                while (from < list.size() && detail::is_blank(list[from]))
                    ++from;
                if (from < list.size() && list[from] == '"') {
                    std::size_t i = from + 1;
                    for (; i < list.size() && list[i] != '"'; ++i) {
                        if (list[i] == '\\' && i + 1 < list.size()) ++i;
                        unquoted += list[i];
                    }
                    value = unquoted;
                    end = std::min(list.find(',', std::min(i + 1, list.size())), list.size());
                } else {
                    end = std::min(list.find(',', from), list.size());
                    value = detail::trim(list.substr(from, end - from));
                }
            }
            if (!name.empty()) take(name, value);
            at = end + 1;
        }
    });
}

void cache_control::take(std::string_view name, std::optional<std::string_view> value) {
    const auto is = [name](std::string_view known) { return detail::iequals(name, known); };
    if (is("no-store"))
        no_store = true;
    else if (is("no-cache"))
        no_cache = true;
    else if (is("must-revalidate"))
        must_revalidate = true;
    else if (is("must-understand"))
        must_understand = true;
    else if (is("public"))
        is_public = true;
    else if (is("private"))
        is_private = true;
    else if (is("only-if-cached"))
        only_if_cached = true;
    else if (is("max-age"))
        least(max_age, seconds_of(value.value_or(std::string_view())));
    else if (is("min-fresh"))
        min_fresh = std::max(min_fresh.value_or(seconds(0)), seconds_of(value.value_or(std::string_view())));
    else if (is("stale-if-error"))
        least(stale_if_error, seconds_of(value.value_or(std::string_view())));
    else if (is("stale-while-revalidate"))
        least(stale_while_revalidate, seconds_of(value.value_or(std::string_view())));
    else if (is("max-stale") && value)
        least(max_stale, seconds_of(*value));
    else if (is("max-stale"))
        max_stale_any = true;
}

} // namespace tandem::http
