#include "lib/http/h1/writer.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include "lib/http/chars.hpp"
#include "lib/http/h1/fields.hpp"
#include "lib/http/h1/target.hpp"
#include "tandem/http/status.hpp"

namespace tandem::http::h1 {

namespace {

void append_number(std::string& out, std::uint64_t value, int base) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
    out.append(digits, end);
}

bool is_framing_field(std::string_view name) noexcept {
    return (name.size() == 14 && detail::iequals(name, "Content-Length")) ||
           (name.size() == 17 && detail::iequals(name, "Transfer-Encoding"));
}

// `headers` validates what is added; a reader's may come from elsewhere (HTTP/2, a move), so look once more:
// it is cheap, and this is the last place where a line break could slip into a message.
h1::error check_fields(const headers& fields) noexcept {
    for (const auto [name, value] : fields) {
        if (!detail::is_token(name)) return h1::error::bad_field_name;
        if (!detail::is_field_text(value)) return h1::error::bad_field_value;
    }
    return {};
}

// What the caller put into the fields must say what the plan says.
bool agrees(const framing_fields& found, const body_plan& body) noexcept {
    if (found.lengths > 1 || found.codings > 1) return false;
    if (found.codings == 1 &&
        (body.framing() != framing::chunked || !detail::iequals(found.coding, "chunked")))
        return false;
    if (found.lengths == 1) {
        const auto length = parse_length(found.length);
        if (body.framing() != framing::length || length != body.bytes()) return false;
    }
    return true;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

// The fields but those of framing, with `ready` behind the first, then the one of framing, then the empty
// line.
void append_fields(std::string& out, const headers& fields, const body_plan& body,
                   std::string_view ready = std::string_view()) {
    for (const auto [name, value] : fields) {
        if (!is_framing_field(name)) append_field(out, name, value);
        out.append(std::exchange(ready, std::string_view()));
    }
    if (body.framing() == framing::length) {
        out.append("Content-Length: ");
        append_number(out, body.bytes(), 10);
        out.append("\r\n");
    } else if (body.framing() == framing::chunked) {
        out.append("Transfer-Encoding: chunked\r\n");
    }
    out.append("\r\n");
}

// Fields that must not come after the body: a recipient would have acted on them before (RFC 9110, 6.5.1).
bool is_forbidden_trailer(std::string_view name) noexcept {
    for (const std::string_view other :
         {"Content-Length", "Transfer-Encoding", "Host", "Connection", "Trailer", "TE", "Upgrade", "Expect",
          "Content-Encoding", "Content-Type", "Content-Range", "Authorization", "Proxy-Authorization",
          "Proxy-Authenticate", "WWW-Authenticate", "Cookie", "Set-Cookie", "Cache-Control", "Location"})
        if (detail::iequals(name, other)) return true;
    return false;
}

} // namespace

std::error_code write_request_head(std::string& out, std::string_view method, std::string_view target,
                                   const headers& fields, const body_plan& body, std::string_view ready) {
    if (!detail::is_token(method)) return h1::error::bad_method;
    std::string_view authority;
    if (const h1::error wrong = check_target(method, target, authority); wrong != h1::error{}) return wrong;
    if (const h1::error wrong = check_fields(fields); wrong != h1::error{}) return wrong;
    const framing_fields found = look_at(fields);
    if (found.hosts == 0) return h1::error::missing_host;
    if (found.hosts > 1) return h1::error::duplicate_host;
    if (!is_host_and_port(found.host)) return h1::error::bad_host;
    if (body.framing() == framing::until_close || !agrees(found, body)) return h1::error::framing_conflict;
    if (method == "CONNECT" && body.framing() != framing::none &&
        !(body.framing() == framing::length && body.bytes() == 0))
        return h1::error::framing_conflict;

    out.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
    append_fields(out, fields, body, ready);
    return {};
}

std::error_code write_response_head(std::string& out, int status, std::string_view reason,
                                    const headers& fields, const body_plan& body,
                                    http::method request_method) {
    if (status < 100 || status > 999) return h1::error::bad_status;
    if (reason.empty()) reason = reason_phrase(status);
    if (!detail::is_field_text(reason)) return h1::error::bad_reason;
    if (const h1::error wrong = check_fields(fields); wrong != h1::error{}) return wrong;
    const framing_fields found = look_at(fields);

    const bool never = status < 200 || status == 204 || (request_method == method::connect && status < 300);
    const bool described = !never && (status == 304 || request_method == method::head);
    body_plan written = body;
    if (never) {
        const bool empty =
            body.framing() == framing::none || (body.framing() == framing::length && body.bytes() == 0);
        if (!empty || found.lengths != 0 || found.codings != 0) return h1::error::framing_conflict;
        written = body_plan::none();
    } else if (described && body.framing() == framing::none && found.lengths == 1 && found.codings == 0) {
        const auto length = parse_length(found.length); // the caller's own, as good as length()
        if (!length) return h1::error::bad_content_length;
        written = body_plan::length(*length);
    } else if (!agrees(found, body) || (!described && body.framing() == framing::none)) {
        return h1::error::framing_conflict;
    } else if (status == 304 && body.framing() == framing::length && body.bytes() == 0 &&
               found.lengths == 0) {
        written = body_plan::none(); // "no body", not "the resource is empty"
    }

    out.append("HTTP/1.1 ");
    append_number(out, static_cast<std::uint64_t>(status), 10);
    out.append(" ").append(reason).append("\r\n");
    if (written.framing() == framing::until_close && !found.close) append_field(out, "Connection", "close");
    append_fields(out, fields, written);
    return {};
}

void write_chunk_start(std::string& out, std::uint64_t bytes) {
    append_number(out, bytes, 16);
    out.append("\r\n");
}

void write_chunk(std::string& out, std::string_view data) {
    if (data.empty()) return;
    write_chunk_start(out, data.size());
    out.append(data).append(chunk_end());
}

std::error_code write_last_chunk(std::string& out, const headers& trailers) {
    if (const h1::error wrong = check_fields(trailers); wrong != h1::error{}) return wrong;
    for (const auto [name, value] : trailers)
        if (is_forbidden_trailer(name)) return h1::error::framing_conflict;
    out.append("0\r\n");
    for (const auto [name, value] : trailers)
        append_field(out, name, value);
    out.append("\r\n");
    return {};
}

} // namespace tandem::http::h1
