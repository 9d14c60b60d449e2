// What the BIOs of this library have in common: a source and sink for a TLS session, over an object that
// outlives it.
#pragma once

#include <openssl/bio.h>

namespace tandem::net {

using bio_writer = int (*)(BIO* bio, const char* data, int size);
using bio_reader = int (*)(BIO* bio, char* data, int size);

// A kind of BIO, for as long as the process lives; nullptr when there is no memory. At the end of its input
// the reader sets BIO_FLAGS_IN_EOF.
BIO_METHOD* make_bio_method(const char* name, bio_writer write, bio_reader read) noexcept;

// One of that kind, with `data` for BIO_get_data. Throws std::bad_alloc.
BIO* new_bio(const BIO_METHOD* method, void* data);

} // namespace tandem::net
