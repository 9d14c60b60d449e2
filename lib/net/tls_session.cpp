#include "lib/net/tls_session.hpp"

#include "lib/net/socket_bio.hpp"
#include "lib/net/tls_context.hpp"
#include "lib/net/tunnel_bio.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <new>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace tandem::net {

namespace {

bool is_ip_address(const std::string& host) {
    unsigned char buffer[sizeof(in6_addr)];
    return inet_pton(AF_INET, host.c_str(), buffer) == 1 || inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

bool can_be_verified(const std::string& host) {
    return !host.empty() && host.front() != '.' && host.find('\0') == std::string::npos;
}

std::string date_of(const ASN1_TIME* time) {
    std::tm parts = {};
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return "unknown date";
    char text[16];
    return {text, std::strftime(text, sizeof(text), "%Y-%m-%d", &parts)};
}

// The names that a certificate is for, a few of them, fit to be printed.
std::string names_of(X509* certificate) {
    std::string names;
    int count = 0;
    auto* const all =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all) && count < 5; ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
        std::string text;
        if (name->type == GEN_DNS) {
            const auto* const data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
            text.assign(data, static_cast<std::size_t>(std::min(ASN1_STRING_length(name->d.dNSName), 253)));
            for (char& c : text)
                if (c <= ' ' || c > '~') c = '?';
        } else if (name->type == GEN_IPADD) {
            const int length = ASN1_STRING_length(name->d.iPAddress);
            char address[INET6_ADDRSTRLEN];
            if ((length == 4 || length == 16) &&
                inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), address,
                          sizeof(address)))
                text = address;
        }
        if (text.empty()) continue;
        names += (count++ ? ", " : "") + text;
    }
    GENERAL_NAMES_free(all);
    return names.empty() ? "no name" : names;
}

// SHA-256 over the SubjectPublicKeyInfo (RFC 7469, section 2.4); empty when there is none.
std::string key_hash(X509* certificate) {
    unsigned char* encoded = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
    if (size <= 0) return {};
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256(encoded, static_cast<std::size_t>(size), hash);
    OPENSSL_free(encoded);
    return std::string(reinterpret_cast<const char*>(hash), sizeof(hash));
}

std::string base64(const std::string& bytes) {
    unsigned char text[64] = "";
    const int size = EVP_EncodeBlock(text, reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(std::min<std::size_t>(bytes.size(), 45)));
    return std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
}

tls_session* session_of(SSL* ssl) {
    return static_cast<tls_session*>(SSL_get_app_data(ssl));
}

} // namespace

void tls_session::deleter::operator()(ssl_st* ssl) const noexcept {
    SSL_free(ssl);
}

void tls_session::open(tls_context& context) {
    ssl_.reset(SSL_new(static_cast<SSL_CTX*>(context.native_handle())));
    if (!ssl_) throw std::bad_alloc();
    SSL_set_app_data(ssl_.get(), this);
    BIO* const bio = below_ ? new_tunnel_bio(*below_) : new_socket_bio(socket_);
    SSL_set_bio(ssl_.get(), bio, bio);
}

tls_session::tls_session(tls_context& context, int fd, const std::string& host, std::uint16_t port)
    : socket_(fd), host_(host) {
    open_client(context, port);
}

tls_session::tls_session(tls_context& context, tls_session& below, const std::string& host,
                         std::uint16_t port)
    : socket_(-1), below_(&below), host_(host) {
    open_client(context, port);
}

