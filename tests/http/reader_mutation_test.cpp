// Valid messages with random damage: a reader never crashes, never takes more than it was given, always comes
// to an end, and says the same for every way in which the bytes arrive.
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "tests/http/h1_support.hpp"

using namespace h1_test;

namespace {

constexpr std::array<std::string_view, 6> requests = {
    "GET /index.html?x=y HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a:80\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\nhello world",
    "POST / HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: "
    "chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: u\r\n\r\n",
    "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "\r\nOPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
};

constexpr std::array<std::string_view, 6> responses = {
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
    "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n1;x\r\n!\r\n0\r\nT: u\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n "
    "c\r\nContent-Length: 2, 2\r\n\r\nhi",
    "HTTP/1.0 200 OK\nContent-Type: text/html\n\nto the end",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
};

constexpr std::array<std::string_view, 24> pieces = {"\r\n",
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

template <class Make>
void check_once(Make make, std::string_view bytes, mutator& random) {
    auto whole_reader = make();
    const outcome whole = drive(whole_reader, bytes, bytes.size(), 1, true);
    for (const std::size_t piece : {std::size_t{1}, 1 + random.below(7)}) {
        auto reader = make();
        const outcome other = drive(reader, bytes, random.below(bytes.size() + 1), piece, true);
        if (!(whole == other)) {
            INFO("message: " << Catch::StringMaker<std::string>::convert(std::string(bytes)));
            INFO(whole.error.message() << " / " << other.error.message());
            FAIL("the pieces make a difference");
        }
    }
}

} // namespace

TEST_CASE("damaged requests", "[http][h1]") {
    mutator random(20240229);
    for (int i = 0; i < 4000; ++i)
        check_once([] { return h1::request_reader(); },
                   random.mutate(requests[random.below(requests.size())]), random);
}

TEST_CASE("damaged responses", "[http][h1]") {
    mutator random(19700101);
    for (int i = 0; i < 4000; ++i) {
        const method asked = random.below(8) == 0 ? method::head : method::get;
        check_once(
            [asked] {
                h1::response_reader reader;
                reader.reset(asked);
                return reader;
            },
            random.mutate(responses[random.below(responses.size())]), random);
    }
}

TEST_CASE("damaged messages under tight limits", "[http][h1]") {
    mutator random(271828);
    for (int i = 0; i < 4000; ++i) {
        h1::limits bounds;
        bounds.header_bytes = random.below(120);
        bounds.line_bytes = random.below(50);
        bounds.fields = random.below(4);
        bounds.chunk_extension_bytes = random.below(5);
        bounds.body_bytes = random.below(15);
        bounds.interim_responses = random.below(3);
        check_once([&] { return h1::response_reader(bounds); },
                   random.mutate(responses[random.below(responses.size())]), random);
        check_once([&] { return h1::request_reader(bounds); },
                   random.mutate(requests[random.below(requests.size())]), random);
    }
}
