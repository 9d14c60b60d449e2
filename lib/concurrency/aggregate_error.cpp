#include <tandem/concurrency/aggregate_error.hpp>

#include <tandem/core/error.hpp>

#include <cstddef>
#include <utility>

namespace tandem {

namespace {

// A thousand children that fail alike need no thousand lines.
constexpr std::size_t most_described = 16;

std::string message(const std::string& what_failed, const std::vector<std::exception_ptr>& failures) {
    std::string text = what_failed;
    for (std::size_t i = 0; i < failures.size(); ++i) {
        text += i == 0 ? ": " : "; ";
        if (i == most_described) {
            text.append("and ").append(std::to_string(failures.size() - i)).append(" more");
            break;
        }
        text.append("(").append(std::to_string(i + 1)).append(") ").append(describe(failures[i]));
    }
    return text;
}

} // namespace

aggregate_error::aggregate_error(const std::string& what_failed, std::vector<std::exception_ptr> failures)
    : std::runtime_error(message(what_failed, failures)),
      failures_(std::make_shared<const std::vector<std::exception_ptr>>(std::move(failures))) {}

} // namespace tandem
