#include "lib/http/chars.hpp"
#include "lib/http/h1/fields.hpp"
#include "lib/http/h1/reader.hpp"
#include "lib/http/h1/target.hpp"

namespace tandem::http::h1 {

request_reader::request_reader(const limits& bounds) : limits_(bounds) {
    reset();
}

void request_reader::reset() {
    scanner_.reset({limits_.header_bytes, limits_.line_bytes, limits_.fields}, strictness::strict);
    plan_ = {};
    body_.reset(plan_, limits_, strictness::strict); // drops the trailers
    head_.method.clear();
    head_.verb.reset();
    head_.target.clear();
    head_.authority.clear();
    head_.headers.clear();
    error_.clear();
    state_ = state::start_line;
    started_ = skipped_line_ = keep_alive_ = expects_continue_ = false;
}

step request_reader::fail(h1::error value) {
    state_ = state::failed;
    error_ = value;
    keep_alive_ = false;
    return {event::failed, 0, {}};
}

int request_reader::suggested_status() const noexcept {
    return error_ ? h1::suggested_status(static_cast<h1::error>(error_.value())) : 0;
}

step request_reader::read(std::string_view bytes) {
    if (state_ == state::failed) return {event::failed, 0, {}};
    if (state_ == state::body) {
        const step now = body_.read(bytes, false);
        if (now.what == event::failed) return fail(static_cast<h1::error>(body_.error().value()));
        return now;
    }
    started_ = started_ || !bytes.empty();
    std::size_t skipped = 0;
    while (state_ == state::start_line) {
        std::string_view line;
        switch (scanner_.start_line(bytes.substr(skipped), line)) {
        case field_scanner::result::need_more:
            started_ = skipped < bytes.size(); // an empty line that is skipped is not of the message
            return {event::need_more, skipped, {}};
        case field_scanner::result::failed:
            return fail(scanner_.error());
        default:
            break;
        }
        if (line.empty() && !skipped_line_) { // RFC 9112, 2.2: left over by an old client after a body
            skipped_line_ = true;
            skipped = scanner_.end();
            scanner_.reset({limits_.header_bytes, limits_.line_bytes, limits_.fields}, strictness::strict);
            continue;
        }
        if (const h1::error wrong = read_request_line(line); wrong != h1::error{}) return fail(wrong);
        state_ = state::fields;
    }
    switch (scanner_.fields(bytes.substr(skipped), head_.headers)) {
    case field_scanner::result::need_more:
        return {event::need_more, skipped, {}};
    case field_scanner::result::failed:
        return fail(scanner_.error());
    default:
        break;
    }
    if (const h1::error wrong = finish_head(); wrong != h1::error{}) return fail(wrong);
    plan_.header_bytes = scanner_.end();
    plan_.fields = head_.headers.size();
    body_.reset(plan_, limits_, strictness::strict);
    state_ = state::body;
    return {event::head, skipped + scanner_.end(), {}};
}

h1::error request_reader::read_request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    if (first == std::string_view::npos) return h1::error::bad_request_line;
    const std::string_view method = line.substr(0, first);
    if (!detail::is_token(method)) return h1::error::bad_method;
    line.remove_prefix(first + 1);
    const std::size_t second = line.find(' ');
    if (second == std::string_view::npos) return h1::error::bad_request_line;
    const std::string_view target = line.substr(0, second);
    const std::string_view spoken = line.substr(second + 1);
    if (spoken.size() != 8 || spoken.substr(0, 5) != "HTTP/" || !detail::is_digit(spoken[5]) ||
        spoken[6] != '.' || !detail::is_digit(spoken[7]))
        return h1::error::bad_version;
    if (spoken[5] != '1' || spoken[7] > '1') return h1::error::unsupported_version;

    std::string_view authority;
    if (const h1::error wrong = check_target(method, target, authority); wrong != h1::error{}) return wrong;
    head_.version = spoken[7] == '1' ? version::http11 : version::http10;
    head_.method = method;
    head_.verb = parse_method(method);
    head_.target = target;
    head_.authority = authority;
    return {};
}

h1::error request_reader::finish_head() {
    const framing_fields found = look_at(head_.headers);
    const bool http11 = head_.version == version::http11;
    if (found.hosts > 1) return h1::error::duplicate_host;
    if (found.hosts == 0 && http11) return h1::error::missing_host;
    if (found.hosts == 1 && !is_host_and_port(found.host)) return h1::error::bad_host;
    if (head_.authority.empty()) head_.authority = found.host;

    if (found.codings != 0) {
        if (!http11) return h1::error::transfer_encoding_in_http10;
        if (found.lengths != 0) return h1::error::length_with_transfer_encoding;
        if (found.codings > 1 || !detail::iequals(found.coding, "chunked"))
            return h1::error::unsupported_transfer_encoding;
        plan_.framing = framing::chunked;
    } else if (found.lengths != 0) {
        if (found.lengths > 1) return h1::error::conflicting_content_length;
        const auto length = parse_length(found.length);
        if (!length) return h1::error::bad_content_length;
        plan_.length = *length;
        plan_.framing = *length == 0 ? framing::none : framing::length;
    }
    // What follows CONNECT belongs to the tunnel (RFC 9110, 9.3.6): a body there is one that others do not
    // see.
    if (plan_.framing != framing::none && head_.verb == method::connect) return h1::error::framing_conflict;
    keep_alive_ = !found.close && (http11 || found.keep_alive);
    expects_continue_ = http11 && found.expect_continue && plan_.framing != framing::none;
    return {};
}

} // namespace tandem::http::h1
