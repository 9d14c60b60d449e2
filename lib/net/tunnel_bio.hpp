// An OpenSSL BIO over another TLS session: TLS within TLS, as an https proxy needs it.
#pragma once

#include <openssl/bio.h>

namespace tandem::net {

class tls_session;

BIO* new_tunnel_bio(tls_session& below); // `below` must outlive it; throws std::bad_alloc

} // namespace tandem::net
