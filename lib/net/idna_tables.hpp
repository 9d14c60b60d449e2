// What domain processing needs to know of Unicode. libidn2 has the tables (UTS #46 mapping, normalization,
// joining types) but offers only whole-domain conversions, which refuse much that browsers accept: symbols,
// hyphens in the third and fourth place, labels of more than 63 octets. So it is asked about small pieces
// instead, inside a label that is valid but for the piece in question; a question takes about half a
// microsecond.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tandem::detail {

/// Appends what UTS #46 (non-transitional) maps `code_point` to: itself, a replacement, or nothing when it is
/// ignored. False when it is disallowed. ASCII characters are all allowed. Never looks at neighbours.
[[nodiscard]] bool append_mapped(std::u32string& out, char32_t code_point);

/// Puts mapped text into Unicode normalization form C. False for a run of combining marks that is too long to
/// handle (about a dozen; no name has that).
[[nodiscard]] bool normalize(std::u32string& text);

/// General category M: what a label must not begin with.
[[nodiscard]] bool is_mark(char32_t code_point);

/// Whether the joiner (U+200C or U+200D) at `position` of a label stands where RFC 5892, appendix A, allows
/// it.
[[nodiscard]] bool is_joiner_allowed(std::u32string_view label, std::size_t position);

[[nodiscard]] constexpr bool is_joiner(char32_t c) {
    return c == 0x200C || c == 0x200D;
}

/// Classes that the Bidi rule (RFC 5893, section 2) tells apart: `other` is ES, CS, ET, ON and BN.
enum class bidi_class { left, right, arabic_number, european_number, mark, other };

/// Whether `code_point` is in a block of right-to-left scripts: a cheap test that spares most domains the
/// Bidi rule.
[[nodiscard]] bool is_in_right_block(char32_t code_point);

[[nodiscard]] bidi_class bidi_class_of(char32_t code_point);

} // namespace tandem::detail
