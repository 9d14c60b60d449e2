// The header fields of an HTTP message: order and duplicates kept, names compared without regard to case.
//
// All text lives in one buffer and a field is four 32-bit numbers, so a parsed message costs two
// allocations however many fields it has. What is added is validated (RFC 9110, sections 5.1, 5.5 and
// 5.6.2): no `headers` object can carry a line break into a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {

namespace detail {
struct headers_access; // the readers of HTTP/1 and HTTP/2 fill in fields that they validated themselves
}

/// An ordered multimap of header fields. Not thread-safe; views and iterators stay valid until the next
/// change.
class headers {
public:
    /// One field as two views into the buffer of the `headers` that gave it.
    struct field {
        std::string_view name;
        std::string_view value;
    };
    class const_iterator;

    headers() = default;

    /// Appends a field; fields of the same name stay. The value's outer spaces and tabs are dropped.
    /// Throws std::invalid_argument, naming the field, if `name` is not a token (RFC 9110, 5.6.2) or `value`
    /// has CR, LF, NUL or another control character than HTAB. Views into this very object are fine
    /// arguments.
    headers& add(std::string_view name, std::string_view value);

    /// As add(), but answers false, and changes nothing, where add() throws std::invalid_argument.
    [[nodiscard]] bool try_add(std::string_view name, std::string_view value);

    /// Replaces every field of that name by one, at the place of the first (at the end if there was none).
    /// Throws as add() does.
    headers& set(std::string_view name, std::string_view value);

    /// Removes every field of that name; answers how many there were.
    std::size_t erase(std::string_view name);

    /// Removes all fields; keeps the memory.
    void clear() noexcept;

    /// Makes room for that many fields of so many bytes of text in total.
    void reserve(std::size_t fields, std::size_t bytes);

    /// The value of the first field of that name.
    [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;

    /// The values of all fields of that name, in order.
    [[nodiscard]] std::vector<std::string_view> get_all(std::string_view name) const;

    /// Calls `visit(std::string_view value)` for each field of that name, in order, without allocating.
    template <class Visitor>
    void for_each(std::string_view name, Visitor&& visit) const {
        for (const entry& item : entries_)
            if (matches(item, name)) visit(value_of(item));
    }

    /// The values of all fields of that name as one list, joined by ", " (RFC 9110, 5.3). Not for Set-Cookie.
    [[nodiscard]] std::optional<std::string> get_joined(std::string_view name) const;

    [[nodiscard]] bool contains(std::string_view name) const noexcept;

    /// How many fields have that name.
    [[nodiscard]] std::size_t count(std::string_view name) const noexcept;

    /// Whether a comma-separated list field, over all its lines, has that element, without regard to case:
    /// `has_token("Connection", "close")`.
    [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const noexcept;

    /// The number of fields.
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    /// The field at that place; `index` must be below size().
    [[nodiscard]] field operator[](std::size_t index) const noexcept {
        return {name_of(entries_[index]), value_of(entries_[index])};
    }

    [[nodiscard]] const_iterator begin() const noexcept;
    [[nodiscard]] const_iterator end() const noexcept;

private:
    friend struct detail::headers_access;

    struct entry {
        std::uint32_t name;
        std::uint32_t name_size;
        std::uint32_t value;
        std::uint32_t value_size;
    };

    [[nodiscard]] std::string_view name_of(const entry& item) const noexcept {
        return {buffer_.data() + item.name, item.name_size};
    }
    [[nodiscard]] std::string_view value_of(const entry& item) const noexcept {
        return {buffer_.data() + item.value, item.value_size};
    }
    [[nodiscard]] bool matches(const entry& item, std::string_view name) const noexcept;
    [[nodiscard]] bool points_inside(std::string_view text) const noexcept;
    entry append_text(std::string_view name, std::string_view value);
    void compact();

    std::string buffer_;
    std::vector<entry> entries_;
};

/// Walks over the fields in order.
class headers::const_iterator {
public:
    using value_type = field;
    using difference_type = std::ptrdiff_t;
    using reference = field;

    const_iterator() = default;
    const_iterator(const headers* owner, std::size_t index) noexcept : owner_(owner), index_(index) {}

    field operator*() const noexcept { return (*owner_)[index_]; }
    const_iterator& operator++() noexcept {
        ++index_;
        return *this;
    }
    const_iterator operator++(int) noexcept {
        const_iterator before = *this;
        ++index_;
        return before;
    }
    bool operator==(const const_iterator&) const noexcept = default;

private:
    const headers* owner_ = nullptr;
    std::size_t index_ = 0;
};

inline headers::const_iterator headers::begin() const noexcept {
    return {this, 0};
}
inline headers::const_iterator headers::end() const noexcept {
    return {this, entries_.size()};
}

} // namespace tandem::http
