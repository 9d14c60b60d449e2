#include <tandem/testing.hpp>

#include "lib/testing/control.hpp"

#include <charconv>
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>

namespace tandem::test {

virtual_time::virtual_time(const options& how) : control_(std::make_shared<detail::control>(how)) {}
virtual_time::~virtual_time() = default;

runtime_options virtual_time::control(runtime_options of) const {
    return of.control(control_);
}
scheduler::clock::time_point virtual_time::now() const noexcept {
    return control_->now();
}
scheduler::clock::duration virtual_time::elapsed() const noexcept {
    return control_->elapsed();
}

clock_hold::clock_hold() : control_(detail::control::current()) {
    control_->hold();
}
clock_hold::clock_hold(clock_hold&& other) noexcept = default;
clock_hold::~clock_hold() {
    if (control_) control_->let_go();
}

scheduler::clock::duration elapsed() {
    return detail::control::current()->elapsed();
}

namespace detail {

namespace {

// The runtime's main task: waits until the test's own has ended.
class main_wait {
public:
    class awaiter {
    public:
        awaiter(control& c, task_context& context) noexcept : control_(c), context_(context) {}
        bool await_ready() const noexcept { return false; }
        bool await_suspend(std::coroutine_handle<> at) const noexcept {
            context_.suspend(at, nullptr, "the end of the test");
            if (control_.wait_for_main(context_)) return true;
            context_.do_not_suspend(at);
            return false;
        }
        void await_resume() const noexcept {}

    private:
        control& control_;
        task_context& context_;
    };
    explicit main_wait(control& c) noexcept : control_(c) {}
    awaiter await_in(task_context& context) const noexcept { return awaiter(control_, context); }

private:
    control& control_;
};

task<> wait_for_main(control& c) {
    co_await main_wait(c);
}

// The first exception that left a background task.
class first_failure {
public:
    void set(const std::exception_ptr& failure) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = failure;
    }
    std::exception_ptr get() {
        const std::lock_guard lock(mutex_);
        return failure_;
    }

private:
    std::mutex mutex_;
    std::exception_ptr failure_;
};

std::string seed_text(std::uint64_t seed) {
    return "test::options().seed(" + std::to_string(seed) + ")";
}

} // namespace

session::session(const options& how) : how_(how), control_(std::make_shared<control>(how)) {}
session::~session() = default;

void session::begin() {
    control_->main_began(*task_context::current());
}
void session::end() {
    control_->main_ended();
}

void session::execute(task<> main) {
    first_failure background;
    {
        runtime rt(runtime_options()
                       .loops(how_.loops())
                       .workers(how_.workers())
                       .control(control_)
                       .on_unhandled([&background](const std::exception_ptr& e) { background.set(e); }));
        rt.spawn(std::move(main));
        rt.run(wait_for_main(*control_));
    }
    if (!control_->report().empty()) {
        std::string report = control_->report();
        if (how_.seed()) report += "  (" + seed_text(*how_.seed()) + ")\n";
        throw deadlock_error(report);
    }
    if (const std::exception_ptr failure = background.get()) std::rethrow_exception(failure);
}

void session::print_seed() const noexcept {
    if (how_.seed())
        std::fprintf(stderr, "tandem: a test failed in the order of %s\n", seed_text(*how_.seed()).c_str());
}

seed_range::seed_range(std::uint64_t from, std::size_t n) : first(from), count(n) {
    const char* const chosen =
        std::getenv("TANDEM_TEST_SEED"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (!chosen) return;
    const std::string_view text(chosen);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        throw std::invalid_argument("TANDEM_TEST_SEED is not a number: " + std::string(text));
    first = value;
    count = 1;
}

std::exception_ptr test_was_false(std::uint64_t seed) {
    return std::make_exception_ptr(std::runtime_error("the test gave false with " + seed_text(seed)));
}

void report_and_rethrow(const failed_seed& failed) {
    std::fprintf(stderr, "tandem: a test failed with seed %llu (%s, or TANDEM_TEST_SEED=%llu): %s\n",
                 static_cast<unsigned long long>(failed.seed), seed_text(failed.seed).c_str(),
                 static_cast<unsigned long long>(failed.seed), describe(failed.failure).c_str());
    std::rethrow_exception(failed.failure);
}

} // namespace detail
} // namespace tandem::test
