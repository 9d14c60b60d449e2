// A TLS server for tests of what is spoken behind it: ALPN picks HTTP/2 where it is offered, and a script
// gets the decrypted bytes over a socket pair.
#pragma once

#include "tests/http/scripted_server.hpp"
#include "tests/http/tls_server.hpp"

#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <openssl/ssl.h>
#include <poll.h>

namespace scripted {

class tls_relay {
public:
    // `number`: of the connection, from 0.
    using script = std::function<void(peer& plain, bool http2, int number)>;

    tls_relay(const test_support::certificate_files& files, script what)
        : script_(std::move(what)), context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
        SSL_CTX_use_certificate_file(context_.get(), files.certificate.c_str(), SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(context_.get(), files.key.c_str(), SSL_FILETYPE_PEM);
        SSL_CTX_set_alpn_select_cb(context_.get(), &pick, this);
        server_ = std::make_unique<server>([this](peer& p, int number) { serve(p, number); });
    }
    tls_relay(const tls_relay&) = delete;
    tls_relay& operator=(const tls_relay&) = delete;

    std::string url(const std::string& path = "/") const {
        return "https://localhost:" + std::to_string(server_->port()) + path;
    }
    // What each connection has offered in ALPN, such as "h2 http/1.1".
    std::vector<std::string> offers() const { return server_->requests(); }

private:
    static int pick(SSL*, const unsigned char** picked, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void* self) {
        std::string names;
        const unsigned char* best = offered;
        for (unsigned int at = 0; at < offered_size; at += offered[at] + 1u) {
            const std::string name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
            names += (names.empty() ? "" : " ") + name;
            if (name == "h2") best = offered + at;
        }
        static_cast<tls_relay*>(self)->server_->note(names);
        *picked = best + 1;
        *size = *best;
        return SSL_TLSEXT_ERR_OK;
    }

    void serve(peer& wire, int number) {
        const std::unique_ptr<SSL, void (*)(SSL*)> tls(SSL_new(context_.get()), &SSL_free);
        SSL_set_fd(tls.get(), wire.native_handle());
        std::array<int, 2> ends{};
        if (SSL_accept(tls.get()) != 1 ||
            ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
            return;
        const unsigned char* name = nullptr;
        unsigned int size = 0;
        SSL_get0_alpn_selected(tls.get(), &name, &size);
        const bool http2 = size == 2 && std::memcmp(name, "h2", 2) == 0;
        peer near(ends[0]);
        std::thread speaker([&] {
            peer plain(ends[1]); // closed when the script is over
            script_(plain, http2, number);
        });
        pump(tls.get(), wire, near);
        near.shut();
        speaker.join();
    }

    static void pump(SSL* tls, peer& wire, peer& plain) {
        std::array<char, 16384> piece;
        for (;;) {
            std::array<pollfd, 2> both = {
                {{wire.native_handle(), POLLIN, 0}, {plain.native_handle(), POLLIN, 0}}};
            if (::poll(both.data(), both.size(), SSL_pending(tls) > 0 ? 0 : -1) < 0) return;
            if (SSL_pending(tls) > 0 || both[0].revents != 0) {
                const int n = SSL_read(tls, piece.data(), static_cast<int>(piece.size()));
                if (n <= 0 && SSL_get_error(tls, n) != SSL_ERROR_WANT_READ) return;
                if (n > 0) plain.send(std::string_view(piece.data(), static_cast<std::size_t>(n)));
            }
            if (both[1].revents != 0) {
                const ssize_t n = ::recv(plain.native_handle(), piece.data(), piece.size(), 0);
                if (n <= 0) {
                    SSL_shutdown(tls);
                    return;
                }
                SSL_write(tls, piece.data(), static_cast<int>(n));
            }
        }
    }

    script script_;
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
    std::unique_ptr<server> server_;
};

} // namespace scripted
