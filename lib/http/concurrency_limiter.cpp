#include "tandem/http/concurrency_limiter.hpp"

#include "lib/http/aimd_limit.hpp"
#include "lib/http/origin_map.hpp"
#include "lib/http/policy.hpp"

#include <tandem/concurrency/move_on_after.hpp>
#include <tandem/sync/semaphore.hpp>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>

namespace tandem::http {

concurrency_limiter_options::concurrency_limiter_options() : statuses_(2) {
    statuses_[0] = 429;
    statuses_[1] = 503;
}

concurrency_limiter_options& concurrency_limiter_options::limit(std::size_t first, std::size_t least,
                                                                std::size_t most) {
    least_ = std::max<std::size_t>(least, 1);
    most_ = std::max(most, least_);
    first_ = std::clamp(first, least_, most_);
    return *this;
}

namespace {

// One origin: the limit, and a semaphore that has as many permits. When the limit falls, permits that are
// free are taken away at once, the others when they are given back.
class limited_origin {
public:
    explicit limited_origin(const concurrency_limiter_options& how)
        : limit_(how), permits_(how.first_limit()), slots_(how.first_limit()) {}

    semaphore& slots() noexcept { return slots_; }

    void taken() noexcept {
        const std::lock_guard lock(mutex_);
        ++in_flight_;
    }
    // `judge` changes the limit.
    template <class F>
    void adapt(F judge) noexcept {
        const std::lock_guard lock(mutex_);
        judge(limit_, in_flight_);
        follow_limit();
    }
    // The same, and a place is free again.
    template <class F>
    void given_back(F judge) noexcept {
        const std::lock_guard lock(mutex_);
        judge(limit_, in_flight_);
        --in_flight_;
        if (permits_ > limit_.limit())
            --permits_;
        else
            slots_.release();
        follow_limit();
    }

    bool begin_waiting(std::size_t most) noexcept {
        const std::lock_guard lock(mutex_);
        if (waiting_ >= most) return false;
        ++waiting_;
        return true;
    }
    void end_waiting() noexcept {
        const std::lock_guard lock(mutex_);
        --waiting_;
    }

    std::size_t limit() const {
        const std::lock_guard lock(mutex_);
        return limit_.limit();
    }
    std::size_t in_flight() const {
        const std::lock_guard lock(mutex_);
        return in_flight_;
    }
    std::size_t waiting() const {
        const std::lock_guard lock(mutex_);
        return waiting_;
    }

private:
    void follow_limit() noexcept {
        const std::size_t wanted = limit_.limit();
        if (wanted > permits_) {
            slots_.release(wanted - permits_);
            permits_ = wanted;
        }
        while (permits_ > wanted) {
            semaphore_permit spare = slots_.try_acquire();
            if (!spare) break; // in use: when it is given back
            spare.forget();
            --permits_;
        }
    }

    mutable std::mutex mutex_;
    aimd_limit limit_;
    std::size_t permits_; // of slots_, free and taken
    std::size_t in_flight_ = 0;
    std::size_t waiting_ = 0;
    semaphore slots_;
};

// A place among those that are under way; given back when it goes.
class place {
public:
    place() noexcept = default;
    explicit place(std::shared_ptr<limited_origin> of) noexcept : of_(std::move(of)) { of_->taken(); }
    place(place&&) noexcept = default;
    place& operator=(place&&) = delete;
    ~place() {
        if (of_) of_->given_back([](aimd_limit&, std::size_t) {});
    }

    limited_origin* operator->() const noexcept { return of_.get(); }
    explicit operator bool() const noexcept { return of_ != nullptr; }
    template <class F>
    void give_back(F judge) noexcept {
        if (of_) std::exchange(of_, nullptr)->given_back(judge);
    }

private:
    std::shared_ptr<limited_origin> of_;
};

class queue_place {
public:
    queue_place(limited_origin& of, std::size_t most) noexcept : of_(of), granted_(of.begin_waiting(most)) {}
    queue_place(const queue_place&) = delete;
    queue_place& operator=(const queue_place&) = delete;
    ~queue_place() {
        if (granted_) of_.end_waiting();
    }
    bool granted() const noexcept { return granted_; }

private:
    limited_origin& of_;
    bool granted_;
};

} // namespace

class concurrency_limiter::impl {
public:
    explicit impl(concurrency_limiter_options given) : how(std::move(given)), origins(how.max_origins()) {}

