// What a request's fields become over HTTP/2.
#include "tests/support/catch.hpp"

#include "lib/http/h2/request_fields.hpp"

#include <string>

using namespace tandem;
using http::h1::body_plan;
using http::h2::request_fields;

namespace {

const tandem::url target("https://example.org/path?q");

// "name=value" of each field, those that are secret with a star before them.
std::string shown(const http::headers& fields, const body_plan& body = body_plan::none()) {
    request_fields list;
    const std::error_code wrong =
        list.assign(http::request_line("GET", http::method::get, target), fields, body);
    if (wrong) return wrong.message();
    std::string text;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const request_fields::field field = list[i];
        text += (field.secret ? "*" : "") + std::string(field.name) + "=" + std::string(field.value) + "\n";
    }
    return text;
}

const std::string pseudo = ":method=GET\n:scheme=https\n:authority=example.org\n:path=/path?q\n";

http::headers with_host() {
    http::headers fields;
    fields.add("Host", "example.org");
    return fields;
}

} // namespace

TEST_CASE("http2 fields: pseudo-fields first, names in lower case, order kept") {
    CHECK(shown(with_host().add("X-Bee", "1").add("X-A", "2").add("X-Bee", "3")) ==
          pseudo + "x-bee=1\nx-a=2\nx-bee=3\n");
}

TEST_CASE("http2 fields: what belongs to a connection is left out, and what Connection names") {
    http::headers fields = with_host();
    fields.add("Connection", "keep-alive, X-Hop")
        .add("X-Hop", "1")
        .add("Keep-Alive", "1")
        .add("Upgrade", "x");
    fields.add("Proxy-Connection", "close").add("HTTP2-Settings", "AAMAAABk");
    CHECK(shown(fields) == pseudo);
    CHECK(shown(with_host().add("TE", "gzip, trailers")) == pseudo + "te=trailers\n");
    CHECK(shown(with_host().add("TE", "gzip")) == pseudo);
}

TEST_CASE("http2 fields: the length is said once, and only where it is known") {
    CHECK(shown(with_host(), body_plan::length(7)) == pseudo + "content-length=7\n");
    CHECK(shown(with_host().add("Content-Length", "7"), body_plan::length(7)) ==
          pseudo + "content-length=7\n");
    CHECK(shown(with_host(), body_plan::chunked()) == pseudo);
}

TEST_CASE("http2 fields: cookies in crumbs, secrets kept out of tables") {
    CHECK(shown(with_host().add("Cookie", "a=1; b=a long value that nobody guesses;c=3")) ==
          pseudo + "*cookie=a=1\ncookie=b=a long value that nobody guesses\n*cookie=c=3\n");
    CHECK(shown(with_host().add("Authorization", "Basic x")) == pseudo + "*authorization=Basic x\n");
}

TEST_CASE("http2 fields: what HTTP/1.1 refuses is refused") {
    request_fields list;
    const auto refused = [&](const http::headers& fields, const body_plan& body,
                             std::string_view method = "GET") {
        return static_cast<bool>(
            list.assign(http::request_line(method, http::method::get, target), fields, body));
    };
    CHECK(refused(http::headers(), body_plan::none()));                                 // no Host
    CHECK(refused(with_host().add("Host", "other"), body_plan::none()));                // two
    CHECK(refused(with_host().add("Content-Length", "8"), body_plan::length(7)));       // a wrong length
    CHECK(refused(with_host().add("Transfer-Encoding", "gzip"), body_plan::chunked())); // not chunked
    CHECK(refused(with_host(), body_plan::none(), "GET /"));                            // no token
    CHECK(list.size() == 0);
    CHECK_FALSE(refused(with_host(), body_plan::none()));
}
