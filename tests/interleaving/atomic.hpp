// explore::atomic: std::atomic's interface, every operation a scheduling point. See explorer.hpp.
#pragma once

#include "tests/interleaving/explorer.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <type_traits>

namespace explore {

namespace detail {

template <class T>
std::string shown(const T& value) {
    if constexpr (std::is_same_v<T, bool>)
        return value ? "true" : "false";
    else if constexpr (std::is_integral_v<T>)
        return std::to_string(value);
    else if constexpr (std::is_enum_v<T>)
        return std::to_string(static_cast<long long>(value));
    else if constexpr (std::is_pointer_v<T>)
        return value ? "pointer" : "null";
    else
        return "value";
}

inline const char* shown(std::memory_order order) noexcept {
    switch (order) {
    case std::memory_order_relaxed:
        return "relaxed";
    case std::memory_order_release:
        return "release";
    case std::memory_order_acq_rel:
        return "acq_rel";
    case std::memory_order_seq_cst:
        return "seq_cst";
    default:
        return "acquire";
    }
}

constexpr std::memory_order order_of_failure(std::memory_order order) noexcept {
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    if (order == std::memory_order_release) return std::memory_order_relaxed;
    return order;
}

} // namespace detail

template <class T>
class atomic {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    using value_type = T;
    static constexpr bool is_always_lock_free = true;

    atomic() noexcept : atomic(T()) {}
    atomic(T value) noexcept { // as std::atomic's, not explicit
        values_[0] = value;
        if (detail::running()) {
            location_ = detail::new_location();
            execution_ = detail::execution();
            // Who sees the object at all sees this value; it is nobody's release.
        }
    }
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;

    T load(std::memory_order order = std::memory_order_seq_cst, place at = place::current()) const noexcept {
        if (!begin(at)) return newest();
        weaken(order, "load", at);
        const std::uint32_t index = pick(order);
        see(index, order);
        const T value = values_[index % kept_stores];
        if (detail::tracing()) note("load", order, at, "-> " + detail::shown(value) + age(index));
        return value;
    }
    operator T() const noexcept { return load(); }

    void store(T value, std::memory_order order = std::memory_order_seq_cst,
               place at = place::current()) noexcept {
        if (!begin(at)) {
            values_[last_ % kept_stores] = value;
            return;
        }
        if (planted("store", mutation::effect::skip, at)) return;
        weaken(order, "store", at);
        append(value, order, false);
        if (detail::tracing()) note("store", order, at, "<- " + detail::shown(value));
    }

    T exchange(T value, std::memory_order order = std::memory_order_seq_cst,
               place at = place::current()) noexcept {
        return modify("exchange", order, at, [value](T) { return value; });
    }

    bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure,
                                 place at = place::current()) noexcept {
        return swap_if(expected, desired, success, failure, false, at);
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order order = std::memory_order_seq_cst,
                                 place at = place::current()) noexcept {
        return swap_if(expected, desired, order, detail::order_of_failure(order), false, at);
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure,
                               place at = place::current()) noexcept {
        return swap_if(expected, desired, success, failure, true, at);
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order order = std::memory_order_seq_cst,
                               place at = place::current()) noexcept {
        return swap_if(expected, desired, order, detail::order_of_failure(order), true, at);
    }

    template <class U = T>
    T fetch_add(U by, std::memory_order order = std::memory_order_seq_cst,
                place at = place::current()) noexcept {
        return modify("fetch_add", order, at,
                      [by](T old) { return static_cast<T>(old + static_cast<T>(by)); });
    }
    template <class U = T>
    T fetch_sub(U by, std::memory_order order = std::memory_order_seq_cst,
                place at = place::current()) noexcept {
        return modify("fetch_sub", order, at,
                      [by](T old) { return static_cast<T>(old - static_cast<T>(by)); });
    }
    T fetch_or(T bits, std::memory_order order = std::memory_order_seq_cst,
               place at = place::current()) noexcept {
        return modify("fetch_or", order, at, [bits](T old) { return static_cast<T>(old | bits); });
    }
    T fetch_and(T bits, std::memory_order order = std::memory_order_seq_cst,
                place at = place::current()) noexcept {
        return modify("fetch_and", order, at, [bits](T old) { return static_cast<T>(old & bits); });
    }

    void wait(T old, std::memory_order order = std::memory_order_seq_cst,
              place at = place::current()) const noexcept {
        while (load(order, at) == old) {
            // The check and the sleep are one step, as in a futex: it looks at the newest value.
            if (newest() == old) detail::block(this, "a change of an atomic");
        }
    }
    void notify_one(place at = place::current()) noexcept {
        if (begin(at)) detail::unblock_one(this);
    }
    void notify_all(place at = place::current()) noexcept {
        if (begin(at)) detail::unblock_all(this);
    }

private:
    // False outside of an execution: then it is a plain variable.
    bool begin(const place& at) const noexcept {
        if (!detail::running()) return false;
        alive_.check(at);
        if (execution_ != detail::execution()) return false;
        detail::point();
        alive_.check(at);
        return true;
    }

    T newest() const noexcept { return values_[last_ % kept_stores]; }

    std::uint32_t oldest_allowed(std::memory_order order) const noexcept {
        std::uint32_t oldest = detail::my_view().oldest[location_];
        if (order == std::memory_order_seq_cst)
            oldest = std::max<std::uint32_t>(oldest, detail::seq_cst_view().oldest[location_]);
        if (last_ >= kept_stores) oldest = std::max(oldest, last_ - kept_stores + 1);
        return oldest;
    }

