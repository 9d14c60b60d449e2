#include "tandem/http/trace_context.hpp"

#include "lib/http/chars.hpp"

#include <tandem/http/headers.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

#include <openssl/rand.h>

namespace tandem::http {

namespace {

constexpr std::size_t id_digits = 32;
constexpr std::size_t span_digits = 16;
constexpr std::size_t parent_size = 2 + 1 + id_digits + 1 + span_digits + 1 + 2;
constexpr std::size_t most_state = 512;

bool is_hex(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return detail::is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; });
}

// Never all zeros: that is no id.
std::string random_hex(std::size_t digits) {
    static constexpr char letters[] = "0123456789abcdef";
    std::array<unsigned char, id_digits / 2> random{};
    std::string text;
    do {
        if (RAND_bytes(random.data(), static_cast<int>(digits / 2)) != 1)
            throw std::runtime_error("http::trace_context: no random bytes");
        text.clear();
        for (std::size_t i = 0; i < digits / 2; ++i) {
            text += letters[random[i] >> 4];
            text += letters[random[i] & 15];
        }
    } while (is_zero(text));
    return text;
}

} // namespace

trace_context trace_context::fresh(bool sampled) {
    trace_context made;
    made.trace_id_ = random_hex(id_digits);
    made.span_id_ = random_hex(span_digits);
    made.sampled_ = sampled;
    return made;
}

std::optional<trace_context> trace_context::parse(std::string_view parent, std::string_view state) {
    if (parent.size() < parent_size) return std::nullopt;
    const std::string_view version = parent.substr(0, 2);
    const std::string_view trace = parent.substr(3, id_digits);
    const std::string_view span = parent.substr(36, span_digits);
    const std::string_view flags = parent.substr(53, 2);
    if (!is_hex(version) || version == "ff" || parent[2] != '-' || parent[35] != '-' || parent[52] != '-')
        return std::nullopt;
    if (!is_hex(trace) || is_zero(trace) || !is_hex(span) || is_zero(span) || !is_hex(flags))
        return std::nullopt;
    // A later version may have more, after another dash.
    if (parent.size() > parent_size && (version == "00" || parent[parent_size] != '-')) return std::nullopt;
    trace_context made;
    made.trace_id_ = trace;
    made.span_id_ = span;
    const char low = flags[1];
    made.sampled_ = ((detail::is_digit(low) ? low - '0' : low - 'a' + 10) & 1) != 0;
    if (state.size() <= most_state && detail::is_field_text(state)) made.state_ = state;
    return made;
}

std::optional<trace_context> trace_context::from(const headers& fields) {
    if (fields.count("traceparent") != 1) return std::nullopt;
    return parse(*fields.get("traceparent"), fields.get_joined("tracestate").value_or(std::string()));
}

trace_context trace_context::child() const {
    trace_context made = *this;
    made.span_id_ = random_hex(span_digits);
    return made;
}

std::string trace_context::traceparent() const {
    return "00-" + trace_id_ + '-' + span_id_ + (sampled_ ? "-01" : "-00");
}

void trace_propagation::stamp(request& what) const {
    if (what.headers().contains("traceparent")) return;
    const trace_context* const outer = current_trace.get();
    const trace_context own = outer ? outer->child() : trace_context::fresh(sample_);
    what.set_header("traceparent", own.traceparent());
    if (!own.tracestate().empty()) what.set_header("tracestate", own.tracestate());
}

task<result<response>> trace_propagation::send(request what, next rest) {
    stamp(what);
    return rest.send(std::move(what));
}

task<result<response_stream>> trace_propagation::open(request what, next rest) {
    stamp(what);
    return rest.open(std::move(what));
}

} // namespace tandem::http
