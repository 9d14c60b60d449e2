#include "lib/http/cache_record.hpp"

#include <charconv>
#include <cstdint>

namespace tandem::http {

namespace {

// Numbers in decimal and a space; texts as their size, a space, and themselves.
void append(std::string& out, std::int64_t number) {
    out += std::to_string(number) + ' ';
}
void append(std::string& out, std::string_view text) {
    append(out, static_cast<std::int64_t>(text.size()));
    out += text;
}

class record_reader {
public:
    explicit record_reader(std::string_view text) noexcept : rest_(text) {}

    std::int64_t number() noexcept {
        std::int64_t value = 0;
        const char* const end = rest_.data() + rest_.size();
        const auto [at, failure] = std::from_chars(rest_.data(), end, value);
        if (failure != std::errc() || at == end || *at != ' ') return fail();
        rest_.remove_prefix(static_cast<std::size_t>(at - rest_.data()) + 1);
        return value;
    }
    std::string_view text() noexcept {
        const std::int64_t size = number();
        if (size < 0 || static_cast<std::uint64_t>(size) > rest_.size()) {
            fail();
            return std::string_view();
        }
        const std::string_view found = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(found.size());
        return found;
    }
    bool ok() const noexcept { return !bad_; }
    bool over() const noexcept { return rest_.empty(); }

private:
    std::int64_t fail() noexcept {
        bad_ = true;
        rest_ = std::string_view();
        return 0;
    }
    std::string_view rest_;
    bool bad_ = false;
};

cached_response::time_point time_of(std::int64_t ms) noexcept {
    return cached_response::time_point(std::chrono::milliseconds(ms));
}

// Up to here arithmetic with times cannot overflow: the year 9999.
constexpr std::int64_t latest = 253'402'300'799'000;

} // namespace

std::string write_record(const cached_response& what) {
    std::string out;
    append(out, std::int64_t{what.status});
    append(out, std::int64_t{what.decoded});
    append(out, what.requested_at.time_since_epoch().count());
    append(out, what.received_at.time_since_epoch().count());
    append(out, what.reason);
    append(out, static_cast<std::int64_t>(what.headers.size()));
    for (const auto field : what.headers) {
        append(out, field.name);
        append(out, field.value);
    }
    return out;
}

std::optional<cached_response> read_record(std::string_view text) {
    record_reader in(text);
    cached_response made;
    const std::int64_t status = in.number();
    made.decoded = in.number() != 0;
    const std::int64_t requested = in.number();
    const std::int64_t received = in.number();
    made.reason = in.text();
    const std::int64_t fields = in.number();
    if (!in.ok() || status < 200 || status > 599 || requested < 0 || received < 0 || requested > latest ||
        received > latest || fields < 0 || static_cast<std::uint64_t>(fields) > text.size())
        return std::nullopt;
    made.status = static_cast<int>(status);
    made.requested_at = time_of(requested);
    made.received_at = time_of(received);
    for (std::int64_t i = 0; i < fields; ++i) {
        const std::string_view name = in.text();
        const std::string_view value = in.text();
        if (!in.ok() || !made.headers.try_add(name, value)) return std::nullopt;
    }
    if (!in.over()) return std::nullopt;
    return made;
}

} // namespace tandem::http
