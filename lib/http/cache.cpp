#include "tandem/http/cache.hpp"

#include "lib/http/cache_revalidation.hpp"
#include "lib/http/cache_rules.hpp"
#include "lib/http/chars.hpp"
#include "lib/http/policy.hpp"
#include "lib/http/wall_clock.hpp"

#include <tandem/concurrency/concurrent_channel.hpp>
#include <tandem/concurrency/task_local.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/content_coding.hpp>
#include <tandem/http/cookie_jar.hpp>
#include <tandem/http/memory_cache_store.hpp>
#include <tandem/http/request_event.hpp>
#include <tandem/http/response_builder.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

namespace tandem::http {

using caching::usability;
using entry = std::shared_ptr<const cached_response>;

std::size_t cached_response::bytes() const noexcept {
    std::size_t sum = sizeof(cached_response) + variant.size() + reason.size() + body.size();
    for (const auto field : headers)
        sum += field.name.size() + field.value.size() + 16;
    return sum;
}

cache_store::~cache_store() = default;

namespace {

cached_response::time_point now_by_the_clock() {
    return std::chrono::floor<std::chrono::milliseconds>(wall_now());
}

std::string key_of(const url& where) {
    return where.without_fragment().href();
}

bool has_conditions(const headers& fields) noexcept {
    for (const char* const name :
         {"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range"})
        if (fields.contains(name)) return true;
    return false;
}

// The cache for which the running task asks again for what was given stale.
const task_local<const void*> revalidating_for;

// "W/" does not matter for a GET (RFC 9110, 8.8.3.2).
std::string_view opaque_tag(std::string_view tag) noexcept {
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    return tag;
}

} // namespace

class cache::impl {
public:
    impl(std::shared_ptr<cache_store> given, cache_options options) : store(std::move(given)), how(options) {
        if (!store) throw std::invalid_argument("http::cache: no store");
    }

    const std::shared_ptr<cache_store> store;
    const cache_options how;

    class atomic_counters {
    public:
        std::atomic<std::uint64_t> hits{0}, validated{0}, stale{0}, misses{0}, stored{0}, invalidated{0},
            store_errors{0};
    };
    atomic_counters counts;
    cache_revalidation background;

    // How often what is kept under a key has been removed. Keys share places: at worst an answer is not kept.
    std::array<std::atomic<std::uint32_t>, 256> removals{};
    std::atomic<std::uint32_t>& removals_of(const std::string& key) noexcept {
        return removals[std::hash<std::string>()(key) % removals.size()];
    }

    // The one that was received last of those that this request may be answered with; null if there is none.
    task<entry> find(std::string key, const request& what, const client_options& options) {
        cache_store::entries all;
        try {
            all = co_await store->find(std::move(key));
        } catch (const operation_cancelled&) {
            throw;
        } catch (const std::exception&) {
            ++counts.store_errors;
        }
        const std::string owner = caching::owner_of(what, options);
        const bool follows = what.follow_redirects().value_or(options.follow_redirects());
        const bool decodes = options.decompress() && !what.headers().contains("Accept-Encoding") &&
                             !options.headers().contains("Accept-Encoding");
        // Not what this request would not have been given: a redirect in place of where it leads, and a body
        // that another request wanted as it came.
        const auto fits = [&](const cached_response& kept) {
            if (follows && is_redirection(kept.status)) return false;
            const auto coding = kept.headers.get_joined("Content-Encoding");
            return !decodes || kept.decoded || !coding || !decoder::supports(*coding);
        };
        entry best;
        for (entry& one : all)
            if (one && fits(*one) &&
                caching::variant_of(one->headers, what, options, owner) == one->variant &&
                (!best || one->received_at > best->received_at))
                best = std::move(one);
        co_return best;
    }

