// A web server that says hello.
//
//     hello_server 8080       serves http://127.0.0.1:8080 until Ctrl-C
//     hello_server            asks itself once and ends (as with --self-test)
#include <tandem/http/server.hpp>
#include <tandem/tandem.hpp>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace http = tandem::http;

constexpr const char* usage = R"(usage: hello_server [PORT | --self-test]
Answers every request on 127.0.0.1:PORT with "hello, " and the client's address, until Ctrl-C; requests in
progress may end. Port 0 takes a free one.

  hello_server 8080 &
  curl http://127.0.0.1:8080/

Without arguments, or with --self-test: asks itself once and ends. Exit codes: 0, 1 when the port cannot be had or
the self-test fails, 2 usage, 130 after Ctrl-C.
)";

tandem::task<http::server_response> hello(http::server_request request) {
    co_return http::server_response::text("hello, " + request.peer_address() + "\n");
}

tandem::task<int> serve(std::uint16_t port) {
    http::server site(http::server_options().port(port), hello);
    site.listen();
    std::cout << "serving " << site.url() << " until Ctrl-C" << std::endl;
    co_await site.serve();
    co_return 0;
}

// What the server on `port` answers, through a plain blocking socket.
std::string ask(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0 &&
        ::send(fd, request, std::strlen(request), MSG_NOSIGNAL) > 0) {
        char buffer[4096];
        for (ssize_t n; (n = ::recv(fd, buffer, sizeof(buffer), 0)) > 0;)
            answer.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(fd);
    return answer;
}

tandem::task<int> self_test() {
    http::server site(http::server_options(), hello); // on a free port
    site.listen();
    std::string answer;
    const auto ask_and_stop = [&]() -> tandem::task<> {
        answer = co_await tandem::offload(ask, site.port()); // it blocks: on the pool
        site.stop();
    };
    co_await tandem::when_all(site.serve(), ask_and_stop());
    std::cout << answer;
    co_return answer.find("\r\n\r\nhello, 127.0.0.1\n") != std::string::npos ? 0 : 1;
}

int main(int argc, char** argv) {
    const std::string argument = argc == 2 ? argv[1] : "";
    if (argc == 1 || argument == "--self-test") return tandem::run(self_test);
    std::uint16_t port = 0;
    const char* const end = argument.data() + argument.size();
    if (const auto parsed = std::from_chars(argument.data(), end, port);
        parsed.ec == std::errc() && parsed.ptr == end)
        return tandem::run(serve, port);
    const bool help = argument == "--help" || argument == "-h";
    (help ? std::cout : std::cerr) << usage;
    return help ? 0 : 2;
}
