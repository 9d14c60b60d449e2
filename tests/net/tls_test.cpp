// TLS streams: who is believed and what a refusal says, hostile peers, contexts that cannot be made.
#include "tests/net/stream_support.hpp"
#include "tests/support/temporary_folder.hpp"

#include "lib/net/tls_session.hpp"

#include <boost/system/system_error.hpp>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

using namespace stream_test;
using tandem::net::tls_errc;
using test_support::certificate_authority;
using test_support::certificate_files;
using test_support::certificate_request;

namespace {

class outcome {
public:
    outcome() {}
    error_code client;
    error_code server;
    std::string words;
    std::string client_alpn;
    std::string server_alpn;
};

// A handshake between two streams.
outcome shake(tls_context& client, tls_context& server, std::string host) {
    return tests::run_on_loop(
        [](tls_context& c, tls_context& s, std::string name) -> task<outcome> {
            const auto fds = local_pair();
            ends e(stream(home(), fds.first), stream(home(), fds.second));
            auto begin = [](stream& left, tls_context& context, std::string to) -> task<error_code> {
                const error_code ec = co_await left.handshake_client(context, std::move(to));
                if (ec) left.close(); // or the server might wait for what never comes
                co_return ec;
            };
            outcome o;
            std::tie(o.client, o.server) =
                co_await tandem::when_all(begin(e.left, c, std::move(name)), e.right.handshake_server(s));
            o.words = e.left.tls_failure();
            o.client_alpn = e.left.alpn();
            o.server_alpn = e.right.alpn();
            CHECK(e.left.is_tls());
            co_return o;
        },
        std::ref(client), std::ref(server), std::move(host));
}

outcome shake(const certificate_request& what, std::string host, bool trusted = true, bool verify = true) {
    certificate_authority authority;
    certificate_authority another;
    const certificate_files files = authority.issue(what);
    tls_context client = tls_context::client(trusted ? authority.ca_file() : another.ca_file(), verify);
    tls_context server = tls_context::server(files.certificate, files.key);
    return shake(client, server, std::move(host));
}

void accepted(const outcome& o) {
    CAPTURE(o.words);
    CHECK(o.client == error_code());
    CHECK(o.server == error_code());
    CHECK(o.words.empty());
}

void refused(const outcome& o, const std::string& words, const std::string& more = "") {
    CHECK(o.client == tls_errc::certificate_rejected);
    CHECK(o.server);
    CHECK_THAT(o.words, Catch::Contains(words) && Catch::Contains(more));
}

std::string day(int from_today) {
    const std::time_t then = std::time(nullptr) + from_today * 86400L;
    std::tm parts{};
    ::gmtime_r(&then, &parts);
    char text[16];
    return std::string(text, std::strftime(text, sizeof(text), "%Y-%m-%d", &parts));
}

std::string written(const std::string& file, const std::string& content) {
    std::ofstream(file) << content;
    return file;
}

// A certificate that trusts itself, with a common name and, unless empty, one DNS name of any bytes.
certificate_files odd_certificate(const tests::temporary_folder& in, const char* common_name,
                                  const std::string& dns_name, const char* password = nullptr) {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const made = X509_new();
    X509_set_version(made, 2);
    X509_gmtime_adj(X509_getm_notBefore(made), -86400);
    X509_gmtime_adj(X509_getm_notAfter(made), 86400);
    X509_set_pubkey(made, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(made));
    if (!dns_name.empty()) {
        ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
        ASN1_STRING_set(text, dns_name.data(), static_cast<int>(dns_name.size()));
        GENERAL_NAME* const name = GENERAL_NAME_new();
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        GENERAL_NAMES* const names = GENERAL_NAMES_new();
        sk_GENERAL_NAME_push(names, name);
        REQUIRE(X509_add1_ext_i2d(made, NID_subject_alt_name, names, 0, 0) == 1);
        GENERAL_NAMES_free(names);
    }
    REQUIRE(X509_sign(made, key, EVP_sha256()) > 0);
    const certificate_files files(in / "odd.pem", in / "odd.key");
    std::FILE* file = std::fopen(files.certificate.c_str(), "w");
    PEM_write_X509(file, made);
    std::fclose(file);
    file = std::fopen(files.key.c_str(), "w");
    PEM_write_PrivateKey(file, key, password ? EVP_aes_256_cbc() : nullptr, nullptr, 0, nullptr,
                         const_cast<char*>(password));
    std::fclose(file);
    X509_free(made);
    EVP_PKEY_free(key);
    return files;
}

outcome shake_odd(const char* common_name, const std::string& dns_name, std::string host) {
    const tests::temporary_folder here;
    const certificate_files files = odd_certificate(here, common_name, dns_name);
    tls_context client = tls_context::client(files.certificate);
    tls_context server = tls_context::server(files.certificate, files.key);
    return shake(client, server, std::move(host));
}

// What `make` complains of.
template <class F>
std::string complaint(F make) {
    try {
        make();
    } catch (const boost::system::system_error& e) {
        return e.what();
    }
    return "none";
}

// OpenSSL itself, on a blocking socket and a thread of its own.
class raw_peer {
public:
    raw_peer(int fd, SSL_CTX* context, std::function<void(SSL*)> act)
        : thread_([fd, context, act = std::move(act)] {
              SSL* const ssl = SSL_new(context);
              SSL_set_fd(ssl, fd);
              act(ssl);
              SSL_free(ssl);
              SSL_CTX_free(context);
              ERR_clear_error();
          }) {}
    ~raw_peer() { join(); }
    raw_peer(const raw_peer&) = delete;
    raw_peer& operator=(const raw_peer&) = delete;
    void join() {
        if (thread_.joinable()) thread_.join();
    }

private:
    std::thread thread_;
};

// How a handshake with a peer that says `bytes` and then nothing, or goes away, ends.
std::pair<error_code, std::string> shake_with(std::string bytes, bool as_server, bool ends_then,
                                              bool resets = false) {
    return tests::run_on_loop(
        [](std::string say, bool server, bool end, bool reset) -> task<std::pair<error_code, std::string>> {
            const auto fds = tcp_pair();
            stream s(home(), fds.first);
            REQUIRE(::send(fds.second, say.data(), say.size(), 0) == static_cast<ssize_t>(say.size()));
            if (end) ::shutdown(fds.second, SHUT_WR);
            if (reset) {
                will_reset(fds.second);
                ::close(fds.second);
            }
            s.expires_at(stream::clock::now() + (end || reset ? 20000ms : 100ms));
            error_code ec;
            if (server)
                ec = co_await s.handshake_server(tls().server);
            else
                ec = co_await s.handshake_client(tls().client, "localhost");
            if (!reset) ::close(fds.second);
            co_return std::pair<error_code, std::string>(ec, s.tls_failure());
        },
        std::move(bytes), as_server, ends_then, resets);
}

} // namespace

