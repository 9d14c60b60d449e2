// Where a client speaks HTTP/2 (RFC 9113).
#pragma once

namespace tandem::http {

/// For client_options::http2. Over HTTP/2 the requests of a client to one origin share one connection.
enum class http2_use {
    off,             ///< HTTP/1.1 only
    by_alpn,         ///< https: what the server picks in the TLS handshake (RFC 7301); http: HTTP/1.1
    prior_knowledge, ///< also for http, without asking: the server is known to speak it (RFC 9113, 3.3)
};

} // namespace tandem::http
