// An HTTPS server for tests: OpenSSL on blocking sockets.
#pragma once

#include "tests/http/scripted_server.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http/test_certificates.hpp"

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <openssl/ssl.h>

namespace scripted {

// An HTTPS server that answers every request with the name that the client asked for (SNI).
class tls_server {
public:
    explicit tls_server(const test_support::certificate_files& files, bool close_notify = true,
                        std::string answer = "")
        : answer_(std::move(answer)), close_notify_(close_notify), context_(SSL_CTX_new(TLS_server_method())),
          server_([this](peer& p, int) { serve(p); }) {
        REQUIRE(SSL_CTX_use_certificate_file(context_, files.certificate.c_str(), SSL_FILETYPE_PEM) == 1);
        REQUIRE(SSL_CTX_use_PrivateKey_file(context_, files.key.c_str(), SSL_FILETYPE_PEM) == 1);
    }
    ~tls_server() {
        server_.reset();
        SSL_CTX_free(context_);
    }
    tls_server(const tls_server&) = delete;
    tls_server& operator=(const tls_server&) = delete;

    std::string url(const std::string& host, const std::string& path = "/") const {
        return "https://" + host + ":" + std::to_string(server_->port()) + path;
    }
    std::string host_port() const { return server_->host_port(); }
    SSL_CTX* context() const { return context_; }
    std::uint16_t port() const { return server_->port(); }
    std::vector<std::string> requests() const { return server_->requests(); }
    int connections() const { return server_->connections(); }

private:
    class holder {
    public:
        explicit holder(server::script s) : server_(std::make_unique<server>(std::move(s))) {}
        server* operator->() const { return server_.get(); }
        void reset() { server_.reset(); }

    private:
        std::unique_ptr<server> server_;
    };

    void serve(peer& p) {
        SSL* const tls = SSL_new(context_);
        SSL_set_fd(tls, p.native_handle());
        if (SSL_accept(tls) == 1) {
            std::string buffer;
            char data[4096];
            for (;;) {
                const int n = SSL_read(tls, data, sizeof(data));
                if (n <= 0) break;
                buffer.append(data, static_cast<std::size_t>(n));
                if (buffer.find("\r\n\r\n") == std::string::npos) continue;
                server_->note(std::move(buffer));
                buffer.clear();
                const char* const name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
                const std::string text = answer_.empty() ? ok(name ? name : "no name") : answer_;
                SSL_write(tls, text.data(), static_cast<int>(text.size()));
                if (!answer_.empty()) break;
            }
            if (close_notify_) SSL_shutdown(tls);
        } else {
            p.wait_closed(); // closing over what the client has sent meanwhile would be a reset, and the
                             // alert lost
        }
        SSL_free(tls);
    }

    std::string answer_;
    bool close_notify_;
    SSL_CTX* context_;
    holder server_;
};

class ignore_sigpipe {
public:
    ignore_sigpipe() {
        std::signal(SIGPIPE, SIG_IGN);
    } // of the server's SSL_write, which cannot be told not to
};
inline const ignore_sigpipe without_sigpipe;

} // namespace scripted
