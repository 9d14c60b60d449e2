// The door by which the protocol readers fill in fields that they have validated themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/http/headers.hpp"

namespace tandem::http::detail {

struct headers_access {
    using entry = headers::entry;

    static std::string& buffer(headers& of) noexcept { return of.buffer_; }
    static std::vector<entry>& entries(headers& of) noexcept { return of.entries_; }

    /// Appends a field that is known to be valid and is no view into `to`.
    static void append(headers& to, std::string_view name, std::string_view value) {
        to.entries_.push_back(to.append_text(name, value));
    }
};

} // namespace tandem::http::detail
