#include "lib/http/cookie_date.hpp"

#include "lib/http/chars.hpp"

#include <array>

namespace tandem::http {

namespace {

bool is_delimiter(char c) noexcept {
    const auto u = static_cast<unsigned char>(c);
    return u == 0x09 || (u >= 0x20 && u <= 0x2f) || (u >= 0x3b && u <= 0x40) || (u >= 0x5b && u <= 0x60) ||
           (u >= 0x7b && u <= 0x7e);
}

// Takes `least` to `most` digits from the front of `text`; false when there are fewer, or more.
bool take_number(std::string_view& text, std::size_t least, std::size_t most, int& value) noexcept {
    std::size_t digits = 0;
    value = 0;
    while (digits < text.size() && detail::is_digit(text[digits])) {
        if (digits == most) return false;
        value = value * 10 + (text[digits++] - '0');
    }
    text.remove_prefix(digits);
    return digits >= least;
}

// What follows a number in a token must not be a digit; anything else is ignored.
class date_parts {
public:
    void take(std::string_view token) noexcept {
        if (!has_time_ && take_time(token)) return;
        if (!has_day_ && take_day(token)) return;
        if (month_ == 0 && take_month(token)) return;
        if (!has_year_) take_year(token);
    }

    std::optional<std::chrono::sys_seconds> value() const noexcept {
        using namespace std::chrono;
        if (!has_time_ || !has_day_ || month_ == 0 || !has_year_) return std::nullopt;
        if (year_ < 1601 || hour_ > 23 || minute_ > 59 || second_ > 59) return std::nullopt;
        const year_month_day date(year{year_}, month{month_}, day{static_cast<unsigned>(day_)});
        if (!date.ok()) return std::nullopt;
        return sys_days(date) + hours(hour_) + minutes(minute_) + seconds(second_);
    }

private:
    bool take_time(std::string_view token) noexcept {
        int h = 0, m = 0, s = 0;
        if (!take_number(token, 1, 2, h) || !take_colon(token) || !take_number(token, 1, 2, m) ||
            !take_colon(token) || !take_number(token, 1, 2, s))
            return false;
        hour_ = h;
        minute_ = m;
        second_ = s;
        return has_time_ = true;
    }
    bool take_day(std::string_view token) noexcept {
        int d = 0;
        if (!take_number(token, 1, 2, d)) return false;
        day_ = d;
        return has_day_ = true;
    }
    bool take_month(std::string_view token) noexcept {
        static constexpr std::array<std::string_view, 12> names = {"jan", "feb", "mar", "apr", "may", "jun",
                                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
        for (unsigned i = 0; i < names.size(); ++i)
            if (detail::iequals(token.substr(0, 3), names[i])) {
                month_ = i + 1;
                return true;
            }
        return false;
    }
    void take_year(std::string_view token) noexcept {
        int y = 0;
        if (!take_number(token, 2, 4, y)) return;
        if (y >= 70 && y <= 99) y += 1900;
        if (y >= 0 && y <= 69) y += 2000;
        year_ = y;
        has_year_ = true;
    }
    static bool take_colon(std::string_view& token) noexcept {
        if (!token.starts_with(':')) return false;
        token.remove_prefix(1);
        return true;
    }

    int hour_ = 0, minute_ = 0, second_ = 0, day_ = 0, year_ = 0;
    unsigned month_ = 0;
    bool has_time_ = false, has_day_ = false, has_year_ = false;
};

} // namespace

std::optional<std::chrono::sys_seconds> parse_cookie_date(std::string_view text) noexcept {
    date_parts parts;
    while (!text.empty()) {
        if (is_delimiter(text.front())) {
            text.remove_prefix(1);
            continue;
        }
        std::size_t size = 0;
        while (size < text.size() && !is_delimiter(text[size]))
            ++size;
        parts.take(text.substr(0, size));
        text.remove_prefix(size);
    }
    return parts.value();
}

} // namespace tandem::http
