#include <tandem/core/error.hpp>

#include <boost/system/errc.hpp>

#include <cerrno>
#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <typeinfo>

namespace tandem {

namespace {

error_code aborted() {
    return error_code(ECANCELED, boost::system::system_category());
}
error_code timed_out() {
    return error_code(ETIMEDOUT, boost::system::system_category());
}

std::string seconds(std::chrono::nanoseconds limit) {
    const auto signed_ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
    const auto ms = signed_ms < 0 ? -signed_ms : signed_ms; // far from what would overflow
    std::string text = (signed_ms < 0 ? "-" : "") + std::to_string(ms / 1000);
    if (ms % 1000 != 0) {
        std::string fraction = std::to_string(1000 + ms % 1000).substr(1);
        while (fraction.back() == '0')
            fraction.pop_back();
        text += '.' + fraction;
    }
    return text + " s";
}

std::string type_name(const std::type_info& type) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> name(
        abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
    return status == 0 ? name.get() : type.name();
}

} // namespace

operation_cancelled::operation_cancelled() : operation_cancelled("the task was cancelled") {}
operation_cancelled::operation_cancelled(const std::string& what_was_cancelled)
    : system_error(aborted()), text_(what_was_cancelled) {}

timeout_error::timeout_error(std::chrono::nanoseconds limit, const char* operation)
    : timeout_error("not done within " + seconds(limit) +
                        (operation ? " (it waited for " + std::string(operation) + ")" : std::string()),
                    limit, operation) {}
timeout_error::timeout_error(const std::string& what_timed_out, std::chrono::nanoseconds limit,
                             const char* operation)
    : system_error(timed_out()), text_(what_timed_out), limit_(limit), operation_(operation) {}

bool is_cancellation(const std::exception_ptr& error) noexcept {
    if (!error) return false;
    try {
        std::rethrow_exception(error);
    } catch (const operation_cancelled&) {
        return true;
    } catch (...) {
        return false;
    }
}

std::string describe(const std::exception_ptr& error) noexcept {
    if (!error) return "no error";
    try {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            return type_name(typeid(e)) + ": " + e.what();
        } catch (...) {
            const std::type_info* type = abi::__cxa_current_exception_type();
            return type ? type_name(*type) : std::string("an exception of unknown type");
        }
    } catch (...) {
        return "an exception (its description failed)";
    }
}

} // namespace tandem
