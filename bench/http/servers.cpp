#include "bench/http/servers.hpp"

#include "bench/http/job.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

std::string free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        die("no free port");
    close(fd);
    return std::to_string(ntohs(address.sin_port));
}

bool accepts(const std::string& port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(static_cast<std::uint16_t>(std::stoi(port)));
    const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    return connected;
}

} // namespace

servers::servers() {
    std::string name = (std::filesystem::temp_directory_path() / "tandem-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) die("no temporary folder");
    folder_ = name;
    // nginx, started by root, serves as another user.
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all |
                                              std::filesystem::perms::others_read |
                                              std::filesystem::perms::others_exec);
    tiny_ = std::make_unique<background_process>(std::vector<std::string>{own_program(), "tiny-server"},
                                                 processor::server);
    tiny_port_ = tiny_->read_line();
    if (tiny_port_.empty()) die("the tiny server did not start");
    start_nginx();
}

servers::~servers() {
    nginx_.reset();
    tiny_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void servers::start_nginx() {
    const std::string program = find_program("nginx");
    const std::string openssl = find_program("openssl");
    if (program.empty() || openssl.empty()) return;
    const std::string folder = folder_.string();
    const finished made =
        run_process({openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                     "subjectAltName=IP:127.0.0.1", "-keyout", folder + "/key.pem", "-out", certificate()},
                    processor::server);
    if (!made.ok) return;
    std::ofstream(folder_ / "128") << std::string(128, 'd');
    std::ofstream(folder_ / "16k") << std::string(16 << 10, 'a');
    std::ofstream(folder_ / "1m") << std::string(1 << 20, 'b');
    std::ofstream(folder_ / "5m") << std::string(5 << 20, 'c');
    port_ = free_port();
    http2_port_ = free_port();
    tls_port_ = free_port();
    std::ofstream(folder_ / "nginx.conf")
        << "worker_processes 1; worker_rlimit_nofile 30000; daemon off; pid " << folder << "/pid; error_log "
        << folder << "/error.log;\nevents { worker_connections 15000; }\nhttp { access_log off; sendfile on; "
        << "tcp_nodelay on; keepalive_requests 100000000; keepalive_timeout 600s; root " << folder
        << "; client_body_temp_path " << folder << "/t1; proxy_temp_path " << folder
        << "/t2; fastcgi_temp_path " << folder << "/t3; uwsgi_temp_path " << folder << "/t4; scgi_temp_path "
        << folder << "/t5;\nserver { listen 127.0.0.1:" << port_
        << " backlog=4096; }\nserver { listen 127.0.0.1:" << http2_port_
        << " http2; }\nserver { listen 127.0.0.1:" << tls_port_ << " ssl backlog=4096; ssl_certificate "
        << certificate() << "; ssl_certificate_key " << folder
        << "/key.pem; ssl_session_cache shared:s:1m; } }\n";
    nginx_ = std::make_unique<background_process>(
        std::vector<std::string>{program, "-c", folder + "/nginx.conf", "-e", folder + "/error.log"},
        processor::server);
    for (int tries = 0; !accepts(port_); ++tries) {
        if (tries == 500) {
            nginx_.reset();
            return;
        }
        poll(nullptr, 0, 10);
    }
}

std::string servers::tiny(const std::string& path) const {
    return "http://127.0.0.1:" + tiny_port_ + path;
}
std::string servers::nginx(const std::string& path) const {
    return "http://127.0.0.1:" + port_ + path;
}
std::string servers::nginx_http2(const std::string& path) const {
    return "http://127.0.0.1:" + http2_port_ + path;
}
std::string servers::nginx_tls(const std::string& path) const {
    return "https://127.0.0.1:" + tls_port_ + path;
}

} // namespace bench
