#include "tandem/http/event_source.hpp"

#include "lib/http/event_stream_parser.hpp"

#include <tandem/concurrency/sleep.hpp>

#include <algorithm>

namespace tandem::http {

using std::chrono::milliseconds;

class event_source::state {
public:
    state(client& c, request&& r, const event_source_options& o)
        : web(c), what(std::move(r)), options(o), parser(o.max_event_bytes()) {}

    task<bool> connect(); // false: the stream has ended for good, or must be tried again
    request next_request() const;
    [[noreturn]] void fail(error why);
    milliseconds wait() const noexcept;

    client& web;
    request what;
    event_source_options options;
    event_stream_parser parser;
    std::optional<response_stream> stream;
    std::string_view unread; // of what the stream gave last
    unsigned failures = 0;   // in a row
    bool must_wait = false;  // before the next connection
    bool closed = false;
    bool reading = false; // next() is at the stream, which must stay

    // close() while next() reads leaves the stream to next().
    class reading_mark {
    public:
        explicit reading_mark(state& of) noexcept : of_(of) { of_.reading = true; }
        reading_mark(const reading_mark&) = delete;
        reading_mark& operator=(const reading_mark&) = delete;
        ~reading_mark() {
            of_.reading = false;
            if (of_.closed) of_.stream.reset();
        }

    private:
        state& of_;
    };
};

// Once before each connection but the first.
milliseconds event_source::state::wait() const noexcept {
    milliseconds time = parser.retry().value_or(options.retry());
    time = std::clamp(time, options.min_retry(), std::max(options.min_retry(), options.max_retry()));
    for (unsigned i = 1; i < failures && time < options.max_retry(); ++i)
        time = std::min(time * 2, options.max_retry());
    return time;
}

void event_source::state::fail(error why) {
    closed = true;
    stream.reset();
    throw request_error(std::move(why));
}

request event_source::state::next_request() const {
    request next = what;
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!what.headers().contains(name)) next.header(name, value);
    };
    add("Accept", "text/event-stream");
    add("Cache-Control", "no-store");
    // An id is UTF-8 and may have what a field cannot carry; the standard sends it as it is.
    http::headers check;
    if (!parser.last_event_id().empty() && check.try_add("Last-Event-ID", parser.last_event_id()))
        add("Last-Event-ID", parser.last_event_id());
    return next;
}

task<bool> event_source::state::connect() {
    if (must_wait) co_await sleep_for(wait());
    must_wait = true;
    parser.restart();
    unread = std::string_view();
    result<response_stream> opened = co_await web.try_open(next_request());
    if (closed) co_return false; // meanwhile
    if (!opened) {
        const request_phase phase = opened.error().phase();
        const bool hopeless =
            phase == request_phase::url || phase == request_phase::redirect || phase == request_phase::limit;
        if (hopeless || ++failures >= options.max_failures()) fail(std::move(opened).error());
        co_return false;
    }
    failures = 0;
    if (opened->status() == 204) {
        closed = true;
        co_return false;
    }
    if (opened->status() != 200 || opened->media_type() != "text/event-stream")
        fail(error(request_phase::response_head, errc::not_an_event_stream, opened->method(),
                   opened->url().redacted(),
                   "status " + std::to_string(opened->status()) + ", type \"" + opened->media_type() +
                       "\"; 200 and \"text/event-stream\" are expected"));
    stream.emplace(std::move(*opened));
    co_return true;
}

event_source::event_source(client& web, request what, event_source_options options)
    : state_(std::make_unique<state>(web, std::move(what), options)) {}
event_source::event_source(event_source&&) noexcept = default;
event_source& event_source::operator=(event_source&&) noexcept = default;
event_source::~event_source() = default;

task<std::optional<server_sent_event>> event_source::next() {
    using result_type = std::optional<server_sent_event>;
    state& s = *state_;
    for (;;) {
        if (s.closed) co_return result_type();
        if (!s.stream) {
            co_await s.connect();
            continue;
        }
        const event_stream_parser::step now = s.parser.next(s.unread);
        if (now == event_stream_parser::step::event) co_return result_type(s.parser.take_event());
        if (now == event_stream_parser::step::too_large)
            s.fail(error(request_phase::limit, errc::event_too_large, s.stream->method(),
                         s.stream->url().redacted(),
                         "an event of more than " + std::to_string(s.options.max_event_bytes()) +
                             " bytes (event_source_options::max_event_bytes)"));
        std::string_view got;
        {
            const state::reading_mark mark(s);
            auto piece = co_await s.stream->try_read_some();
            if (piece) got = *piece;
        }
        if (s.closed) co_return result_type();
        s.unread = got;
        if (got.empty()) s.stream.reset(); // at its end, or broken: both are reasons to connect again
    }
}

task<result<std::optional<server_sent_event>>> event_source::try_next() {
    using result_type = result<std::optional<server_sent_event>>;
    std::optional<error> why;
    try {
        std::optional<server_sent_event> event = co_await next();
        co_return result_type(std::move(event));
    } catch (const request_error& e) {
        why = e.error();
    }
    co_return result_type(std::move(*why));
}

void event_source::close() noexcept {
    state_->closed = true;
    if (!state_->reading) state_->stream.reset();
}

const std::string& event_source::last_event_id() const noexcept {
    return state_->parser.last_event_id();
}

std::chrono::milliseconds event_source::retry() const noexcept {
    return state_->wait();
}

} // namespace tandem::http
