// The client with nginx, Apache and Caddy: kept connections, redirects, gzip, chunks, ranges, Basic and
// Digest, large bodies, streams, TLS. Each test needs the server's Debian package and says so where it is
// missing.
#include "tests/http/real_server.hpp"
#include "tests/http/scripted_server.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http/test_certificates.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/concurrency/concurrent_map.hpp>
#include <tandem/http/client.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace tandem;
using http::client_options;

namespace {

// What the servers serve.
class site {
public:
    site() {
        std::filesystem::create_directories(folder_ / "www/private");
        std::filesystem::create_directories(folder_ / "www/digest");
        std::filesystem::create_directories(folder_ / "tmp");
        // A server that root starts serves as another user.
        for (const char* const each : {"", "www", "www/private", "www/digest", "tmp"})
            std::filesystem::permissions(folder_ / each, std::filesystem::perms::all);
        put("www/small.txt", "small");
        put("www/empty.txt", "");
        put("www/private/page.txt", "private");
        put("www/digest/page.txt", "digested");
        for (std::uint32_t i = 1; text.size() < 1'000'000; i = i * 1664525 + 1013904223)
            text += "line " + std::to_string(i) + " of a text that shrinks\n";
        put("www/text.txt", text);
        while (large.size() < (1 << 20))
            large += static_cast<char>(large.size() * 7 + large.size() / 251);
        put("www/large.bin", large);
        put("users", "joe:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");       // "secret"
        put("digests", "joe:here:88e2904eccb63aa1d0f08e5d22938d84\n"); // the same
        certificate = authority_.issue(test_support::certificate_request());
        std::filesystem::copy_file(certificate.certificate, folder_ / "certificate.pem");
        std::filesystem::copy_file(certificate.key, folder_ / "key.pem");
        certificate.certificate = folder_ / "certificate.pem";
        certificate.key = folder_ / "key.pem";
    }
    std::string operator/(const std::string& file) const { return folder_ / file; }
    void put(const std::string& file, const std::string& content) const {
        std::ofstream(folder_ / file, std::ios::binary) << content;
    }
    const std::string& ca_file() const { return authority_.ca_file(); }

