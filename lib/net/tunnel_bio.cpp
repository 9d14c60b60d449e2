#include "lib/net/tunnel_bio.hpp"

#include "lib/net/bio_method.hpp"
#include "lib/net/tls_session.hpp"

#include <cerrno>

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

} // namespace

BIO* new_tunnel_bio(tls_session& below) {
    static BIO_METHOD* const method = make_bio_method("tandem TLS tunnel", bio_write, bio_read);
    return new_bio(method, &below);
}

} // namespace tandem::net
