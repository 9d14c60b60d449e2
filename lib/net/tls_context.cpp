#include "lib/net/tls_context.hpp"

#include "lib/net/tls_session.hpp"
#include "lib/net/tls_session_cache.hpp"

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <cstdio>
#include <new>
#include <stdexcept>
#include <string_view>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

namespace tandem::net {

namespace {

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "tandem.tls"; }
    std::string message(int code) const override {
        switch (static_cast<tls_errc>(code)) {
        case tls_errc::handshake_failed:
            return "the TLS handshake failed";
        case tls_errc::certificate_rejected:
            return "the certificate was rejected";
        case tls_errc::truncated:
            return "the TLS stream ended without close_notify (truncated)";
        case tls_errc::protocol_error:
            return "TLS protocol error";
        }
        return "unknown TLS error";
    }
};

// The last error of OpenSSL in words; empties its queue.
std::string last_openssl_error() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) return "unknown error";
    const char* const reason = ERR_reason_error_string(code);
    return reason ? reason : "error " + std::to_string(code);
}

[[noreturn]] void fail(const std::string& what) {
    throw boost::system::system_error(boost::system::error_code(EINVAL, boost::system::generic_category()),
                                      what + ": " + last_openssl_error());
}

[[noreturn]] void throw_errno(const char* what, const std::string& path) {
    throw boost::system::system_error(boost::system::error_code(errno, boost::system::system_category()),
                                      std::string(what) + " " + path);
}

// OpenSSL says "system lib" for a file that is not there: say it better.
void require_readable(const char* what, const std::string& path) {
    if (std::FILE* const file = std::fopen(path.c_str(), "r")) {
        std::fclose(file);
        return;
    }
    throw_errno(what, path);
}

// Instead of OpenSSL's own, which asks at the terminal.
int no_password(char*, int, int, void*) {
    return -1;
}

int number_of(tls_version version) noexcept {
    return version == tls_version::v1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

void use_certificate(SSL_CTX* ctx, const std::string& certificate_file, const std::string& key_file) {
    require_readable("certificate file", certificate_file);
    require_readable("key file", key_file);
    ERR_clear_error(); // what an earlier call left would be taken for the reason
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate_file.c_str()) != 1)
        fail("certificate file " + certificate_file + " cannot be used");
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        if (ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509)
            fail("key file " + key_file + " does not belong to the certificate in " + certificate_file);
        fail("key file " + key_file + " cannot be used");
    }
    if (SSL_CTX_check_private_key(ctx) != 1)
        fail("key file " + key_file + " does not belong to the certificate in " + certificate_file);
}

} // namespace

const boost::system::error_category& tls_category() noexcept {
    static const category instance;
    return instance;
}

boost::system::error_code make_error_code(tls_errc e) noexcept {
    return boost::system::error_code(static_cast<int>(e), tls_category());
}