    std::string text;
    std::string large;
    test_support::certificate_files certificate{"", ""};

private:
    tests::temporary_folder folder_;
    test_support::certificate_authority authority_;
};

class expectations {
public:
    bool digest = false;
};

task<> check_static_files(const site& files, const real::server& server, expectations also) {
    http::client web(client_options().ca_file(files.ca_file()));

    // Kept connections.
    for (int i = 0; i < 5; ++i) {
        const http::response r = co_await web.get(server.url("/small.txt"));
        CHECK(r.status() == 200);
        CHECK(r.body() == "small");
        CHECK(r.connection_reused() == (i != 0));
    }
    const http::response empty = co_await web.get(server.url("/empty.txt"));
    CHECK(empty.status() == 200);
    CHECK(empty.body().empty());
    const http::response head = co_await web.head(server.url("/large.bin"));
    CHECK(head.headers().get("Content-Length") == std::to_string(files.large.size()));
    CHECK(head.body().empty());
    const http::response missing = co_await web.get(server.url("/nothing"));
    CHECK(missing.status() == 404);
    CHECK(web.counters().connections_opened == 1);

    // Not modified: no body, whatever the header says of one.
    const http::response small = co_await web.get(server.url("/small.txt"));
    const auto tag = small.headers().get("ETag");
    CHECK(tag);
    const http::response same = co_await web.send(
        http::request(server.url("/small.txt")).header("If-None-Match", std::string(tag.value_or(""))));
    CHECK(same.status() == 304);
    CHECK(same.body().empty());

    // Redirects.
    const http::response moved = co_await web.get(server.url("/moved"));
    CHECK(moved.body() == "small");
    CHECK(moved.history().size() == 1);
    CHECK(moved.history().at(0).status() == 301);

    // gzip, and with it chunks.
    const http::response text = co_await web.get(server.url("/text.txt"));
    CHECK(text.decoded());
    CHECK(text.headers().get("Transfer-Encoding") == "chunked");
    CHECK(text.body() == files.text);
    CHECK(text.wire_bytes() < files.text.size());
    const http::response plain =
        co_await web.send(http::request(server.url("/text.txt")).header("Accept-Encoding", "identity"));
    CHECK_FALSE(plain.decoded());
    CHECK(plain.body() == files.text);

    // Ranges.
    const http::response part =
        co_await web.send(http::request(server.url("/large.bin")).header("Range", "bytes=1000-1999"));
    CHECK(part.status() == 206);
    CHECK(part.body() == files.large.substr(1000, 1000));
    const http::response beyond =
        co_await web.send(http::request(server.url("/large.bin")).header("Range", "bytes=9000000-"));
    CHECK(beyond.status() == 416);

    // Basic, wrong and right; Digest.
    const http::response refused = co_await web.get(server.url("/private/page.txt"));
    CHECK(refused.status() == 401);
    const http::response wrong = co_await web.send(
        http::request(server.url("/private/page.txt")).auth(http::credentials::basic("joe", "wrong")));
    CHECK(wrong.status() == 401);
    const http::response right = co_await web.send(
        http::request(server.url("/private/page.txt")).auth(http::credentials::basic("joe", "secret")));
    CHECK(right.body() == "private");
    if (also.digest)
        for (int i = 0; i < 3; ++i) {
            const http::response digested =
                co_await web.send(http::request(server.url("/digest/page.txt"))
                                      .auth(http::credentials::digest("joe", "secret")));
            CHECK(digested.body() == "digested");
        }

    // Many at once, whole and in pieces.
    std::vector<std::string> urls(20, server.url("/large.bin"));
    auto get = [&web](std::string url) { return web.get(std::move(url)); };
    const std::vector<http::response> all = co_await concurrent_map(urls, 20, get);
    for (const http::response& one : all)
        CHECK(one.body() == files.large);
    http::response_stream stream = co_await web.open(http::request(server.url("/large.bin")));
    std::string read;
    for (;;) {
        const std::string_view piece = co_await stream.read_some();
        if (piece.empty()) break;
        read += piece;
    }
    CHECK(read == files.large);

    // TLS.
    for (int i = 0; i < 3; ++i) {
        const http::response secure = co_await web.get(server.tls_url("/large.bin"));
        CHECK(secure.body() == files.large);
        CHECK(secure.connection_reused() == (i != 0));
    }
    http::client trusting_nobody;
    const auto untrusted = co_await trusting_nobody.try_get(server.tls_url("/small.txt"));
    CHECK_FALSE(untrusted);
    if (!untrusted) CHECK(untrusted.error().is_tls());

    CHECK(web.counters().connections_in_use == 0);
    CHECK(web.counters().retries == 0);
}

} // namespace

