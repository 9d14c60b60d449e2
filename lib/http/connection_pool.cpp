#include "lib/http/connection_pool.hpp"

#include <tandem/core/error.hpp>
#include <tandem/core/time_span.hpp>

#include <algorithm>

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
        // A key of another form is that of requests that cannot go over HTTP/2.
        found->second.expects_http2_ = (settings_.http2 == http2_use::by_alpn && key.starts_with("https:")) ||
                                       (settings_.http2 == http2_use::prior_knowledge &&
                                        (key.starts_with("https:") || key.starts_with("http:")));
    }
    return found->second;
}

void connection_pool::forget_if_unused(pool_origin& origin) noexcept {
    if (origin.in_use_ != 0 || !origin.idle_.empty() || !origin.waiters_.empty() || origin.in_turn_ ||
        origin.pins_ != 0)
        return;
    origins_.erase(origins_.find(origin.key_));
}

// Whether a further connection would be of use.
bool connection_pool::may_open(const pool_origin& origin) const noexcept {
    if (!origin.expects_http2_) return true;
    if (origin.agreeing_) return false;
    for (const auto& c : origin.shared_)
        if (c->http2->usable() && !aged(*c)) return false;
    return true;
}

bool connection_pool::has_room(const pool_origin& origin) const noexcept {
    return origin.in_use_ < settings_.per_host && may_open(origin);
}

bool connection_pool::aged(const connection& c) const noexcept {
    return settings_.max_age.count() > 0 && home_->now() - c.opened_at >= settings_.max_age;
}

// False: closed by the peer, out of step with it, or too old.
bool connection_pool::usable(connection& idle, clock::time_point now) noexcept {
    if (aged(idle)) return false;
    if (idle.http2) {
        idle.http2->refresh();
        return idle.http2->usable();
    }
    // The look is a system call for each request. What it could find was sent after the response, on the way
    // here or earlier; while the request is on its way there, nothing finds it. Right after the response the
    // first window is the smaller one, and both end alike: a request that may be repeated is, others look for
    // themselves (exchange::hop).
    constexpr std::chrono::milliseconds fresh(1);
    if (idle.stream.was_quiet() && now - idle.idle_since_ < fresh) return true;
    return !idle.stream.has_input();
}

// A connection for the next request to `origin`, if the limits allow one now. The caller pins the origin.
connection* connection_pool::take(pool_origin& origin) {
    if (connection* const shared = take_shared(origin)) return shared;
    if (!has_room(origin)) return nullptr;
    const clock::time_point now = oldest_idle_ ? home_->now() : clock::time_point(); // for idle ones only
    close_expired(now);
    while (!origin.idle_.empty()) {
        std::unique_ptr<connection> kept = std::move(origin.idle_.back());
        origin.idle_.pop_back();
        unlink_idle(*kept);
        if (!usable(*kept, now)) {
            --open_;
            continue;
        }
        ++origin.in_use_;
        return use(origin, std::move(kept));
    }
    if (open_ >= settings_.total) {
        if (!oldest_idle_) return nullptr;
        close_oldest_idle();
    }
    // give_back() must not fail, so what it fills has its room already.
    for (auto* const list : {&origin.idle_, &origin.shared_})
        if (list->capacity() <= origin.in_use_) list->reserve(2 * origin.in_use_ + 1);
    auto fresh = std::make_unique<connection>(*this, origin, settings_.response_limits);
    ++open_;
    ++origin.in_use_;
    if (origin.expects_http2_) fresh->agreeing_ = origin.agreeing_ = true;
    return use(origin, std::move(fresh));
}

connection_pool::lease connection_pool::try_acquire(std::string_view key) {
    pool_origin& origin = origin_of(key);
    if (!origin.waiters_.empty()) return lease();
    const pin pinned(*this, origin); // until it has a connection; without one it may be forgotten
    connection* const held = take(origin);
    return held ? lease(*this, *held) : lease();
}

// A place on a connection that speaks HTTP/2.
connection* connection_pool::take_shared(pool_origin& origin) noexcept {
    for (const auto& c : origin.shared_) {
        if (!c->http2->usable() || aged(*c) || c->leases_ + c->http2->lingering() >= c->http2->most_streams())
            continue;
        ++c->leases_;
        return c.get();
    }
    return nullptr;
}

// One of HTTP/1.1 belongs to its lease from here on.
connection* connection_pool::use(pool_origin& origin, std::unique_ptr<connection> held) noexcept {
    if (!held->http2) return held.release();
    held->leases_ = 1;
    origin.shared_.push_back(std::move(held));
    return origin.shared_.back().get();
}

