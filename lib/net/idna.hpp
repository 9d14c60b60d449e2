// Internationalized domain names: a Unicode domain to its ASCII form.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::detail {

/// Longest domain, in code points before and after mapping, that is processed when it is not ASCII. The
/// standard sets no limit (DNS does, at 253 octets); this one keeps a hostile name cheap.
inline constexpr std::size_t max_unicode_domain = 2048;

/// The WHATWG URL standard's "domain to ASCII" (section 3.3) with beStrict false: Unicode ToASCII (UTS #46)
/// with non-transitional processing, CheckHyphens, UseSTD3ASCIIRules and VerifyDnsLength off, CheckBidi and
/// CheckJoiners on. An ASCII domain is only made lower case; its xn-- labels are not looked into (they are
/// where another label is not ASCII). `domain` must be UTF-8. Returns nothing for what IDNA refuses. The
/// result can still be empty or hold forbidden domain code points: the host parser checks that.
[[nodiscard]] std::optional<std::string> domain_to_ascii(std::string_view domain);

} // namespace tandem::detail
