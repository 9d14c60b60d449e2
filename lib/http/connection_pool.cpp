#include "lib/http/connection_pool.hpp"

#include <tandem/core/error.hpp>

namespace tandem::http {

class connection_pool::pin {
public:
    pin(connection_pool& pool, pool_origin& origin) noexcept : pool_(pool), origin_(origin) {
        ++origin_.pins_;
    }
    ~pin() {
        if (--origin_.pins_ == 0) pool_.forget_if_unused(origin_);
    }
    pin(const pin&) = delete;
    pin& operator=(const pin&) = delete;

private:
    connection_pool& pool_;
    pool_origin& origin_;
};

connection_pool::~connection_pool() {
    close_idle();
}

bool connection_pool::bind(scheduler& home) noexcept {
    if (home_ == &home) return true;
    if (home_ && (open_ != 0 || waiting_ != 0)) return false;
    if (armed()) home_->disarm(*this);
    home_ = &home;
    return true;
}

pool_origin& connection_pool::origin_of(std::string_view key) {
    auto found = origins_.find(key);
    if (found == origins_.end()) {
        found = origins_.try_emplace(std::string(key)).first;
        found->second.key_ = found->first;
        // give_back() must not fail, so what it fills has its room already.
        found->second.idle_.reserve(settings_.per_host);
    }
    return found->second;
}

void connection_pool::forget_if_unused(pool_origin& origin) noexcept {
    if (origin.in_use_ != 0 || !origin.idle_.empty() || !origin.waiters_.empty() || origin.in_turn_ ||
        origin.pins_ != 0)
        return;
    origins_.erase(origins_.find(origin.key_));
}

// A connection for the next request to `origin`, if the limits allow one now. The caller pins the origin.
std::unique_ptr<connection> connection_pool::take(pool_origin& origin) {
    if (origin.in_use_ >= settings_.per_host) return nullptr;
    if (oldest_idle_) close_expired();
    while (!origin.idle_.empty()) {
        std::unique_ptr<connection> kept = std::move(origin.idle_.back());
        origin.idle_.pop_back();
        unlink_idle(*kept);
        if (kept->stream.has_input()) { // closed by the peer, or out of step with it
            --open_;
            continue;
        }
        ++origin.in_use_;
        return kept;
    }
    if (open_ >= settings_.total) {
        if (!oldest_idle_) return nullptr;
        close_oldest_idle();
    }
    auto fresh = std::make_unique<connection>(origin, settings_.response_limits);
    ++open_;
    ++origin.in_use_;
    return fresh;
}

void connection_pool::give_back(std::unique_ptr<connection> held, bool keep) noexcept {
    pool_origin& origin = held->origin_;
    const pin pinned(*this, origin);
    --origin.in_use_;
    if (keep) {
        pool_origin* const turn = next_turn();
        if (!turn) { // nobody waits for the total limit
            if (!origin.waiters_.empty()) {
                ++origin.in_use_;
                grant(origin, std::move(held));
            } else {
                keep_idle(std::move(held));
            }
            return;
        }
        if (turn == &origin) { // its own turn: no need to close and open
            turns_.pop_front();
            origin.in_turn_ = false;
            ++origin.in_use_;
            grant(origin, std::move(held));
            enter_turns(origin);
            return;
        }
    }
    held.reset();
    --open_;
    enter_turns(origin);
    serve();
}

void connection_pool::keep_idle(std::unique_ptr<connection> held) noexcept {
    connection& c = *held;
    c.http1.drop_input();
    c.stream.expires_at(clock::time_point::max());
    c.idle_since_ = home_->now();
    c.older_ = newest_idle_;
    c.newer_ = nullptr;
    (newest_idle_ ? newest_idle_->newer_ : oldest_idle_) = &c;
    newest_idle_ = &c;
    ++idle_count_;
    c.origin_.idle_.push_back(std::move(held));
    arm_timer();
}

void connection_pool::unlink_idle(connection& c) noexcept {
    (c.older_ ? c.older_->newer_ : oldest_idle_) = c.newer_;
    (c.newer_ ? c.newer_->older_ : newest_idle_) = c.older_;
    c.older_ = c.newer_ = nullptr;
    --idle_count_;
}

void connection_pool::close_oldest_idle() noexcept {
    connection& c = *oldest_idle_;
    pool_origin& origin = c.origin_;
    unlink_idle(c);
    c.stream.shutdown();
    origin.idle_.erase(origin.idle_.begin()); // within an origin the oldest comes first
    --open_;
    forget_if_unused(origin);
}

void connection_pool::close_idle() noexcept {
    while (oldest_idle_)
        close_oldest_idle();
    if (armed()) home_->disarm(*this);
}

void connection_pool::close_expired() noexcept {
    if (settings_.idle_timeout.count() == 0) return;
    const auto limit = home_->now() - settings_.idle_timeout;
    while (oldest_idle_ && oldest_idle_->idle_since_ <= limit)
        close_oldest_idle();
}

void connection_pool::arm_timer() noexcept {
    if (settings_.idle_timeout.count() == 0 || armed() || !oldest_idle_) return;
    home_->arm(*this, oldest_idle_->idle_since_ + settings_.idle_timeout);
}

void connection_pool::on_timer(timer_node& timer) noexcept {
    auto& self = static_cast<connection_pool&>(timer);
    self.close_expired();
    self.arm_timer();
}

// Gives what the total limit has free to the origins that wait for it, one after the other.
void connection_pool::serve() noexcept {
    while (open_ < settings_.total) {
        pool_origin* const origin = next_turn();
        if (!origin) return;
        turns_.pop_front();
        origin->in_turn_ = false;
        const pin pinned(*this, *origin);
        std::unique_ptr<connection> held = take(*origin);
        if (!held) continue;
        grant(*origin, std::move(held));
        enter_turns(*origin);
    }
}

void connection_pool::enter_turns(pool_origin& origin) noexcept {
    if (origin.in_turn_ || origin.waiters_.empty() || origin.in_use_ >= settings_.per_host) return;
    origin.in_turn_ = true;
    turns_.push_back(&origin);
}

pool_origin* connection_pool::next_turn() noexcept {
    while (!turns_.empty()) {
        pool_origin& origin = *turns_.front();
        if (!origin.waiters_.empty() && origin.in_use_ < settings_.per_host) return &origin;
        turns_.pop_front(); // its waiters have given up
        origin.in_turn_ = false;
        forget_if_unused(origin);
    }
    return nullptr;
}

void connection_pool::grant(pool_origin& origin, std::unique_ptr<connection> held) noexcept {
    auto& lucky = static_cast<acquire_awaiter&>(*origin.waiters_.pop_front());
    --waiting_;
    lucky.granted_ = std::move(held);
    home_->disarm(lucky);
    static_cast<waiter&>(lucky).wake();
}

void connection_pool::leave(pool_origin& origin, waiter& w) noexcept {
    origin.waiters_.remove(w);
    --waiting_;
    forget_if_unused(origin);
}

// ---- waiting ----

connection_pool::acquire_awaiter::~acquire_awaiter() {
    if (linked()) {
        pool_.home_->disarm(*this);
        pool_.leave(*origin_, *this);
    }
    if (granted_) pool_.give_back(std::move(granted_), false);
}

bool connection_pool::acquire_awaiter::await_ready() {
    if (waiter::context().cancelled()) return cancelled_ = true;
    origin_ = &pool_.origin_of(key_);
    if (!origin_->waiters_.empty()) return false;
    ++origin_->pins_; // until it has a waiter, or a connection
    granted_ = pool_.take(*origin_);
    --origin_->pins_;
    return granted_ != nullptr;
}

void connection_pool::acquire_awaiter::await_suspend(std::coroutine_handle<> at) {
    task_context& context = waiter::context();
    context.suspend(at, this, "connection");
    origin_->waiters_.push_back(*this);
    ++pool_.waiting_;
    pool_.enter_turns(*origin_);
    if (deadline_ != clock::time_point::max()) pool_.home_->arm(*this, deadline_);
}

connection_pool::lease connection_pool::acquire_awaiter::await_resume() {
    if (granted_) return lease(pool_, std::move(granted_));
    if (cancelled_) throw operation_cancelled("waiting for an HTTP connection was cancelled");
    return lease();
}

void connection_pool::acquire_awaiter::on_cancel(cancel_hook& hook) noexcept {
    auto& self = static_cast<acquire_awaiter&>(hook);
    if (!self.linked()) return; // granted at the same time: the lease is handed over
    self.cancelled_ = true;
    self.pool_.home_->disarm(self);
    self.give_up();
}

void connection_pool::acquire_awaiter::on_time(timer_node& timer) noexcept {
    auto& self = static_cast<acquire_awaiter&>(timer);
    if (self.linked()) self.give_up();
}

void connection_pool::acquire_awaiter::give_up() noexcept {
    pool_.leave(*origin_, *this);
    static_cast<waiter&>(*this).wake();
}

} // namespace tandem::http
