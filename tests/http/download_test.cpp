// Bodies into files: whole or not at all; and what was left is gone on with only where it belongs.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/http/download.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace tandem;
using scripted::answering;
using scripted::field_of;
using scripted::ok;
using scripted::peer;

namespace fs = std::filesystem;

namespace {

std::string content_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

std::size_t files_in(const tests::temporary_folder& folder) {
    return static_cast<std::size_t>(std::distance(
        fs::directory_iterator(fs::path(folder / "x").parent_path()), fs::directory_iterator()));
}

std::string letters(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i) + ' ';
    text.resize(size);
    return text;
}

// Serves `text` with ranges, as RFC 9110 wants it.
std::string serve(const std::string& request, const std::string& text, const std::string& tag) {
    const std::string range = field_of(request, "Range");
    const std::string fields = "ETag: " + tag + "\r\n";
    if (range == "-" || field_of(request, "If-Range") != tag) return ok(text, fields);
    const std::size_t first = std::stoul(range.substr(6));
    if (first >= text.size())
        return "HTTP/1.1 416 No\r\nContent-Range: bytes */" + std::to_string(text.size()) +
               "\r\nContent-Length: 0\r\n\r\n";
    const std::string part = text.substr(first);
    return "HTTP/1.1 206 Part\r\n" + fields + "Content-Range: bytes " + std::to_string(first) + '-' +
           std::to_string(text.size() - 1) + '/' + std::to_string(text.size()) +
           "\r\nContent-Length: " + std::to_string(part.size()) + "\r\n\r\n" + part;
}

// The first `bytes` of the answer, and then nothing more.
std::string cut(const std::string& answer, std::size_t bytes) {
    return answer.substr(0, answer.find("\r\n\r\n") + 4 + bytes);
}

task<http::download_result> fetch(std::string url, std::string path) {
    http::client web;
    co_return co_await http::download(web, http::request(url), path);
}

std::string ended(const std::string& url, const std::string& path) {
    try {
        const auto got = scripted::run(fetch(url, path));
        return std::to_string(got.resumed_at()) + '/' + std::to_string(got.bytes());
    } catch (const http::request_error& e) {
        return e.code().message();
    }
}

// The first connection breaks after `bytes`, later ones are answered by `rest`.
scripted::server breaking(std::string first, scripted::answering::function rest) {
    return scripted::server([first, rest](peer& p, int number) {
        for (;;) {
            const std::string request = p.read_request();
            if (request.empty()) return;
            if (number == 0) return p.send(first);
            p.send(rest(request));
        }
    });
}

} // namespace

TEST_CASE("to_file: the file appears when it is whole") {
    const std::string text = letters(700000);
    answering server([&](const std::string& request) -> std::string {
        if (scripted::target_of(request) == "/short") return cut(ok(text), 1000);
        return ok(text);
    });
    const tests::temporary_folder folder;
    auto work = [&]() -> task<> {
        http::client web;
        http::response_stream body = co_await web.open(http::request(server.url()));
        const std::uint64_t bytes = co_await body.to_file(folder / "a");
        CHECK(bytes == text.size());
        CHECK(content_of(folder / "a") == text);
        CHECK(web.counters().connections_idle == 1);
    };
    scripted::run(work());
    CHECK(files_in(folder) == 1);
}

TEST_CASE("to_file: what fails leaves nothing, and the old file") {
    scripted::server server([](peer& p, int) {
        p.read_request();
        p.send(cut(ok(letters(100000)), 1000));
    });
    const tests::temporary_folder folder;
    std::ofstream(folder / "a") << "old";
    auto work = [&](std::string path) -> task<bool> {
        http::client web;
        http::response_stream body = co_await web.open(http::request(server.url()));
        try {
            co_await body.to_file(std::move(path));
        } catch (const system_error&) { // of the network, or of the file
            co_return true;
        }
        co_return false;
    };
    const bool broken = scripted::run(work(folder / "a"));
    const bool no_folder = scripted::run(work(folder / "none/a"));
    CHECK(broken);
    CHECK(no_folder);
    CHECK(content_of(folder / "a") == "old");
    CHECK(files_in(folder) == 1);
}

TEST_CASE("download: what is broken off is gone on with") {
    const std::string text = letters(500000);
    const std::string tag = "\"v1\"";
    scripted::server server = [&] {
        return breaking(cut(serve("", text, tag), 123456),
                        [&](const std::string& request) { return serve(request, text, tag); });
    }();
    const tests::temporary_folder folder;
    const std::string path = folder / "a";
    CHECK(ended(server.url("/f"), path).find("/") == std::string::npos); // fails
    CHECK(fs::file_size(path + ".part") == 123456);
    CHECK_FALSE(fs::exists(path));
    CHECK(ended(server.url("/f"), path) == "123456/500000");
    CHECK(content_of(path) == text);
    CHECK(files_in(folder) == 1);
}