TEST_CASE("tls: certificates that are good", "[net][tls]") {
    accepted(shake(certificate_request(), "localhost"));
    accepted(shake(certificate_request(), "LOCALHOST"));
    accepted(shake(certificate_request(), "localhost.")); // the same host
    accepted(shake(certificate_request(), "127.0.0.1"));
    accepted(shake(certificate_request().names("IP:::1"), "::1"));
    accepted(shake(certificate_request().names("DNS:a.test,DNS:b.test"), "b.test"));
    accepted(shake(certificate_request().names("DNS:*.example.test"), "www.example.test"));
}

TEST_CASE("tls: certificates for another host", "[net][tls]") {
    refused(shake(certificate_request(), "example.test"), "localhost", "example.test");
    refused(shake(certificate_request(), "127.0.0.2"), "127.0.0.1", "127.0.0.2");
    refused(shake(certificate_request().names("DNS:127.0.0.1"), "127.0.0.1"), "not for 127.0.0.1");
    refused(shake(certificate_request().names("DNS:*.0.0.1"), "127.0.0.1"), "not for 127.0.0.1");
    refused(shake(certificate_request().names("DNS:a.test"), "a.test.evil.test"), "a.test.evil.test");
    const auto wildcard = certificate_request().names("DNS:*.example.test");
    refused(shake(wildcard, "example.test"), "*.example.test", "not for example.test");
    refused(shake(wildcard, "a.b.example.test"), "*.example.test", "a.b.example.test");
    refused(shake(wildcard, ".example.test"), "host name");
    refused(shake(certificate_request().names("DNS:w*.example.test"), "www.example.test"), "w*.example.test");
    refused(shake(certificate_request().names("DNS:*w.example.test"), "www.example.test"), "*w.example.test");
    refused(shake(certificate_request().names("DNS:*"), "localhost"), "localhost");
    refused(shake(certificate_request().names("DNS:*.test"), "example.test"), "not for example.test");
    refused(shake(certificate_request().names(""), "localhost"), "no name", "localhost");
}

