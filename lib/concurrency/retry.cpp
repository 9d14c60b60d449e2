#include <tandem/concurrency/retry.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <typeinfo>

namespace tandem::detail {

namespace {

// The same exception, its message saying how often it was tried: where the type is known exactly.
std::exception_ptr with_attempts(const std::exception_ptr& failure, std::size_t attempts) {
    if (attempts < 2) return failure;
    const std::string note = " (after " + std::to_string(attempts) + " attempts)";
    try {
        std::rethrow_exception(failure);
    } catch (const timeout_error& e) {
        // A system_error's text is what it was given, ": ", and the code's own message.
        if (typeid(e) != typeid(timeout_error)) return failure;
        std::string what = e.what();
        what = what.substr(0, what.rfind(": " + e.code().what()));
        return std::make_exception_ptr(
            timeout_error(what + note, e.limit(), *e.operation() ? e.operation() : nullptr));
    } catch (const system_error& e) {
        if (typeid(e) != typeid(system_error)) return failure;
        std::string what = e.what();
        const std::size_t own = what.rfind(": " + e.code().what());
        what = own == std::string::npos ? std::string() : what.substr(0, own);
        return std::make_exception_ptr(system_error(e.code(), what + note));
    } catch (const std::runtime_error& e) {
        if (typeid(e) != typeid(std::runtime_error)) return failure;
        return std::make_exception_ptr(std::runtime_error(e.what() + note));
    } catch (...) {
        return failure;
    }
}

} // namespace

retry_state::retry_state(retry_policy policy)
    : policy_(std::move(policy)), context_(*task_context::current()),
      end_(policy_.budget() ? deadline_after(*policy_.budget()) : scheduler::clock::time_point::max()),
      pauses_(policy_.initial_delay(), policy_.max_delay(), policy_.seed()) {}

scheduler::clock::time_point retry_state::attempt_deadline() const noexcept {
    if (!policy_.attempt_timeout()) return end_;
    return std::min(end_, deadline_after(*policy_.attempt_timeout()));
}

std::chrono::nanoseconds retry_state::pause_after(const std::exception_ptr& failure) {
    if (context_.cancelled()) std::rethrow_exception(failure);
    const bool worth_it = policy_.when() ? policy_.when()(failure) : !is_cancellation(failure);
    if (!worth_it || attempt_ >= policy_.attempts()) std::rethrow_exception(with_attempts(failure, attempt_));

    const std::chrono::nanoseconds pause = pauses_.next();
    if (end_ != scheduler::clock::time_point::max() && pause >= end_ - context_.home().now())
        std::rethrow_exception(with_attempts(failure, attempt_));
    if (policy_.on_retry()) policy_.on_retry()(attempt_, failure, pause);
    return pause;
}

void retry_state::begin_next(const std::exception_ptr& failure) {
    if (context_.home().now() >= end_) std::rethrow_exception(with_attempts(failure, attempt_));
    ++attempt_;
}

} // namespace tandem::detail
