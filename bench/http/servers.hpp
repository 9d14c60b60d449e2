// The servers that all clients are measured against: the tiny one of this program, and nginx.
#pragma once

#include "bench/http/process.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace bench {

class servers {
public:
    servers(); // nginx stays out where it, or `openssl` for its certificate, is missing
    ~servers();
    servers(const servers&) = delete;
    servers& operator=(const servers&) = delete;

    bool has_nginx() const { return nginx_ != nullptr; }
    std::string tiny(const std::string& path) const;        // URL
    std::string nginx(const std::string& path) const;       // files "/128", "/16k", "/1m", "/5m"
    std::string nginx_http2(const std::string& path) const; // the same for prior knowledge
    std::string nginx_tls(const std::string& path) const;
    std::string certificate() const { return (folder_ / "certificate.pem").string(); }

private:
    void start_nginx();

    std::filesystem::path folder_;
    std::unique_ptr<background_process> tiny_;
    std::unique_ptr<background_process> nginx_;
    std::string tiny_port_;
    std::string port_;
    std::string http2_port_;
    std::string tls_port_;
};

} // namespace bench
