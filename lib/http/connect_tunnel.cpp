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
    if (head.status == 407)
        words += via.has_credentials()
                     ? " (it does not accept the user name and password given)"
                     : " (it wants a user name and a password: http://user:password@host:port)";
    return tunnel_result(errc::proxy_refused, std::move(words));
}

} // namespace

task<tunnel_result> connect_tunnel(net::stream& stream, const proxy& via, const host_port& to,
                                   std::size_t max_header_bytes) {
    const bool ipv6 = to.host.find(':') != std::string::npos;
    const std::string authority = (ipv6 ? "[" + to.host + "]" : to.host) + ":" + std::to_string(to.port);
    headers fields;
    fields.add("Host", authority);
    if (via.has_credentials()) fields.add("Proxy-Authorization", via.authorization());
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