TEST_CASE("tls: a host without a name to verify", "[net][tls]") {
    for (const std::string& host : {std::string(), std::string("."), std::string("localhost\0.evil.test", 20),
                                    std::string("\0localhost", 10), std::string("localhost\0", 10)}) {
        CAPTURE(host);
        refused(shake(certificate_request(), host), "no host name");
    }
    accepted(shake(certificate_request(), "", true, false));
}

TEST_CASE("tls: certificates with odd names", "[net][tls]") {
    accepted(shake_odd("x", "cn.test", "cn.test")); // as the helper makes them, they can be good
    refused(shake_odd("cn.test", "", "cn.test"), "no name", "cn.test");
    refused(shake_odd("cn.test", "san.test", "cn.test"), "san.test", "not for cn.test");
    refused(shake_odd("x", std::string("cn.test\0.evil.test", 18), "cn.test"), "cn.test?.evil.test");
    refused(shake_odd("x", "cn.test\n\033[31m", "cn.test"), "cn.test??[31m, not for cn.test");
    refused(shake_odd("x", std::string(100000, 'a'), "cn.test"), "not for cn.test");
}

TEST_CASE("tls: certificates that are not valid now, or not trusted", "[net][tls]") {
    refused(shake(certificate_request().valid(-10, -2), "localhost"), "expired", "(" + day(-2) + ")");
    refused(shake(certificate_request().valid(5, 10), "localhost"), "not yet valid", "(" + day(5) + ")");
    refused(shake(certificate_request().self_signed(), "localhost"), "self-signed");
    refused(shake(certificate_request(), "localhost", false), "signature"); // a namesake of its authority
    const tests::temporary_folder here;
    tls_context client =
        tls_context::client(odd_certificate(here, "another authority", "x.test").certificate);
    refused(shake(client, tls().server, "localhost"), "issuer");
}

TEST_CASE("tls: without verification anything is accepted", "[net][tls]") {
    accepted(shake(certificate_request().valid(-10, -2), "localhost", true, false));
    accepted(shake(certificate_request().self_signed(), "localhost", true, false));
    accepted(shake(certificate_request(), "example.test", false, false));
}

TEST_CASE("tls: contexts that cannot be made say why", "[net][tls]") {
    const tests::temporary_folder here;
    certificate_authority authority;
    const certificate_files one = authority.issue();
    const certificate_files two = authority.issue();
    const std::string missing = here / "missing.pem";
    const std::string empty = written(here / "empty.pem", "");
    const std::string garbage =
        written(here / "garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (const std::string& path : {missing, empty, garbage, here / ""}) {
        CAPTURE(path);
        ERR_put_error(ERR_LIB_USER, 0, 1, "", 0); // what another left is not the reason
        CHECK_THAT(complaint([&] { tls_context::client(path); }), Catch::Contains(path));
        CHECK_THAT(complaint([&] { tls_context::server(path, one.key); }), Catch::Contains(path));
        CHECK_THAT(complaint([&] { tls_context::server(one.certificate, path); }), Catch::Contains(path));
        CHECK(ERR_peek_error() == 0);
    }
    CHECK_THAT(complaint([&] { tls_context::client(missing); }), Catch::Contains("No such file"));
    CHECK_THAT(complaint([&] { tls_context::server(one.certificate, two.key); }),
               Catch::Contains(two.key) && Catch::Contains("does not belong to the certificate") &&
                   Catch::Contains(one.certificate));
    CHECK(complaint([&] { tls_context::server(one.certificate, one.key); }) == "none");
    const certificate_files locked = odd_certificate(here, "x", "x.test", "secret");
    CHECK_THAT(complaint([&] { tls_context::server(locked.certificate, locked.key); }),
               Catch::Contains(locked.key)); // and does not ask for the password
}

