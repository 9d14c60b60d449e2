#include "tandem/http/retry.hpp"

#include "lib/http/http_date.hpp"
#include "lib/http/retry_budget.hpp"
#include "lib/http/wall_clock.hpp"

#include <tandem/concurrency/backoff.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/core/time_span.hpp>
#include <tandem/http/client_options.hpp>
#include <tandem/http/interceptor.hpp>
#include <tandem/http/request_event.hpp>

#include <algorithm>
#include <charconv>

namespace tandem::http {

namespace {

using std::chrono::nanoseconds;

task<result<response>> pass(const next& rest, request what, response*) {
    return rest.send(std::move(what));
}
task<result<response_stream>> pass(const next& rest, request what, response_stream*) {
    return rest.open(std::move(what));
}

bool is_repeatable(const request& what, const retry_options& how) {
    if (what.streamed_body() && !what.streamed_body()->repeatable()) return false;
    if (how.also_unsafe_methods() || what.headers().contains("Idempotency-Key")) return true;
    const std::optional<method> verb = what.verb();
    return verb && is_idempotent(*verb);
}

// Nothing of this request reached a server. After a redirect that is not known: what failed then is another.
bool never_began(const request& what, const error& failure) {
    if (what.streamed_body() && !what.streamed_body()->repeatable()) return false;
    return failure.is_unsent() && failure.method() == what.method_name() &&
           failure.url() == what.url().redacted();
}

// How long the server asks to wait; nothing when it does not say, or not in a way that can be read.
std::optional<nanoseconds> retry_after(const headers& fields) {
    const auto value = fields.get("Retry-After");
    if (!value) return std::nullopt;
    std::uint32_t seconds = 0;
    const char* const end = value->data() + value->size();
    const auto [at, failure] = std::from_chars(value->data(), end, seconds);
    if (at == end && failure == std::errc()) return std::chrono::seconds(seconds);
    if (at == end && failure == std::errc::result_out_of_range) return nanoseconds::max();
    const auto when = detail::parse_http_date(*value);
    if (!when) return std::nullopt;
    const auto date = detail::parse_http_date(fields.get("Date").value_or(std::string_view()));
    const auto from = date.value_or(std::chrono::floor<std::chrono::seconds>(wall_now()));
    const std::chrono::seconds wait = *when - from;
    return std::max<nanoseconds>(time_span(wait), nanoseconds(0)); // the year may be 1 or 9999
}

class retrier final : public interceptor {
public:
    explicit retrier(const retry_options& how)
        : how_(how), budget_(how.budget_ratio(), how.budget_reserve()) {}

    task<result<response>> send(request what, next rest) override {
        return run<response>(std::move(what), rest);
    }
    task<result<response_stream>> open(request what, next rest) override {
        return run<response_stream>(std::move(what), rest);
    }

private:
    template <class R>
    task<result<R>> run(request what, next rest);

    // The pause before the next attempt; nothing when there is none.
    template <class R>
    std::optional<nanoseconds> pause_after(const request& what, const result<R>& got, backoff& pauses,
                                           next::clock::time_point end);
    bool worth_it(const request& what, const error& failure) const {
        return how_.when() ? how_.when()(what, failure) : failure.is_transient();
    }

    const retry_options how_;
    retry_budget budget_;
};

template <class R>
std::optional<nanoseconds> retrier::pause_after(const request& what, const result<R>& got, backoff& pauses,
                                                next::clock::time_point end) {
    nanoseconds least{0};
    if (got) {
        const auto& which = how_.statuses();
        if (std::find(which.begin(), which.end(), got->status()) == which.end()) return std::nullopt;
        if (!is_repeatable(what, how_)) return std::nullopt;
        if (how_.max_retry_after().count() > 0) least = retry_after(got->headers()).value_or(nanoseconds(0));
        if (least > how_.max_retry_after()) return std::nullopt;
    } else if ((!is_repeatable(what, how_) && !never_began(what, got.error())) ||
               !worth_it(what, got.error())) {
        return std::nullopt;
    }
    const nanoseconds pause = std::max(pauses.next(), least);
    const auto now = task_context::current()->home().now();
    if (end != next::clock::time_point::max() && pause >= end - now) return std::nullopt;
    if (!budget_.take()) return std::nullopt;
    return pause;
}

template <class R>
task<result<R>> retrier::run(request what, next rest) {
    scheduler& home = task_context::current()->home();
    budget_.add();
    backoff pauses(how_.initial_delay(), how_.max_delay(), how_.seed());
    for (unsigned attempt = 1;; ++attempt) {
        nanoseconds pause{0};
        {
            const bool last = attempt >= how_.attempts();
            request copy = what;
            if (how_.attempt_timeout()) {
                const nanoseconds own = copy.timeout().value_or(rest.options().total_timeout());
                const nanoseconds limit = *how_.attempt_timeout();
                copy.timeout(own.count() > 0 ? std::min(own, limit) : limit);
            }
            result<R> got = co_await pass(rest, std::move(copy), static_cast<R*>(nullptr));
            std::optional<nanoseconds> wait;
            if (!last) wait = pause_after(what, got, pauses, rest.deadline());
            if (!wait) {
                if (got) co_return std::move(got);
                http::error failure = std::move(got).error();
                failure.attempt(failure.attempt() + attempt - 1).elapsed(home.now() - rest.begun());
                co_return result<R>(std::move(failure));
            }
            pause = *wait;
            request_event event(request_event::kind::retrying, 0, what.method_name(), what.url());
            event.duration(pause).attempt(attempt).status(got ? got->status() : 0);
            if (!got) event.failure(got.error());
            rest.report(event);
        } // a stream that was refused is closed before the pause
        co_await sleep_for(pause);
    }
}

} // namespace

retry_options::retry_options() : statuses_(4) {
    const int usual[] = {429, 502, 503, 504};
    std::copy(std::begin(usual), std::end(usual), statuses_.begin());
}

client_options& client_options::retry(const retry_options& how) {
    return intercept(std::make_shared<retrier>(how));
}

} // namespace tandem::http
