// An end that comes once and that one party at a time waits for. Internal.
//
// One word: nobody listens, the listener, or over. So whoever ends it either sees the listener and tells it,
// or came first, and then the listener is told so when it registers. acq_rel throughout: what was written
// before the end is seen by who learns of it, and the listener's own state by who tells it.
#pragma once

#include <tandem/core/detail/sync_policy.hpp>

#include <atomic>

namespace tandem::detail {

class completion_listener {
public:
    // Called once, by whoever ends what is listened to; the listener may be gone when it returns.
    using action = void (*)(completion_listener& self) noexcept;

    explicit constexpr completion_listener(action told) noexcept : told_(told) {}
    completion_listener(const completion_listener&) = delete;
    completion_listener& operator=(const completion_listener&) = delete;

private:
    friend class completion_flag;
    action told_;
};

class completion_flag {
public:
    completion_flag() noexcept : word_(nullptr) {}
    completion_flag(const completion_flag&) = delete;
    completion_flag& operator=(const completion_flag&) = delete;

    bool done() const noexcept { return word_.load(std::memory_order_acquire) == &over_; }

    // False: it is over, and the listener will not be told. One listener at a time.
    bool listen(completion_listener& listener) noexcept {
        completion_listener* expected = nullptr;
        return word_.compare_exchange_strong(expected, &listener, std::memory_order_acq_rel,
                                             std::memory_order_acquire);
    }

    // True: it will not be told any more. False: it has been told, or is just being told.
    bool unlisten(completion_listener& listener) noexcept {
        completion_listener* expected = &listener;
        return word_.compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel,
                                             std::memory_order_acquire);
    }

    // Once. Somebody may see the end and destroy this object before the call returns.
    void complete() noexcept {
        completion_listener* const listener = word_.exchange(&over_, std::memory_order_acq_rel);
        if (listener != nullptr) listener->told_(*listener);
    }

private:
    static inline constinit completion_listener over_{nullptr};

    atomic<completion_listener*> word_;
};

} // namespace tandem::detail
