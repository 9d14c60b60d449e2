#include "lib/http/http_date.hpp"

#include <string_view>

namespace tandem::http::detail {

namespace {

constexpr std::string_view weekdays = "SunMonTueWedThuFriSat";
constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";

void append_padded(std::string& out, unsigned value, unsigned digits) {
    const std::string text = std::to_string(value);
    if (text.size() < digits) out.append(digits - text.size(), '0');
    out.append(text);
}

} // namespace

std::string format_http_date(std::chrono::sys_seconds when) {
    const auto day = std::chrono::floor<std::chrono::days>(when);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(when - day);
    std::string out;
    out.reserve(29);
    out.append(weekdays.substr(std::chrono::weekday(day).c_encoding() * 3, 3)).append(", ");
    append_padded(out, static_cast<unsigned>(date.day()), 2);
    out.append(" ").append(months.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3)).append(" ");
    append_padded(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    out.append(" ");
    append_padded(out, static_cast<unsigned>(time.hours().count()), 2);
    out.append(":");
    append_padded(out, static_cast<unsigned>(time.minutes().count()), 2);
    out.append(":");
    append_padded(out, static_cast<unsigned>(time.seconds().count()), 2);
    out.append(" GMT");
    return out;
}

namespace {

// Reads a date from left to right; `bad` once something is not as it should be.
class date_reader {
public:
    explicit date_reader(std::string_view text) noexcept : rest_(text) {}

    void literal(std::string_view expected) noexcept {
        if (rest_.starts_with(expected))
            rest_.remove_prefix(expected.size());
        else
            bad_ = true;
    }
    unsigned number(std::size_t digits) noexcept {
        unsigned value = 0;
        if (rest_.size() < digits) bad_ = true;
        for (std::size_t i = 0; i < digits && !bad_; ++i) {
            const char c = rest_[i];
            if (c < '0' || c > '9') bad_ = true;
            value = value * 10 + static_cast<unsigned>(c - '0');
        }
        if (!bad_) rest_.remove_prefix(digits);
        return value;
    }
    unsigned month() noexcept {
        const std::size_t at = rest_.size() < 3 ? std::string_view::npos : months.find(rest_.substr(0, 3));
        if (at == std::string_view::npos || at % 3 != 0) {
            bad_ = true;
            return 0;
        }
        rest_.remove_prefix(3);
        return static_cast<unsigned>(at / 3 + 1);
    }
    void time() noexcept {
        hour_ = number(2);
        literal(":");
        minute_ = number(2);
        literal(":");
        second_ = number(2);
    }
    char peek() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }

    std::optional<std::chrono::sys_seconds> at(unsigned year, unsigned month, unsigned day) const noexcept {
        const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)),
                                               std::chrono::month(month), std::chrono::day(day));
        if (bad_ || !rest_.empty() || !date.ok() || hour_ > 23 || minute_ > 59 || second_ > 60)
            return std::nullopt;
        return std::chrono::sys_days(date) + std::chrono::hours(hour_) + std::chrono::minutes(minute_) +
               std::chrono::seconds(second_);
    }

private:
    std::string_view rest_;
    unsigned hour_ = 0, minute_ = 0, second_ = 0;
    bool bad_ = false;
};

std::optional<std::chrono::sys_seconds> parse_fixdate(std::string_view text) noexcept {
    date_reader r(text);
    const unsigned day = r.number(2);
    r.literal(" ");
    const unsigned month = r.month();
    r.literal(" ");
    const unsigned year = r.number(4);
    r.literal(" ");
    r.time();
    r.literal(" GMT");
    return r.at(year, month, day);
}

std::optional<std::chrono::sys_seconds> parse_rfc850(std::string_view text) noexcept {
    date_reader r(text);
    const unsigned day = r.number(2);
    r.literal("-");
    const unsigned month = r.month();
    r.literal("-");
    const unsigned short_year = r.number(2);
    r.literal(" ");
    r.time();
    r.literal(" GMT");
    const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
    const auto now = static_cast<unsigned>(static_cast<int>(std::chrono::year_month_day(today).year()));
    unsigned year = now - now % 100 + short_year;
    if (year > now + 50) year -= 100;
    return r.at(year, month, day);
}

std::optional<std::chrono::sys_seconds> parse_asctime(std::string_view text) noexcept {
    date_reader r(text);
    const unsigned month = r.month();
    r.literal(" ");
    const bool one_digit = r.peek() == ' ';
    if (one_digit) r.literal(" ");
    const unsigned day = r.number(one_digit ? 1 : 2);
    r.literal(" ");
    r.time();
    r.literal(" ");
    const unsigned year = r.number(4);
    return r.at(year, month, day);
}

bool is_weekday(std::string_view name) noexcept {
    const std::size_t at = name.size() < 3 ? std::string_view::npos : weekdays.find(name.substr(0, 3));
    return at != std::string_view::npos && at % 3 == 0;
}

} // namespace

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) noexcept {
    if (!is_weekday(text)) return std::nullopt;
    if (text.substr(3, 2) == ", ") return parse_fixdate(text.substr(5));
    if (text.substr(3, 1) == " ") return parse_asctime(text.substr(4));
    const std::size_t comma = text.find(", ");
    constexpr std::string_view long_names = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday ";
    if (comma == std::string_view::npos || comma > 9) return std::nullopt;
    if (long_names.find(std::string(text.substr(0, comma)) + ' ') == std::string_view::npos)
        return std::nullopt;
    return parse_rfc850(text.substr(comma + 2));
}

} // namespace tandem::http::detail
