// The demonstration site, served by this process.
#pragma once

#include "examples/crawler/demo_site.hpp"

#include <tandem/core/task.hpp>
#include <tandem/http/server.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace crawler {

class demo_server {
public:
    /// Listens on a free port of 127.0.0.1. Throws system_error.
    explicit demo_server(demo_options options = demo_options());

    [[nodiscard]] std::string url() const { return server_.url(); } ///< without a slash at the end
    [[nodiscard]] const demo_site& site() const { return *site_; }

    /// Serves until it is cancelled. Any loop.
    tandem::task<> serve() { return server_.serve(); }

    /// Every target that was asked for, in order. Thread-safe.
    [[nodiscard]] std::vector<std::string> requests() const;

private:
    tandem::task<tandem::http::server_response> answer(tandem::http::server_request request);

    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    tandem::http::server server_;
    std::unique_ptr<demo_site> site_;
};

} // namespace crawler