TEST_CASE("tls: ALPN", "[net][tls]") {
    using names = std::vector<std::string>;
    const auto agree = [](const names& offered, const names& served) {
        tls_context client = tls_context::client(tls().authority.ca_file());
        tls_context server = tls_context::server(tls().files.certificate, tls().files.key);
        return shake(client.protocols(offered), server.protocols(served), "localhost");
    };
    const auto picked = [&](const names& offered, const names& served) {
        const outcome o = agree(offered, served);
        CHECK(o.client == error_code());
        CHECK(o.client_alpn == o.server_alpn);
        return o.client_alpn;
    };
    CHECK(picked({"h2", "http/1.1"}, {"h2", "http/1.1"}) == "h2");
    CHECK(picked({"h2", "http/1.1"}, {"http/1.1", "h2"}) == "http/1.1"); // the server's order counts
    CHECK(picked({"http/1.1"}, {"h2", "http/1.1"}) == "http/1.1");
    CHECK(picked({"h2", "http/1.1"}, {}).empty());
    CHECK(picked({}, {"h2", "http/1.1"}).empty());
    CHECK(picked({std::string(255, 'x')}, {"h2", std::string(255, 'x')}) == std::string(255, 'x'));
    CHECK(shake(tls().client, tls().server, "localhost").client_alpn.empty());

    const outcome nothing = agree({"h2"}, {"h", "http/1.1", "h22"});
    CHECK(nothing.client == tls_errc::handshake_failed);
    CHECK_THAT(nothing.words, Catch::Contains("no application protocol"));
    CHECK(nothing.server == tls_errc::handshake_failed);

    tls_context client = tls_context::client(tls().authority.ca_file());
    CHECK_THROWS_AS(client.protocols({""}), std::invalid_argument);
    CHECK_THROWS_AS(client.protocols({std::string(256, 'x')}), std::invalid_argument);
}

TEST_CASE("tls: a server that picks a protocol it was not offered is refused", "[net][tls]") {
    const auto fds = local_pair();
    SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
    REQUIRE(SSL_CTX_use_certificate_file(context, tls().files.certificate.c_str(), SSL_FILETYPE_PEM) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey_file(context, tls().files.key.c_str(), SSL_FILETYPE_PEM) == 1);
    const auto pick = [](SSL*, const unsigned char** picked, unsigned char* size, const unsigned char*,
                         unsigned, void*) {
        *picked = reinterpret_cast<const unsigned char*>("h2");
        *size = 2;
        return SSL_TLSEXT_ERR_OK;
    };
    SSL_CTX_set_alpn_select_cb(context, pick, nullptr);
    {
        raw_peer peer(fds.second, context, [](SSL* ssl) { SSL_accept(ssl); });
        tests::run_on_loop(
            [](int fd) -> task<> {
                stream s(home(), fd);
                s.expires_at(stream::clock::now() + 20s);
                const error_code ec = co_await s.handshake_client(tls().client, "localhost");
                CHECK(ec == tls_errc::handshake_failed);
                CHECK_FALSE(s.tls_failure().empty());
            },
            fds.first);
    }
    ::close(fds.second);
}

TEST_CASE("tls: a peer that does not speak TLS", "[net][tls]") {
    const std::string close_notify("\x15\x03\x03\x00\x02\x01\x00", 7);
    for (const bool as_server : {false, true}) {
        CAPTURE(as_server);
        for (const std::string& said :
             {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string(70000, 'x'),
              std::string(1000, '\0'), std::string(1000, '\xFF'), close_notify}) {
            const auto [ec, words] = shake_with(said, as_server, true);
            CAPTURE(said.substr(0, 10), words);
            CHECK(ec == tls_errc::handshake_failed);
            CHECK_FALSE(words.empty());
        }
        const auto silent = shake_with("", as_server, false);
        CHECK(silent.first == error::timed_out);
        const auto piece = shake_with("\x16\x03", as_server, false);
        CHECK(piece.first == error::timed_out);
        for (const char* said : {"", "\x16\x03"}) {
            const auto ended = shake_with(said, as_server, true);
            CHECK(ended.first == tls_errc::handshake_failed);
            CHECK(ended.second == "the peer closed the connection");
        }
        const auto reset = shake_with("", as_server, false, true);
        CAPTURE(reset.first.message());
        CHECK((reset.first == error::connection_reset || reset.first == error::broken_pipe));
        CHECK_FALSE(reset.second.empty());
    }
}

TEST_CASE("tls: a client of TLS 1.1 is refused", "[net][tls]") {
    for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
        const bool good = version != TLS1_1_VERSION;
        const auto fds = local_pair();
        SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, version);
        SSL_CTX_set_max_proto_version(context, version);
        int connected_with = 0;
        {
            raw_peer peer(fds.second, context, [&](SSL* ssl) { connected_with = SSL_connect(ssl); });
            tests::run_on_loop(
                [](int fd, bool expected) -> task<> {
                    stream s(home(), fd);
                    s.expires_at(stream::clock::now() + 20s);
                    const error_code ec = co_await s.handshake_server(tls().server);
                    CHECK(ec == (expected ? error_code() : make_error_code(tls_errc::handshake_failed)));
                    CHECK(s.tls_failure().empty() == expected);
                },
                fds.first, good);
        }
        CHECK((connected_with == 1) == good);
        ::close(fds.second);
    }
}