void tls_session::open_client(tls_context& context, std::uint16_t port) {
    open(context);
    SSL* const ssl = ssl_.get();
    if (!host_.empty() && host_.back() == '.') host_.pop_back(); // "example.org." is the same host
    // OpenSSL checks no name at all for an empty one, stops at a NUL and takes a leading dot for "any
    // subdomain".
    if (context.verifies() && !can_be_verified(host_)) {
        certificate_failure_ = "there is no host name to verify it for";
    } else if (context.verifies()) {
        SSL_set_verify(ssl, SSL_VERIFY_PEER, &tls_session::on_verify);
        // RFC 9525: an address needs an IP SAN of its own; a wildcard stands for exactly one whole label; the
        // common name is no host name.
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        const int set = is_ip_address(host_)
                            ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host_.c_str())
                            : SSL_set1_host(ssl, host_.c_str());
        if (set != 1) throw std::bad_alloc();
    }
    if (!context.verifies() && context.pins()) SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
    if (!is_ip_address(host_)) SSL_set_tlsext_host_name(ssl, host_.c_str());
    sessions_ = context.sessions();
    if (sessions_ && certificate_failure_.empty()) {
        session_key_ = host_ + ":" + std::to_string(port);
        const tls_session_cache::session kept = sessions_->take(session_key_);
        offered_ = kept && SSL_set_session(ssl, kept.get()) == 1;
    }
    SSL_set_connect_state(ssl);
}

tls_session::tls_session(tls_context& context, int fd) : socket_(fd) {
    open(context);
    SSL_set_accept_state(ssl_.get());
}

