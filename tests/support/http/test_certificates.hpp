// Certificates for tests, made when they are needed: a certificate authority of one's own and what it signs.
#pragma once

#include <memory>
#include <string>

namespace test_support {

/// What a certificate says. Setters chain.
class certificate_request {
public:
    certificate_request() {}
    /// subjectAltName as OpenSSL writes it: "DNS:localhost,IP:127.0.0.1".
    certificate_request& names(std::string subject_alt_name) {
        names_ = std::move(subject_alt_name);
        return *this;
    }
    /// Days from today on which it begins and ends to be valid.
    certificate_request& valid(int from_day, int to_day) {
        from_day_ = from_day;
        to_day_ = to_day;
        return *this;
    }
    /// Extended key usage. Default: serverAuth.
    certificate_request& purpose(std::string usage) {
        purpose_ = std::move(usage);
        return *this;
    }
    certificate_request& self_signed() {
        self_signed_ = true;
        return *this;
    }

    const std::string& names() const noexcept { return names_; }
    const std::string& purpose() const noexcept { return purpose_; }
    int from_day() const noexcept { return from_day_; }
    int to_day() const noexcept { return to_day_; }
    bool is_self_signed() const noexcept { return self_signed_; }

private:
    std::string names_ = "DNS:localhost,IP:127.0.0.1";
    std::string purpose_ = "serverAuth";
    int from_day_ = -1;
    int to_day_ = 30;
    bool self_signed_ = false;
};

/// Two PEM files.
class certificate_files {
public:
    certificate_files(std::string c, std::string k) : certificate(std::move(c)), key(std::move(k)) {}
    std::string certificate;
    std::string key;
};

/// A certificate authority in a temporary folder, which goes with it. Throws std::runtime_error.
class certificate_authority {
public:
    certificate_authority();
    ~certificate_authority();
    certificate_authority(const certificate_authority&) = delete;
    certificate_authority& operator=(const certificate_authority&) = delete;

    /// The PEM file to trust.
    const std::string& ca_file() const noexcept;
    /// The files stay until the authority is destroyed.
    certificate_files issue(const certificate_request& what = certificate_request());

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace test_support