    // Which store a load returns; those with equal values count as one.
    std::uint32_t pick(std::memory_order order) const noexcept {
        std::array<std::uint32_t, kept_stores> candidates{};
        std::size_t count = 0;
        candidates[count++] = last_;
        const std::uint32_t oldest = oldest_allowed(order);
        for (std::uint32_t i = last_; i-- > oldest;)
            if (values_[i % kept_stores] != values_[candidates[count - 1] % kept_stores])
                candidates[count++] = i;
        return count == 1 ? last_ : candidates[detail::choose_odd(count)];
    }

    void see(std::uint32_t index, std::memory_order order) const noexcept {
        view& mine = detail::my_view();
        const auto number = static_cast<std::uint16_t>(index);
        mine.oldest[location_] = std::max(mine.oldest[location_], number);
        if (acquires(order)) mine.merge(messages_[index % kept_stores]);
        if (order == std::memory_order_seq_cst) {
            auto& all = detail::seq_cst_view().oldest[location_];
            all = std::max(all, number);
        }
    }

    // `continues`: a read-modify-write, which continues the release sequence of what it read.
    void append(T value, std::memory_order order, bool continues) noexcept {
        view message;
        if (continues) message = messages_[last_ % kept_stores];
        ++last_;
        view& mine = detail::my_view();
        mine.oldest[location_] = static_cast<std::uint16_t>(last_);
        if (releases(order)) {
            message.merge(mine);
            const auto me = static_cast<std::size_t>(current_fiber());
            ++mine.clock[me]; // what follows is not part of the message
        }
        if (order == std::memory_order_seq_cst)
            detail::seq_cst_view().oldest[location_] = static_cast<std::uint16_t>(last_);
        values_[last_ % kept_stores] = value;
        messages_[last_ % kept_stores] = message;
    }

    template <class F>
    T modify(const char* name, std::memory_order order, const place& at, F f) noexcept {
        if (!begin(at)) {
            const T old = newest();
            values_[last_ % kept_stores] = f(old);
            return old;
        }
        weaken(order, name, at);
        see(last_, order);
        const T old = newest();
        const T value = f(old);
        if (planted(name, mutation::effect::split, at)) {
            if (detail::tracing()) note(name, order, at, "(planted bug: reads " + detail::shown(old) + ")");
            detail::point();
        }
        append(value, order, true);
        if (detail::tracing())
            note(name, order, at, "-> " + detail::shown(old) + ", <- " + detail::shown(value));
        return old;
    }

    bool swap_if(T& expected, T desired, std::memory_order success, std::memory_order failure, bool weak,
                 const place& at) noexcept {
        if (!begin(at)) {
            const T old = newest();
            if (old != expected) {
                expected = old;
                return false;
            }
            values_[last_ % kept_stores] = desired;
            return true;
        }
        weaken(success, "cas", at);
        weaken(failure, "cas", at);
        const bool blind = planted("cas", mutation::effect::succeed, at);
        std::uint32_t index = last_;
        bool spurious = false;
        if (newest() != expected) {
            index = pick(failure);
            if (values_[index % kept_stores] == expected) index = last_; // an old value that would not fail
        } else {
            // Fails with an old value, or for no reason at all.
            const std::uint32_t oldest = oldest_allowed(failure);
            std::uint32_t older = last_;
            for (std::uint32_t i = last_; i-- > oldest && older == last_;)
                if (values_[i % kept_stores] != expected) older = i;
            const std::size_t count = 1 + (older != last_ ? 1u : 0u) + (weak ? 1u : 0u);
            const std::size_t chosen = count == 1 ? 0 : detail::choose_odd(count);
            if (chosen == 1 && older != last_)
                index = older;
            else if (chosen != 0)
                spurious = true;
        }
        if (blind || (!spurious && values_[index % kept_stores] == expected)) {
            see(last_, success);
            append(desired, success, true);
            if (detail::tracing()) note("cas", success, at, "succeeds, <- " + detail::shown(desired));
            return true;
        }
        see(index, failure);
        expected = values_[index % kept_stores];
        if (detail::tracing()) note("cas", failure, at, "fails, -> " + detail::shown(expected) + age(index));
        return false;
    }

    static bool planted(const char* name, mutation::effect what, const place& at) noexcept {
        const mutation* const bug = detail::planted();
        return bug && bug->what == what && detail::matches(*bug, name, at);
    }
    static void weaken(std::memory_order& order, const char* name, const place& at) noexcept {
        if (planted(name, mutation::effect::relax, at)) order = std::memory_order_relaxed;
        if (order == std::memory_order_seq_cst && planted(name, mutation::effect::weaken, at)) {
            const std::string_view operation = name;
            order = operation == "load"    ? std::memory_order_acquire
                    : operation == "store" ? std::memory_order_release
                                           : std::memory_order_acq_rel;
        }
    }

    std::string age(std::uint32_t index) const {
        if (index == last_) return {};
        return " (old: the newest is " + detail::shown(newest()) + ")";
    }
    void note(const char* name, std::memory_order order, const place& at, const std::string& result) const {
        detail::trace("atomic " + std::to_string(location_) + " " + name + " " + detail::shown(order) + " " +
                          result,
                      at);
    }

    detail::liveness alive_;
    std::uint16_t location_ = 0;
    std::uint32_t execution_ = 0;
    std::uint32_t last_ = 0; // the number of the newest store
    std::array<T, kept_stores> values_{};
    std::array<view, kept_stores> messages_;
};

} // namespace explore
