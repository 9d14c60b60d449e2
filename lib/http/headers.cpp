#include "tandem/http/headers.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <stdexcept>
#include <utility>

#include "lib/http/chars.hpp"

namespace tandem::http {

namespace {

// Quotes what was refused, but never lets it shape a terminal or a log line.
std::string shown(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, 64))
        out += c >= 0x20 && c < 0x7f ? c : '?';
    if (text.size() > 64) out += "...";
    return out;
}

void validate(std::string_view name, std::string_view value) {
    if (!detail::is_token(name))
        throw std::invalid_argument("header name \"" + shown(name) + "\" is not a token (RFC 9110, 5.6.2)");
    if (!detail::is_field_text(value))
        throw std::invalid_argument("value of header \"" + shown(name) + "\" has a control character");
}

} // namespace

bool headers::matches(const entry& item, std::string_view name) const noexcept {
    return item.name_size == name.size() && detail::iequals(name_of(item), name);
}

bool headers::points_inside(std::string_view text) const noexcept {
    const std::less<const char*> before;
    return !before(text.data(), buffer_.data()) && before(text.data(), buffer_.data() + buffer_.size());
}

// The caller has copied what points into the buffer.
headers::entry headers::append_text(std::string_view name, std::string_view value) {
    constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
    if (name.size() > most - buffer_.size() || value.size() > most - buffer_.size() - name.size())
        throw std::length_error("headers: more than 4 GiB");
    const std::size_t at = buffer_.size();
    const std::size_t needed = at + name.size() + value.size();
    if (needed > buffer_.capacity()) buffer_.reserve(std::max(needed, 2 * buffer_.capacity()));
    buffer_.append(name);
    buffer_.append(value);
    return {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(name.size()),
            static_cast<std::uint32_t>(at + name.size()), static_cast<std::uint32_t>(value.size())};
}

headers& headers::add(std::string_view name, std::string_view value) {
    value = detail::trim(value);
    validate(name, value);
    if (points_inside(name) || points_inside(value)) {
        const std::string own_name(name), own_value(value);
        entries_.push_back(append_text(own_name, own_value));
    } else {
        entries_.push_back(append_text(name, value));
    }
    return *this;
}

bool headers::try_add(std::string_view name, std::string_view value) {
    if (!detail::is_token(name) || !detail::is_field_text(detail::trim(value))) return false;
    add(name, value);
    return true;
}

headers& headers::set(std::string_view name, std::string_view value) {
    value = detail::trim(value);
    validate(name, value);
    const std::string own_name(name), own_value(value);
    const entry fresh = append_text(own_name, own_value);
    bool placed = false;
    for (entry& item : entries_) {
        if (!matches(item, own_name)) continue;
        item = fresh;
        placed = true;
        break;
    }
    if (!placed) {
        entries_.push_back(fresh);
        return *this;
    }
    bool first = true;
    std::erase_if(entries_,
                  [&](const entry& item) { return matches(item, own_name) && !std::exchange(first, false); });
    compact();
    return *this;
}

std::size_t headers::erase(std::string_view name) {
    // The name may be a view into the buffer: compact() comes after its last use.
    const std::size_t gone = std::erase_if(entries_, [&](const entry& item) { return matches(item, name); });
    if (gone != 0) compact();
    return gone;
}

void headers::clear() noexcept {
    buffer_.clear();
    entries_.clear();
}

void headers::reserve(std::size_t fields, std::size_t bytes) {
    entries_.reserve(fields);
    buffer_.reserve(bytes);
}

std::optional<std::string_view> headers::get(std::string_view name) const noexcept {
    for (const entry& item : entries_)
        if (matches(item, name)) return value_of(item);
    return std::nullopt;
}

std::vector<std::string_view> headers::get_all(std::string_view name) const {
    std::vector<std::string_view> values;
    for_each(name, [&](std::string_view value) { values.push_back(value); });
    return values;
}

std::optional<std::string> headers::get_joined(std::string_view name) const {
    std::optional<std::string> joined;
    for_each(name, [&](std::string_view value) {
        if (joined)
            joined->append(", ");
        else
            joined.emplace();
        joined->append(value);
    });
    return joined;
}

bool headers::contains(std::string_view name) const noexcept {
    return get(name).has_value();
}

std::size_t headers::count(std::string_view name) const noexcept {
    std::size_t found = 0;
    for (const entry& item : entries_)
        found += matches(item, name) ? 1 : 0;
    return found;
}

bool headers::has_token(std::string_view name, std::string_view token) const noexcept {
    bool found = false;
    for_each(name, [&](std::string_view value) {
        detail::for_each_element(value, [&](std::string_view element) {
            found = found || detail::iequals(element, token);
            return !found;
        });
    });
    return found;
}

// Replaced and removed text stays in the buffer until it is the larger part: set() in a loop stays linear and
// bounded.
void headers::compact() {
    std::size_t live = 0;
    for (const entry& item : entries_)
        live += item.name_size + std::size_t{item.value_size};
    if (buffer_.size() <= 2 * live + 1024) return;
    std::string old = std::move(buffer_);
    buffer_ = std::string();
    buffer_.reserve(live);
    for (entry& item : entries_) {
        const std::string_view all = old;
        item = append_text(all.substr(item.name, item.name_size), all.substr(item.value, item.value_size));
    }
}

} // namespace tandem::http
