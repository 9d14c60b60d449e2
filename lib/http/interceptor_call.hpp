// One call of a client that has interceptors: what all of them share. In the frame of the outermost
// coroutine.
#pragma once

#include "lib/http/client_state.hpp"

#include <tandem/core/scheduler.hpp>
#include <tandem/http/interceptor.hpp>

#include <memory>

namespace tandem::http {

class interceptor_call {
public:
    /// In a task of the client's.
    interceptor_call(std::shared_ptr<client_state> of, const request& what);

    const std::shared_ptr<client_state> client;
    const scheduler::clock::time_point begun;
    scheduler::clock::time_point end = scheduler::clock::time_point::max();
};

/// The client itself, without interceptors; the request ends at `end`, if not earlier.
[[nodiscard]] task<result<response>> fetch(client_state& client, request&& what,
                                           scheduler::clock::time_point end);
[[nodiscard]] task<result<response_stream>> begin(std::shared_ptr<client_state> client, request what,
                                                  scheduler::clock::time_point end);

} // namespace tandem::http
