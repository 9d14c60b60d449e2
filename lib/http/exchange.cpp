// The way to the response's header: URL, connection, request, redirects.
#include "lib/http/exchange.hpp"

#include "lib/http/connector.hpp"
#include "lib/http/redirect.hpp"

#include <tandem/http/cookie_jar.hpp>

#include <algorithm>
#include <stdexcept>

namespace tandem::http {

namespace {

// Up to here head and body go out in one write, and only then is the response looked at.
constexpr std::size_t small_body = 32 * 1024;
// So much of a redirect's body is read to keep the connection.
constexpr std::uint64_t small_redirect_body = 16 * 1024;
// So often a request goes out again that an HTTP/2 server did not look at.
constexpr unsigned most_refusals = 3;

// What the key of a connection is: the URL's text up to its path ("https://example.org:8443").
std::string_view origin_key(const url& target) noexcept {
    const std::string_view authority = target.authority();
    const char* const begin = target.href().data();
    return {begin, static_cast<std::size_t>(authority.data() + authority.size() - begin)};
}

} // namespace

exchange::exchange(client_state& client, request&& what)
    : client_(client), request_(std::move(what)), url_(std::move(request_.url_)),
      upgrade_(request_.headers().has_token("Upgrade", "websocket")),
      total_(clock::time_point::max(), std::chrono::nanoseconds(0),
             "request::timeout, client_options::total_timeout"),
      limit_(total_), proxy_authorization_(client.proxy_digests) {}

void exchange::begin(clock::time_point call_end) {
    home_ = &task_context::current()->home();
    if (!client_.pool.bind(*home_))
        throw std::logic_error("tandem::http::client: used by tasks of two schedulers at a time");
    start_ = home_->now();
    total_ = total_.part(start_, request_.timeout().value_or(client_.options.total_timeout()), total_.option);
    total_.when = std::min(total_.when, call_end);
}

std::string_view exchange::method_name() const noexcept {
    return to_get_ ? to_string(method::get) : request_.method_name();
}

http::method exchange::reader_method() const noexcept {
    return to_get_ ? method::get : request_.verb().value_or(method::post);
}

bool exchange::may_retry() const noexcept {
    if (to_get_) return true;
    if (!body_repeatable()) return false;
    const std::optional<http::method> verb = request_.verb();
    return verb && is_idempotent(*verb);
}

bool exchange::body_repeatable() const noexcept {
    return drop_body_ || !request_.streamed_body() || request_.streamed_body()->repeatable();
}

bool exchange::check_url() {
    if (request_.url_error()) return fail(request_phase::url, request_.url_error());
    if (upgrade_ && url_.scheme().starts_with("ws")) // ws: becomes http:, wss: https:
        url_ = tandem::url("http" + url_.href().substr(2));
    const std::string_view scheme = url_.scheme();
    if (scheme != "http" && scheme != "https") return fail(request_phase::url, errc::unsupported_scheme);
    return true;
}

task<bool> exchange::run_to_head(clock::time_point call_end) {
    begin(call_end);
    if (!client_.options.observers().empty()) tell_start();
    if (!check_url()) co_return false;
    const bool follows = request_.follow_redirects().value_or(client_.options.follow_redirects());
    for (;;) {
        ++client_.counters.requests;
        if (!co_await hop()) co_return false;
        const h1::response_head& head = wire_->head();
        status_ = head.status;
        if (observed_) tell(request_event::kind::answered, timings_.first_byte);
        keep_cookies(head.headers);
        if ((status_ == 401 && answer_challenge(head.headers)) ||
            (status_ == 407 && answer_proxy(head.headers))) {
            drop_redirect_body();
            continue;
        }
        if (status_ == 417 && expecting_ && (!body_begun_ || body_repeatable())) {
            expect_refused_ = true;
            drop_redirect_body();
            continue;
        }
        if (follows && is_redirection(status_)) {
            redirect next = read_redirect(status_, head.headers, url_, method_name());
            if (next.what != redirect::verdict::none) {
                if (!follow(std::move(next))) co_return false;
                continue;
            }
        }
        begin_body();
        co_return true;
    }
}

bool exchange::follow(redirect&& next) {
    const unsigned most = request_.max_redirects().value_or(client_.options.max_redirects());
    if (next.what == redirect::verdict::insecure && !client_.options.allow_insecure_redirects())
        return fail(request_phase::redirect, errc::insecure_redirect,
                    "from https to " + next.target.redacted() +
                        " (client_options::allow_insecure_redirects lets it pass)");
    if (history_.size() >= most) {
        const auto seen = [&](const redirect_hop& hop) { return hop.url() == next.target; };
        const bool loop = next.target == url_ || std::any_of(history_.begin(), history_.end(), seen);
        return fail(
            request_phase::limit, loop ? errc::redirect_loop : errc::too_many_redirects,
            "more than " + std::to_string(most) +
                " redirects (client_options::max_redirects, request::max_redirects)" +
                (loop ? ", in a loop: the last led back to " + next.target.redacted() : std::string()));
    }
    if (!next.to_get && !body_repeatable())
        return fail(request_phase::redirect, errc::body_not_repeatable,
                    std::to_string(status_) + " to " + next.target.redacted() +
                        " asks for the body again, which request_body::stream_once cannot give");
    drop_redirect_body();
    history_.emplace_back(std::move(url_), status_);
    url_ = std::move(next.target);
    if (next.to_get) to_get_ = drop_body_ = true;
    if (next.new_origin) drop_credentials_ = true;
    rounds_ = digest_rounds();
    proxy_authorization_.restart();
    if (observed_) tell(request_event::kind::redirected);
    return true;
}

void exchange::keep_cookies(const http::headers& fields) {
    cookie_jar* const jar = client_.options.cookies().get();
    if (!jar) return;
    std::size_t left = cookie_jar::max_set_cookies;
    fields.for_each("Set-Cookie", [&](std::string_view value) {
        if (left == 0) return;
        --left;
        jar->set(url_, value);
    });
}

// Keeps the connection when the rest of the redirect's response is at hand; does not wait for it.
void exchange::drop_redirect_body() {
    for (std::uint64_t dropped = 0; dropped <= small_redirect_body;) {
        const h1::step now = wire_->read();
        dropped += now.data.size();
        if (now.what == h1::event::body) continue;
        if (now.what == h1::event::complete) return release();
        break;
    }
    lease_.reset();
}

void exchange::choose_protocol() {
    http1_only_ =
        request_.headers().contains("Upgrade") || (url_.is_https() && client_.wants_http1(origin_key(url_)));
}

const proxy* exchange::via() const noexcept {
    return proxy_for(client_, request_, url_);
}

// Connections on which HTTP/2 was not asked for are kept apart, and tunnels from those to the proxy itself;
// and those of a request that goes another way than the client's own.
std::string_view exchange::pool_key() {
    const proxy* const by = via();
    const proxy* const usual = request_.proxy_chosen() ? proxy_for(client_, url_) : by;
    const bool http1 = http1_only_ && (client_.options.http2() != http2_use::off || by);
    const bool own_way = by && usual ? !(*by == *usual) : by != usual;
    if (!http1 && !own_way) return origin_key(url_);
    own_key_ = http1 ? "http/1.1 " : "";
    own_key_ += origin_key(url_);
    if (own_way) own_key_ += proxy_key(by);
    return own_key_;
}

bool exchange::speaks_http2() const noexcept {
    if (url_.is_https()) return !http1_only_ && lease_->stream.alpn() == "h2";
    return client_.options.http2() == http2_use::prior_knowledge && !http1_only_ &&
           !is_sent_to_proxy(client_, via(), url_, http1_only_);
}

// False where it takes a wait, or throws.
bool exchange::acquire_at_once() {
    if (task_context::current()->cancelled()) return false;
    lease_ = client_.pool.try_acquire(pool_key());
    if (lease_ && observed_) tell(request_event::kind::queued);
    return static_cast<bool>(lease_);
}

task<bool> exchange::acquire(std::chrono::nanoseconds longest) {
    const clock::time_point asked = home_->now();
    limit_ = total_.part(asked, longest, "client_options::pool_timeout");
    lease_ = co_await client_.pool.acquire(pool_key(), limit_.when);
    if (!lease_) {
        fail_timeout(request_phase::pool_wait, limit_);
        co_return false;
    }
    timings_.pool_wait += home_->now() - asked;
    if (observed_) tell(request_event::kind::queued, timings_.pool_wait);
    co_return true;
}

task<bool> exchange::hop() {
    timings_ = request_timings();
    choose_protocol();
    refusals_ = 0;
    went_again_ = false;
    for (;;) {
        if (!lease_ && !acquire_at_once()) {
            const bool acquired = co_await acquire(client_.options.pool_timeout());
            if (!acquired) co_return false;
        }
        reused_ = lease_->stream.is_open();
        // The pool does not look at a connection that was in use a moment ago; here it could not be made
        // good.
        if (reused_ && !lease_->http2 && !may_retry() && lease_->stream.has_input()) {
            lease_->renew();
            reused_ = false;
        }
        if (reused_) {
            ++client_.counters.connections_reused;
        } else {
            wire_ = &lease_->http1;
            const bool opened = co_await open_connection();
            if (!opened) break;
        }
        if (observed_) tell_connection();
        wire_ = &lease_.begin();
        ++lease_->requests;
        const attempt outcome = co_await try_once();
        if (outcome == attempt::head) {
            timings_.first_byte = home_->now() - begun_;
            co_return true;
        }
        if (!may_go_again(outcome)) break;
        error_.reset();
        ++client_.counters.retries;
        ++attempt_;
        if (observed_) tell(request_event::kind::repeated);
        if (lease_->http2)
            lease_.reset();
        else
            lease_->renew();
    }
    lease_.reset();
    co_return false;
}

task<bool> exchange::warm_up() {
    begin(clock::time_point::max());
    if (!check_url()) co_return false;
    choose_protocol();
    // Those that are ready are held meanwhile, so no longer than it takes to open one.
    std::chrono::nanoseconds longest = client_.options.pool_timeout();
    if (longest.count() <= 0)
        longest = std::max(client_.options.connect_timeout(), client_.options.tls_timeout());
    if (longest.count() <= 0) longest = std::chrono::seconds(20);
    const bool acquired = co_await acquire(longest);
    if (!acquired) co_return false;
    reused_ = lease_->stream.is_open();
    if (reused_) co_return true;
    wire_ = &lease_->http1; // which open_connection's errors look at
    const bool opened = co_await open_connection();
    co_return opened;
}

// A refusal is safe to repeat whatever the method is; a server that refuses all the time ends that.
bool exchange::may_go_again(attempt outcome) {
    if (wire_->http1_required()) return turn_to_http1(outcome);
    if (outcome == attempt::refused) return ++refusals_ <= most_refusals && (to_get_ || body_repeatable());
    if (outcome != attempt::stale || !reused_ || went_again_ || !may_retry()) return false;
    return went_again_ = true;
}

// The server has asked for HTTP/1.1: from now on that is spoken with its origin.
bool exchange::turn_to_http1(attempt outcome) {
    if (http1_only_) return false; // that was asked for already
    if (!url_.is_https()) {        // there only the options say what is spoken
        const http::error failure = *error_;
        return fail(failure.phase(), failure.code(),
                    failure.detail() +
                        " (client_options::http2 says that the server is known to speak HTTP/2, "
                        "but it wants HTTP/1.1)");
    }
    client_.remember_http1(origin_key(url_));
    http1_only_ = true;
    if (outcome == attempt::refused) return to_get_ || body_repeatable();
    return outcome == attempt::stale && may_retry();
}

task<bool> exchange::open_connection() {
    opened made = co_await http::open_connection(client_, url_, via(), http1_only_, total_, timings_);
    limit_ = made.limit;
    if (made.error) {
        fail_io(made.phase, made.error, std::move(made.detail));
        co_return false;
    }
    lease_->stream = std::move(made.stream);
    lease_->opened_at = home_->now();
    lease_.agree(speaks_http2());
    co_return true;
}

exchange::maybe_task<exchange::attempt> exchange::try_once() {
    if (request_.streamed_body() && !drop_body_) return measure_and_send();
    return send_request();
}

task<exchange::attempt> exchange::measure_and_send() {
    const bool measured = co_await measure_body();
    if (!measured) co_return attempt::failed;
    co_return co_await send_request();
}

exchange::maybe_task<exchange::attempt> exchange::send_request() {
    if (!begin_request()) return attempt::failed;
    wire_bytes_ = sent_bytes_ = received_bytes_ = 0;
    body_begun_ = false;
    if (expecting_) go_ahead_.reset();
    begun_ = home_->now();
    set_deadline(begun_, client_.options.first_byte_timeout(), "client_options::first_byte_timeout");

    const bool streamed = request_.streamed_body() && !drop_body_;
    const std::string_view body = drop_body_ ? std::string_view() : std::string_view(request_.body());
    if (streamed || expecting_ || body.size() > small_body) return send_large();
    transport::transfer_task sending = wire_->send(body);
    if (!sending.ready()) return finish_sending(std::move(sending), body.size());
    if (!small_request_sent(sending.result(), body.size())) return attempt::failed;
    return read_head();
}

task<exchange::attempt> exchange::finish_sending(transport::transfer_task sending, std::size_t body_bytes) {
    const io_result sent = co_await std::move(sending);
    if (!small_request_sent(sent, body_bytes)) co_return attempt::failed;
    co_return co_await read_head();
}

// Whether an answer is to be looked for.
bool exchange::small_request_sent(const io_result& sent, std::size_t body_bytes) {
    sent_all_ = !sent.error;
    if (sent.error)
        fail_io(request_phase::send, sent.error);
    else if (body_bytes != 0)
        tell_sent(body_bytes);
    // Even after a failure: a server may answer, and close, before it has taken the request.
    return !sent.error || !error_->is_timeout();
}

exchange::attempt exchange::without_answer() const noexcept {
    switch (wire_->why_no_answer()) {
    case no_answer::silent:
        return attempt::stale;
    case no_answer::refused:
        return attempt::refused;
    case no_answer::unknown:
        break;
    }
    return attempt::failed;
}

void exchange::take_interim() {
    const h1::response_head& head = wire_->head();
    if (head.status == 100) go_ahead_.set();
    if (request_.on_informational()) request_.on_informational()(head.status, head.headers);
}

task<exchange::attempt> exchange::read_head() {
    for (;;) {
        const h1::step now = wire_->read();
        if (now.what == h1::event::interim) {
            take_interim();
            continue;
        }
        if (now.what == h1::event::head) {
            error_.reset(); // of a send that failed: the answer matters more
            co_return attempt::head;
        }
        if (now.what == h1::event::failed) {
            if (!error_) fail_protocol(request_phase::response_head, wire_->error());
            co_return without_answer();
        }
        const io_result got = co_await wire_->receive();
        if (got.error) {
            if (!error_ || task_context::current()->cancelled()) // which throws
                fail_io(request_phase::response_head, got.error);
            co_return error_->is_timeout() ? attempt::failed : without_answer();
        }
        wire_->received(got.bytes);
        wire_bytes_ += got.bytes;
    }
}

} // namespace tandem::http
