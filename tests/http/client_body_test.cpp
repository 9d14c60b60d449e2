// Bodies on their way: files, streams, forms; and when they cannot be sent, or not again.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/support/tasks.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/http/client.hpp>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

using namespace tandem;
using namespace std::chrono_literals;
using http::request_body;
using scripted::answering;
using scripted::body_of;
using scripted::field_of;
using scripted::ok;

namespace {

async_generator<std::string> letters() {
    co_yield "one ";
    co_yield ""; // not the end
    co_yield "two";
}

async_generator<std::string> failing() {
    co_yield "one";
    throw std::runtime_error("the source is dry");
}

async_generator<std::string> endless(int* made) {
    for (;; ++*made)
        co_yield std::string(64 * 1024, 'x');
}

// Waits until it is cancelled.
async_generator<std::string> waiting(bool* cancelled) {
    co_yield "begun";
    try {
        co_await sleep_for(1h);
    } catch (const operation_cancelled&) {
        *cancelled = true;
        throw;
    }
}

http::request post(const std::string& url, request_body body) {
    http::request what(url);
    what.method(http::method::post).body(std::move(body), "text/plain");
    return what;
}

task<http::result<http::response>> try_post(const std::string& url, request_body body) {
    http::client web;
    co_return co_await web.try_send(post(url, std::move(body)));
}

std::string ended(const std::string& url, request_body body) {
    const auto got = scripted::run(try_post(url, std::move(body)));
    return got ? std::to_string(got->status()) : got.error().message();
}

// Takes chunked bodies and notes each with its head.
class chunk_server : public scripted::server {
public:
    explicit chunk_server(std::function<std::string(const std::string&)> answer)
        : server([this, answer](scripted::peer& p, int) {
              for (;;) {
                  const std::string head = p.read_head();
                  if (head.empty()) return;
                  const bool chunked = field_of(head, "Transfer-Encoding") == "chunked";
                  note(head + (chunked ? p.read_until("0\r\n\r\n") : std::string()));
                  p.send(answer(head));
              }
          }) {}
};

} // namespace

TEST_CASE("a file is sent with its size, read while it is sent") {
    const tests::temporary_folder folder;
    std::string content;
    for (int i = 0; content.size() < 300000; ++i)
        content += std::to_string(i) + ' ';
    std::ofstream(folder / "big") << content;
    std::ofstream(folder / "empty");
    answering server([](const std::string&) { return ok("x"); });
    CHECK(ended(server.url(), request_body::file(folder / "big")) == "200");
    CHECK(ended(server.url(), request_body::file(folder / "empty")) == "200");
    REQUIRE(server.requests().size() == 2);
    CHECK(body_of(server.requests()[0]) == content);
    CHECK(field_of(server.requests()[0], "Content-Length") == std::to_string(content.size()));
    CHECK(field_of(server.requests()[0], "Content-Type") == "text/plain");
    CHECK(field_of(server.requests()[1], "Content-Length") == "0");
}

TEST_CASE("a multipart form with a file arrives whole") {
    const tests::temporary_folder folder;
    std::ofstream(folder / "f.txt") << "the file";
    answering server([](const std::string&) { return ok("x"); });
    auto work = [&]() -> task<> {
        http::client web;
        const http::multipart form =
            http::multipart().field("a", "1").file("f", folder / "f.txt", "text/plain");
        http::request what(server.url());
        what.method(http::method::post).multipart(form);
        const http::response r = co_await web.send(std::move(what));
        CHECK(r.ok());
    };
    scripted::run(work());
    const std::string sent = server.requests()[0];
    const std::string type = field_of(sent, "Content-Type");
    const std::string boundary = type.substr(type.find("boundary=") + 9);
    CHECK(body_of(sent) == "--" + boundary + "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--" +
                               boundary +
                               "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.txt\"\r\n"
                               "Content-Type: text/plain\r\n\r\nthe file\r\n--" +
                               boundary + "--\r\n");
}

