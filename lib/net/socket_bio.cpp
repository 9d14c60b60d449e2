#include "lib/net/socket_bio.hpp"

#include "lib/core/readiness_set.hpp"
#include "lib/net/bio_method.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace tandem::net {

namespace {

using tandem::detail::direction;

bio_socket& socket_of(BIO* bio) {
    return *static_cast<bio_socket*>(BIO_get_data(bio));
}

int bio_write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    const bio_socket& socket = socket_of(bio);
    const ssize_t n = send(socket.fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    if (n < 0 && errno == EAGAIN && socket.known) socket.known->used_up(direction::write);
    return static_cast<int>(n);
}

int bio_read(BIO* bio, char* data, int size) {
    BIO_clear_retry_flags(bio);
    bio_socket& socket = socket_of(bio);
    if (socket.reads_left == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    --socket.reads_left;
    const ssize_t n = recv(socket.fd, data, static_cast<std::size_t>(size), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    if (socket.known) {
        if (n < 0 && errno == EAGAIN) socket.known->used_up(direction::read);
        if (n >= 0 && n < size) socket.known->read_short();
    }
    if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(n);
}

} // namespace

BIO* new_socket_bio(bio_socket& socket) {
    static BIO_METHOD* const method = make_bio_method("tandem socket", bio_write, bio_read);
    return new_bio(method, &socket);
}

} // namespace tandem::net
