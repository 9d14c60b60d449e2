// A host's addresses as the client's options say: given ones, a function's, or the system's name servers'.
#pragma once

#include "lib/net/resolver.hpp"

#include <tandem/core/task.hpp>
#include <tandem/http/client_options.hpp>

#include <string>

namespace tandem::http {

/// As net::resolver::resolve, which it uses in the end.
[[nodiscard]] task<net::resolve_result> look_up(const client_options& options, std::string host,
                                                scheduler::clock::time_point deadline);

} // namespace tandem::http
