// What servers ask for: the WWW-Authenticate field (RFC 9110, 11.6.1).
#pragma once

#include <tandem/http/headers.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::http {

/// One scheme and its parameters, quotes and backslashes taken off.
class challenge {
public:
    challenge() noexcept {}
    std::string scheme; // as written
    std::vector<std::pair<std::string, std::string>> parameters;

    /// The value of a parameter, whatever the case of its name; of several the first.
    [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
};

/// All challenges of a field's value, in order. Stops at what cannot be understood; at most 16 challenges of
/// 32 parameters each are read. A token68 (as in `Negotiate abc==`) is skipped.
[[nodiscard]] std::vector<challenge> parse_challenges(std::string_view value);

} // namespace tandem::http
