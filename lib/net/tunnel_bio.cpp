#include "lib/net/tunnel_bio.hpp"

#include "lib/net/tls_session.hpp"

#include <cerrno>
#include <new>

namespace tandem::net {

namespace {

tls_session& session_of(BIO* bio) {
    return *static_cast<tls_session*>(BIO_get_data(bio));
}

// What the session below came to, as a BIO says it.
int result_of(BIO* bio, const tls_session::step& step) {
    // The session above asks its BIO what to wait for, whichever way the bytes were to go.
    if (step.wants == tls_session::need::readable) BIO_set_retry_read(bio);
    if (step.wants == tls_session::need::writable) BIO_set_retry_write(bio);
    if (step.wants != tls_session::need::nothing) return -1;
    if (!step.error) return static_cast<int>(step.bytes);
    errno = step.error.category() == boost::system::system_category() ? step.error.value() : 0;
    return -1;
}

int bio_write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    return result_of(bio, session_of(bio).write_on(data, static_cast<std::size_t>(size)));
}

int bio_read(BIO* bio, char* data, int size) {
    BIO_clear_retry_flags(bio);
    const tls_session::step step = session_of(bio).read_on(data, static_cast<std::size_t>(size));
    if (step.wants == tls_session::need::nothing && !step.error && step.bytes == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return result_of(bio, step);
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

BIO_METHOD* tunnel_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* const m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tandem TLS tunnel");
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

BIO* new_tunnel_bio(tls_session& below) {
    BIO_METHOD* const method = tunnel_method();
    BIO* const bio = method ? BIO_new(method) : nullptr;
    if (!bio) throw std::bad_alloc();
    BIO_set_data(bio, &below);
    return bio;
}

} // namespace tandem::net