    // Unless it was overtaken: `seen` is what removals_of(key) was before the question went out. `known`:
    // there was something that a newer answer may have replaced meanwhile.
    task<> put(std::string key, entry what, std::uint32_t seen, bool known) {
        try {
            if (removals_of(key) != seen) co_return;
            if (known) {
                const cache_store::entries all = co_await store->find(key);
                for (const entry& one : all)
                    if (one && one->variant == what->variant && one->requested_at > what->requested_at)
                        co_return;
            }
            co_await store->put(key, std::move(what));
            if (removals_of(key) != seen) {
                co_await store->remove(std::move(key)); // meanwhile
                co_return;
            }
            ++counts.stored;
        } catch (const operation_cancelled&) {
            throw;
        } catch (const std::exception&) {
            ++counts.store_errors;
        }
    }

    task<> remove(std::string key) {
        try {
            ++removals_of(key);
            co_await store->remove(std::move(key));
        } catch (const operation_cancelled&) {
            throw;
        } catch (const std::exception&) {
            ++counts.store_errors;
        }
    }

    static task<result<response>> get(std::shared_ptr<impl> self, request what, next rest);
    static task<result<response_stream>> open(std::shared_ptr<impl> self, request what, next rest);
    static task<> revalidate(std::shared_ptr<impl> self, client& web);
    [[nodiscard]] bool is_revalidating() const noexcept {
        const void* const* const who = revalidating_for.get();
        return who && *who == this;
    }
    template <class R>
    static task<result<R>> invalidating(std::shared_ptr<impl> self, request what, next rest);

