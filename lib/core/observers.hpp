// What a runtime's options ask of tandem/observe/, which stands above the core. Declared here, defined there
// (lib/observe/observers.cpp).
#pragma once

#include <tandem/core/runtime.hpp>

#include <memory>

namespace tandem::detail {

class runtime_observers {
public:
    runtime_observers() = default;
    runtime_observers(const runtime_observers&) = delete;
    virtual ~runtime_observers() = default;
};

// Null when the options ask for nothing. Goes before the runtime's loops.
std::unique_ptr<runtime_observers> observe(runtime& watched, const runtime_options& options);

} // namespace tandem::detail
