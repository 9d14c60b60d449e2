#include "lib/http/h1/writer.hpp"

#include <string>

#include "lib/http/headers_access.hpp"
#include "tests/http/h1_support.hpp"

using namespace h1_test;
using h1::body_plan;
using h1::error;
using h1::event;

namespace {

headers host() {
    headers fields;
    fields.add("Host", "a");
    return fields;
}

struct written {
    std::error_code error;
    std::string text;
};

written request(std::string_view verb, std::string_view target, const headers& fields,
                const body_plan& body) {
    written told{{}, "kept"};
    told.error = h1::write_request_head(told.text, verb, target, fields, body);
    if (told.error) CHECK(told.text == "kept");
    return told;
}

written response(int status, const headers& fields, const body_plan& body, method asked = method::get,
                 std::string_view reason = {}) {
    written told{{}, "kept"};
    told.error = h1::write_response_head(told.text, status, reason, fields, body, asked);
    if (told.error) CHECK(told.text == "kept");
    return told;
}

} // namespace

TEST_CASE("request heads are written with one framing field", "[http][h1]") {
    headers fields = host();
    fields.add("A", "b").add("A", "c");
    CHECK(request("GET", "/x?y", fields, body_plan::none()).text ==
          "keptGET /x?y HTTP/1.1\r\nHost: a\r\nA: b\r\nA: c\r\n\r\n");
    CHECK(request("POST", "/", host(), body_plan::length(0)).text ==
          "keptPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    CHECK(request("POST", "/", host(), body_plan::length(~std::uint64_t{0})).text ==
          "keptPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n");
    CHECK(request("POST", "/", host(), body_plan::chunked()).text ==
          "keptPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");

    headers more = host();
    more.add("A", "b");
    std::string ready;
    CHECK_FALSE(h1::write_request_head(ready, "GET", "/", more, body_plan::length(1), "X: 1\r\nY: 2\r\n"));
    CHECK(ready == "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\nA: b\r\nContent-Length: 1\r\n\r\n");

    headers same = host();
    same.add("content-length", "12");
    CHECK(request("PUT", "/", same, body_plan::length(12)).text ==
          "keptPUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n");
    headers coded = host();
    coded.add("transfer-encoding", "Chunked");
    CHECK(request("PUT", "/", coded, body_plan::chunked()).text ==
          "keptPUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("request heads that are not written", "[http][h1]") {
    const auto plan = [](std::string_view name, std::string_view value, const body_plan& body) {
        headers fields = host();
        fields.add(name, value);
        return request("POST", "/", fields, body).error;
    };
    CHECK(plan("Content-Length", "5", body_plan::none()) == error::framing_conflict);
    CHECK(plan("Content-Length", "5", body_plan::length(6)) == error::framing_conflict);
    CHECK(plan("Content-Length", "+6", body_plan::length(6)) == error::framing_conflict);
    CHECK(plan("Content-Length", "5", body_plan::chunked()) == error::framing_conflict);
    CHECK(plan("Transfer-Encoding", "chunked", body_plan::length(6)) == error::framing_conflict);
    CHECK(plan("Transfer-Encoding", "chunked", body_plan::none()) == error::framing_conflict);
    CHECK(plan("Transfer-Encoding", "gzip, chunked", body_plan::chunked()) == error::framing_conflict);
    headers twice = host();
    twice.add("Content-Length", "5").add("Content-Length", "5");
    CHECK(request("POST", "/", twice, body_plan::length(5)).error == error::framing_conflict);
    CHECK(request("POST", "/", host(), body_plan::until_close()).error == error::framing_conflict);

    for (const std::string bad : {"", "G T", "GET\r\n", "G\xc3\xa4T", "GET:"})
        CHECK(request(bad, "/", host(), body_plan::none()).error == error::bad_method);
    for (const std::string bad :
         {"", " ", "/a b", "/\r\nX: y", "/\n", "/\xc3\xa4", "/a#b", "x", "*", "http://u:p@a/"}) {
        INFO(bad);
        CHECK(request("GET", bad, host(), body_plan::none()).error == error::bad_target);
    }
    CHECK(request("CONNECT", "/", host(), body_plan::none()).error == error::bad_target);
    CHECK_FALSE(request("CONNECT", "a:443", host(), body_plan::none()).error);
    CHECK(request("CONNECT", "a:443", host(), body_plan::length(1)).error == error::framing_conflict);
    CHECK(request("CONNECT", "a:443", host(), body_plan::chunked()).error == error::framing_conflict);
    CHECK(request("GET", "/", {}, body_plan::none()).error == error::missing_host);
    headers hosts = host();
    hosts.add("host", "a");
    CHECK(request("GET", "/", hosts, body_plan::none()).error == error::duplicate_host);
    headers bad_host;
    bad_host.add("Host", "a b");
    CHECK(request("GET", "/", bad_host, body_plan::none()).error == error::bad_host);
}

TEST_CASE("fields that came in unchecked do not get out", "[http][h1]") {
    headers fields = host();
    detail::headers_access::append(fields, "A", "b\r\nC: d");
    CHECK(request("GET", "/", fields, body_plan::none()).error == error::bad_field_value);
    CHECK(response(200, fields, body_plan::length(0)).error == error::bad_field_value);
    headers names = host();
    detail::headers_access::append(names, "A\n", "b");
    CHECK(request("GET", "/", names, body_plan::none()).error == error::bad_field_name);
    std::string out;
    CHECK(h1::write_last_chunk(out, names) == error::bad_field_name);
    CHECK(out.empty());
}

TEST_CASE("response heads", "[http][h1]") {
    headers fields;
    fields.add("A", "b");
    CHECK(response(200, fields, body_plan::length(5)).text ==
          "keptHTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\n");
    CHECK(response(299, {}, body_plan::chunked()).text ==
          "keptHTTP/1.1 299 \r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(response(200, {}, body_plan::length(0), method::get, "Fine").text ==
          "keptHTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n");
    CHECK(response(200, {}, body_plan::until_close()).text ==
          "keptHTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    headers closing;
    closing.add("connection", "close");
    CHECK(response(200, closing, body_plan::until_close()).text ==
          "keptHTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    CHECK(response(100, {}, body_plan::none()).text == "keptHTTP/1.1 100 Continue\r\n\r\n");
    CHECK(response(204, {}, body_plan::length(0)).text == "keptHTTP/1.1 204 No Content\r\n\r\n");
    CHECK(response(304, {}, body_plan::length(0)).text == "keptHTTP/1.1 304 Not Modified\r\n\r\n");
    CHECK(response(304, {}, body_plan::length(7)).text ==
          "keptHTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
    CHECK(response(200, {}, body_plan::length(7), method::head).text ==
          "keptHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    CHECK(response(200, {}, body_plan::none(), method::head).text == "keptHTTP/1.1 200 OK\r\n\r\n");
    headers own;
    own.add("Content-Length", "9");
    CHECK(response(200, own, body_plan::none(), method::head).text ==
          "keptHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    CHECK(response(200, {}, body_plan::none(), method::connect).text == "keptHTTP/1.1 200 OK\r\n\r\n");
}

TEST_CASE("response heads that are not written", "[http][h1]") {
    headers own;
    own.add("Content-Length", "9");
    CHECK(response(200, {}, body_plan::none()).error == error::framing_conflict);
    CHECK(response(200, own, body_plan::length(8)).error == error::framing_conflict);
    CHECK(response(200, own, body_plan::chunked()).error == error::framing_conflict);
    CHECK(response(200, own, body_plan::until_close()).error == error::framing_conflict);
    CHECK(response(204, {}, body_plan::length(5)).error == error::framing_conflict);
    CHECK(response(204, {}, body_plan::chunked()).error == error::framing_conflict);
    CHECK(response(204, own, body_plan::none()).error == error::framing_conflict);
    CHECK(response(101, {}, body_plan::until_close()).error == error::framing_conflict);
    CHECK(response(200, own, body_plan::none(), method::connect).error == error::framing_conflict);
    CHECK(response(99, {}, body_plan::length(0)).error == error::bad_status);
    CHECK(response(1000, {}, body_plan::length(0)).error == error::bad_status);
    CHECK(response(200, {}, body_plan::length(0), method::get, "O\r\nK").error == error::bad_reason);
    headers bad;
    bad.add("Content-Length", "x");
    CHECK(response(200, bad, body_plan::none(), method::head).error == error::bad_content_length);
}

TEST_CASE("chunks and trailers", "[http][h1]") {
    std::string out;
    h1::write_chunk(out, "");
    CHECK(out.empty());
    h1::write_chunk(out, std::string(26, 'x'));
    CHECK(out == "1a\r\n" + std::string(26, 'x') + "\r\n");
    out.clear();
    h1::write_chunk_start(out, ~std::uint64_t{0});
    CHECK(out == "ffffffffffffffff\r\n");
    out.clear();
    headers trailers;
    trailers.add("Digest", "x");
    CHECK_FALSE(h1::write_last_chunk(out, trailers));
    CHECK(out == "0\r\nDigest: x\r\n\r\n");
    for (const std::string name :
         {"content-length", "Transfer-Encoding", "host", "Set-Cookie", "Authorization"}) {
        headers bad;
        bad.add(name, "1");
        CHECK(h1::write_last_chunk(out, bad) == error::framing_conflict);
    }
}

TEST_CASE("what is written is read back", "[http][h1]") {
    headers fields = host();
    fields.add("X-A", "1").add("X-A", "").add("X-B", "t\xc3\xa4xt, \"q\"");
    headers trailers;
    trailers.add("T", "u");
    std::string sent;
    REQUIRE_FALSE(h1::write_request_head(sent, "PATCH", "/p?q", fields, body_plan::chunked()));
    h1::write_chunk(sent, "hello ");
    h1::write_chunk(sent, "world");
    REQUIRE_FALSE(h1::write_last_chunk(sent, trailers));
    const outcome asked = read_request(sent);
    CHECK(asked.last == event::complete);
    CHECK(asked.head == "PATCH|/p?q|a|1\n" + text_of(fields) + "Transfer-Encoding=chunked\n");
    CHECK(asked.body == "hello world");
    CHECK(asked.trailers == "T=u\n");
    CHECK(asked.consumed == sent.size());

    for (const method verb : {method::get, method::head, method::connect})
        for (const int status : {200, 204, 304, 404, 500}) {
            INFO(to_string(verb) << " " << status);
            const bool none = status == 204 || (verb == method::connect && status == 200);
            const bool silent = none || verb == method::head || status == 304;
            std::string answer;
            REQUIRE_FALSE(h1::write_response_head(answer, status, "", fields,
                                                  none ? body_plan::none() : body_plan::length(3), verb));
            if (!silent) answer += "abc";
            const outcome got = read_response(answer, false, verb);
            CHECK(got.last == event::complete);
            CHECK(got.body == (silent ? "" : "abc"));
            CHECK(got.consumed == answer.size());
        }
}
