// The reply of name servers that comes behind an answer: see `resolve_result::late`.
#pragma once

#include "lib/net/resolver_core.hpp"

#include <memory>
#include <utility>

namespace tandem::net {

class late_lookup {
public:
    late_lookup(std::shared_ptr<resolver::core> c, std::shared_ptr<lookup> l) noexcept
        : core(std::move(c)), asked(std::move(l)) {}

    const std::shared_ptr<resolver::core> core;
    const std::shared_ptr<lookup> asked; // to be looked at inside a section of the core
};

} // namespace tandem::net
