// aggregate_error: several failures at once, none of them lost.
//
// Thrown where more than one task may fail before the caller is told: by a group that collects all failures,
// by `first_success` when nothing succeeded. Its message holds those of all of them.
#pragma once

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace tandem {

class aggregate_error : public std::runtime_error {
public:
    // `what_failed` opens the message: "3 tasks of a group failed: ...".
    aggregate_error(const std::string& what_failed, std::vector<std::exception_ptr> failures);

    // Each failure; the order is that of the operation that throws.
    const std::vector<std::exception_ptr>& errors() const noexcept { return *failures_; }

private:
    std::shared_ptr<const std::vector<std::exception_ptr>>
        failures_; // an exception is copied without throwing
};

} // namespace tandem
