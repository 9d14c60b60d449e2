#include <tandem/concurrency/first_success.hpp>

namespace tandem::detail {

void throw_no_success(std::vector<std::exception_ptr> failures) {
    const std::string what = "first_success: none of " + std::to_string(failures.size()) + " succeeded";
    throw aggregate_error(what, std::move(failures));
}

} // namespace tandem::detail
