// An OpenSSL BIO over a socket that never raises SIGPIPE (OpenSSL's own one writes with write(2)).
#pragma once

#include <openssl/bio.h>

#include <cstddef>
#include <memory>

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

    // OpenSSL asks for a record's head, then for the rest. Here both are received at once, and what comes
    // after them. (OpenSSL can do so itself, SSL_CTX_set_read_ahead, but then one call of it takes any number
    // of records: `reads_left` would be no bound.) There is a buffer only while something is in it.
    std::unique_ptr<char[]> ahead;
    std::size_t begin = 0;
    std::size_t end = 0;
    bool has_pending() const noexcept { return begin != end; }
};

BIO* new_socket_bio(bio_socket& socket); // `socket` must outlive it; throws std::bad_alloc

} // namespace tandem::net