TEST_CASE("download: a file that has changed meanwhile comes anew") {
    const std::string text = letters(5000);
    const tests::temporary_folder folder;
    const std::string path = folder / "a";
    SECTION("another tag") {
        scripted::server server =
            breaking(cut(serve("", "an old version", "\"v1\""), 5),
                     [&](const std::string& request) { return serve(request, text, "\"v2\""); });
        ended(server.url("/f"), path);
        CHECK(ended(server.url("/f"), path) == "0/5000");
    }
    SECTION("another URL") {
        scripted::server server =
            breaking(cut(serve("", "an old version", "\"v1\""), 5),
                     [&](const std::string& request) { return serve(request, text, "\"v1\""); });
        ended(server.url("/f"), path);
        CHECK(ended(server.url("/g"), path) == "0/5000");
    }
    SECTION("shorter than what is there") {
        scripted::server server =
            breaking(cut(serve("", letters(9000), "\"v1\""), 8000),
                     [&](const std::string& request) { return serve(request, text, "\"v1\""); });
        ended(server.url("/f"), path);
        CHECK(ended(server.url("/f"), path) == "0/5000");
    }
    CHECK(content_of(path) == text);
    CHECK(files_in(folder) == 1);
}

TEST_CASE("download: all of it was there, but for its name") {
    const std::string text = letters(5000);
    const tests::temporary_folder folder;
    const std::string path = folder / "a";
    const std::string whole =
        "HTTP/1.1 200 OK\r\nETag: \"v\"\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + text;
    scripted::server server =
        breaking(whole, [&](const std::string& request) { return serve(request, text, "\"v\""); });
    ended(server.url("/f"), path);
    CHECK(ended(server.url("/f"), path) == "5000/5000");
    CHECK(content_of(path) == text);
    CHECK(files_in(folder) == 1);
}

TEST_CASE("download: without a strong tag nothing is kept") {
    const std::string text = letters(5000);
    for (const std::string tag : {"W/\"v1\"", "v1", "\""}) {
        const tests::temporary_folder folder;
        const std::string path = folder / "a";
        scripted::server server = breaking(cut(serve("", text, tag), 1000), [&](const std::string& request) {
            return serve(request, text, tag);
        });
        ended(server.url("/f"), path);
        CHECK(files_in(folder) == 0);
        CHECK(ended(server.url("/f"), path) == "0/5000");
        CHECK(content_of(path) == text);
    }
}

TEST_CASE("download: a part that is not the one that was asked for is refused") {
    const std::string text = letters(5000);
    const std::string rest = text.substr(1000);
    const auto part = [&](const std::string& range, const std::string& fields, const std::string& data) {
        return "HTTP/1.1 206 Part\r\n" + fields +
               (range.empty() ? std::string() : "Content-Range: " + range + "\r\n") +
               "Content-Length: " + std::to_string(data.size()) + "\r\n\r\n" + data;
    };
    for (const std::string& wrong :
         {part("", "", rest), part("bytes 0-4999/5000", "", text), part("bytes 1001-4999/5000", "", rest),
          part("bytes 1000-4999", "", rest), part("bytes 1000-4999/4000", "", rest),
          part("bytes 1000-4999/5000", "ETag: \"v2\"\r\n", rest),
          part("bytes 1000-4998/5000", "", rest),              // longer than it says
          part("bytes 1000-4999/5000", "", text.substr(2000)), // shorter than it says
          part("bytes 1000-4999/5000", "Content-Range: bytes 0-1/5000\r\n", rest)}) {
        INFO(wrong.substr(0, 150));
        const tests::temporary_folder folder;
        const std::string path = folder / "a";
        scripted::server server =
            breaking(cut(serve("", text, "\"v1\""), 1000), [&](const std::string&) { return wrong; });
        ended(server.url("/f"), path);
        CHECK(ended(server.url("/f"), path) == make_error_code(http::errc::bad_content_range).message());
        CHECK_FALSE(fs::exists(path));
    }
}

