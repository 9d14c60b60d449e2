#include <algorithm>

#include "lib/http/chars.hpp"
#include "lib/http/h1/fields.hpp"
#include "lib/http/h1/reader.hpp"

namespace tandem::http::h1 {

namespace {

constexpr std::string_view protocol = "HTTP/";

// `5`, or `5, 5`, or two fields of `5`: one number, said more than once (RFC 9110, 8.6).
h1::error common_length(const http::headers& fields, const framing_fields& found, std::uint64_t& length) {
    if (const auto plain = found.lengths == 1 ? parse_length(found.length) : std::nullopt) {
        length = *plain;
        return {};
    }
    h1::error wrong{};
    bool seen = false;
    fields.for_each("Content-Length", [&](std::string_view value) {
        bool any = false;
        detail::for_each_element(value, [&](std::string_view element) {
            any = true;
            const auto number = parse_length(element);
            if (!number)
                wrong = h1::error::bad_content_length;
            else if (seen && *number != length)
                wrong = h1::error::conflicting_content_length;
            else
                length = *number;
            seen = true;
            return wrong == h1::error{};
        });
        if (!any) wrong = h1::error::bad_content_length;
    });
    return wrong;
}

// How the codings, over all lines, end: `chunked` once and last gives a body that ends by itself. Plain is
// the value that everybody reads alike: one line that says `chunked`.
enum class coding_kind { plain_chunked, chunked_last, other };

coding_kind kind_of_coding(const http::headers& fields, const framing_fields& found) {
    if (found.codings == 1 && detail::iequals(found.coding, "chunked")) return coding_kind::plain_chunked;
    std::size_t chunked = 0;
    bool last = false;
    fields.for_each("Transfer-Encoding", [&](std::string_view value) {
        detail::for_each_element(value, [&](std::string_view element) {
            last = detail::iequals(element, "chunked");
            chunked += last ? 1 : 0;
            return true;
        });
    });
    return last && chunked == 1 ? coding_kind::chunked_last : coding_kind::other;
}

} // namespace

response_reader::response_reader(const limits& bounds) : limits_(bounds) {
    reset();
}

void response_reader::reset(http::method request_method) {
    request_method_ = request_method;
    begin_head();
    body_.reset(plan_, limits_, strictness::lenient); // drops the trailers
    error_.clear();
    interim_ = 0;
    started_ = keep_alive_ = continue_received_ = false;
    show_interim_ = interim_shown_ = false;
}

void response_reader::begin_head() {
    scanner_.reset({limits_.header_bytes, limits_.line_bytes, limits_.fields}, strictness::lenient);
    plan_ = {};
    head_.status = 0;
    head_.reason.clear();
    head_.headers.clear();
    state_ = state::start_line;
    interim_shown_ = false;
}

step response_reader::fail(h1::error value) {
    state_ = state::failed;
    error_ = value;
    keep_alive_ = false;
    return {event::failed, 0, {}};
}

step response_reader::read(std::string_view bytes, bool end_of_stream) {
    if (state_ == state::failed) return {event::failed, 0, {}};
    if (state_ == state::body) {
        const step now = body_.read(bytes, end_of_stream);
        if (now.what == event::failed) return fail(static_cast<h1::error>(body_.error().value()));
        return now;
    }
    if (interim_shown_) begin_head();
    started_ = started_ || !bytes.empty();
    std::size_t skipped = 0;
    const auto starved = [&]() -> step {
        if (!end_of_stream) return {event::need_more, skipped, {}};
        return fail(started_ ? h1::error::truncated : h1::error::closed_before_response);
    };
    for (;;) { // once for each interim response, and for the final one
        const std::string_view rest = bytes.substr(skipped);
        if (state_ == state::start_line) {
            // Another protocol answers, perhaps without ever ending a line: tell at the first byte that
            // differs.
            const std::size_t known =
                std::min({rest.size(), protocol.size(), limits_.line_bytes, limits_.header_bytes});
            if (rest.substr(0, known) != protocol.substr(0, known)) return fail(h1::error::bad_status_line);
            std::string_view line;
            switch (scanner_.start_line(rest, line)) {
            case field_scanner::result::need_more:
                return starved();
            case field_scanner::result::failed:
                return fail(scanner_.error());
            default:
                break;
            }
            if (const h1::error wrong = read_status_line(line); wrong != h1::error{}) return fail(wrong);
            state_ = state::fields;
        }
        switch (scanner_.fields(rest, head_.headers)) {
        case field_scanner::result::need_more:
            return starved();
        case field_scanner::result::failed:
            return fail(scanner_.error());
        default:
            break;
        }
        if (head_.status >= 200 || head_.status == 101) break;
        if (++interim_ > limits_.interim_responses) return fail(h1::error::too_many_interim);
        continue_received_ = continue_received_ || head_.status == 100;
        skipped += scanner_.end();
        if (show_interim_) {
            interim_shown_ = true;
            return {event::interim, skipped, {}};
        }
        begin_head();
    }
    if (const h1::error wrong = finish_head(); wrong != h1::error{}) return fail(wrong);
    plan_.header_bytes = scanner_.end();
    plan_.fields = head_.headers.size();
    body_.reset(plan_, limits_, strictness::lenient);
    state_ = state::body;
    return {event::head, skipped + scanner_.end(), {}};
}

h1::error response_reader::read_status_line(std::string_view line) {
    // HTTP/1.x SP 3DIGIT [ SP reason ]; the protocol has been looked at already, but not if the line is
    // shorter
    if (line.size() < 8 || line.substr(0, 5) != protocol || !detail::is_digit(line[5]) || line[6] != '.' ||
        !detail::is_digit(line[7]))
        return h1::error::bad_status_line;
    if (line[5] != '1') return h1::error::unsupported_version;
    head_.version = line[7] == '0' ? version::http10 : version::http11;
    if (line.size() < 12 || line[8] != ' ' || line[9] < '1' || !detail::is_digit(line[9]) ||
        !detail::is_digit(line[10]) || !detail::is_digit(line[11]))
        return h1::error::bad_status_line;
    head_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (line.size() == 12) return {};
    if (line[12] != ' ') return h1::error::bad_status_line;
    const std::string_view reason = line.substr(13);
    if (!detail::is_field_text(reason)) return h1::error::bad_reason;
    head_.reason = detail::trim(reason);
    return {};
}

h1::error response_reader::finish_head() {
    const framing_fields found = look_at(head_.headers);
    const bool http11 = head_.version == version::http11;
    keep_alive_ = !found.close && (http11 || found.keep_alive);
    // RFC 9112, 6.3, in its order
    if (head_.status == 101 || (request_method_ == method::connect && head_.status < 300)) {
        keep_alive_ = false; // what follows is another protocol
        return {};
    }
    if (request_method_ == method::head || head_.status == 204 || head_.status == 304) {
        // Fields tell of a body that is not here. If they contradict each other, peers may disagree on that.
        if (found.codings != 0 && found.lengths != 0) keep_alive_ = false;
        return {};
    }
    if (found.codings != 0) {
        // Transfer-Encoding wins over Content-Length; in HTTP/1.0 it means nothing. Whatever is not plainly
        // chunked may have been framed differently by somebody on the way: no second response from that
        // connection.
        const coding_kind kind = http11 ? kind_of_coding(head_.headers, found) : coding_kind::other;
        plan_.framing = kind == coding_kind::other ? framing::until_close : framing::chunked;
        if (kind != coding_kind::plain_chunked || found.lengths != 0) keep_alive_ = false;
        return {};
    }
    if (found.lengths != 0) {
        if (const h1::error wrong = common_length(head_.headers, found, plan_.length); wrong != h1::error{})
            return wrong;
        plan_.framing = plan_.length == 0 ? framing::none : framing::length;
        return {};
    }
    plan_.framing = framing::until_close;
    keep_alive_ = false;
    return {};
}

} // namespace tandem::http::h1