TEST_CASE("a stream is sent in chunks, or with a length that was announced") {
    chunk_server server([](const std::string&) { return ok("x"); });
    CHECK(ended(server.url(), request_body::stream(letters)) == "200");
    CHECK(ended(server.url(), request_body::stream_once(letters())) == "200");
    for (const std::string& sent : server.requests()) {
        CHECK(field_of(sent, "Content-Length") == "-");
        CHECK(body_of(sent) == "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
    }
    answering plain([](const std::string&) { return ok("x"); });
    CHECK(ended(plain.url(), request_body::stream(letters, 7)) == "200");
    CHECK(body_of(plain.requests()[0]) == "one two");
    CHECK(field_of(plain.requests()[0], "Transfer-Encoding") == "-");
}

TEST_CASE("what has no size is sent in chunks") {
    chunk_server server([](const std::string&) { return ok("x"); });
    request_body body = request_body::bytes("a");
    body.append(request_body::file("/dev/null")).append(request_body::bytes("b"));
    CHECK(ended(server.url(), std::move(body)) == "200");
    CHECK(body_of(server.requests()[0]) == "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
}

TEST_CASE("a source that fails makes the request fail, at once") {
    const tests::temporary_folder folder;
    scripted::server server([](scripted::peer& p, int) { p.wait_closed(); });
    const std::string place = "POST " + server.url() + ": sending the request: ";
    CHECK(ended(server.url(), request_body::file(folder / "none")) ==
          place + "open " + (folder / "none") + ": No such file or directory");
    const std::string is_folder = ended(server.url(), request_body::file(folder.name()));
    CHECK(is_folder.find(place) == 0);
    CHECK(is_folder.find("Is a directory") != std::string::npos);
    CHECK(ended(server.url(), request_body::stream(letters, 6)) ==
          place + "the body is longer than the 6 bytes that were announced");
    CHECK(ended(server.url(), request_body::stream(letters, 8)) ==
          place + "the body ended 1 bytes before the 8 that were announced");
    // What the generator throws is the caller's own: it is not turned into something else.
    CHECK_THROWS_WITH(scripted::run(try_post(server.url(), request_body::stream(failing))),
                      "the source is dry");
}

TEST_CASE("a file that shrinks while it is sent makes the request fail") {
    const tests::temporary_folder folder;
    const std::string path = folder / "shrinks";
    // More than what the sockets of both sides take before anybody reads.
    std::ofstream(path) << "x";
    std::filesystem::resize_file(path, 64u << 20);
    scripted::server server([&](scripted::peer& p, int) {
        const std::string head = p.read_head();
        std::filesystem::resize_file(path, 10);
        p.wait_closed();
    });
    const std::string told = ended(server.url(), request_body::file(path));
    CHECK(told.find("bytes shorter while it was sent") != std::string::npos);
    CHECK(told.find(path) != std::string::npos);
}

TEST_CASE("an early answer stops the sending") {
    scripted::server server([](scripted::peer& p, int) {
        if (p.read_head().empty()) return;
        p.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
        p.wait_closed();
    });
    int made = 0;
    bool cancelled = false;
    auto work = [&]() -> task<> {
        http::client web;
        auto ask = post(server.url(), request_body::stream([&made] { return endless(&made); }));
        const http::response r = co_await web.send(std::move(ask));
        CHECK(r.status() == 413);
        CHECK(r.body() == "big");
        auto slow = post(server.url(), request_body::stream([&cancelled] { return waiting(&cancelled); }));
        const http::response s = co_await web.send(std::move(slow));
        CHECK(s.status() == 413);
        CHECK(web.counters().connections_opened == 2); // the first cannot be used again
    };
    scripted::run(work());
    CHECK(cancelled);
}

TEST_CASE("cancelling reaches the source of a body") {
    scripted::server server([](scripted::peer& p, int) { p.wait_closed(); });
    bool cancelled = false;
    auto work = [&]() -> task<> {
        http::client web;
        auto ask = post(server.url(), request_body::stream([&cancelled] { return waiting(&cancelled); }));
        bool late = false;
        try {
            const auto r = co_await with_timeout(20ms, web.try_send(std::move(ask)));
        } catch (const timeout_error&) {
            late = true;
        }
        CHECK(late);
        CHECK(web.counters().connections_in_use == 0);
    };
    scripted::run(work());
    CHECK(cancelled);
}

TEST_CASE("bodies are sent again for a redirect, but for one that cannot be") {
    const tests::temporary_folder folder;
    std::ofstream(folder / "f") << "the file";
    const auto answer = [](const std::string& head) {
        if (scripted::target_of(head) == "/307")
            return std::string("HTTP/1.1 307 There\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n");
        if (scripted::target_of(head) == "/303")
            return std::string("HTTP/1.1 303 There\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n");
        return ok("x");
    };
    chunk_server server(answer);
    answering plain(answer);
    CHECK(ended(server.url("/307"), request_body::stream(letters)) == "200");
    CHECK(body_of(server.requests().back()) == "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
    CHECK(ended(plain.url("/307"), request_body::file(folder / "f")) == "200");
    CHECK(body_of(plain.requests().back()) == "the file");

    CHECK(ended(server.url("/303"), request_body::stream_once(letters())) == "200");
    CHECK(server.requests().back().substr(0, 4) == "GET ");
    CHECK(body_of(server.requests().back()).empty());
    const auto got = scripted::run(try_post(server.url("/307"), request_body::stream_once(letters())));
    REQUIRE_FALSE(got);
    CHECK(got.error().code() == http::errc::body_not_repeatable);
    CHECK(got.error().phase() == http::request_phase::redirect);
}

TEST_CASE("Digest sends a body again, and gives the 401 of one that cannot be") {
    const auto answer = [](const std::string& head) {
        if (field_of(head, "Authorization") != "-") return ok("in");
        return std::string("HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=r, nonce=n, qop=auth\r\n"
                           "Content-Length: 0\r\n\r\n");
    };
    chunk_server server(answer);
    const auto ask = [&](request_body body) {
        auto what = post(server.url(), std::move(body)).auth(http::credentials::digest("joe", "pw"));
        auto work = [](http::request r) -> task<int> {
            http::client web;
            const http::response got = co_await web.send(std::move(r));
            co_return got.status();
        };
        return scripted::run(work(std::move(what)));
    };
    CHECK(ask(request_body::stream(letters)) == 200);
    CHECK(body_of(server.requests()[1]) == "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
    CHECK(ask(request_body::stream_once(letters())) == 401);
    CHECK(server.requests().size() == 3);
}
