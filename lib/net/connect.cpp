#include "lib/net/connect.hpp"

#include "lib/net/connect_attempt.hpp"
#include "lib/net/resolver.hpp"

#include <tandem/concurrency/task_group.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <coroutine>
#include <exception>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

namespace tandem::net {

namespace {

using boost::system::error_code;
using time_point = std::chrono::steady_clock::time_point;

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "tandem.connect"; }
    std::string message(int) const override { return "the address guard refuses the address"; }
};

std::string failure_text(const ip_address& address, std::uint16_t port, const attempt_result& failed) {
    std::string text;
    if (address.is_v6())
        text.append(1, '[').append(address.to_string()).append(1, ']');
    else
        text = address.to_string();
    text.append(1, ':').append(std::to_string(port)).append(": ");
    if (failed.error == connect_errc::address_refused)
        return text.append(failed.detail).append(" (client_options::address_guard)");
    if (!failed.detail.empty()) text.append(failed.detail).append(": ");
    return text.append(failed.error.message());
}

// The attempts that run side by side.
class race {
public:
    explicit race(std::vector<ip_address> known) noexcept : addresses(std::move(known)) {}

    // What has come late joins what was not tried yet, by turns again: the family that was not tried last
    // is the next.
    void join(const std::vector<ip_address>& found) {
        const auto tried = addresses.begin() + static_cast<std::ptrdiff_t>(begun);
        std::vector<ip_address> left(tried, addresses.end());
        for (const ip_address& address : found)
            if (std::find(addresses.begin(), tried, address) == tried) left.push_back(address);
        left = interleave(left, begun == 0 || addresses[begun - 1].is_v4());
        std::vector<ip_address> all(addresses.begin(), tried);
        all.insert(all.end(), left.begin(), left.end());
        if (all.size() > most_addresses) all.resize(most_addresses);
        addresses = std::move(all);
    }

    std::vector<ip_address> addresses; // those that were tried, then those to try
    std::size_t begun = 0;
    bool more_to_come = false; // addresses
    stream winner;
    bool won = false;
    attempt_result last_error;
    std::size_t last_failed = 0; // its address
    std::size_t failed = 0;
    bool news = false; // something has happened since the starter looked
    task_context* starter = nullptr;
};

// The starter's pause: until an attempt has ended or the next one is due.
class race_pause : private timer_node, private cancel_hook {
public:
    race_pause(race& r, time_point until, task_context& context) noexcept
        : timer_node(&race_pause::on_time), cancel_hook(&race_pause::on_cancel), race_(r), until_(until),
          context_(context) {}
    ~race_pause() { context_.home().disarm(*this); }

    bool await_ready() const noexcept { return race_.news || context_.cancelled(); }
    void await_suspend(std::coroutine_handle<> at) noexcept {
        context_.suspend(at, this, "connect");
        race_.starter = &context_;
        if (until_ != time_point::max()) context_.home().arm(*this, until_);
    }
    void await_resume() noexcept { race_.news = false; }

    static void end(race& r) noexcept {
        r.news = true;
        if (task_context* const starter = std::exchange(r.starter, nullptr)) starter->wake();
    }

private:
    static void on_time(timer_node& timer) noexcept { static_cast<race_pause&>(timer).wake(); }
    static void on_cancel(cancel_hook& hook) noexcept { static_cast<race_pause&>(hook).wake(); }
    void wake() noexcept {
        if (std::exchange(race_.starter, nullptr)) context_.wake();
    }

    race& race_;
    time_point until_;
    task_context& context_;
};

class race_pause_operation {
public:
    race_pause_operation(race& r, time_point until) noexcept : race_(r), until_(until) {}
    race_pause await_in(task_context& context) const noexcept { return race_pause(race_, until_, context); }

private:
    race& race_;
    time_point until_;
};

// Does not throw, and always tells the starter: it would wait for ever otherwise.
task<> run_attempt(race& r, std::size_t index, std::uint16_t port, time_point deadline,
                   const connect_options& options) {
    stream connection;
    attempt_result ended(boost::asio::error::no_memory);
    try {
        ended = co_await attempt(r.addresses[index], port, deadline, options, connection);
    } catch (const std::bad_alloc&) { // no_memory it is
    }
    if (ended.error) {
        r.last_error = ended;
        r.last_failed = index;
        ++r.failed;
    } else if (!r.won) { // who comes second is closed
        r.won = true;
        r.winner = std::move(connection);
    }
    race_pause::end(r);
}

// The same for addresses that come late.
task<> join_late(race& r, std::shared_ptr<late_lookup> rest) {
    try {
        const std::vector<ip_address> all = co_await late_addresses(std::move(rest));
        r.join(all);
    } catch (const std::bad_alloc&) { // then without them
    }
    r.more_to_come = false;
    race_pause::end(r);
}