TEST_CASE("download: more than a part was said to be is not gone on with") {
    const std::string text = letters(5000);
    const tests::temporary_folder folder;
    const std::string path = folder / "a";
    int answered = 0;
    scripted::server server = breaking(cut(serve("", text, "\"v1\""), 1000), [&](const std::string& request) {
        if (++answered > 1) return serve(request, text, "\"v1\"");
        return "HTTP/1.1 206 Part\r\nContent-Range: bytes 1000-1499/5000\r\nContent-Length: 4000\r\n\r\n" +
               std::string(4000, '?');
    });
    ended(server.url("/f"), path);
    CHECK(ended(server.url("/f"), path) == make_error_code(http::errc::bad_content_range).message());
    CHECK(files_in(folder) == 0);
    CHECK(ended(server.url("/f"), path) == "0/5000");
    CHECK(content_of(path) == text);
}

TEST_CASE("download: a server that sends the rest in parts of its own is asked again") {
    const std::string text = letters(5000);
    const tests::temporary_folder folder;
    const std::string path = folder / "a";
    scripted::server server = breaking(cut(serve("", text, "\"v1\""), 1000), [&](const std::string& request) {
        const std::size_t first = std::stoul(field_of(request, "Range").substr(6));
        const std::string some = text.substr(first, 1500);
        return "HTTP/1.1 206 Part\r\nContent-Range: bytes " + std::to_string(first) + '-' +
               std::to_string(first + some.size() - 1) +
               "/5000\r\nContent-Length: " + std::to_string(some.size()) + "\r\n\r\n" + some;
    });
    ended(server.url("/f"), path);
    CHECK(ended(server.url("/f"), path) == "1000/5000");
    CHECK(content_of(path) == text);
}

TEST_CASE("download: a status that is no file is an error, and leaves what was there") {
    answering server([](const std::string&) { return "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nnone"; });
    const tests::temporary_folder folder;
    const std::string path = folder / "a";
    std::ofstream(path) << "old";
    CHECK(ended(server.url(), path) == make_error_code(http::errc::bad_status).message());
    CHECK(content_of(path) == "old");
    CHECK(files_in(folder) == 1);
}

TEST_CASE("download: what says nothing of this URL, or nonsense, is not gone on with") {
    const std::string text = letters(5000);
    answering server([&](const std::string& request) { return serve(request, text, "\"v1\""); });
    for (const std::string meta :
         {"", "x", "tandem download 1\n", "tandem download 1\nURL\n\"v1\n",
          "tandem download 1\nURL\n\"v1\"\n\"v1\"\n", "tandem download 1\nURL\n\n"}) {
        const tests::temporary_folder folder;
        const std::string path = folder / "a";
        std::string there = meta;
        if (const std::size_t at = there.find("URL"); at != std::string::npos)
            there.replace(at, 3, server.url("/f"));
        std::ofstream(path + ".part") << "nonsense";
        std::ofstream(path + ".part.meta") << there;
        CHECK(ended(server.url("/f"), path) == "0/5000");
        CHECK(content_of(path) == text);
        CHECK(files_in(folder) == 1);
    }
    CHECK_THROWS_AS(scripted::run([](std::string url) -> task<> {
                        http::client web;
                        http::request ranged(url);
                        ranged.header("Range", "bytes=0-");
                        const auto got = co_await http::download(web, std::move(ranged), "never");
                        static_cast<void>(got);
                    }(server.url())),
                    std::invalid_argument);
}

TEST_CASE("download and to_file can be cancelled anywhere") {
    const std::string text = letters(100000);
    answering server([&](const std::string& request) { return serve(request, text, "\"v1\""); });
    const tests::temporary_folder folder;
    const std::string path = folder / "a";
    auto work = [&]() -> task<> {
        http::client web(http::client_options().connections_per_host(1));
        auto resumed = [&]() -> task<> {
            const auto got = co_await http::download(web, http::request(server.url("/f")), path);
            CHECK(got.bytes() == text.size());
            CHECK(content_of(path) == text);
        };
        auto whole = [&]() -> task<> {
            http::response_stream body = co_await web.open(http::request(server.url("/f")));
            co_await body.to_file(path);
        };
        auto after = [&](test::ending how) {
            CHECK((how == test::ending::value || how == test::ending::cancelled));
            CHECK(web.counters().connections_in_use == 0);
        };
        const std::size_t first = co_await test::cancel_everywhere(resumed, after);
        CHECK(first > 5);
        co_await resumed();
        CHECK(files_in(folder) == 1);
        const std::size_t second = co_await test::cancel_everywhere(whole, after);
        CHECK(second > 5);
        CHECK(files_in(folder) == 1);
        CHECK(content_of(path) == text);
    };
    tests::run_on_loop(work());
}
