// What a response_stream reads from.
#pragma once

#include "lib/http/exchange.hpp"

#include <memory>
#include <string_view>
#include <utility>

namespace tandem::http {

class body_source {
public:
    body_source(std::shared_ptr<client_state> client, request&& what)
        : client_(std::move(client)), exchange_(*client_, std::move(what)) {}

    [[nodiscard]] http::exchange& exchange() noexcept { return exchange_; }

    bool failed = false;   // its error has been told
    std::string_view rest; // of the last piece, behind the line that was taken from it

private:
    std::shared_ptr<client_state> client_;
    http::exchange exchange_;
};

} // namespace tandem::http