    task<result<response>> ask(request what, next rest, entry known, cache_control wanted);
    task<> keep(std::string key, const request& what, const client_options& options,
                const cache_control& wanted, const response& got, cached_response::time_point asked,
                std::uint32_t seen, bool known);
    response give(const cached_response& kept, const request& what, next rest) const;
    task<> invalidate(const request& what, const response_info& got);
};

// The answer that has been kept.
response cache::impl::give(const cached_response& kept, const request& what, next rest) const {
    const auto age = caching::current_age(kept, now_by_the_clock());
    headers fields = kept.headers;
    fields.set("Age", std::to_string(std::max<std::int64_t>(age.count(), 0)));
    request_timings took;
    took.total = task_context::current()->home().now() - rest.begun();
    response_builder made(what.url());
    made.status(kept.status).reason(kept.reason).method(std::string(what.method_name()));
    made.headers(std::move(fields)).decoded(kept.decoded).timings(took);
    if (what.verb() == method::get) made.body(kept.body);
    request_event event(request_event::kind::cached, 0, what.method_name(), what.url());
    rest.report(event.status(kept.status).duration(took.total));
    return std::move(made).build();
}

task<> cache::impl::keep(std::string key, const request& what, const client_options& options,
                         const cache_control& wanted, const response& got, cached_response::time_point asked,
                         std::uint32_t seen, bool known) {
    if (wanted.no_store) co_return; // what is kept stays: this answer says nothing about it
    auto made = std::make_shared<cached_response>();
    const bool fits = got.history().empty() && caching::may_store(wanted, got, how);
    if (fits) {
        const auto now = now_by_the_clock();
        made->variant = caching::variant_of(got.headers(), what, options, caching::owner_of(what, options));
        made->status = got.status();
        made->reason = got.reason();
        made->headers = caching::storable_fields(got.headers(), now);
        made->decoded = got.decoded();
        made->requested_at = asked;
        made->received_at = now;
    }
    if (fits && made->bytes() + got.body().size() <= how.max_entry_bytes()) {
        made->body = got.body();
        co_await put(std::move(key), std::move(made), seen, known);
    } else if (known && !is_server_error(got.status())) {
        co_await remove(std::move(key)); // it is not true any more
    }
}

task<result<response>> cache::impl::ask(request what, next rest, entry known, cache_control wanted) {
    const client_options& options = rest.options();
    const auto asked = now_by_the_clock();
    const std::string key = key_of(what.url());
    const std::uint32_t seen = removals_of(key);
    request sent = what;
    // Vary is about what was sent (RFC 9111, 4.1), and the answer may change the jar.
    request as_sent = what;
    if (options.cookies() && !what.headers().contains("Cookie") && !options.headers().contains("Cookie")) {
        const std::string cookies = options.cookies()->header_for(what.url());
        if (detail::is_field_text(cookies)) as_sent.set_header("Cookie", cookies);
    }
    const bool validates =
        known && (known->headers.contains("ETag") || known->headers.contains("Last-Modified"));
    if (validates) {
        if (const auto tag = known->headers.get("ETag")) sent.set_header("If-None-Match", *tag);
        if (const auto date = known->headers.get("Last-Modified"))
            sent.set_header("If-Modified-Since", *date);
    }
    result<response> got = co_await rest.send(std::move(sent));
    const bool failed = !got || is_server_error(got->status());
    if (failed) {
        if (known && caching::stands_in_for_error(*known, wanted, now_by_the_clock(), how)) {
            ++counts.stale;
            co_return result<response>(give(*known, what, rest));
        }
        co_return got;
    }
    if (validates && got->status() == 304) {
        const auto tag = got->headers().get("ETag");
        const auto own = known->headers.get("ETag");
        const bool same = got->history().empty() && (!tag || (own && opaque_tag(*tag) == opaque_tag(*own)));
        if (!same) { // of something else: nothing that is kept is true any more
            co_await remove(key);
            co_return co_await ask(std::move(what), rest, nullptr, wanted);
        }
        auto renewed = std::make_shared<cached_response>(*known);
        renewed->requested_at = asked;
        renewed->received_at = now_by_the_clock();
        renewed->headers = caching::renewed_fields(
            known->headers, caching::storable_fields(got->headers(), renewed->received_at));
        ++counts.validated;
        result<response> answer(give(*renewed, what, rest));
        // The request's no-store says that nothing of its own answer is to be kept: not the renewal either.
        if (!wanted.no_store) co_await put(key, std::move(renewed), seen, true);
        co_return answer;
    }
    ++counts.misses;
    if (what.verb() == method::get)
        co_await keep(key, as_sent, options, wanted, *got, asked, seen, known != nullptr);
    co_return got;
}

task<result<response>> cache::impl::get(std::shared_ptr<impl> self, request what, next rest) {
    const cache_control wanted = caching::directives_of(what, rest.options());
    std::string key = key_of(what.url());
    entry known = co_await self->find(key, what, rest.options());
    if (known && known->body.size() > what.max_body().value_or(rest.options().max_body_bytes()))
        known = nullptr; // the client tells that it is too large
    if (known) {
        const usability found = caching::judge(*known, wanted, now_by_the_clock(), self->how);
        const bool again = self->is_revalidating();
        if (found == usability::fresh || (found == usability::stale && !again)) {
            ++(found == usability::fresh ? self->counts.hits : self->counts.stale);
            co_return result<response>(self->give(*known, what, rest));
        }
        key += '\n' + known->variant;
        if (!again && what.verb() == method::get &&
            caching::may_be_given_meanwhile(*known, wanted, now_by_the_clock(), self->how) &&
            self->background.hand_over(rest.options(), key, what)) {
            ++self->counts.stale;
            co_return result<response>(self->give(*known, what, rest));
        }
    }
    if (wanted.only_if_cached) {
        response_builder none(what.url());
        none.status(504).reason("Gateway Timeout").method(std::string(what.method_name()));
        co_return result<response>(std::move(none).build());
    }
    // HEAD does not renew what GET has left.
    if (what.verb() != method::get) co_return co_await rest.send(std::move(what));
    co_return co_await self->ask(std::move(what), rest, std::move(known), wanted);
}

task<> cache::impl::revalidate(std::shared_ptr<impl> self, client& web) {
    cache_revalidation::worker mine(self->background, web.options());
    // What comes of it is in the store. A failure leaves there what was.
    auto ask = [&](cache_revalidation::job one) -> task<> {
        const void* const who = self.get();
        static_cast<void>(co_await revalidating_for.with(who, web.try_send(std::move(one.what))));
    };
    co_await concurrent_for_each(mine.jobs, self->how.max_revalidations(), ask);
}

task<result<response_stream>> cache::impl::open(std::shared_ptr<impl> self, request what, next rest) {
    const cache_control wanted = caching::directives_of(what, rest.options());
    const entry known = co_await self->find(key_of(what.url()), what, rest.options());
    // max_body bounds a stream only where the request says so.
    if (known && known->body.size() <= what.max_body().value_or(known->body.size())) {
        const usability found = caching::judge(*known, wanted, now_by_the_clock(), self->how);
        if (found != usability::validate) {
            ++(found == usability::fresh ? self->counts.hits : self->counts.stale);
            co_return result<response_stream>(response_stream(self->give(*known, what, rest)));
        }
    }
    if (wanted.only_if_cached) {
        response_builder none(what.url());
        none.status(504).reason("Gateway Timeout").method(std::string(what.method_name()));
        co_return result<response_stream>(response_stream(std::move(none).build()));
    }
    ++self->counts.misses;
    co_return co_await rest.open(std::move(what));
}

// RFC 9111, 4.4
task<> cache::impl::invalidate(const request& what, const response_info& got) {
    if (!is_success(got.status()) && !is_redirection(got.status())) co_return;
    ++counts.invalidated;
    co_await remove(key_of(what.url()));
    if (got.url() != what.url() && same_origin(got.url(), what.url())) co_await remove(key_of(got.url()));
    for (const char* const name : {"Location", "Content-Location"}) {
        const auto value = got.headers().get(name);
        if (!value) continue;
        const auto other = url::parse(*value, what.url());
        if (other && same_origin(*other, what.url())) co_await remove(key_of(*other));
    }
}

template <class R>
task<result<R>> cache::impl::invalidating(std::shared_ptr<impl> self, request what, next rest) {
    const request asked(what.url()); // its URL alone: the body is not copied
    result<R> got = co_await pass_on<R>(rest, std::move(what));
    if (got) co_await self->invalidate(asked, *got);
    co_return got;
}

cache::cache(cache_options how) : cache(std::make_shared<memory_cache_store>(), how) {}
cache::cache(std::shared_ptr<cache_store> where, cache_options how)
    : impl_(std::make_shared<impl>(std::move(where), how)) {}
cache::~cache() = default;

task<result<response>> cache::send(request what, next rest) {
    const std::optional<method> verb = what.verb();
    if (what.url_error()) return rest.send(std::move(what));
    if (!verb || !is_safe(*verb)) return impl::invalidating<response>(impl_, std::move(what), rest);
    const bool ours = (*verb == method::get || *verb == method::head) && !what.has_body() &&
                      !what.headers().contains("Upgrade") && !has_conditions(what.headers()) &&
                      !has_conditions(rest.options().headers());
    if (!ours) return rest.send(std::move(what));
    return impl::get(impl_, std::move(what), rest);
}

task<result<response_stream>> cache::open(request what, next rest) {
    const std::optional<method> verb = what.verb();
    if (what.url_error()) return rest.open(std::move(what));
    if (!verb || !is_safe(*verb)) return impl::invalidating<response_stream>(impl_, std::move(what), rest);
    const bool ours = *verb == method::get && !what.has_body() && !what.headers().contains("Upgrade") &&
                      !has_conditions(what.headers()) && !has_conditions(rest.options().headers());
    if (!ours) return rest.open(std::move(what));
    return impl::open(impl_, std::move(what), rest);
}

task<> cache::revalidate(client& web) {
    return impl::revalidate(impl_, web);
}

cache_counters cache::counters() const noexcept {
    const impl::atomic_counters& from = impl_->counts;
    cache_counters now;
    now.hits = from.hits;
    now.validated = from.validated;
    now.stale = from.stale;
    now.misses = from.misses;
    now.stored = from.stored;
    now.invalidated = from.invalidated;
    now.store_errors = from.store_errors;
    return now;
}

} // namespace tandem::http
