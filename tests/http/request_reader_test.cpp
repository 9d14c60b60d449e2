#include <string>
#include <vector>

#include "tests/http/h1_support.hpp"

using namespace h1_test;
using h1::error;
using h1::event;

namespace {

struct refusal {
    std::string bytes;
    error why;
    int status;
};

std::string with(std::string_view fields) {
    return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string target(std::string_view text) {
    return "GET " + std::string(text) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
std::string chunked(std::string_view body) {
    return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}
std::string length(std::string_view value) {
    return with("Content-Length: " + std::string(value) + "\r\n");
}

void check_refused(const std::vector<refusal>& cases) {
    for (const refusal& each : cases) {
        INFO(each.bytes);
        const outcome told = read_request(each.bytes);
        CHECK(told.last == event::failed);
        CHECK(told.error == each.why);
        CHECK(h1::suggested_status(each.why) == each.status);
        h1::request_reader reader;
        drive(reader, each.bytes, each.bytes.size(), 1, false);
        CHECK(reader.suggested_status() == each.status);
        CHECK_FALSE(reader.keep_alive());
    }
}

} // namespace

TEST_CASE("a request without a body", "[http][h1]") {
    const std::string bytes =
        "GET /a?b=c HTTP/1.1\r\nHost: example.org:8080\r\nX-Empty:\r\nx-two: \t a b \t\r\n\r\n";
    const outcome told = read_request(bytes + "GET /next");
    CHECK(told.last == event::complete);
    CHECK(told.head == "GET|/a?b=c|example.org:8080|1\nHost=example.org:8080\nX-Empty=\nx-two=a b\n");
    CHECK(told.body.empty());
    CHECK(told.consumed == bytes.size());
}

TEST_CASE("pipelined requests are read one after the other by one reader", "[http][h1]") {
    const std::string all =
        "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\nT: x\r\n\r\n"
        "\r\nGET /3 HTTP/1.0\r\n\r\n";
    h1::request_reader reader;
    const outcome one = drive(reader, all, all.size(), 1, false);
    CHECK(one.body == "hello");
    CHECK(reader.keep_alive());
    CHECK(reader.started());
    reader.reset();
    CHECK_FALSE(reader.started());
    std::string_view rest = std::string_view(all).substr(one.consumed);
    const outcome two = drive(reader, rest, rest.size(), 1, false);
    CHECK(two.body == "abc");
    CHECK(two.trailers == "T=x\n");
    CHECK(two.head == "POST|/2|a|1\nHost=a\nTransfer-Encoding=Chunked\n");
    reader.reset();
    rest.remove_prefix(two.consumed);
    const outcome three = drive(reader, rest, rest.size(), 1, false);
    CHECK(three.last == event::complete);
    CHECK(three.head == "GET|/3||0\n");
    CHECK(three.trailers.empty());
    CHECK_FALSE(reader.keep_alive());
    CHECK(three.consumed == rest.size());
}

TEST_CASE("an empty line before a request does not begin it", "[http][h1]") {
    h1::request_reader reader;
    CHECK(reader.read("\r").consumed == 0);
    CHECK(reader.started());
    CHECK(reader.read("\r\n").consumed == 2);
    CHECK_FALSE(reader.started());
    CHECK(reader.read("G").what == event::need_more);
    CHECK(reader.started());
}

TEST_CASE("bodies of requests", "[http][h1]") {
    CHECK(read_request(length("3") + "abcdef").body == "abc");
    CHECK(read_request(length("0") + "abcdef").last == event::complete);
    CHECK(read_request(length("0000000000000000000000003") + "abc").body == "abc");
    CHECK(read_request(length("3") + "ab").last == event::need_more);
    CHECK(read_request(chunked("5\r\nhello\r\n6;a=b;c=\"d\"\r\n world\r\n0\r\n\r\n")).body == "hello world");
    CHECK(read_request(chunked("00000000000000aB\r\n" + std::string(0xab, 'x') + "\r\n0000\r\n\r\n")).body ==
          std::string(0xab, 'x'));
    CHECK(read_request(chunked("1\r\na\r\n0\r\n")).last == event::need_more);
    CHECK(read_request(chunked("0\r\nA: b\r\nC: d\r\n\r\nleft")).trailers == "A=b\nC=d\n");
    CHECK(read_request(chunked("0\r\n\r\nleft")).consumed == chunked("0\r\n\r\n").size());
}

TEST_CASE("a million one-byte chunks take linear time", "[http][h1]") {
    std::string all = chunked("");
    for (int i = 0; i < 1'000'000; ++i)
        all += "1\r\nx\r\n";
    all += "0\r\n\r\n";
    h1::request_reader reader;
    std::string_view rest = all;
    std::size_t body = 0;
    for (;;) {
        const h1::step now = reader.read(rest);
        rest.remove_prefix(now.consumed);
        body += now.data.size();
        if (now.what == event::complete || now.what == event::failed || now.what == event::need_more) break;
    }
    CHECK(body == 1'000'000);
    CHECK(rest.empty());
}

TEST_CASE("forms of the target", "[http][h1]") {
    CHECK(read_request(target("/")).head == "GET|/|a|1\nHost=a\n");
    CHECK(read_request(target("//x//../|\"<>^`{}\\%zz")).last == event::complete);
    CHECK(read_request(target("http://b.example:81/x?y")).head ==
          "GET|http://b.example:81/x?y|b.example:81|1\nHost=a\n");
    CHECK(read_request(target("HTTPS://b?y")).head == "GET|HTTPS://b?y|b|1\nHost=a\n");
    CHECK(read_request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").last == event::complete);
    CHECK(read_request("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n").head ==
          "CONNECT|b:443|b:443|1\nHost=b:443\n");
    CHECK(read_request("CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n").last == event::complete);
    for (const std::string text : {"",
                                   "*",
                                   "x",
                                   "a:80",
                                   "/a#b",
                                   "/a\x80",
                                   "/\xc3\xa4",
                                   "/a\x7f",
                                   "/a\x01",
                                   "/a\tb",
                                   "ftp://a/",
                                   "http://",
                                   "http:///x",
                                   "http://u@h/",
                                   "http://u:p@h/",
                                   "http://h:1x/",
                                   "http://h%2fx/",
                                   "http://h:65536/",
                                   "http://[::1/",
                                   "mailto:x"}) {
        INFO(text);
        CHECK(read_request(target(text)).error == error::bad_target);
    }
    for (const std::string text :
         {"/", "b", "*", "b:", "b:x", "http://b:80/", ":80", "[::1]", "b:80/", "u@b:80", "b:99999"}) {
        INFO(text);
        CHECK(read_request("CONNECT " + text + " HTTP/1.1\r\nHost: a\r\n\r\n").error == error::bad_target);
    }
    CHECK(read_request(target(std::string_view("/\0", 2))).error == error::bad_target);
}

TEST_CASE("request lines that are refused", "[http][h1]") {
    const std::string rest = "\r\nHost: a\r\n\r\n";
    check_refused({
        {"GET /" + rest, error::bad_request_line, 400},
        {"GET" + rest, error::bad_request_line, 400},
        {"GET  / HTTP/1.1" + rest, error::bad_version, 400},
        {"GET / x HTTP/1.1" + rest, error::bad_version, 400},
        {"GET /  HTTP/1.1" + rest, error::bad_version, 400},
        {"GET / HTTP/1.1 " + rest, error::bad_version, 400},
        {" GET / HTTP/1.1" + rest, error::bad_method, 400},
        {"G\tET / HTTP/1.1" + rest, error::bad_method, 400},
        {"G(T / HTTP/1.1" + rest, error::bad_method, 400},
        {"GET\t/\tHTTP/1.1" + rest, error::bad_request_line, 400},
        {"GET / http/1.1" + rest, error::bad_version, 400},
        {"GET / HTTP/1" + rest, error::bad_version, 400},
        {"GET / HTTP/1.10" + rest, error::bad_version, 400},
        {"GET / HTTP/11.1" + rest, error::bad_version, 400},
        {"GET / HTTP/+1.1" + rest, error::bad_version, 400},
        {"GET / HTTP/1.1\r" + rest, error::bad_version, 400},
        {"GET / HTTP/1.2" + rest, error::unsupported_version, 505},
        {"GET / HTTP/2.0" + rest, error::unsupported_version, 505},
        {"GET / HTTP/0.9" + rest, error::unsupported_version, 505},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", error::unsupported_version, 505},
        {"\r\n\r\nGET / HTTP/1.1" + rest, error::bad_request_line, 400},
        {"\nGET / HTTP/1.1" + rest, error::bare_lf, 400},
        {"GET / HTTP/1.1\nHost: a\r\n\r\n", error::bare_lf, 400},
    });
    CHECK(read_request("\r\nGET / HTTP/1.1" + rest).last == event::complete);
    CHECK(read_request("\r\n").last == event::need_more);
    CHECK(read_request("PROPFIND / HTTP/1.1" + rest).last == event::complete);
}

TEST_CASE("fields that are refused", "[http][h1]") {
    check_refused({
        {with(" x: y\r\n"), error::obs_fold, 400},
        {with("A: b\r\n c\r\n"), error::obs_fold, 400},
        {with("A: b\r\n\tc\r\n"), error::obs_fold, 400},
        {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", error::obs_fold, 400},
        {with("A : b\r\n"), error::space_before_colon, 400},
        {with("A\t: b\r\n"), error::space_before_colon, 400},
        {with("A b: c\r\n"), error::bad_field_name, 400},
        {with(": c\r\n"), error::bad_field_name, 400},
        {with("A\r\n"), error::bad_field_name, 400},
        {with("A\xe4: b\r\n"), error::bad_field_name, 400},
        {with("A(: b\r\n"), error::bad_field_name, 400},
        {with(std::string("A\0: b\r\n", 7)), error::bad_field_name, 400},
        {with(std::string("A: b\0c\r\n", 8)), error::bad_field_value, 400},
        {with("A: b\rc\r\n"), error::bad_field_value, 400},
        {with("A: b\r\r\n"), error::bad_field_value, 400},
        {with("A: 0123456789\x7f\r\n"), error::bad_field_value, 400},
        {with("A: \x01\r\n"), error::bad_field_value, 400},
        {with("A: b\n"), error::bare_lf, 400},
        {"GET / HTTP/1.1\r\nHost: a\r\n\n", error::bare_lf, 400},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", error::bare_lf, 400},
    });
    CHECK(read_request(with("A: b\tc\xe4\xff\r\n")).last == event::complete);
}

TEST_CASE("Host of a request", "[http][h1]") {
    const auto host = [](std::string_view value) {
        return "GET / HTTP/1.1\r\nhost: " + std::string(value) + "\r\n\r\n";
    };
    for (const std::string good :
         {"a", "a:80", "a:", "A-b_c~.example.", "127.0.0.1", "[::1]", "[::ffff:1.2.3.4]:8080", "xn--a"}) {
        INFO(good);
        CHECK(read_request(host(good)).last == event::complete);
    }
    for (const std::string bad : {"", "a b", "a,b", "a/b", "u@a", "a:b", "a:99999", "a:80:80", "[::1", "[]",
                                  "[::1]x", "::1", "a%2fb", "a?", "a\xe4", "http://a", "[v1.x]", "a;b"}) {
        INFO(bad);
        CHECK(read_request(host(bad)).error == error::bad_host);
    }
    check_refused({{"GET / HTTP/1.1\r\n\r\n", error::missing_host, 400},
                   {"GET http://a/ HTTP/1.1\r\n\r\n", error::missing_host, 400},
                   {with("Host: a\r\n"), error::duplicate_host, 400},
                   {with("hOST: b\r\n"), error::duplicate_host, 400},
                   {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", error::duplicate_host, 400},
                   {"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", error::bad_host, 400}});
    CHECK(read_request("GET / HTTP/1.0\r\n\r\n").last == event::complete);
}

TEST_CASE("framing of requests that is refused", "[http][h1]") {
    const std::string te = "Transfer-Encoding: ";
    std::vector<refusal> cases;
    for (const std::string value : {"gzip", "xchunked", "chunkedx", "chunked, identity", "chunked, chunked",
                                    "", "identity", "gzip, chunked", "chunked,", ",chunked", "chunked;q=1",
                                    "\"chunked\"", "chunked\x0b", "chunked gzip"}) {
        if (value.find('\x0b') != std::string::npos)
            cases.push_back({with(te + value + "\r\n"), error::bad_field_value, 400});
        else
            cases.push_back({with(te + value + "\r\n"), error::unsupported_transfer_encoding, 501});
    }
    cases.push_back(
        {with(te + "chunked\r\n" + te + "chunked\r\n"), error::unsupported_transfer_encoding, 501});
    cases.push_back({with(te + "chunked\r\n" + te + "\r\n"), error::unsupported_transfer_encoding, 501});
    cases.push_back(
        {with(te + "chunked\r\nContent-Length: 3\r\n"), error::length_with_transfer_encoding, 400});
    cases.push_back(
        {with("Content-Length: 3\r\n" + te + "gzip\r\n"), error::length_with_transfer_encoding, 400});
    cases.push_back(
        {"POST / HTTP/1.0\r\n" + te + "chunked\r\n\r\n", error::transfer_encoding_in_http10, 400});
    for (const std::string value :
         {"+1", "-1", "1_0", "0x1", "1,1", "1, 1", "1 1", "", "a", "1a", "1.0", "18446744073709551616",
          "184467440737095516150", "\xd9\xa1", "99999999999999999999999999"})
        cases.push_back({length(value), error::bad_content_length, 400});
    cases.push_back(
        {with("Content-Length: 1\r\nContent-Length: 2\r\n"), error::conflicting_content_length, 400});
    cases.push_back(
        {with("Content-Length: 1\r\nContent-length: 1\r\n"), error::conflicting_content_length, 400});
    check_refused(cases);
}

TEST_CASE("chunks of requests that are refused", "[http][h1]") {
    check_refused({
        {chunked("0x1\r\na\r\n"), error::bad_chunk_size, 400},
        {chunked("+1\r\na\r\n"), error::bad_chunk_size, 400},
        {chunked("-1\r\na\r\n"), error::bad_chunk_size, 400},
        {chunked("\r\na\r\n"), error::bad_chunk_size, 400},
        {chunked(" 1\r\na\r\n"), error::bad_chunk_size, 400},
        {chunked("1 \r\na\r\n"), error::bad_chunk_size, 400},
        {chunked("1_0\r\na\r\n"), error::bad_chunk_size, 400},
        {chunked(";a\r\n"), error::bad_chunk_size, 400},
        {chunked("00000000000000001\r\na\r\n"), error::bad_chunk_size, 400},
        {chunked("fffffffffffffffff\r\n"), error::bad_chunk_size, 400},
        {chunked("g\r\n"), error::bad_chunk_size, 400},
        {chunked("1\na\r\n"), error::bad_chunk_size, 400},
        {chunked("1\r\r\n"), error::bad_chunk_size, 400},
        {chunked("1;a\nb\r\n"), error::bad_chunk_extension, 400},
        {chunked("1;a\rb\r\n"), error::bad_chunk_size, 400},
        {chunked("1;\x01\r\n"), error::bad_chunk_extension, 400},
        {chunked("1\r\nab\r\n"), error::bad_chunk_end, 400},
        {chunked("1\r\na\n"), error::bad_chunk_end, 400},
        {chunked("1\r\na\rb"), error::bad_chunk_end, 400},
        {chunked("0\r\n a: b\r\n\r\n"), error::obs_fold, 400},
        {chunked("0\r\na : b\r\n\r\n"), error::space_before_colon, 400},
        {chunked("0\r\nab\r\n\r\n"), error::bad_field_name, 400},
        {chunked("0\r\na: b\n\r\n"), error::bare_lf, 400},
        {chunked("0\r\n\n"), error::bare_lf, 400},
        {chunked("ffffffffffffffff\r\nx"), error::body_too_large, 413},
    });
}

TEST_CASE("CONNECT has no body", "[http][h1]") {
    const std::string head = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n";
    CHECK(read_request(head + "Content-Length: 0\r\n\r\n").last == event::complete);
    check_refused({{head + "Content-Length: 1\r\n\r\nx", error::framing_conflict, 400},
                   {head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", error::framing_conflict, 400}});
}

TEST_CASE("keep-alive and Expect of requests", "[http][h1]") {
    const auto keeps = [](const std::string& bytes) {
        h1::request_reader reader;
        drive(reader, bytes, bytes.size(), 1, false);
        return reader.keep_alive();
    };
    CHECK(keeps(with("")));
    CHECK_FALSE(keeps(with("Connection: close\r\n")));
    CHECK_FALSE(keeps(with("connection: x, CLOSE\r\n")));
    CHECK(keeps(with("connection: closed\r\n")));
    CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
    CHECK(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    CHECK_FALSE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nConnection: close\r\n\r\n"));
    const auto expects = [](const std::string& bytes) {
        h1::request_reader reader;
        CHECK(reader.read(bytes).what == event::head);
        return reader.expects_continue();
    };
    CHECK(expects(with("Content-Length: 3\r\nExpect: 100-Continue\r\n")));
    CHECK_FALSE(expects(with("Expect: 100-continue\r\n"))); // nothing to wait for
    CHECK_FALSE(expects("POST / HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
}

TEST_CASE("limits of requests hit at their byte and not before", "[http][h1]") {
    h1::limits bounds = h1::server_limits();
    const std::string plain = with("A: 1\r\nB: 2\r\n"); // 3 fields
    SECTION("header bytes") {
        bounds.header_bytes = plain.size();
        CHECK(read_request(plain, bounds).last == event::complete);
        bounds.header_bytes = plain.size() - 1;
        CHECK(read_request(plain, bounds).error == error::header_too_large);
    }
    SECTION("an endless header is refused when the limit is reached, not when it ends") {
        bounds.header_bytes = 100;
        CHECK(read_request(plain.substr(0, plain.size() - 2) + "C: " + std::string(100, 'x'), bounds).error ==
              error::header_too_large);
    }
    SECTION("fields") {
        bounds.fields = 3;
        CHECK(read_request(plain, bounds).last == event::complete);
        bounds.fields = 2;
        CHECK(read_request(plain, bounds).error == error::too_many_fields);
    }
    SECTION("lines") {
        const std::string line = "C: " + std::string(50, 'x') + "\r\n";
        bounds.line_bytes = line.size();
        CHECK(read_request(with(line), bounds).last == event::complete);
        --bounds.line_bytes;
        CHECK(read_request(with(line), bounds).error == error::field_line_too_long);
        const std::string first = "GET /" + std::string(50, 'x') + " HTTP/1.1\r\n";
        bounds.line_bytes = first.size();
        CHECK(read_request(first + "Host: a\r\n\r\n", bounds).last == event::complete);
        --bounds.line_bytes;
        CHECK(read_request(first + "Host: a\r\n\r\n", bounds).error == error::start_line_too_long);
        CHECK(h1::suggested_status(error::start_line_too_long) == 414);
        CHECK(h1::suggested_status(error::field_line_too_long) == 431);
    }
    SECTION("body") {
        bounds.body_bytes = 5;
        CHECK(read_request(length("5") + "abcde", bounds).body == "abcde");
        const outcome told = read_request(length("6") + "abcdef", bounds);
        CHECK(told.error == error::body_too_large);
        CHECK_FALSE(told.head.empty()); // the head comes first: a route may raise the limit
        CHECK(read_request(chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), bounds).body == "abcde");
        CHECK(read_request(chunked("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"), bounds).error ==
              error::body_too_large);
        h1::request_reader reader(bounds);
        CHECK(reader.read(length("6")).what == event::head);
        reader.body_limit(6);
        CHECK(reader.read("abcdef").what == event::body);
        CHECK(reader.read("").what == event::complete);
    }
    SECTION("chunk extensions, over all chunks") {
        bounds.chunk_extension_bytes = 8;
        CHECK(read_request(chunked("1;abc\r\nx\r\n1;abc\r\nx\r\n0\r\n\r\n"), bounds).body == "xx");
        CHECK(read_request(chunked("1;abc\r\nx\r\n1;abcd\r\nx\r\n0\r\n\r\n"), bounds).error ==
              error::chunk_extensions_too_long);
        CHECK(read_request(chunked("1;" + std::string(100, 'x')), bounds).error ==
              error::chunk_extensions_too_long);
    }
    SECTION("trailers share the header's limits") {
        const std::string head = chunked("");
        const std::string trailers = "A: 1\r\nB: 2\r\n\r\n";
        bounds.header_bytes = head.size() + trailers.size();
        CHECK(read_request(head + "0\r\n" + trailers, bounds).last == event::complete);
        --bounds.header_bytes;
        CHECK(read_request(head + "0\r\n" + trailers, bounds).error == error::header_too_large);
        bounds = h1::server_limits();
        bounds.fields = 4;
        CHECK(read_request(head + "0\r\n" + trailers, bounds).last == event::complete);
        bounds.fields = 3;
        CHECK(read_request(head + "0\r\n" + trailers, bounds).error == error::too_many_fields);
    }
}

TEST_CASE("an endless header that dribbles in is looked at once", "[http][h1]") {
    h1::limits bounds = h1::server_limits();
    bounds.header_bytes = bounds.line_bytes = std::size_t{8} << 20;
    h1::request_reader reader(bounds);
    std::string bytes = "GET /";
    bytes.resize(std::size_t{4} << 20, 'x');
    // Quadratic work would be 10^13 comparisons; this is done in well under a second.
    for (std::size_t size = 1; size <= bytes.size(); ++size)
        if (reader.read(std::string_view(bytes).substr(0, size)).what != event::need_more)
            FAIL("at " << size);
    CHECK(reader.read(bytes + " HTTP/1.1\r\nHost: a\r\n\r\n").what == event::head);
}
