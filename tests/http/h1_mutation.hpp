// Valid messages, and a seeded source of damage to them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace h1_test {

inline constexpr std::array<std::string_view, 6> requests = {
    "GET /index.html?x=y HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a:80\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\nhello world",
    "POST / HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: "
    "chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: u\r\n\r\n",
    "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "\r\nOPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
};

inline constexpr std::array<std::string_view, 6> responses = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
    "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n1;x\r\n!\r\n0\r\nT: u\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n "
    "c\r\nContent-Length: 2, 2\r\n\r\nhi",
    "HTTP/1.0 200 OK\nContent-Type: text/html\n\nto the end",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
};

inline constexpr std::array<std::string_view, 24> pieces = {"\r\n",
                                                            "\n",
                                                            "\r",
                                                            "\r\n\r\n",
                                                            " ",
                                                            "\t",
                                                            ":",
                                                            ",",
                                                            ";",
                                                            "0",
                                                            "1",
                                                            "f",
                                                            "-",
                                                            "+",
                                                            "x",
                                                            std::string_view("\0", 1),
                                                            "\x80",
                                                            "\xff",
                                                            "chunked",
                                                            "Content-Length: 1\r\n",
                                                            "Transfer-Encoding: chunked\r\n",
                                                            "Host: b\r\n",
                                                            "HTTP/1.1",
                                                            "ffffffffffffffff"};

class mutator {
public:
    explicit mutator(std::uint32_t seed) : random_(seed) {}

    std::size_t below(std::size_t bound) {
        return random_() % bound;
    } // not a distribution: the same everywhere

    std::string mutate(std::string_view from) {
        std::string text(from);
        for (std::size_t times = 1 + below(3); times > 0; --times) {
            const std::size_t at = below(text.size() + 1);
            switch (below(5)) {
            case 0:
                text.insert(at, pieces[below(pieces.size())]);
                break;
            case 1:
                text.erase(at, 1 + below(4));
                break;
            case 2:
                text.insert(at, text.substr(at, below(20)));
                break;
            case 3:
                if (at < text.size()) text[at] = static_cast<char>(below(256));
                break;
            default:
                if (at < text.size()) text.replace(at, 1, pieces[below(pieces.size())]);
                break;
            }
        }
        return text;
    }

private:
    std::mt19937 random_;
};

} // namespace h1_test
