#include "lib/net/resolver.hpp"

#include "lib/net/late_lookup.hpp"
#include "lib/net/resolver_core.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>

#include <coroutine>

namespace tandem::net {

namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Waits for the answer to one name.
class answer_awaiter : private waiter, private cancel_hook, private timer_node {
public:
    answer_awaiter(std::shared_ptr<resolver::core> core, const std::string& name,
                   resolver::time_point deadline, task_context& context) noexcept
        : waiter(context), cancel_hook(&answer_awaiter::on_cancel), timer_node(&answer_awaiter::on_deadline),
          core_(std::move(core)), name_(name), deadline_(deadline) {}
    ~answer_awaiter() {
        context().home().disarm(*this);
        if (!lookup_) return;
        {
            const resolver::core::section locked(*core_);
            if (linked()) core_->leave(*lookup_, *this); // only when everything is torn down
        }
        if (context().home().torn_down()) wait_for_waker();
    }

    bool await_ready() noexcept {
        if (context().cancelled()) error_ = boost::asio::error::operation_aborted;
        return context().cancelled();
    }

    bool await_suspend(std::coroutine_handle<> at) {
        const resolver::core::section locked(*core_);
        answer_ = core_->find_cached(name_);
        if (answer_) {
            lookup_ = answer_->rest.lock(); // or it could go before this task's turn
        } else {
            lookup_ = core_->join(name_);
            answer_ = lookup_->answer;
        }
        if (answer_) {
            if (context().spend()) return false;
            context().requeue(at);
            return true;
        }
        core_->enter(*lookup_, *this);
        context().suspend(at, this, "resolve");
        asked_ = true;
        context().home().computation_started(); // a test's clock stands: name servers answer in real time
        if (deadline_ != resolver::time_point::max()) context().home().arm(*this, deadline_);
        return true;
    }

    // No answer when it was given up because of the deadline or a cancellation. The look-up comes along
    // because the answer's `rest` does not keep it.
    std::pair<std::shared_ptr<const dns_answer>, std::shared_ptr<lookup>> await_resume() noexcept {
        if (asked_) context().home().computation_finished();
        if (!answer_ && lookup_ && !error_) answer_ = lookup_->answer;
        return {std::move(answer_), lookup_};
    }

private:
    void give_up(boost::system::error_code why) {
        {
            const resolver::core::section locked(*core_);
            if (!linked()) return; // the answer has just come
            error_ = why;
            core_->leave(*lookup_, *this);
        }
        wake(); // the last touch; on its own scheduler
    }
    static void on_cancel(cancel_hook& hook) noexcept {
        static_cast<answer_awaiter&>(hook).give_up(boost::asio::error::operation_aborted);
    }
    static void on_deadline(timer_node& timer) noexcept {
        static_cast<answer_awaiter&>(timer).give_up(boost::asio::error::timed_out);
    }

    std::shared_ptr<resolver::core> core_;
    std::shared_ptr<lookup> lookup_;
    std::shared_ptr<const dns_answer> answer_;
    boost::system::error_code error_;
    const std::string& name_;
    resolver::time_point deadline_;
    bool asked_ = false;
};

class answer_operation {
public:
    answer_operation(std::shared_ptr<resolver::core> core, const std::string& name,
                     resolver::time_point deadline)
        : core_(std::move(core)), name_(name), deadline_(deadline) {}
    answer_awaiter await_in(task_context& context) const {
        return answer_awaiter(core_, name_, deadline_, context);
    }

private:
    std::shared_ptr<resolver::core> core_;
    const std::string& name_;
    resolver::time_point deadline_;
};

resolve_result failure(boost::system::error_code error, const char* detail) {
    resolve_result result;
    result.error = error;
    result.detail = detail;
    return result;
}

resolve_result result_of(const dns_answer& answer) {
    resolve_result result;
    result.addresses = answer.addresses;
    result.error = answer.error;
    result.detail = answer.detail;
    const auto left = answer.expires - std::chrono::steady_clock::now();
    if (left.count() > 0) result.ttl = std::chrono::ceil<std::chrono::seconds>(left);
    return result;
}

bool is_localhost(std::string_view name) noexcept {
    if (name.ends_with('.')) name.remove_suffix(1);
    return name == "localhost" || name.ends_with(".localhost");
}

} // namespace

