#include "lib/net/bio_method.hpp"

#include <new>

namespace tandem::net {

namespace {

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

} // namespace

BIO_METHOD* make_bio_method(const char* name, bio_writer write, bio_reader read) noexcept {
    BIO_METHOD* const m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, name);
    if (m) {
        BIO_meth_set_write(m, write);
        BIO_meth_set_read(m, read);
        BIO_meth_set_ctrl(m, bio_control);
        BIO_meth_set_create(m, bio_create);
    }
    return m;
}

BIO* new_bio(const BIO_METHOD* method, void* data) {
    BIO* const bio = method ? BIO_new(method) : nullptr;
    if (!bio) throw std::bad_alloc();
    BIO_set_data(bio, data);
    return bio;
}

} // namespace tandem::net
