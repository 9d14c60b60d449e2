// SOCKS version 5 (RFC 1928), with user name and password (RFC 1929).
#include "lib/http/proxy_tunnel.hpp"

#include <tandem/http/error.hpp>

#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace tandem::http {

namespace {

constexpr char version = 5;
constexpr unsigned char no_authentication = 0;
constexpr unsigned char user_and_password = 2;
constexpr unsigned char nothing_acceptable = 0xFF;

tunnel_result failed(std::string words) {
    return tunnel_result(errc::proxy_failed, std::move(words));
}

// Exactly so many bytes, so that what follows stays in the socket.
task<tunnel_result> read_exactly(net::stream& stream, char* data, std::size_t size) {
    while (size != 0) {
        const io_result got = co_await stream.read_some(data, size);
        if (got.error) co_return tunnel_result(got.error, got.error.message());
        if (got.bytes == 0) co_return failed("it closed the connection");
        data += got.bytes;
        size -= got.bytes;
    }
    co_return tunnel_result();
}

const char* words_of(unsigned char reply) noexcept {
    switch (reply) {
    case 1:
        return "general failure";
    case 2:
        return "not allowed by its rules";
    case 3:
        return "network unreachable";
    case 4:
        return "host unreachable";
    case 5:
        return "connection refused";
    case 6:
        return "TTL expired";
    case 7:
        return "command not supported";
    case 8:
        return "address type not supported";
    default:
        return "unknown failure";
    }
}

void append_length_and(std::string& out, const std::string& text) {
    out += static_cast<char>(text.size());
    out += text;
}

// False: the name is too long.
bool append_destination(std::string& out, const host_port& to) {
    std::array<char, 16> address{};
    if (inet_pton(AF_INET, to.host.c_str(), address.data()) == 1) {
        out += '\x01';
        out.append(address.data(), 4);
    } else if (inet_pton(AF_INET6, to.host.c_str(), address.data()) == 1) {
        out += '\x04';
        out.append(address.data(), 16);
    } else {
        if (to.host.empty() || to.host.size() > 255) return false;
        out += '\x03';
        append_length_and(out, to.host);
    }
    out += static_cast<char>(to.port >> 8);
    out += static_cast<char>(to.port & 0xFF);
    return true;
}

task<tunnel_result> authenticate(net::stream& stream, const proxy& via) {
    std::string out("\x01");
    append_length_and(out, via.user());
    append_length_and(out, via.password());
    const io_result sent = co_await stream.write(out);
    if (sent.error) co_return tunnel_result(sent.error, sent.error.message());
    std::array<char, 2> answer{};
    tunnel_result got = co_await read_exactly(stream, answer.data(), answer.size());
    if (got.error) co_return got;
    if (answer[0] != 1) co_return failed("its answer to user name and password is none");
    if (answer[1] != 0)
        co_return tunnel_result(errc::proxy_refused, "it does not accept the user name and password given");
    co_return tunnel_result();
}

task<tunnel_result> agree_on_method(net::stream& stream, const proxy& via) {
    const std::string greeting =
        via.has_credentials() ? std::string("\x05\x02\x00\x02", 4) : std::string("\x05\x01\x00", 3);
    const io_result sent = co_await stream.write(greeting);
    if (sent.error) co_return tunnel_result(sent.error, sent.error.message());
    std::array<char, 2> answer{};
    tunnel_result got = co_await read_exactly(stream, answer.data(), answer.size());
    if (got.error) co_return got;
    if (answer[0] != version) co_return failed("it does not speak SOCKS 5");
    const auto method = static_cast<unsigned char>(answer[1]);
    if (method == no_authentication) co_return tunnel_result();
    if (method == user_and_password && via.has_credentials()) co_return co_await authenticate(stream, via);
    if (method == nothing_acceptable)
        co_return tunnel_result(errc::proxy_refused,
                                via.has_credentials()
                                    ? "it accepts neither a user name and password nor to do without"
                                    : "it wants authentication (socks5h://user:password@host:port)");
    co_return failed("it picked an authentication method that was not offered");
}

} // namespace

task<tunnel_result> socks_tunnel(net::stream& stream, const proxy& via, const host_port& to) {
    std::string request("\x05\x01\x00", 3);
    if (!append_destination(request, to)) co_return failed("the host name is longer than SOCKS can say");
    tunnel_result done = co_await agree_on_method(stream, via);
    if (done.error) co_return done;
    const io_result sent = co_await stream.write(request);
    if (sent.error) co_return tunnel_result(sent.error, sent.error.message());

    std::array<char, 4> head{}; // version, reply, reserved, type of the address
    done = co_await read_exactly(stream, head.data(), head.size());
    if (done.error) co_return done;
    if (head[0] != version) co_return failed("its reply is not of SOCKS 5");
    if (head[1] != 0)
        co_return tunnel_result(errc::proxy_refused, words_of(static_cast<unsigned char>(head[1])));
    std::size_t rest = 0;
    unsigned char length = 0;
    switch (head[3]) {
    case 1:
        rest = 4;
        break;
    case 3:
        done = co_await read_exactly(stream, reinterpret_cast<char*>(&length), 1);
        if (done.error) co_return done;
        rest = length;
        break;
    case 4:
        rest = 16;
        break;
    default:
        co_return failed("its reply has an unknown type of address");
    }
    std::array<char, 255 + 2> bound; // where it connects from: nobody asks
    done = co_await read_exactly(stream, bound.data(), rest + 2);
    co_return done;
}

} // namespace tandem::http
