#include "lib/net/socket_bio.hpp"

#include "lib/core/readiness_set.hpp"
#include "lib/net/bio_method.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <sys/socket.h>

namespace tandem::net {

namespace {

constexpr std::size_t most_ahead = 16384 + 512; // the largest record with its head

bio_socket& socket_of(BIO* bio) {
    return *static_cast<bio_socket*>(BIO_get_data(bio));
}

int bio_write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    const bio_socket& socket = socket_of(bio);
    const ssize_t n = send(socket.fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    if (socket.known) socket.known->sent(n);
    return static_cast<int>(n);
}

ssize_t receive(bio_socket& socket, char* data, std::size_t size) noexcept {
    const ssize_t n = recv(socket.fd, data, size, 0);
    if (socket.known) socket.known->received(n, size);
    return n;
}

std::size_t take(bio_socket& socket, char* data, std::size_t size) noexcept {
    const std::size_t n = std::min(size, socket.end - socket.begin);
    std::memcpy(data, socket.ahead.get() + socket.begin, n);
    socket.begin += n;
    if (!socket.has_pending()) socket.ahead.reset();
    return n;
}

// As recv, by way of the buffer.
ssize_t receive_ahead(bio_socket& socket, char* data, std::size_t size) noexcept {
    if (!socket.has_pending()) {
        socket.ahead.reset(new (std::nothrow) char[most_ahead]);
        if (!socket.ahead) return receive(socket, data, size);
        const ssize_t n = receive(socket, socket.ahead.get(), most_ahead);
        if (n <= 0) {
            const int failed = errno;
            socket.ahead.reset();
            errno = failed;
            return n;
        }
        socket.begin = 0;
        socket.end = static_cast<std::size_t>(n);
    }
    return static_cast<ssize_t>(take(socket, data, size));
}

int bio_read(BIO* bio, char* data, int size) {
    BIO_clear_retry_flags(bio);
    bio_socket& socket = socket_of(bio);
    if (socket.reads_left == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    --socket.reads_left;
    const ssize_t n = receive_ahead(socket, data, static_cast<std::size_t>(size));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(n);
}

} // namespace

BIO* new_socket_bio(bio_socket& socket) {
    static BIO_METHOD* const method = make_bio_method("tandem socket", bio_write, bio_read);
    return new_bio(method, &socket);
}

} // namespace tandem::net