task<connect_result> connect_one(ip_address address, std::uint16_t port, time_point deadline,
                                 const connect_options& options) {
    connect_result result;
    const attempt_result ended = co_await attempt(address, port, deadline, options, result.connection);
    result.error = ended.error;
    if (ended.error) result.detail = failure_text(address, port, ended);
    co_return result;
}

// Begins one attempt after the other, until one has connected, all have failed, or the time is up.
task<> run_race(race& r, task_group& children, std::shared_ptr<late_lookup> late, std::uint16_t port,
                time_point deadline, const connect_options& options) {
    task_context& context = *task_context::current();
    if (late) {
        r.more_to_come = true;
        children.spawn(join_late(r, std::move(late)));
    }
    time_point due = context.home().now(); // of the next attempt
    std::size_t failures = 0;              // that were seen
    while (!r.won && !context.cancelled()) {
        const time_point now = context.home().now();
        if (std::exchange(failures, r.failed) != r.failed) due = now;
        if (r.begun < r.addresses.size() && due <= now && now < deadline) {
            children.spawn(run_attempt(r, r.begun, port, deadline, options));
            ++r.begun;
            due = now + options.attempt_delay();
        }
        const bool more = r.begun < r.addresses.size();
        const bool running = r.failed < r.begun;
        time_point until = time_point::max(); // what runs ends by the deadline
        if (now < deadline && more)
            until = std::min(due, deadline);
        else if (now < deadline && !running && r.more_to_come)
            until = deadline;
        else if (!running)
            co_return;
        const race_pause_operation pause(r, until);
        co_await pause;
    }
}

task<connect_result> connect_first(resolve_result found, std::uint16_t port, time_point deadline,
                                   const connect_options& options) {
    task_context& context = *task_context::current();
    if (deadline <= context.home().now()) {
        connect_result late;
        late.error = boost::asio::error::timed_out;
        late.detail = "no time was left for connecting";
        co_return late;
    }
    race r(std::move(found.addresses));
    task_group children;
    std::exception_ptr broken_off; // no memory: those that run end nevertheless before this does
    try {
        co_await run_race(r, children, std::move(found.late), port, deadline, options);
    } catch (...) {
        broken_off = std::current_exception();
    }
    children.cancel();
    co_await children.wait();
    if (broken_off) std::rethrow_exception(broken_off);

    connect_result result;
    if (context.cancelled()) {
        result.error = boost::asio::error::operation_aborted;
        result.detail = "connecting was cancelled";
    } else if (r.won) {
        result.connection = std::move(r.winner);
    } else if (r.begun == 0) { // the time was up meanwhile
        result.error = boost::asio::error::timed_out;
        result.detail = "no time was left for connecting";
    } else {
        result.error = r.last_error.error;
        if (r.begun > 1) result.detail = std::to_string(r.begun) + " addresses tried, last: ";
        result.detail += failure_text(r.addresses[r.last_failed], port, r.last_error);
    }
    co_return result;
}

connect_result resolve_failure(const error_code& error, std::string detail) {
    connect_result result;
    result.phase = connect_phase::resolve;
    result.error = error;
    result.detail = std::move(detail);
    return result;
}

} // namespace

const boost::system::error_category& connect_category() noexcept {
    static const category instance;
    return instance;
}

error_code make_error_code(connect_errc e) noexcept {
    return error_code(static_cast<int>(e), connect_category());
}

task<connect_result> connect(resolve_result found, std::uint16_t port, time_point deadline,
                             connect_options options) {
    if (found.error) co_return resolve_failure(found.error, std::move(found.detail));
    std::vector<ip_address>& addresses = found.addresses;
    if (addresses.empty()) co_return resolve_failure(boost::asio::error::no_data, "the host has no address");
    if (addresses.size() == 1 && !found.late)
        co_return co_await connect_one(std::move(addresses.front()), port, deadline, options);
    if (addresses.size() > most_addresses) addresses.resize(most_addresses);
    co_return co_await connect_first(std::move(found), port, deadline, options);
}

task<connect_result> connect(std::vector<ip_address> addresses, std::uint16_t port, time_point deadline,
                             connect_options options) {
    resolve_result known;
    known.addresses = std::move(addresses);
    co_return co_await connect(std::move(known), port, deadline, options);
}

task<connect_result> connect(std::string host, std::uint16_t port, time_point deadline,
                             connect_options options) {
    resolver& names = options.names() ? *options.names() : resolver_of(task_context::current()->home());
    resolve_result found = co_await names.resolve(std::move(host), deadline);
    co_return co_await connect(std::move(found), port, deadline, options);
}

} // namespace tandem::net
