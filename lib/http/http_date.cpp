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

} // namespace tandem::http::detail
