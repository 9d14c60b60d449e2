#include "tandem/http/circuit_breaker.hpp"

#include "lib/http/circuit.hpp"
#include "lib/http/origin_map.hpp"
#include "lib/http/policy.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace tandem::http {

std::string_view to_string(circuit_state state) noexcept {
    switch (state) {
    case circuit_state::closed:
        return "closed";
    case circuit_state::open:
        return "open";
    case circuit_state::half_open:
        return "half-open";
    }
    return "?";
}

circuit_breaker_options::circuit_breaker_options() : statuses_(4) {
    const int usual[] = {500, 502, 503, 504};
    std::copy(std::begin(usual), std::end(usual), statuses_.begin());
}

class circuit_breaker::impl {
public:
    explicit impl(circuit_breaker_options given) : how(std::move(given)), circuits(how.max_origins()) {}

    const circuit_breaker_options how;
    mutable std::mutex mutex;
    origin_map<circuit> circuits;

    // Under the lock, also while it tells: changes are told in their order.
    template <class F>
    auto change(circuit& c, std::string_view origin, F what) {
        const std::lock_guard lock(mutex);
        const circuit_state before = c.state();
        const auto answer = what();
        if (c.state() != before && how.on_change()) how.on_change()(origin, before, c.state());
        return answer;
    }

    class passage;

    template <class R>
    static task<result<R>> guarded(std::shared_ptr<impl> self, request what, next rest);
};

// One request that has been admitted; ends in the circuit, whatever becomes of it.
class circuit_breaker::impl::passage {
public:
    passage(impl& of, const std::string& origin, scheduler& home) : of_(of), origin_(origin), home_(home) {
        {
            const std::lock_guard lock(of.mutex);
            circuit_ = of.circuits.at(origin, [&of] { return std::make_shared<circuit>(of.how); });
        }
        of.change(*circuit_, origin_, [this] {
            admitted_ = circuit_->admit(home_.now());
            period_ = circuit_->period();
            return 0;
        });
    }
    passage(const passage&) = delete;
    passage& operator=(const passage&) = delete;
    ~passage() { end(circuit::verdict::nothing); }

    bool admitted() const noexcept { return admitted_; }
    const circuit& which() const noexcept { return *circuit_; }
    void end(circuit::verdict found) {
        if (!std::exchange(admitted_, false)) return;
        of_.change(*circuit_, origin_, [this, found] {
            circuit_->end(period_, found, home_.now());
            return 0;
        });
    }

private:
    impl& of_;
    const std::string& origin_;
    scheduler& home_;
    std::shared_ptr<circuit> circuit_;
    std::uint64_t period_ = 0;
    bool admitted_ = false;
};

template <class R>
task<result<R>> circuit_breaker::impl::guarded(std::shared_ptr<impl> self, request what, next rest) {
    scheduler& home = task_context::current()->home();
    const std::string origin = what.url().origin();

    passage way(*self, origin, home);
    if (!way.admitted()) {
        std::string detail = "the circuit of " + origin + " is ";
        {
            const std::lock_guard lock(self->mutex);
            const circuit& c = way.which();
            detail += std::string(to_string(c.state())) + ": " + std::to_string(c.failures()) + " of " +
                      std::to_string(c.calls()) + " requests had failed";
        }
        co_return result<R>(error(request_phase::intercept, errc::circuit_open,
                                  std::string(what.method_name()), what.url().redacted(), std::move(detail)));
    }
    result<R> got = co_await pass_on<R>(rest, std::move(what));
    const auto& bad = self->how.statuses();
    if (got)
        way.end(std::find(bad.begin(), bad.end(), got->status()) == bad.end() ? circuit::verdict::success
                                                                              : circuit::verdict::failure);
    else
        way.end(blames_server(got.error()) ? circuit::verdict::failure : circuit::verdict::nothing);
    co_return got;
}

circuit_breaker::circuit_breaker(circuit_breaker_options how)
    : impl_(std::make_shared<impl>(std::move(how))) {}
circuit_breaker::~circuit_breaker() = default;

task<result<response>> circuit_breaker::send(request what, next rest) {
    return impl::guarded<response>(impl_, std::move(what), rest);
}

task<result<response_stream>> circuit_breaker::open(request what, next rest) {
    return impl::guarded<response_stream>(impl_, std::move(what), rest);
}

circuit_state circuit_breaker::state(const url& where) const {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->circuits.find(where.origin());
    return found ? found->state() : circuit_state::closed;
}

} // namespace tandem::http
