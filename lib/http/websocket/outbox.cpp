#include "lib/http/websocket/outbox.hpp"

#include <stdexcept>

#include <openssl/rand.h>

namespace tandem::http::ws {

namespace {

// Unpredictable to whoever can make us send what he likes (RFC 6455, 10.3).
mask_key fresh_key() {
    mask_key key;
    if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1)
        throw std::runtime_error("no random numbers from OpenSSL");
    return key;
}

} // namespace

void outbox::append(opcode code, bool compressed, std::string_view payload) {
    write_frame(bytes_, code, compressed, payload, fresh_key());
}

void outbox::sent(std::size_t n) noexcept {
    at_ += n;
    if (!empty()) return;
    if (bytes_.capacity() > kept_bytes)
        std::string().swap(bytes_); // an assignment would keep the memory
    else
        bytes_.clear();
    at_ = 0;
}

} // namespace tandem::http::ws
