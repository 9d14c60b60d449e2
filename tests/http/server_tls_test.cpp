// The server over TLS, asked by OpenSSL itself over a blocking socket.
#include "tests/http/server_support.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/core/error.hpp>

#include <cstdio>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

using namespace server_test;

namespace {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* p) const noexcept {
        Free(p);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using ssl_ctx_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;
using file_ptr = std::unique_ptr<std::FILE, freed_by<std::fclose>>;

// A new key and a certificate signed by itself, in files that go with the object.
class own_certificate {
public:
    own_certificate() {
        const key_ptr key(EVP_EC_gen("P-256"));
        const x509_ptr certificate(X509_new());
        REQUIRE((key && certificate));
        ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
        X509_set_pubkey(certificate.get(), key.get());
        X509_NAME* subject = X509_get_subject_name(certificate.get());
        const unsigned char host[] = "localhost";
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, host, -1, -1, 0);
        X509_set_issuer_name(certificate.get(), subject);
        REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) != 0);
        const file_ptr c(std::fopen(certificate_file().c_str(), "w"));
        const file_ptr k(std::fopen(key_file().c_str(), "w"));
        REQUIRE((c && k));
        REQUIRE(PEM_write_X509(c.get(), certificate.get()) == 1);
        REQUIRE(PEM_write_PrivateKey(k.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    }
    std::string certificate_file() const { return folder_ / "certificate.pem"; }
    std::string key_file() const { return folder_ / "key.pem"; }

private:
    tests::temporary_folder folder_;
};

class tls_client {
public:
    explicit tls_client(std::uint16_t port)
        : socket_(port), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_.get())) {
        SSL_set_fd(ssl_.get(), socket_.native_handle());
        connected_ = SSL_connect(ssl_.get()) == 1;
    }
    bool connected() const { return connected_; }
    bool send(const std::string& text) {
        return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) > 0;
    }
    // Reads until the server ends the stream, in order (close_notify) or not.
    std::string read_to_end() {
        std::string all;
        char buffer[4096];
        int n = 0;
        while ((n = SSL_read(ssl_.get(), buffer, sizeof(buffer))) > 0)
            all.append(buffer, static_cast<std::size_t>(n));
        ended_in_order_ = SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
        return all;
    }
    bool ended_in_order() const { return ended_in_order_; }

private:
    raw_client socket_;
    ssl_ctx_ptr context_;
    ssl_ptr ssl_;
    bool connected_ = false;
    bool ended_in_order_ = false;
};

} // namespace

TEST_CASE("requests over TLS", "[http][server][tls]") {
    const own_certificate own;
    server_options options;
    options.tls(own.certificate_file(), own.key_file()).header_timeout(std::chrono::milliseconds(500));
    running_server site(options, [](server_request request) -> task<server_response> {
        co_return server_response::text(std::string(request.is_secure() ? "tls " : "plain ") +
                                        request.body());
    });
    CHECK(site.get().url() == "https://127.0.0.1:" + std::to_string(site.port()));
    SECTION("pipelined, closed in order") {
        tls_client client(site.port());
        REQUIRE(client.connected());
        REQUIRE(client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" +
                            get("/", "Connection: close\r\n")));
        const std::string all = client.read_to_end();
        CHECK(has(all, "\r\n\r\ntls abcHTTP/1.1 200 OK\r\n"));
        CHECK(has(all, "Connection: close\r\n"));
        CHECK(client.ended_in_order());
    }
    SECTION("a request in the clear is no handshake") {
        raw_client client(site.port());
        REQUIRE(client.send(get("/")));
        CHECK_FALSE(has(client.read_to_end(), "HTTP/"));
    }
    SECTION("a client that says nothing is given up") {
        raw_client client(site.port());
        CHECK(client.read_to_end().empty());
    }
    SECTION("stopping ends idle connections and handshakes at once") {
        tls_client idle(site.port());
        REQUIRE(idle.connected());
        raw_client silent(site.port());
        CHECK(site.stop() == nullptr);
        CHECK(idle.read_to_end().empty());
        CHECK(silent.read_to_end().empty());
    }
}

TEST_CASE("listen() names the file that it cannot read", "[http][server][tls]") {
    server site(server_options().tls("/nowhere/certificate.pem", "/nowhere/key.pem"), echo);
    std::string what;
    try {
        site.listen();
    } catch (const system_error& e) {
        what = e.what();
    }
    CHECK(has(what, "/nowhere/certificate.pem"));
}