bool is_host_name(std::string_view name) noexcept {
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > 253) return false;
    std::size_t label = 0;
    bool number = true;
    for (const char c : name) {
        if (c == '.') {
            if (label == 0) return false;
            label = 0;
            number = true;
            continue;
        }
        if (c <= ' ' || c > '~' || std::string_view("\"#%/:<>?@[\\]^`{|}").find(c) != std::string_view::npos)
            return false;
        if (++label > 63) return false;
        number = number && is_digit(c);
    }
    return label > 0 && !number;
}

resolver::resolver(scheduler& home, resolver_options options)
    : core_(core::make(home.executor(), std::move(options))) {}

resolver::resolver(std::shared_ptr<core> c) noexcept : core_(std::move(c)) {}

resolver::~resolver() {
    if (core_) core_->close(true);
}

std::size_t resolver::cached() const {
    const core::section locked(*core_);
    return core_->cached();
}

task<resolve_result> resolver::resolve(std::string host, time_point deadline) {
    using namespace boost::asio;
    task_context& context = *task_context::current();
    if (context.cancelled()) co_return failure(error::operation_aborted, "the look-up was cancelled");
    if (host.find('\0') != host.npos) co_return failure(error::invalid_argument, "not a host name");
    if (host.find('%') != host.npos)
        co_return failure(error::invalid_argument, "an address with a zone is not accepted");

    boost::system::error_code not_literal;
    const ip_address literal = ip::make_address(host, not_literal);
    if (!not_literal) {
        resolve_result result;
        result.addresses.push_back(literal);
        result.ttl = std::chrono::seconds(60);
        co_return result;
    }
    for (char& c : host)
        c = lower(c);
    if (is_localhost(host)) {
        resolve_result result;
        result.addresses.emplace_back(ip::address_v6::loopback());
        result.addresses.emplace_back(ip::address_v4::loopback());
        result.ttl = std::chrono::seconds(60);
        co_return result;
    }
    if (!is_host_name(host)) co_return failure(error::invalid_argument, "not a host name");
    if (deadline <= context.home().now())
        co_return failure(error::timed_out, "no time was left for the look-up");

    const answer_operation ask(core_, host, deadline);
    const std::pair<std::shared_ptr<const dns_answer>, std::shared_ptr<lookup>> reply = co_await ask;
    if (const std::shared_ptr<const dns_answer>& answer = reply.first) {
        resolve_result result = result_of(*answer);
        if (std::shared_ptr<lookup> rest = answer->rest.lock())
            result.late = std::make_shared<late_lookup>(core_, std::move(rest));
        co_return result;
    }
    if (context.cancelled()) co_return failure(error::operation_aborted, "the look-up was cancelled");
    co_return failure(error::timed_out, "the name server did not answer in time");
}

// Keeps a context's resolver; its shutdown comes before the reactor's.
class resolver_service : public boost::asio::execution_context::service {
public:
    using key_type = resolver_service;
    static boost::asio::execution_context::id id;

    explicit resolver_service(boost::asio::execution_context& context)
        : boost::asio::execution_context::service(context) {}

    resolver& get(const boost::asio::any_io_executor& executor, const resolver_options& options) {
        const std::lock_guard lock(mutex_);
        if (!resolver_) resolver_.emplace(resolver(resolver::core::make(executor, options)));
        return *resolver_;
    }

private:
    void shutdown() override {
        const std::lock_guard lock(mutex_);
        if (resolver_) resolver_->core_->close(false);
    }

    std::mutex mutex_;
    std::optional<resolver> resolver_;
};

boost::asio::execution_context::id resolver_service::id;

resolver& resolver_of(scheduler& home, const resolver_options& options) {
    const boost::asio::any_io_executor executor = home.executor();
    return boost::asio::use_service<resolver_service>(executor.context()).get(executor, options);
}

} // namespace tandem::net