tls_session::~tls_session() {
    // OpenSSL makes the session of a connection that was not shut down one that cannot be resumed. Most ends
    // of HTTP connections are like that, and nothing is wrong with them.
    if (!broken_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

// With TLS 1.3 after the handshake, when a ticket has come: as often as the server likes, at any time.
int tls_session::on_new_session(SSL* ssl, SSL_SESSION* session) {
    tls_session& self = *session_of(ssl);
    if (!self.sessions_ || self.session_key_.empty()) return 0;
    tls_session_cache::session fresh(session);
    try {
        self.sessions_->put(self.session_key_, std::move(fresh));
    } catch (const std::bad_alloc&) {
        fresh.reset(); // a session less to resume
    }
    return 1; // it is ours now
}

// Instead of OpenSSL's own verification, which it calls: beyond that one key of the chain must be pinned.
int tls_session::verify_pinned(X509_STORE_CTX* store, void* pins) {
    auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    tls_session& self = *session_of(ssl);
    const auto& pinned = *static_cast<const std::vector<std::string>*>(pins);
    const auto is_pinned = [&](const std::string& hash) {
        return !hash.empty() && std::find(pinned.begin(), pinned.end(), hash) != pinned.end();
    };
    X509* const own = X509_STORE_CTX_get0_cert(store);
    bool found = is_pinned(key_hash(own));
    if (SSL_get_verify_callback(ssl)) { // the context verifies
        if (X509_verify_cert(store) != 1) return 0;
        const STACK_OF(X509)* const chain = X509_STORE_CTX_get0_chain(store);
        for (int i = 0; !found && i < sk_X509_num(chain); ++i)
            found = is_pinned(key_hash(sk_X509_value(chain, i)));
    }
    if (found) return 1;
    self.certificate_failure_ = "no public key of the certificate's chain is pinned (tls_options::pin); the "
                                "certificate's own is sha256//" +
                                base64(key_hash(own));
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

int tls_session::on_verify(int accepted, X509_STORE_CTX* store) {
    if (accepted == 1) return 1;
    auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    tls_session& self = *session_of(ssl);
    X509* const certificate = X509_STORE_CTX_get_current_cert(store);
    const int error = X509_STORE_CTX_get_error(store);
    std::string text = X509_verify_cert_error_string(error);
    if (certificate && error == X509_V_ERR_CERT_HAS_EXPIRED)
        text += " (" + date_of(X509_get0_notAfter(certificate)) + ")";
    else if (certificate && error == X509_V_ERR_CERT_NOT_YET_VALID)
        text += " (" + date_of(X509_get0_notBefore(certificate)) + ")";
    else if (certificate &&
             (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH))
        text = "the certificate is for " + names_of(certificate) + ", not for " + self.host_;
    self.certificate_failure_ = text;
    return 0;
}

tls_session::step tls_session::outcome_of(int result, bool in_handshake) {
    const int saved_errno = errno;
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
        return step(need::readable);
    case SSL_ERROR_WANT_WRITE:
        return step(need::writable);
    case SSL_ERROR_ZERO_RETURN:
        if (!in_handshake) return step(std::size_t{0});
        failure_ = "the peer closed the connection";
        return step(make_error_code(tls_errc::handshake_failed));
    case SSL_ERROR_SYSCALL:
        if (saved_errno == 0) break;
        failure_ = boost::system::error_code(saved_errno, boost::system::system_category()).message();
        return step(boost::system::error_code(saved_errno, boost::system::system_category()));
    default:
        break;
    }
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const bool ended = ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING || code == 0;
    const char* const reason = ERR_reason_error_string(code);
    if (!in_handshake) {
        broken_ = ended ? tls_errc::truncated : tls_errc::protocol_error;
        if (!ended && reason) failure_ = reason; // "tlsv13 alert certificate required"
        return step(broken_);
    }
    if (!certificate_failure_.empty()) {
        failure_ = certificate_failure_;
        return step(make_error_code(tls_errc::certificate_rejected));
    }
    failure_ = ended ? "the peer closed the connection" : reason ? reason : "unknown error";
    return step(make_error_code(tls_errc::handshake_failed));
}

// OpenSSL reads on within one call as long as there are records without data (session tickets, key updates):
// a peer that sends nothing else must not keep the loop. A record takes two reads.
void tls_session::begin_call() noexcept {
    constexpr int most_reads = 64;
    for (tls_session* s = this; s; s = s->below_)
        s->socket_.reads_left = most_reads;
    ERR_clear_error();
    errno = 0;
}

tls_session::step tls_session::handshake() {
    if (!certificate_failure_.empty()) {
        failure_ = certificate_failure_;
        return step(make_error_code(tls_errc::certificate_rejected));
    }
    begin_call();
    const int result = SSL_do_handshake(ssl_.get());
    return result == 1 ? step(std::size_t{1}) : outcome_of(result, true);
}

std::string_view tls_session::alpn() const noexcept {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

tls_session::step tls_session::read(char* data, std::size_t size) {
    begin_call();
    return read_on(data, size);
}

tls_session::step tls_session::read_on(char* data, std::size_t size) {
    if (broken_) return step(broken_);
    std::size_t n = 0;
    const int result = SSL_read_ex(ssl_.get(), data, size, &n);
    return result == 1 ? step(n) : outcome_of(result, false);
}

tls_session::step tls_session::write(const char* data, std::size_t size) {
    begin_call();
    return write_on(data, size);
}

tls_session::step tls_session::write_on(const char* data, std::size_t size) {
    if (broken_) return step(broken_);
    std::size_t n = 0;
    const int result = SSL_write_ex(ssl_.get(), data, size, &n);
    return result == 1 ? step(n) : outcome_of(result, false);
}

bool tls_session::has_pending() const noexcept {
    return broken_ || SSL_has_pending(ssl_.get()) == 1 || socket_.has_pending() ||
           (below_ && below_->has_pending());
}

bool tls_session::resumed() const noexcept {
    return SSL_session_reused(ssl_.get()) == 1;
}

bool tls_session::has_input() noexcept {
    if (broken_) return true;
    begin_call();
    char byte = 0;
    std::size_t n = 0;
    const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &n);
    const bool quiet =
        result != 1 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ && socket().reads_left > 0;
    ERR_clear_error();
    return !quiet;
}

tls_session::need tls_session::shutdown() noexcept {
    if (closing_ == closing::done || broken_ || !SSL_is_init_finished(ssl_.get()))
        return below_ ? below_->shutdown() : need::nothing;
    begin_call();
    // While the alert waits for room in the socket, a further call sends it; after that, one would read.
    const int result = SSL_shutdown(ssl_.get());
    const bool full = result < 0 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_WRITE;
    closing_ = full ? closing::begun : closing::done;
    ERR_clear_error();
    if (full) return need::writable;
    return below_ ? below_->shutdown() : need::nothing;
}

} // namespace tandem::net
