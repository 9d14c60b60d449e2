// Locks and signals of the explored world. See explorer.hpp.
#pragma once

#include "tests/interleaving/explorer.hpp"

#include <mutex>

namespace explore {

// std::mutex's interface. Unlocking is a scheduling point, too: it may be the object's last use.
class mutex {
public:
    mutex() noexcept = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;

    void lock(place at = place::current()) noexcept;
    bool try_lock(place at = place::current()) noexcept;
    void unlock(place at = place::current()) noexcept;

private:
    friend class condition_variable;
    void acquire(const place& at) noexcept; // without a scheduling point before
    void release() noexcept;

    detail::liveness alive_;
    std::uint32_t number_ = 0; // for people
    int owner_ = -1;
    view released_;
};

// std::condition_variable's interface, without timed waits; not woken spuriously.
class condition_variable {
public:
    condition_variable() noexcept = default;
    condition_variable(const condition_variable&) = delete;
    condition_variable& operator=(const condition_variable&) = delete;

    void wait(std::unique_lock<mutex>& lock, place at = place::current()) noexcept;
    template <class Predicate>
    void wait(std::unique_lock<mutex>& lock, Predicate done, place at = place::current()) {
        while (!done())
            wait(lock, at);
    }
    void notify_one(place at = place::current()) noexcept;
    void notify_all(place at = place::current()) noexcept;

private:
    detail::liveness alive_;
};

// What a loop blocks on, as an eventfd: posts are counted, each `wait` takes one.
class signal {
public:
    void post(place at = place::current()) noexcept;
    void wait(place at = place::current()) noexcept;

private:
    detail::liveness alive_;
    unsigned posts_ = 0;
    view posted_;
};

// A plain variable of a scenario: that it is accessed without a race is checked.
template <class T>
class cell {
public:
    explicit cell(T value = T()) : value_(value) { wrote(); }

    T get(place at = place::current()) const {
        const auto me = current_fiber();
        check_write(at, "a read races with a write");
        if (me >= 0) read_[static_cast<std::size_t>(me)] = now();
        if (detail::tracing()) detail::trace("plain read", at);
        return value_;
    }
    void set(T value, place at = place::current()) {
        check_write(at, "a write races with a write");
        if (current_fiber() >= 0)
            for (std::size_t i = 0; i < most_fibers; ++i)
                if (read_[i] > detail::my_view().clock[i]) race("a write races with a read", at);
        if (detail::tracing()) detail::trace("plain write", at);
        value_ = value;
        wrote();
    }

private:
    // A moment of a fiber is known to another once the fiber has released something after it.
    static std::uint16_t now() {
        const auto me = static_cast<std::size_t>(current_fiber());
        return detail::my_view().clock[me];
    }
    void wrote() {
        writer_ = current_fiber();
        written_ = writer_ >= 0 ? now() : std::uint16_t{0};
    }
    void check_write(const place& at, const char* what) const {
        alive_.check(at);
        if (current_fiber() < 0 || writer_ < 0 || writer_ == current_fiber()) return;
        if (written_ > detail::my_view().clock[static_cast<std::size_t>(writer_)]) race(what, at);
    }
    [[noreturn]] static void race(const char* what, const place& at) {
        fail(std::string(what) + " (line " + std::to_string(at.line()) + ")");
    }

    detail::liveness alive_;
    T value_;
    int writer_ = -1;
    std::uint16_t written_ = 0;
    mutable std::array<std::uint16_t, most_fibers> read_{};
};

} // namespace explore
