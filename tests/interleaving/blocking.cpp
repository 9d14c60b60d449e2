#include "tests/interleaving/blocking.hpp"

#include <string>

namespace explore {

void mutex::acquire(const place& at) noexcept {
    while (owner_ >= 0) {
        if (owner_ == current_fiber()) fail("a lock is locked twice by the same thread");
        detail::block(this, "a lock");
        alive_.check(at);
    }
    owner_ = current_fiber();
    detail::my_view().merge(released_);
    if (detail::tracing()) {
        if (number_ == 0) number_ = detail::new_object();
        detail::trace("lock " + std::to_string(number_) + " taken", at);
    }
}

void mutex::release() noexcept {
    if (owner_ != current_fiber()) fail("a lock is unlocked by a thread that does not hold it");
    owner_ = -1;
    view& mine = detail::my_view();
    released_.merge(mine);
    ++mine.clock[static_cast<std::size_t>(current_fiber())];
    detail::unblock_all(this);
}

void mutex::lock(place at) noexcept {
    if (!detail::running()) return;
    alive_.check(at);
    detail::point();
    alive_.check(at);
    acquire(at);
}

bool mutex::try_lock(place at) noexcept {
    if (!detail::running()) return true;
    alive_.check(at);
    detail::point();
    alive_.check(at);
    if (owner_ >= 0) {
        if (detail::tracing()) detail::trace("lock is taken: try_lock fails", at);
        return false;
    }
    acquire(at);
    return true;
}

void mutex::unlock(place at) noexcept {
    if (!detail::running()) return;
    alive_.check(at);
    detail::point();
    alive_.check(at);
    if (detail::tracing()) detail::trace("lock " + std::to_string(number_) + " released", at);
    release();
}

void condition_variable::wait(std::unique_lock<mutex>& lock, place at) noexcept {
    if (!detail::running()) return;
    alive_.check(at);
    detail::point();
    alive_.check(at);
    if (detail::tracing()) detail::trace("waits for a condition variable", at);
    mutex& held = *lock.mutex();
    held.release();
    detail::block(this, "a condition variable");
    alive_.check(at);
    held.acquire(at);
}

void condition_variable::notify_one(place at) noexcept {
    if (!detail::running()) return;
    alive_.check(at);
    detail::point();
    alive_.check(at);
    const bool woke = detail::unblock_one(this);
    if (detail::tracing()) detail::trace(woke ? "notify_one wakes a thread" : "notify_one, nobody waits", at);
}

void condition_variable::notify_all(place at) noexcept {
    if (!detail::running()) return;
    alive_.check(at);
    detail::point();
    alive_.check(at);
    if (detail::tracing()) detail::trace("notify_all", at);
    detail::unblock_all(this);
}

void signal::post(place at) noexcept {
    alive_.check(at);
    detail::point();
    alive_.check(at);
    ++posts_;
    view& mine = detail::my_view();
    posted_.merge(mine);
    ++mine.clock[static_cast<std::size_t>(current_fiber())];
    if (detail::tracing()) detail::trace("posts a wake-up", at);
    detail::unblock_all(this);
}

void signal::wait(place at) noexcept {
    alive_.check(at);
    detail::point();
    if (detail::tracing()) detail::trace("goes to sleep", at);
    while (posts_ == 0) {
        detail::block(this, "a wake-up");
        alive_.check(at);
    }
    --posts_;
    detail::my_view().merge(posted_);
    if (detail::tracing()) detail::trace("is awake", at);
}

} // namespace explore