std::unique_ptr<connection> connection_pool::end_use(connection& held) noexcept {
    if (!held.http2) return std::unique_ptr<connection>(&held);
    auto& shared = held.origin_.shared_;
    const auto found = std::find_if(shared.begin(), shared.end(), [&](auto& c) { return c.get() == &held; });
    std::unique_ptr<connection> ours = std::move(*found);
    shared.erase(found);
    return ours;
}

// What a connection speaks is known, or it could not be opened.
void connection_pool::agreed(connection& held) noexcept {
    if (held.agreeing_) held.agreeing_ = held.origin_.agreeing_ = false;
}

void connection_pool::agree(connection& held, bool http2) {
    pool_origin& origin = held.origin_;
    if (http2) {
        origin.expects_http2_ = true;
        held.http2 =
            std::make_unique<h2::session>(held.stream, *home_, settings_.response_limits,
                                          settings_.http2_ping, static_cast<h2::session::owner&>(held));
        use(origin, std::unique_ptr<connection>(&held));
        agreed(held);
    } else if (held.agreeing_) {
        origin.expects_http2_ = false;
        agreed(held);
    }
    serve(origin);
}

// Something has become free that only waiters of this origin can use, or they have begun to count.
void connection_pool::serve(pool_origin& origin) noexcept {
    const pin pinned(*this, origin);
    while (!origin.waiters_.empty()) {
        connection* const shared = take_shared(origin);
        if (!shared) break;
        grant(origin, shared);
    }
    enter_turns(origin);
    serve();
}

void connection::room_changed() noexcept {
    if (leases_ != 0)
        pool_.serve(origin_); // of an idle one, who asks sees for himself: not while the pool is at it
}

void connection_pool::give_back(connection* leased, bool keep) noexcept {
    pool_origin& origin = leased->origin_;
    const pin pinned(*this, origin);
    if (leased->agreeing_) origin.expects_http2_ = false; // not opened: who waits need not fail one by one
    agreed(*leased);
    if (leased->http2) {
        --leased->leases_;
        serve(origin);
        if (leased->leases_ > 0) return;
        keep = leased->http2->usable();
    }
    keep = keep && !aged(*leased);
    std::unique_ptr<connection> held = end_use(*leased);
    --origin.in_use_;
    if (keep) {
        pool_origin* const turn = next_turn();
        if (!turn) { // nobody waits for the total limit
            if (!origin.waiters_.empty()) {
                ++origin.in_use_;
                grant(origin, use(origin, std::move(held)));
            } else {
                keep_idle(std::move(held));
            }
            return;
        }
        if (turn == &origin) { // its own turn: no need to close and open
            turns_.pop_front();
            origin.in_turn_ = false;
            ++origin.in_use_;
            grant(origin, use(origin, std::move(held)));
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
    if (c.http2) c.http2->rest();
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
    if (c.http2) c.http2->say_goodbye();
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

void connection_pool::close_expired(clock::time_point now) noexcept {
    if (settings_.idle_timeout.count() == 0) return;
    const auto limit = now - settings_.idle_timeout;
    while (oldest_idle_ && oldest_idle_->idle_since_ <= limit)
        close_oldest_idle();
}

void connection_pool::arm_timer() noexcept {
    if (settings_.idle_timeout.count() == 0 || armed() || !oldest_idle_) return;
    home_->arm(*this, later(oldest_idle_->idle_since_, settings_.idle_timeout));
}

void connection_pool::on_timer(timer_node& timer) noexcept {
    auto& self = static_cast<connection_pool&>(timer);
    self.close_expired(self.home_->now());
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
        connection* const held = take(*origin);
        if (!held) continue;
        grant(*origin, held);
        enter_turns(*origin);
    }
}

void connection_pool::enter_turns(pool_origin& origin) noexcept {
    if (origin.in_turn_ || origin.waiters_.empty() || !has_room(origin)) return;
    origin.in_turn_ = true;
    turns_.push_back(&origin);
}

pool_origin* connection_pool::next_turn() noexcept {
    while (!turns_.empty()) {
        pool_origin& origin = *turns_.front();
        if (!origin.waiters_.empty() && has_room(origin)) return &origin;
        turns_.pop_front(); // its waiters have given up, or it has what they need
        origin.in_turn_ = false;
        forget_if_unused(origin);
    }
    return nullptr;
}

void connection_pool::grant(pool_origin& origin, connection* held) noexcept {
    auto& lucky = static_cast<acquire_awaiter&>(*origin.waiters_.pop_front());
    --waiting_;
    lucky.granted_ = held;
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
    if (granted_) pool_.give_back(granted_, false);
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
    if (granted_) return lease(pool_, *std::exchange(granted_, nullptr));
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
