// HTTP/2 with nghttpd and nginx: chosen by ALPN, and with prior knowledge. Each test needs the server's
// Debian package and says so where it is missing.
#include "tests/http/real_server.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http/test_certificates.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/concurrency/when_all.hpp>
#include <tandem/http/client.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace tandem;
using http::client_options;
using http::http2_use;

namespace {

class site {
public:
    site() {
        std::filesystem::create_directories(folder_ / "www");
        std::filesystem::create_directories(folder_ / "tmp");
        // A server that root starts serves as another user.
        for (const char* const each : {"", "www", "tmp"})
            std::filesystem::permissions(folder_ / each, std::filesystem::perms::all);
        put("www/small.txt", "small");
        for (std::size_t i = 0; i < 3'000'000; ++i)
            large += static_cast<char>(i * 7 + i / 251);
        put("www/large.bin", large);
        certificate = authority_.issue(test_support::certificate_request());
    }
    std::string operator/(const std::string& file) const { return folder_ / file; }
    void put(const std::string& file, const std::string& content) const {
        std::ofstream(folder_ / file, std::ios::binary) << content;
    }
    const std::string& ca_file() const { return authority_.ca_file(); }

    std::string large;
    test_support::certificate_files certificate{"", ""};

private:
    tests::temporary_folder folder_;
    test_support::certificate_authority authority_;
};

// 40 files at a time, large ones among them, over one connection.
task<> check_files(const site& files, client_options options, std::string base) {
    http::client web(std::move(options));
    for (int i = 0; i < 3; ++i) {
        std::vector<task<http::response>> all;
        for (int n = 0; n < 40; ++n)
            all.push_back(web.get(base + (n % 10 == 0 ? "/large.bin" : "/small.txt")));
        const std::vector<http::response> got = co_await when_all(std::move(all));
        for (std::size_t n = 0; n < got.size(); ++n) {
            CHECK(got[n].status() == 200);
            CHECK((got[n].body() == (n % 10 == 0 ? files.large : "small")));
            CHECK(got[n].reason().empty()); // it is HTTP/2
        }
    }
    const http::response missing = co_await web.get(base + "/missing");
    CHECK(missing.status() == 404);
    const http::response head = co_await web.head(base + "/large.bin");
    CHECK(head.headers().get("content-length") == std::to_string(files.large.size()));
    CHECK(head.body().empty());
    CHECK(web.counters().connections_opened == 1);
    CHECK(web.counters().connections_idle == 1);
}

task<> check_echo(client_options options, std::string base) {
    http::client web(std::move(options));
    for (const std::size_t size : {std::size_t{1}, std::size_t{100000}, std::size_t{2'000'000}}) {
        const std::string body(size, 'b');
        const http::response r = co_await web.post(base + "/", body, "text/plain");
        CHECK((r.body() == body));
    }
    CHECK(web.counters().connections_opened == 1);
}

std::string secure(const real::server& server) {
    const std::string plain = "http://127.0.0.1";
    return "https://localhost" + server.url("").substr(plain.size());
}

} // namespace

TEST_CASE("http2: nghttpd with prior knowledge", "[http][real]") {
    const std::string program = real::program({"/usr/bin/nghttpd", "/usr/sbin/nghttpd"});
    if (program.empty()) {
        WARN("skipped: no nghttpd (Debian: nghttp2-server)");
        return;
    }
    const site files;
    const auto known = client_options().http2(http2_use::prior_knowledge);
    const real::server server([&](std::uint16_t port, std::uint16_t) {
        return std::vector<std::string>{
            program, "--no-tls", "-a", "127.0.0.1",         "-d", files / "www", "-b",
            "100",   "-m",       "7",  std::to_string(port)};
    });
    scripted::run(check_files(files, known, server.url("")));
    const real::server echo([&](std::uint16_t port, std::uint16_t) {
        return std::vector<std::string>{program,         "--no-tls", "-a", "127.0.0.1",
                                        "--echo-upload", "-w",       "14", std::to_string(port)};
    });
    scripted::run(check_echo(known, echo.url("")));
}

TEST_CASE("http2: nghttpd by ALPN", "[http][real]") {
    const std::string program = real::program({"/usr/bin/nghttpd", "/usr/sbin/nghttpd"});
    if (program.empty()) {
        WARN("skipped: no nghttpd (Debian: nghttp2-server)");
        return;
    }
    const site files;
    const real::server server([&](std::uint16_t port, std::uint16_t) {
        return std::vector<std::string>{program,
                                        "-a",
                                        "127.0.0.1",
                                        "--echo-upload",
                                        "-d",
                                        files / "www",
                                        std::to_string(port),
                                        files.certificate.key,
                                        files.certificate.certificate};
    });
    const auto trusting = client_options().ca_file(files.ca_file());
    scripted::run(check_files(files, trusting, secure(server)));
    scripted::run(check_echo(trusting, secure(server)));
}

TEST_CASE("http2: nginx by ALPN and with prior knowledge", "[http][real]") {
    const std::string program = real::program({"/usr/sbin/nginx"});
    if (program.empty()) {
        WARN("skipped: no nginx (Debian: nginx-light)");
        return;
    }
    const site files;
    const auto with = [&](const std::string& listen) {
        return [&files, program, listen](std::uint16_t port, std::uint16_t) {
            std::string paths;
            for (const char* const what : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
                paths += std::string(what) + "_temp_path " + (files / "tmp") + "/" + what + "; ";
            files.put(
                "nginx.conf",
                "daemon off; worker_processes 1; pid " + (files / "pid") + "; error_log " + (files / "log") +
                    ";\nevents {}\nhttp { access_log off; " + paths + "root " + (files / "www") +
                    "; http2_max_concurrent_streams 10;\nserver { listen 127.0.0.1:" + std::to_string(port) +
                    " " + listen + "; ssl_certificate " + files.certificate.certificate +
                    "; ssl_certificate_key " + files.certificate.key + "; } }\n");
            return std::vector<std::string>{program, "-c", files / "nginx.conf", "-e", files / "log"};
        };
    };
    {
        const real::server server(with("ssl http2"));
        scripted::run(check_files(files, client_options().ca_file(files.ca_file()), secure(server)));
    }
    const real::server plain(with("http2"));
    scripted::run(check_files(files, client_options().http2(http2_use::prior_knowledge), plain.url("")));
}
