// The CONNECT method.
#include "lib/http/proxy_tunnel.hpp"

#include "lib/http/h1/reader.hpp"
#include "lib/http/h1/writer.hpp"
#include "lib/http/read_buffer.hpp"

#include <tandem/http/error.hpp>
#include <tandem/http/headers.hpp>
#include <tandem/http/status.hpp>

namespace tandem::http {

namespace {

tunnel_result failed(std::string words) {
    return tunnel_result(errc::proxy_failed, std::move(words));
}

tunnel_result refused(const proxy& via, const h1::response_head& head) {
    std::string words =
        "it answered " + std::to_string(head.status) + " " +
        (head.reason.empty() ? std::string(reason_phrase(head.status)) : head.reason.substr(0, 200));
    tunnel_result result(errc::proxy_refused, std::string());
    if (head.status == 407) {
        result.challenge = find_digest_challenge(head.headers, "Proxy-Authenticate");
        if (!via.has_credentials())
            words += " (it wants a user name and a password: http://user:password@host:port)";
        else if (via.is_digest_only() && !result.challenge)
            words +=
                " (it asks for no Digest that could be answered, and proxy::digest_only allows nothing else)";
        else
            words += " (it does not accept the user name and password given)";
    }
    result.detail = std::move(words);
    return result;
}

} // namespace

std::string connect_target(const host_port& to) {
    const bool ipv6 = to.host.find(':') != std::string::npos;
    return (ipv6 ? "[" + to.host + "]" : to.host) + ":" + std::to_string(to.port);
}

task<tunnel_result> connect_tunnel(net::stream& stream, const proxy& via, const host_port& to,
                                   std::string authorization, std::size_t max_header_bytes) {
    const std::string authority = connect_target(to);
    headers fields;
    fields.add("Host", authority);
    if (!authorization.empty() && !fields.try_add("Proxy-Authorization", authorization))
        co_return failed("its challenge has characters that an answer cannot have");
    std::string out;
    const std::error_code wrong =
        h1::write_request_head(out, "CONNECT", authority, fields, h1::body_plan::none());
    if (wrong) co_return failed(wrong.message());
    const io_result sent = co_await stream.write(out);
    if (sent.error) co_return tunnel_result(sent.error, sent.error.message());

    h1::limits bounds = h1::client_limits();
    bounds.header_bytes = max_header_bytes;
    h1::response_reader reader(bounds);
    reader.reset(method::connect);
    read_buffer in;
    for (bool ended = false;;) {
        const h1::step now = reader.read(in.view(), ended);
        in.consume(now.consumed);
        if (now.what == h1::event::failed) co_return failed(reader.error().message());
        if (now.what == h1::event::head) break;
        in.prepare();
        const io_result got = co_await stream.read_some(in.tail(), in.space());
        if (got.error) co_return tunnel_result(got.error, got.error.message());
        in.commit(got.bytes);
        ended = got.bytes == 0;
    }
    const int status = reader.head().status;
    if (status < 200 || status > 299) co_return refused(via, reader.head());
    if (!in.empty()) co_return failed("it sent data before the connection through it had begun");
    co_return tunnel_result();
}

} // namespace tandem::http