TEST_CASE("nginx", "[http][real]") {
    const std::string program = real::program({"/usr/sbin/nginx"});
    if (program.empty()) {
        WARN("skipped: no nginx (Debian: nginx-light)");
        return;
    }
    const site files;
    const real::server server([&](std::uint16_t port, std::uint16_t tls_port) {
        const std::string temporary = files / "tmp";
        std::string paths;
        for (const char* const what : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
            paths += std::string(what) + "_temp_path " + temporary + "/" + what + "; ";
        files.put(
            "nginx.conf",
            "daemon off; master_process on; worker_processes 1; pid " + (files / "pid") + "; error_log " +
                (files / "log") + ";\nevents {}\nhttp { access_log off; " + paths + "root " +
                (files / "www") +
                ";\ntypes { text/plain txt; } default_type application/octet-stream;\ngzip on; gzip_types "
                "text/plain; gzip_min_length 1000;\nserver "
                "{ "
                "listen 127.0.0.1:" +
                std::to_string(port) + "; listen 127.0.0.1:" + std::to_string(tls_port) + " ssl;\n" +
                "ssl_certificate " + files.certificate.certificate + "; ssl_certificate_key " +
                files.certificate.key +
                ";\nlocation = /moved { return 301 /small.txt; }\nlocation /private/ { auth_basic here; "
                "auth_basic_user_file " +
                (files / "users") + "; }\n} }\n");
        return std::vector<std::string>{program, "-c", files / "nginx.conf", "-e", files / "log"};
    });
    scripted::run(check_static_files(files, server, expectations()));
}

TEST_CASE("Apache", "[http][real]") {
    const std::string program = real::program({"/usr/sbin/apache2"});
    if (program.empty()) {
        WARN("skipped: no Apache (Debian: apache2)");
        return;
    }
    const site files;
    const real::server server([&](std::uint16_t port, std::uint16_t tls_port) {
        std::string modules;
        for (const char* const name :
             {"mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic",
              "auth_digest", "alias", "filter", "deflate", "mime", "ssl"})
            modules +=
                std::string("LoadModule ") + name + "_module /usr/lib/apache2/modules/mod_" + name + ".so\n";
        const std::string where = "\nServerName localhost\nDocumentRoot " + (files / "www") + "\n";
        files.put(
            "apache.conf",
            modules + "ServerRoot " + (files / "") + "\nPidFile " + (files / "pid") + "\nErrorLog " +
                (files / "log") + "\nDefaultRuntimeDir " + (files / "tmp") +
                "\nUser www-data\nGroup www-data\nKeepAlive On\nMaxKeepAliveRequests 0\nFileETag MTime "
                "Size\n" +
                "TypesConfig /dev/null\nAddType text/plain .txt\nAddOutputFilterByType DEFLATE text/plain\n" +
                "Listen 127.0.0.1:" + std::to_string(port) + "\nListen 127.0.0.1:" +
                std::to_string(tls_port) + where + "<VirtualHost 127.0.0.1:" + std::to_string(tls_port) +
                ">" + where + "SSLEngine on\nSSLCertificateFile " + files.certificate.certificate +
                "\nSSLCertificateKeyFile " + files.certificate.key + "\n</VirtualHost>\n" +
                "Redirect 301 /moved /small.txt\n<Location /private>\nAuthType Basic\nAuthName here\n" +
                "AuthUserFile " + (files / "users") + "\nRequire valid-user\n</Location>\n" +
                "<Location /digest>\nAuthType Digest\nAuthName here\nAuthUserFile " + (files / "digests") +
                "\nRequire valid-user\n</Location>\n");
        return std::vector<std::string>{program, "-f", files / "apache.conf", "-DFOREGROUND"};
    });
    expectations also;
    also.digest = true;
    scripted::run(check_static_files(files, server, also));
}

TEST_CASE("Caddy", "[http][real]") {
    const std::string program = real::program({"/usr/bin/caddy"});
    if (program.empty()) {
        WARN("skipped: no Caddy (Debian: caddy)");
        return;
    }
    const site files;
    const real::server server(
        [&](std::uint16_t port, std::uint16_t tls_port) {
            const std::string handle =
                " {\n  root * " + (files / "www") +
                "\n  encode {\n    gzip\n    match {\n      header Content-Type text/*\n    }\n    "
                "minimum_length 1000\n"
                "  }\n  redir /moved /small.txt 301\n  basicauth /private/* {\n    joe "
                "$2y$04$zDWlePdQWgfKKXpx6qx8de6LM9gaIdps096k.boKdSutX6/QFtG1q\n  }\n"
                "  file_server\n";
            files.put("Caddyfile",
                      "{\n  admin off\n  auto_https off\n  default_sni localhost\n}\nhttp://127.0.0.1:" +
                          std::to_string(port) + handle + "}\nhttps://localhost:" + std::to_string(tls_port) +
                          handle + "  tls " + files.certificate.certificate + " " + files.certificate.key +
                          "\n}\n");
            return std::vector<std::string>{program,     "run",      "--adapter",
                                            "caddyfile", "--config", files / "Caddyfile"};
        },
        {"HOME=" + (files / "tmp"), "XDG_DATA_HOME=" + (files / "tmp"),
         "XDG_CONFIG_HOME=" + (files / "tmp")});
    scripted::run(check_static_files(files, server, expectations()));
}
