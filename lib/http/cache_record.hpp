// A cached response as bytes, for stores that are not in memory. The body stands apart.
#pragma once

#include <tandem/http/cache_store.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tandem::http {

/// All but variant and body.
[[nodiscard]] std::string write_record(const cached_response& what);

/// Nothing for what is no record; the text is not trusted: fields are validated, sizes bounded.
[[nodiscard]] std::optional<cached_response> read_record(std::string_view text);

} // namespace tandem::http
