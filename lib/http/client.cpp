#include "tandem/http/client.hpp"

#include "lib/http/body_source.hpp"
#include "lib/http/client_state.hpp"
#include "lib/http/exchange.hpp"
#include "lib/http/interceptor_call.hpp"

#include <tandem/concurrency/when_all.hpp>

#include <algorithm>
#include <memory>
#include <type_traits>
#include <vector>

namespace tandem::http {

namespace {

constexpr scheduler::clock::time_point no_end = scheduler::clock::time_point::max();

// What is told of a request that has failed.
template <class R>
R no_response(exchange& one) {
    if constexpr (std::is_same_v<R, response>)
        throw request_error(one.take_error());
    else
        return R(one.take_error());
}

// R: response, or a result with one. The exchange comes in from outside, and the response goes out the
// shortest way: both are large.
template <class R>
task<R> fetch_whole(std::unique_ptr<exchange> given, scheduler::clock::time_point end) {
    const std::unique_ptr<exchange> held = std::move(given); // it ends before the task is told of
    exchange& one = *held;
    if (!co_await one.run_to_head(end)) co_return no_response<R>(one);
    response whole;
    exchange::progress progress = one.begin_whole(whole); // all of it is often there already
    if (progress == exchange::progress::need_input) {
        const bool read = co_await one.read_whole(whole);
        progress = read ? exchange::progress::done : exchange::progress::failed;
    }
    if (progress == exchange::progress::failed) co_return no_response<R>(one);
    co_return std::move(whole);
}

} // namespace

task<result<response>> fetch(client_state& state, request&& what, scheduler::clock::time_point end) {
    return fetch_whole<result<response>>(std::make_unique<exchange>(state, std::move(what)), end);
}

task<result<response_stream>> begin(std::shared_ptr<client_state> state, request what,
                                    scheduler::clock::time_point end) {
    auto source = std::make_unique<body_source>(std::move(state), std::move(what));
    exchange& one = source->exchange();
    if (!co_await one.run_to_head(end)) co_return result<response_stream>(one.take_error());
    // Only what was asked for: a stream is for bodies of any size.
    one.limit_body(one.wanted().max_body().value_or(h1::limits::no_limit), "request::max_body");
    response_info info;
    one.describe(info);
    co_return result<response_stream>(response_stream(std::move(info), std::move(source)));
}

namespace {

task<result<response>> fetch_intercepted(std::shared_ptr<client_state> state, request what) {
    const interceptor_call call(std::move(state), what);
    co_return co_await next(call, 0).send(std::move(what));
}

task<result<response_stream>> begin_intercepted(std::shared_ptr<client_state> state, request what) {
    const interceptor_call call(std::move(state), what);
    co_return co_await next(call, 0).open(std::move(what));
}

task<result<response_stream>> begin_any(const std::shared_ptr<client_state>& state, request what) {
    if (!state->options.interceptors().empty()) return begin_intercepted(state, std::move(what));
    return begin(state, std::move(what), no_end);
}

template <class T>
task<T> value_or_throw(task<result<T>> work) {
    result<T> got = co_await std::move(work);
    co_return std::move(got).value();
}

task<> open_ahead(std::shared_ptr<client_state> state, std::string url, std::size_t count) {
    // All at a time: each holds its connection until the last has one.
    std::vector<std::unique_ptr<exchange>> all;
    std::vector<task<bool>> opening;
    const std::size_t most =
        std::min({count, state->options.connections_per_host(), state->options.connections_total()});
    for (std::size_t i = 0; i < most; ++i) {
        all.push_back(std::make_unique<exchange>(*state, request(url)));
        opening.push_back(all.back()->warm_up());
    }
    std::vector<bool> ready;
    try {
        ready = co_await when_all(std::move(opening));
    } catch (...) { // cancelled, or no memory
        for (const auto& one : all)
            one->keep_if_reused();
        throw;
    }
    bool any = all.empty();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!ready[i]) continue;
        all[i]->keep_connection();
        any = true;
    }
    if (!any) throw request_error(all.front()->take_error());
}

template <class Url>
request post_request(Url&& url, std::string&& body, std::string_view content_type) {
    request what(std::forward<Url>(url));
    what.method(method::post).body(std::move(body), content_type);
    return what;
}

} // namespace

client::client() : client(client_options()) {}
client::client(client_options options) : state_(std::make_shared<client_state>(std::move(options))) {}
client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;
client::~client() = default;

task<response> client::get(std::string url) {
    return send(request(url));
}
task<response> client::get(tandem::url url) {
    return send(request(std::move(url)));
}
task<response> client::head(std::string url) {
    return send(request(url).method(method::head));
}
task<response> client::head(tandem::url url) {
    return send(request(std::move(url)).method(method::head));
}
task<response> client::post(std::string url, std::string body, std::string content_type) {
    return send(post_request(url, std::move(body), content_type));
}
task<response> client::post(tandem::url url, std::string body, std::string content_type) {
    return send(post_request(std::move(url), std::move(body), content_type));
}
task<response> client::send(request what) {
    if (!state_->options.interceptors().empty())
        return value_or_throw(fetch_intercepted(state_, std::move(what)));
    return fetch_whole<response>(std::make_unique<exchange>(*state_, std::move(what)), no_end);
}
task<result<response>> client::try_get(std::string url) {
    return try_send(request(url));
}
task<result<response>> client::try_get(tandem::url url) {
    return try_send(request(std::move(url)));
}
task<result<response>> client::try_head(std::string url) {
    return try_send(request(url).method(method::head));
}
task<result<response>> client::try_head(tandem::url url) {
    return try_send(request(std::move(url)).method(method::head));
}
task<result<response>> client::try_post(std::string url, std::string body, std::string content_type) {
    return try_send(post_request(url, std::move(body), content_type));
}
task<result<response>> client::try_post(tandem::url url, std::string body, std::string content_type) {
    return try_send(post_request(std::move(url), std::move(body), content_type));
}
task<result<response>> client::try_send(request what) {
    if (!state_->options.interceptors().empty()) return fetch_intercepted(state_, std::move(what));
    return fetch(*state_, std::move(what), no_end);
}
task<response_stream> client::open(request what) {
    return value_or_throw(begin_any(state_, std::move(what)));
}
task<result<response_stream>> client::try_open(request what) {
    return begin_any(state_, std::move(what));
}

task<> client::warm_up(std::string url, std::size_t count) {
    return open_ahead(state_, std::move(url), count);
}

void client::close_idle() noexcept {
    state_->pool.close_idle();
}

client_counters client::counters() const noexcept {
    client_counters now = state_->counters;
    now.connections_in_use = state_->pool.in_use();
    now.connections_idle = state_->pool.idle();
    now.waiting = state_->pool.waiting();
    return now;
}

const client_options& client::options() const noexcept {
    return state_->options;
}

} // namespace tandem::http
