#include <tandem/sync/barrier.hpp>

#include <tandem/core/error.hpp>

#include <stdexcept>
#include <utility>

namespace tandem {

namespace {
[[noreturn]] void throw_nobody_expected() {
    throw std::logic_error("barrier: an arrival after everybody has dropped out");
}
} // namespace

barrier::barrier(std::size_t expected, std::function<void()> completion)
    : expected_(expected), completion_(std::move(completion)) {
    if (expected == 0) throw std::invalid_argument("barrier: at least one arrival must be expected");
}

barrier::~barrier() {
    waiters_.abandon();
}

std::size_t barrier::expected() const noexcept {
    const std::lock_guard lock(lock_);
    return expected_;
}

// The waiters of a phase that is over, oldest first. From here on they cannot be cancelled.
barrier::wait_awaiter* barrier::take_phase() noexcept {
    wait_awaiter* first = nullptr;
    wait_awaiter** tail = &first;
    const std::size_t most = expected_ == 0 ? waiting_ : expected_;
    for (std::size_t n = 0; n < most; ++n) {
        waiter* const w = waiters_.take_front(); // woken by end_phase, after the completion function
        if (!w) break;
        --waiting_;
        auto* const next = static_cast<wait_awaiter*>(w);
        next->grant();
        *tail = next;
        tail = &next->next_of_phase_;
    }
    ending_ = true;
    due_ = false;
    return first;
}

// Runs the completion function and releases the phase; then the next one, if it is over as well. Returns what
// the first function threw. The last touch of the barrier comes before the last wake.
std::exception_ptr barrier::end_phase(wait_awaiter* first) {
    std::exception_ptr mine;
    for (bool is_mine = true;; is_mine = false) {
        std::exception_ptr failure;
        try {
            if (completion_) completion_();
        } catch (...) {
            failure = std::current_exception();
        }
        wait_awaiter* next = nullptr;
        bool more = false;
        {
            const std::lock_guard lock(lock_);
            more = due_ || (expected_ > 0 && waiting_ >= expected_);
            if (more)
                next = take_phase();
            else
                ending_ = false;
        }
        wake_chain to_wake;
        for (; first; first = first->next_of_phase_) {
            first->failure_ = failure;
            to_wake.add(*first);
        }
        if (is_mine) mine = std::move(failure);
        failure = nullptr; // the waiters' from here on
        to_wake.wake_all();
        if (!more) return mine;
        first = next;
    }
}

void barrier::arrive_and_drop() {
    wait_awaiter* first = nullptr;
    {
        const std::lock_guard lock(lock_);
        if (expected_ == 0) throw_nobody_expected();
        --expected_;
        if (waiting_ < expected_) return;
        if (ending_) {
            // Looked at again when the completion has run: an arrival may have been taken back by then. Only
            // when nobody is expected any more there is nothing to be counted.
            due_ = expected_ == 0;
            return;
        }
        first = take_phase();
    }
    if (std::exception_ptr failure = end_phase(first)) std::rethrow_exception(std::move(failure));
}

bool barrier::wait_awaiter::await_suspend(std::coroutine_handle<> at) {
    if (cancelled_before()) return requeue(at);
    wait_awaiter* first = nullptr;
    {
        const std::lock_guard lock(guard());
        if (owner_.expected_ == 0) throw_nobody_expected();
        if (owner_.ending_ || owner_.waiting_ + 1 < owner_.expected_) {
            ++owner_.waiting_;
            return enqueue(owner_.waiters_, at, "barrier.arrive_and_wait");
        }
        first = owner_.take_phase();
    }
    failure_ = owner_.end_phase(first);
    return !grant_now() && requeue(at);
}

void barrier::wait_awaiter::await_resume() {
    if (!granted()) throw operation_cancelled("the wait at a barrier was cancelled");
    if (failure_) std::rethrow_exception(std::move(failure_));
}

void barrier::wait_awaiter::withdrawn(wake_chain&) noexcept {
    --owner_.waiting_;
}

} // namespace tandem
