// What stands before the body of a message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tandem/http/headers.hpp"
#include "tandem/http/method.hpp"

namespace tandem::http::h1 {

/// The protocol version of a message; a response of a later 1.x counts as 1.1 (RFC 9110, 2.5).
enum class version { http10, http11 };

/// How the end of a body is found (RFC 9112, 6.3).
enum class framing {
    none,        ///< there is no body
    length,      ///< Content-Length, above 0
    chunked,     ///< Transfer-Encoding: chunked
    until_close, ///< the body ends with the connection (responses)
};

/// Start line and fields of a request.
struct request_head {
    std::string method;               ///< as received: any token
    std::optional<http::method> verb; ///< the same, if it is a standard method
    std::string target;               ///< as received: origin, absolute, authority or asterisk form
    /// host[:port] that the request is for: of the target in absolute and authority form (Host is ignored
    /// then, RFC 9112, 3.2.2), otherwise of Host; empty in HTTP/1.0 without Host.
    std::string authority;
    h1::version version = version::http11;
    http::headers headers;
};

/// Status line and fields of a response.
struct response_head {
    int status = 0;     ///< 100 to 999
    std::string reason; ///< may be empty
    h1::version version = version::http11;
    http::headers headers;
};

} // namespace tandem::http::h1
