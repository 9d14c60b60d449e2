// What tls_options do to a handshake: pinned keys, client certificates, versions, authorities, the key log.
#include "tandem/net/tls_options.hpp"

#include "tests/net/stream_support.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/core/error.hpp>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

using namespace stream_test;
using tandem::tls_options;
using tandem::tls_version;
using tandem::net::tls_errc;
using test_support::certificate_files;
using test_support::certificate_request;

namespace {

class outcome {
public:
    outcome() {}
    error_code client;
    error_code server;
    error_code read; // of the client's first read
    std::string words;
    std::string version;
};

// A handshake, and a byte from the server.
outcome shake(tls_context& client, tls_context& server) {
    return tests::run_on_loop(
        [](tls_context& c, tls_context& s) -> task<outcome> {
            const auto fds = local_pair();
            ends e(stream(home(), fds.first), stream(home(), fds.second));
            outcome o;
            auto left = [&]() -> task<> {
                o.client = co_await e.left.handshake_client(c, "localhost");
                char byte = 0;
                if (!o.client) {
                    const tandem::io_result got = co_await e.left.read_some(&byte, 1);
                    o.read = got.error;
                }
                o.words = e.left.tls_failure();
                e.left.close();
            };
            auto right = [&]() -> task<> {
                o.server = co_await e.right.handshake_server(s);
                if (!o.server) co_await e.right.write("x");
                if (o.server) e.right.close();
            };
            co_await tandem::when_all(left(), right());
            co_return o;
        },
        std::ref(client), std::ref(server));
}

outcome shake(const tls_options& options) {
    tls_context client = tls_context::client(options);
    return shake(client, tls().server);
}

tls_options trusting() {
    return tls_options().ca_file(tls().authority.ca_file());
}

// The pin of a PEM certificate's key.
std::string pin_of(const std::string& file) {
    std::FILE* const in = std::fopen(file.c_str(), "r");
    X509* const certificate = PEM_read_X509(in, nullptr, nullptr, nullptr);
    std::fclose(in);
    unsigned char* encoded = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256(encoded, static_cast<std::size_t>(size), hash);
    OPENSSL_free(encoded);
    X509_free(certificate);
    unsigned char text[64];
    EVP_EncodeBlock(text, hash, sizeof(hash));
    return reinterpret_cast<const char*>(text);
}

std::string content(const std::string& file) {
    std::ifstream in(file);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

// A server that wants a certificate of the client's, signed by `ca_file`.
tls_context demanding(const std::string& ca_file) {
    tls_context server = tls_context::server(tls().files.certificate, tls().files.key);
    auto* const context = static_cast<SSL_CTX*>(server.native_handle());
    REQUIRE(SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    return server;
}

const std::string other_pin = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

} // namespace

TEST_CASE("tls options: what is no pin", "[net][tls]") {
    for (const std::string& text :
         {std::string(), std::string("sha256//"), std::string("sha1//") + other_pin, other_pin.substr(1),
          other_pin + "=", std::string(44, 'A'), std::string(43, '-') + "=",
          std::string(42, 'A') + "B=", std::string("sha256/") + other_pin}) {
        CAPTURE(text);
        CHECK_THROWS_AS(tls_options().pin(text), std::invalid_argument);
    }
    const auto two = tls_options().pin(other_pin).pin("sha256//" + std::string(42, '/') + "8=");
    REQUIRE(two.pins().size() == 2);
    CHECK(two.pins()[0] == std::string(32, '\0'));
    CHECK(two.pins()[1] == std::string(32, '\xFF'));
}

TEST_CASE("tls options: pinned keys", "[net][tls]") {
    const std::string own = pin_of(tls().files.certificate);
    const std::string authority = pin_of(tls().authority.ca_file());
    CHECK(shake(trusting().pin(own)).client == error_code());
    CHECK(shake(trusting().pin("sha256//" + own)).client == error_code());
    CHECK(shake(trusting().pin(authority)).client == error_code()); // any of the chain
    CHECK(shake(trusting().pin(other_pin).pin(own)).client == error_code());

    const outcome wrong = shake(trusting().pin(other_pin));
    CHECK(wrong.client == tls_errc::certificate_rejected);
    CHECK(wrong.server); // it has been told
    CHECK_THAT(wrong.words, Catch::Contains("pinned") && Catch::Contains("sha256//" + own));

    // A pin is no trust.
    test_support::certificate_authority stranger;
    const outcome untrusted = shake(tls_options().ca_file(stranger.ca_file()).pin(own));
    CHECK(untrusted.client == tls_errc::certificate_rejected);
    CHECK_THAT(untrusted.words, !Catch::Contains("pinned"));

    // Without verification only the server's own certificate counts: the rest of the chain proves nothing.
    CHECK(shake(tls_options().verify(false).pin(own)).client == error_code());
    const outcome unproven = shake(tls_options().verify(false).pin(authority));
    CHECK(unproven.client == tls_errc::certificate_rejected);
    CHECK_THAT(unproven.words, Catch::Contains("pinned"));
}

TEST_CASE("tls options: a certificate of the client's own", "[net][tls]") {
    test_support::certificate_authority clients;
    const certificate_files me =
        clients.issue(certificate_request().names("DNS:me.test").purpose("clientAuth"));
    tls_context server = demanding(clients.ca_file());
    for (const tls_version version : {tls_version::v1_2, tls_version::v1_3}) {
        CAPTURE(static_cast<int>(version));
        tls_context known =
            tls_context::client(trusting().certificate(me.certificate, me.key).versions(version, version));
        const outcome good = shake(known, server);
        CHECK(good.client == error_code());
        CHECK(good.read == error_code());
        CHECK(good.server == error_code());

        tls_context nobody = tls_context::client(trusting().versions(version, version));
        const outcome none = shake(nobody, server);
        CHECK(none.server);
        CHECK((none.client || none.read)); // TLS 1.3 tells it after the handshake
        CHECK_THAT(none.words, Catch::Contains("alert"));
    }
    const certificate_files other = clients.issue(certificate_request().purpose("clientAuth"));
    CHECK_THROWS_AS(tls_context::client(tls_options().certificate(me.certificate, other.key)),
                    tandem::system_error);
    CHECK_THROWS_AS(tls_context::client(tls_options().certificate("/nonexistent", me.key)),
                    tandem::system_error);
}

TEST_CASE("tls options: versions", "[net][tls]") {
    tls_context old = tls_context::server(tls().files.certificate, tls().files.key);
    SSL_CTX_set_max_proto_version(static_cast<SSL_CTX*>(old.native_handle()), TLS1_2_VERSION);
    tls_context any = tls_context::client(trusting());
    CHECK(shake(any, old).client == error_code());
    tls_context modern = tls_context::client(trusting().versions(tls_version::v1_3, tls_version::v1_3));
    const outcome refused = shake(modern, old);
    CHECK(refused.client == tls_errc::handshake_failed);
    CHECK_THAT(refused.words, Catch::Contains("version"));
    CHECK(shake(modern, tls().server).client == error_code());
    tls_context swapped = tls_context::client(trusting().versions(tls_version::v1_3, tls_version::v1_2));
    CHECK(shake(swapped, old).client); // the least counts
}

TEST_CASE("tls options: a certificate for another purpose", "[net][tls]") {
    const certificate_files files = tls().authority.issue(certificate_request().purpose("clientAuth"));
    tls_context server = tls_context::server(files.certificate, files.key);
    const outcome refused = shake(tls().client, server);
    CHECK(refused.client == tls_errc::certificate_rejected);
    CHECK_THAT(refused.words, Catch::Contains("purpose"));
}

TEST_CASE("tls options: the system's store beside a file", "[net][tls]") {
    // The system does not know the tests' authority, and a file of another's does not change that.
    test_support::certificate_authority another;
    CHECK(shake(tls_options().ca_file(another.ca_file()).add_system_store(true)).client ==
          tls_errc::certificate_rejected);
    CHECK(shake(trusting().add_system_store(true)).client == error_code());
    // That it is asked at all: SSL_CERT_FILE is where OpenSSL looks for it.
    const std::string unrelated = another.issue().certificate;
    ::setenv("SSL_CERT_FILE", tls().authority.ca_file().c_str(), 1);
    CHECK(shake(tls_options().ca_file(unrelated).add_system_store(true)).client == error_code());
    CHECK(shake(tls_options().ca_file(unrelated)).client == tls_errc::certificate_rejected);
    ::unsetenv("SSL_CERT_FILE");
}

TEST_CASE("tls options: the key log", "[net][tls]") {
    const tests::temporary_folder here;
    const std::string file = here / "keys.log";
    CHECK(shake(trusting().key_log_file(file)).client == error_code());
    const std::string first = content(file);
    CHECK_THAT(first, Catch::Contains("CLIENT_HANDSHAKE_TRAFFIC_SECRET ") &&
                          Catch::Contains("SERVER_TRAFFIC_SECRET_0 "));
    CHECK(first.back() == '\n');
    struct stat about{};
    REQUIRE(::stat(file.c_str(), &about) == 0);
    CHECK((about.st_mode & 0777) == 0600);
    CHECK(shake(trusting().key_log_file(file)).client == error_code());
    const std::string second = content(file);
    CHECK(second.substr(0, first.size()) == first); // appended
    CHECK(second.size() > first.size());
    CHECK_THROWS_AS(tls_context::client(tls_options().key_log_file("/nonexistent/keys")),
                    tandem::system_error);
}
