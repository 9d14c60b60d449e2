#include "tandem/http/client.hpp"

#include "lib/http/body_source.hpp"
#include "lib/http/client_state.hpp"
#include "lib/http/exchange.hpp"

namespace tandem::http {

namespace {

task<result<response>> fetch(client_state& state, request what) {
    exchange one(state, std::move(what));
    if (!co_await one.run_to_head()) co_return result<response>(one.take_error());
    response whole;
    one.describe(whole);
    std::string body;
    exchange::progress progress = one.drain_into(body); // all of it is often there already
    if (progress == exchange::progress::need_input) {
        const bool read = co_await one.read_body(body);
        progress = read ? exchange::progress::done : exchange::progress::failed;
    }
    if (progress == exchange::progress::failed) co_return result<response>(one.take_error());
    one.finish(whole, std::move(body));
    co_return result<response>(std::move(whole));
}

task<response> fetch_or_throw(client_state& state, request what) {
    result<response> got = co_await fetch(state, std::move(what));
    co_return std::move(got).value();
}

task<result<response_stream>> begin(std::shared_ptr<client_state> state, request what) {
    auto source = std::make_unique<body_source>(std::move(state), std::move(what));
    exchange& one = source->exchange();
    if (!co_await one.run_to_head()) co_return result<response_stream>(one.take_error());
    // Only what was asked for: a stream is for bodies of any size.
    one.limit_body(one.wanted().max_body().value_or(h1::limits::no_limit), "request::max_body");
    response_info info;
    one.describe(info);
    co_return result<response_stream>(response_stream(std::move(info), std::move(source)));
}

task<response_stream> begin_or_throw(std::shared_ptr<client_state> state, request what) {
    result<response_stream> got = co_await begin(std::move(state), std::move(what));
    co_return std::move(got).value();
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
    return fetch_or_throw(*state_, std::move(what));
}
task<result<response>> client::try_get(std::string url) {
    return fetch(*state_, request(url));
}
task<result<response>> client::try_get(tandem::url url) {
    return fetch(*state_, request(std::move(url)));
}
task<result<response>> client::try_send(request what) {
    return fetch(*state_, std::move(what));
}
task<response_stream> client::open(request what) {
    return begin_or_throw(state_, std::move(what));
}
task<result<response_stream>> client::try_open(request what) {
    return begin(state_, std::move(what));
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