    const concurrency_limiter_options how;
    mutable std::mutex mutex;
    origin_map<limited_origin> origins;

    std::shared_ptr<limited_origin> origin_of(const url& where) {
        const std::lock_guard lock(mutex);
        return origins.at(where.origin(), [this] { return std::make_shared<limited_origin>(how); });
    }
    std::shared_ptr<limited_origin> find(const url& where) const {
        const std::lock_guard lock(mutex);
        return origins.find(where.origin());
    }

    // Waits for a place.
    static task<result<place>> enter(std::shared_ptr<limited_origin> origin, std::size_t max_waiting,
                                     const request& what, next rest);
    template <class R>
    static task<result<R>> limited(std::shared_ptr<impl> self, request what, next rest);
};

task<result<place>> concurrency_limiter::impl::enter(std::shared_ptr<limited_origin> origin,
                                                     std::size_t max_waiting, const request& what,
                                                     next rest) {
    semaphore_permit permit = origin->slots().try_acquire();
    if (!permit) {
        const queue_place queued(*origin, max_waiting);
        const auto fail = [&](const error_code& why, const char* words) {
            return result<place>(error(request_phase::intercept, why, std::string(what.method_name()),
                                       what.url().redacted(),
                                       words + what.url().origin() + " (concurrency_limiter)"));
        };
        if (!queued.granted())
            co_return fail(errc::too_many_waiting, "too many requests wait for their turn at ");
        if (rest.deadline() == next::clock::time_point::max()) {
            permit = co_await origin->slots().acquire();
        } else {
            const auto left = rest.deadline() - task_context::current()->home().now();
            std::optional<semaphore_permit> granted = co_await move_on_after(left, origin->slots().acquire());
            if (!granted)
                co_return fail(boost::system::errc::make_error_code(boost::system::errc::timed_out),
                               "the total time was over before there was a place at ");
            permit = std::move(*granted);
        }
    }
    permit.forget(); // the place gives it back
    co_return result<place>(place(std::move(origin)));
}

template <class R>
task<result<R>> concurrency_limiter::impl::limited(std::shared_ptr<impl> self, request what, next rest) {
    scheduler& home = task_context::current()->home();
    result<place> entered = co_await enter(self->origin_of(what.url()), self->how.max_waiting(), what, rest);
    if (!entered) co_return result<R>(std::move(entered).error());
    place held = std::move(*entered);
    const auto begun = home.now();
    result<R> got = co_await pass_on<R>(rest, std::move(what));
    const auto now = home.now();

    const auto& busy = self->how.statuses();
    bool overloaded = false;
    std::optional<std::chrono::nanoseconds> took;
    if (got) {
        overloaded = std::find(busy.begin(), busy.end(), got->status()) != busy.end();
        // The server's part alone, where it is known: not the wait for a connection, nor the body.
        took = got->timings().first_byte.count() > 0 ? got->timings().first_byte : now - begun;
    } else {
        overloaded = blames_server(got.error());
    }
    const auto judge = [&](aimd_limit& limit, std::size_t in_flight) {
        if (overloaded)
            limit.overloaded(begun, now);
        else if (took)
            limit.answered(begun, now, *took, in_flight);
    };
    if constexpr (std::is_same_v<R, response_stream>) {
        if (got) {
            held->adapt(judge);
            got->keep(std::make_shared<place>(std::move(held)));
            co_return got;
        }
    }
    held.give_back(judge);
    co_return got;
}

concurrency_limiter::concurrency_limiter(concurrency_limiter_options how)
    : impl_(std::make_shared<impl>(std::move(how))) {}
concurrency_limiter::~concurrency_limiter() = default;

task<result<response>> concurrency_limiter::send(request what, next rest) {
    return impl::limited<response>(impl_, std::move(what), rest);
}

task<result<response_stream>> concurrency_limiter::open(request what, next rest) {
    return impl::limited<response_stream>(impl_, std::move(what), rest);
}

std::size_t concurrency_limiter::limit(const url& where) const {
    const auto found = impl_->find(where);
    return found ? found->limit() : impl_->how.first_limit();
}

std::size_t concurrency_limiter::in_flight(const url& where) const {
    const auto found = impl_->find(where);
    return found ? found->in_flight() : 0;
}

std::size_t concurrency_limiter::waiting(const url& where) const {
    const auto found = impl_->find(where);
    return found ? found->waiting() : 0;
}

} // namespace tandem::http
