#include <tandem/concurrency/first_success.hpp>

namespace tandem::detail {

void throw_no_success(std::vector<std::exception_ptr> failures) {
    throw aggregate_error("first_success: none of " + std::to_string(failures.size()) + " succeeded",
                          std::move(failures));
}

} // namespace tandem::detail
