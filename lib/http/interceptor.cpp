#include "tandem/http/interceptor.hpp"

#include "lib/http/interceptor_call.hpp"

#include <tandem/core/time_span.hpp>
#include <tandem/http/request_event.hpp>

namespace tandem::http {

interceptor::~interceptor() = default;

task<result<response_stream>> interceptor::open(request what, next rest) {
    return rest.open(std::move(what));
}

interceptor_call::interceptor_call(std::shared_ptr<client_state> of, const request& what)
    : client(std::move(of)), begun(task_context::current()->home().now()) {
    const std::chrono::nanoseconds length = what.timeout().value_or(client->options.total_timeout());
    if (length.count() > 0) end = later(begun, length);
}

task<result<response>> next::send(request what) const {
    const auto& chain = call_->client->options.interceptors();
    if (index_ < chain.size()) return chain[index_]->send(std::move(what), next(*call_, index_ + 1));
    return fetch(*call_->client, std::move(what), call_->end);
}

task<result<response_stream>> next::open(request what) const {
    const auto& chain = call_->client->options.interceptors();
    if (index_ < chain.size()) return chain[index_]->open(std::move(what), next(*call_, index_ + 1));
    return begin(call_->client, std::move(what), call_->end);
}

next::clock::time_point next::deadline() const noexcept {
    return call_->end;
}

next::clock::time_point next::begun() const noexcept {
    return call_->begun;
}

const client_options& next::options() const noexcept {
    return call_->client->options;
}

void next::report(const request_event& what) const {
    for (const auto& told : call_->client->options.observers())
        told(what);
}

} // namespace tandem::http