TEST_CASE("tls: how a stream ends", "[net][tls]") {
    tests::run_on_loop([]() -> task<> {
        { // in order
            ends e = co_await connected(kind::tls);
            co_await e.right.write("all");
            e.right.shutdown();
            e.right.close();
            std::string got;
            const io_result end = co_await read_all(e.left, got);
            CHECK(end.error == error_code());
            CHECK(got == "all");
        }
        { // cut off: not to be taken for the end
            ends e = co_await connected(kind::tls);
            co_await e.right.write("not all");
            e.right.close();
            std::string got;
            const io_result end = co_await read_all(e.left, got);
            CHECK(end.error == tls_errc::truncated);
            CHECK(got == "not all");
        }
        { // a forged record
            ends e = co_await connected(kind::tls);
            const std::string forged = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
            REQUIRE(::send(e.right.native_handle(), forged.data(), forged.size(), 0) == 37);
            const std::string text = co_await read_text(e.left);
            CHECK(text == "error: " + make_error_code(tls_errc::protocol_error).message());
            CHECK(e.left.has_input());
            const std::string again = co_await read_text(e.left);
            CHECK(again == text); // at once
            const error_code ec = co_await e.left.wait_readable();
            CHECK(ec == error_code());
            const io_result sent = co_await e.left.write("x");
            CHECK(sent.error == tls_errc::protocol_error);
        }
        { // a piece of a record is nothing to read
            ends e = co_await connected(kind::tls);
            REQUIRE(::send(e.right.native_handle(), "\x17\x03\x03", 3, 0) == 3);
            e.left.expires_at(stream::clock::now() + 20ms);
            const error_code ec = co_await e.left.wait_readable();
            CHECK(ec == error::timed_out);
            const std::string text = co_await read_text(e.left);
            CHECK(text == "error: " + error_code(error::timed_out).message());
        }
    });
}

TEST_CASE("tls: errors of one connection are not those of another", "[net][tls]") {
    tests::run_on_loop([]() -> task<> {
        ends good = co_await connected(kind::tls);
        ends bad = co_await connected(kind::tls);
        co_await good.right.write("fine");
        REQUIRE(::send(bad.right.native_handle(), "garbage garbage", 15, 0) == 15);
        ERR_put_error(ERR_LIB_USER, 0, 1, "", 0);
        const auto [text, failure] = co_await tandem::when_all(read_text(good.left), read_text(bad.left));
        CHECK(text == "fine");
        CHECK(failure == "error: " + make_error_code(tls_errc::protocol_error).message());
        CHECK_FALSE(good.left.has_input());
        CHECK(ERR_peek_error() == 0);
    });
}

TEST_CASE("tls: a flood of session tickets gives way to others", "[net][tls]") {
    const auto fds = tcp_pair();
    SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
    REQUIRE(SSL_CTX_use_certificate_file(context, tls().files.certificate.c_str(), SSL_FILETYPE_PEM) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey_file(context, tls().files.key.c_str(), SSL_FILETYPE_PEM) == 1);
    int sent = 0;
    raw_peer peer(fds.second, context, [&](SSL* ssl) {
        if (SSL_accept(ssl) != 1) return;
        while (sent < 320 && SSL_new_session_ticket(ssl) == 1 && SSL_do_handshake(ssl) == 1)
            ++sent;
        SSL_write(ssl, "x", 1);
    });
    tandem::net::tls_session session(tls().client, fds.first, "localhost");
    using need = tandem::net::tls_session::need;
    while (session.handshake().wants != need::nothing) {
    }
    peer.join(); // all of it has been sent
    REQUIRE(::fcntl(fds.first, F_SETFL, O_NONBLOCK) == 0);
    char byte = 0;
    int waits = 0; // each of them lets others run
    auto got = session.read(&byte, 1);
    for (; got.wants == need::readable && waits < 1000; ++waits)
        got = session.read(&byte, 1);
    CHECK(got.bytes == 1);
    CHECK(byte == 'x');
    CHECK(waits >= 9);
    ::close(fds.first);
    CHECK(sent == 320);
    ::close(fds.second);
}
