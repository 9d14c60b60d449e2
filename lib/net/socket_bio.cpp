#include "lib/net/socket_bio.hpp"

#include <cerrno>
#include <new>

#include <sys/socket.h>

namespace tandem::net {

namespace {

bio_socket& socket_of(BIO* bio) {
    return *static_cast<bio_socket*>(BIO_get_data(bio));
}

int bio_write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    const ssize_t n = send(socket_of(bio).fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
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
    if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(n);
}

long bio_control(BIO* bio, int command, long, void*) {
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
        return 0;
    }
}

int bio_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD* socket_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* const m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tandem socket");
        if (m) {
            BIO_meth_set_write(m, bio_write);
            BIO_meth_set_read(m, bio_read);
            BIO_meth_set_ctrl(m, bio_control);
            BIO_meth_set_create(m, bio_create);
        }
        return m;
    }();
    return method;
}

} // namespace

BIO* new_socket_bio(bio_socket& socket) {
    BIO_METHOD* const method = socket_method();
    BIO* const bio = method ? BIO_new(method) : nullptr;
    if (!bio) throw std::bad_alloc();
    BIO_set_data(bio, &socket);
    return bio;
}

} // namespace tandem::net
