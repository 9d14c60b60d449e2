// An OpenSSL BIO over a socket that never raises SIGPIPE (OpenSSL's own one writes with write(2)).
#pragma once

#include <openssl/bio.h>

namespace tandem::net {

BIO* new_socket_bio(int fd); // does not own the socket; throws std::bad_alloc

} // namespace tandem::net
