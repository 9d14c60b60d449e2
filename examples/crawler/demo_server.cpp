#include "examples/crawler/demo_server.hpp"

#include <tandem/concurrency/sleep.hpp>

#include <utility>

namespace crawler {

demo_server::demo_server(demo_options options)
    : server_(tandem::http::server_options(),
              [this](tandem::http::server_request request) { return answer(std::move(request)); }) {
    server_.listen();
    options.authority = "127.0.0.1:" + std::to_string(server_.port()); // for links that name their host
    site_ = std::make_unique<demo_site>(std::move(options));
}

tandem::task<tandem::http::server_response> demo_server::answer(tandem::http::server_request request) {
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request.target());
    }
    demo_response made = site_->serve(request.target());
    if (made.latency.count() > 0) co_await tandem::sleep_for(made.latency);
    tandem::http::server_response response(made.status);
    for (const auto& [name, value] : made.headers)
        response.header(name, value);
    response.body(std::move(made.body), made.content_type);
    co_return response;
}

std::vector<std::string> demo_server::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

} // namespace crawler