class tls_context::impl {
public:
    explicit impl(const SSL_METHOD* method) : ctx(SSL_CTX_new(method)) {
        if (!ctx) throw std::bad_alloc();
        SSL_CTX_set_default_passwd_cb(ctx, no_password);
        SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
        SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;
    ~impl() {
        SSL_CTX_free(ctx);
        if (key_log >= 0) ::close(key_log);
    }

    // On the server: the first of ours that the client offers.
    static int select(SSL*, const unsigned char** picked, unsigned char* size, const unsigned char* offered,
                      unsigned offered_size, void* self) {
        for (const std::string& name : static_cast<impl*>(self)->protocols) {
            for (unsigned at = 0; at < offered_size; at += 1u + offered[at]) {
                const unsigned char length = offered[at];
                const auto* const text = reinterpret_cast<const char*>(offered + at + 1);
                if (std::string_view(text, length) != name) continue;
                *picked = offered + at + 1;
                *size = length;
                return SSL_TLSEXT_ERR_OK;
            }
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }

    // For debugging only, so it may block. Appended in one piece: several processes may share a file.
    static void log_key(const SSL* ssl, const char* line) {
        const auto* const self = static_cast<const impl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
        const std::string text = std::string(line) + "\n";
        [[maybe_unused]] const ssize_t written = ::write(self->key_log, text.data(), text.size());
    }

    SSL_CTX* ctx;
    std::vector<std::string> pins;
    std::shared_ptr<tls_session_cache> sessions;
    int key_log = -1;
    bool verify = true;
    bool is_server = false;
    std::vector<std::string> protocols;
};

tls_context::tls_context(std::unique_ptr<impl> i) noexcept : impl_(std::move(i)) {}
tls_context::tls_context(tls_context&&) noexcept = default;
tls_context& tls_context::operator=(tls_context&&) noexcept = default;
tls_context::~tls_context() = default;

void* tls_context::native_handle() const noexcept {
    return impl_->ctx;
}
bool tls_context::verifies() const noexcept {
    return impl_->verify;
}
bool tls_context::pins() const noexcept {
    return !impl_->pins.empty();
}
const std::shared_ptr<tls_session_cache>& tls_context::sessions() const noexcept {
    return impl_->sessions;
}

tls_context& tls_context::protocols(const std::vector<std::string>& names) {
    std::string wire;
    for (const std::string& name : names) {
        if (name.empty() || name.size() > 255)
            throw std::invalid_argument("tls_context::protocols: a name of 1 to 255 bytes is expected");
        wire += static_cast<char>(name.size());
        wire += name;
    }
    impl_->protocols = names;
    if (impl_->is_server)
        SSL_CTX_set_alpn_select_cb(impl_->ctx, names.empty() ? nullptr : &impl::select, impl_.get());
    else if (SSL_CTX_set_alpn_protos(impl_->ctx, reinterpret_cast<const unsigned char*>(wire.data()),
                                     static_cast<unsigned>(wire.size())) != 0) // 0 is success, here only
        throw std::invalid_argument("tls_context::protocols: the names are too long");
    return *this;
}

tls_context tls_context::client(const tls_options& options) {
    auto i = std::make_unique<impl>(TLS_client_method());
    SSL_CTX* const ctx = i->ctx;
    i->verify = options.verify();
    i->pins = options.pins();
    SSL_CTX_set_app_data(ctx, i.get());
    ERR_clear_error(); // what an earlier call left would be taken for the reason
    SSL_CTX_set_min_proto_version(ctx, number_of(options.least_version()));
    SSL_CTX_set_max_proto_version(ctx, number_of(options.most_version()));
    const std::string& ca_file = options.ca_file();
    if (!ca_file.empty()) {
        require_readable("CA file", ca_file);
        if (SSL_CTX_load_verify_locations(ctx, ca_file.c_str(), nullptr) != 1)
            fail("CA file " + ca_file + " cannot be used");
    }
    const bool system_store = ca_file.empty() ? options.verify() : options.add_system_store();
    if (system_store && SSL_CTX_set_default_verify_paths(ctx) != 1)
        fail("the system's certificate store cannot be used");
    if (!options.certificate_file().empty())
        use_certificate(ctx, options.certificate_file(), options.key_file());
    if (!i->pins.empty()) SSL_CTX_set_cert_verify_callback(ctx, &tls_session::verify_pinned, &i->pins);
    if (options.kept_sessions() != 0) {
        i->sessions = std::make_shared<tls_session_cache>(options.kept_sessions());
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, &tls_session::on_new_session);
    }
    if (!options.key_log_file().empty()) {
        i->key_log = ::open(options.key_log_file().c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                            S_IRUSR | S_IWUSR);
        if (i->key_log < 0) throw_errno("key log file", options.key_log_file());
        SSL_CTX_set_keylog_callback(ctx, &impl::log_key);
    }
    tls_context made(std::move(i));
    made.protocols({"http/1.1"});
    return made;
}

tls_context tls_context::server(const std::string& certificate_file, const std::string& key_file) {
    auto i = std::make_unique<impl>(TLS_server_method());
    i->is_server = true;
    use_certificate(i->ctx, certificate_file, key_file);
    return tls_context(std::move(i));
}

} // namespace tandem::net
