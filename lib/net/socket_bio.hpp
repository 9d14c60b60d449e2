// An OpenSSL BIO over a socket that never raises SIGPIPE (OpenSSL's own one writes with write(2)).
#pragma once

#include <openssl/bio.h>

namespace tandem::detail {
class readiness;
}

namespace tandem::net {

class bio_socket {
public:
    explicit bio_socket(int handle) noexcept : fd(handle) {}

    int fd;             // not owned
    int reads_left = 0; // at 0 a read says that there is nothing (EAGAIN): a bound for one call of OpenSSL's
    tandem::detail::readiness* known = nullptr; // is told what the socket says; may stay null
};

BIO* new_socket_bio(bio_socket& socket); // `socket` must outlive it; throws std::bad_alloc

} // namespace tandem::net
