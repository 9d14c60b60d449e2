#include "examples/crawler/sink.hpp"

#include "tests/crawler/crawl_support.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace crawler;
using namespace crawl_test;

namespace {

page_record record(int number) {
    page_record p;
    p.url = "http://a/" + std::to_string(number);
    p.title = std::string(static_cast<std::size_t>(number % 50) * 100, 'x');
    return p;
}

template <class F>
std::string message_of(F f) {
    try {
        f();
    } catch (const file_error& e) {
        return e.what();
    }
    return std::string();
}

} // namespace

TEST_CASE("sink: lines of several threads stay whole") {
    const temporary_folder folder;
    {
        sink out(folder / "pages");
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&out, t] {
                for (int i = 0; i < 100; ++i)
                    out.write(record(t * 100 + i));
            });
        for (std::thread& t : threads)
            t.join();
    }
    const auto lines = parse_lines(content_of(folder / "pages"));
    CHECK(lines.size() == 400);
}

TEST_CASE("sink: a line is there as soon as it is written, and an old file is gone") {
    const temporary_folder folder;
    write_file(folder / "pages", "old old old");
    sink out(folder / "pages");
    CHECK(content_of(folder / "pages").empty());
    out.write(record(1));
    CHECK(content_of(folder / "pages") == to_json(record(1)) + "\n");
}

TEST_CASE("sink: no file") {
    sink out{std::string()};
    CHECK_NOTHROW(out.write(record(1)));
}

TEST_CASE("sink: what cannot be opened or written") {
    const temporary_folder folder;
    const std::string missing = folder / "none/pages";
    CHECK(message_of([&] { sink out(missing); }) ==
          missing + ": cannot be opened: No such file or directory");
    CHECK(message_of([&] { sink out(folder / ""); }).find("cannot be opened: Is a directory") !=
          std::string::npos);
    sink full("/dev/full");
    CHECK(message_of([&] { full.write(record(1)); }) ==
          "/dev/full: cannot be written: No space left on device");
}

TEST_CASE("files: written whole, or not at all") {
    const temporary_folder folder;
    const std::string path = folder / "summary";
    check_writable(path);
    CHECK(folder.entries() == 0); // it leaves no trace
    write_file(path, "one");
    write_file(path, "two");
    CHECK(content_of(path) == "two");
    check_writable(path);
    CHECK(content_of(path) == "two");
    CHECK(folder.entries() == 1);
}

TEST_CASE("files: a link that somebody put where the temporary file goes is not followed") {
    const temporary_folder folder;
    const std::string victim = folder / "victim";
    const std::string path = folder / "summary";
    write_file(victim, "precious");
    const std::string planted = path + ".tmp" + std::to_string(getpid());
    REQUIRE(symlink(victim.c_str(), planted.c_str()) == 0);
    const std::string why = path + ": cannot be written: File exists";
    CHECK(message_of([&] { check_writable(path); }) == why);
    CHECK(message_of([&] { write_file(path, "x"); }) == why);
    CHECK(content_of(victim) == "precious");
}

TEST_CASE("files: those that cannot be written or read") {
    const temporary_folder folder;
    const std::string missing = folder / "none/summary";
    const std::string why = missing + ": cannot be written: No such file or directory";
    CHECK(message_of([&] { check_writable(missing); }) == why);
    CHECK(message_of([&] { write_file(missing, "x"); }) == why);
    const std::string directory = folder / "";
    CHECK(message_of([&] { check_writable(directory); }) ==
          directory + ": cannot be written: Is a directory");
    CHECK(message_of([&] { check_readable(missing); }) ==
          missing + ": cannot be read: No such file or directory");
    CHECK(message_of([&] { check_readable(directory); }).empty());
    CHECK(message_of([] { check_writable("-"); }).empty());
    CHECK(message_of([] { check_writable(""); }).empty());
}

TEST_CASE("files: a device or a pipe is written to and not replaced") {
    check_writable("/dev/null");
    write_file("/dev/null", "x");
    struct stat about{};
    REQUIRE(stat("/dev/null", &about) == 0);
    CHECK(S_ISCHR(about.st_mode));
    CHECK(message_of([] { write_file("/dev/full", "x"); }) ==
          "/dev/full: cannot be written: No space left on device");
    REQUIRE(stat("/dev/full", &about) == 0);
    CHECK(S_ISCHR(about.st_mode));
}
