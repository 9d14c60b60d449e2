#include "tests/support/http/test_certificates.hpp"

#include "tests/support/temporary_folder.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace test_support {

namespace {

template <auto Free>
struct deleter {
    template <class T>
    void operator()(T* p) const noexcept {
        Free(p);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, deleter<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, deleter<X509_free>>;

void require(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(std::string("test certificates: ") + what);
}

key_ptr make_key() {
    key_ptr key(EVP_EC_gen("P-256"));
    require(key != nullptr, "key");
    return key;
}

void add_extension(X509* to, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    require(extension != nullptr, "extension");
    X509_add_ext(to, extension, -1);
    X509_EXTENSION_free(extension);
}

certificate_ptr begin_certificate(EVP_PKEY* key, long serial, const char* common_name, int from, int to) {
    certificate_ptr made(X509_new());
    require(made != nullptr, "certificate");
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), from * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), to * 86400L);
    X509_set_pubkey(made.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    return made;
}

template <class Write>
std::string write_file(const std::filesystem::path& path, Write write) {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    require(file != nullptr, "file");
    const bool ok = write(file) == 1;
    std::fclose(file);
    require(ok, "writing PEM");
    return path.string();
}

std::string write_certificate(const std::filesystem::path& path, X509* certificate) {
    return write_file(path, [&](std::FILE* f) { return PEM_write_X509(f, certificate); });
}

} // namespace

class certificate_authority::impl {
public:
    impl() : key(make_key()) {
        root = begin_certificate(key.get(), 1, "tandem test authority", -2, 30);
        X509_set_issuer_name(root.get(), X509_get_subject_name(root.get()));
        add_extension(root.get(), root.get(), NID_basic_constraints, "critical,CA:TRUE");
        add_extension(root.get(), root.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
        require(X509_sign(root.get(), key.get(), EVP_sha256()) > 0, "signature");
        ca_file = write_certificate(folder / "ca.pem", root.get());
    }

    tests::temporary_folder folder;
    key_ptr key;
    certificate_ptr root;
    std::string ca_file;
    long issued = 1;
};

certificate_authority::certificate_authority() : impl_(std::make_unique<impl>()) {}
certificate_authority::~certificate_authority() = default;

const std::string& certificate_authority::ca_file() const noexcept {
    return impl_->ca_file;
}

certificate_files certificate_authority::issue(const certificate_request& what) {
    const long serial = ++impl_->issued;
    const key_ptr key = make_key();
    const certificate_ptr made =
        begin_certificate(key.get(), serial, "tandem test server", what.from_day(), what.to_day());
    X509* const issuer = what.is_self_signed() ? made.get() : impl_->root.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
    add_extension(made.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(made.get(), issuer, NID_ext_key_usage, what.purpose());
    if (!what.names().empty()) add_extension(made.get(), issuer, NID_subject_alt_name, what.names());
    require(X509_sign(made.get(), what.is_self_signed() ? key.get() : impl_->key.get(), EVP_sha256()) > 0,
            "signature");
    const std::string stem = "server-" + std::to_string(serial);
    return certificate_files(write_certificate(impl_->folder / (stem + ".pem"), made.get()),
                             write_file(impl_->folder / (stem + ".key"), [&](std::FILE* f) {
                                 return PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr,
                                                             nullptr);
                             }));
}

} // namespace test_support
