#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/system/file.hpp>

#include "tests/support/cancel_everywhere.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tasks.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/system/process_support.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace tandem;
using tests::ending;

namespace {

template <class T>
std::string failure_of(task<T> t) {
    return tests::run_on_loop(tests::message_of(std::move(t)));
}
std::string content(const std::string& path) {
    return tests::run_on_loop(read_file(path));
}
mode_t mode_of(const std::string& path) {
    struct stat info = {};
    stat(path.c_str(), &info);
    return info.st_mode & 07777;
}

} // namespace

TEST_CASE("file: whole files") {
    const tests::temporary_folder dir;
    const std::string path = dir / "a";
    const std::string binary("\0\xff\n", 3);
    tests::run_on_loop(write_file(path, binary));
    CHECK(content(path) == binary);
    tests::run_on_loop(append_file(path, "more"));
    CHECK(content(path) == binary + "more");
    tests::run_on_loop(write_file(path, ""));
    CHECK(content(path).empty());
    tests::run_on_loop(append_file(dir / "new", "x"));
    CHECK(content(dir / "new") == "x");
    const std::string large = tests::large_text(10'000'000);
    tests::run_on_loop(write_file(path, large));
    CHECK(content(path) == large);
    CHECK(content("/proc/self/stat").size() > 20); // of no size, as far as stat knows
}

TEST_CASE("file: failures name operation and path") {
    const tests::temporary_folder dir;
    const std::string none = dir / "none";
    CHECK(failure_of(read_file(none)).find("open " + none + ": No such file or directory") == 0);
    CHECK(failure_of(file_reader::open(none)).find("open " + none + ": No such file") == 0);
    CHECK(failure_of(write_file(none + "/b", "")).find("open " + none + "/b: No such file") == 0);
    CHECK(
        failure_of(write_file(none + "/b", "", write_mode::replace)).find("open " + none + "/.tandem-tmp-") ==
        0);
    CHECK(failure_of(read_file(dir / ".")).find("read " + (dir / ".") + ": Is a directory") == 0);
    CHECK(failure_of(write_file(dir / ".", "", write_mode::replace)).find("replace /") == 0);
    CHECK(failure_of(write_file("/dev/full", "x")).find("write /dev/full: No space left on device") == 0);
    CHECK(failure_of(read_file(std::string("/etc/hostname\0x", 15))).find("Invalid argument") !=
          std::string::npos);
    CHECK(dir.entries() == 0);
}

TEST_CASE("file: the limit") {
    const tests::temporary_folder dir;
    const std::string path = dir / "a";
    tests::run_on_loop(write_file(path, "12345"));
    CHECK(tests::run_on_loop(read_file(path, 5)) == "12345");
    CHECK(failure_of(read_file(path, 4))
              .find("read " + path + " (more than the limit of 4 bytes): File too large") == 0);
    CHECK(failure_of(read_file("/dev/zero", 100'000)).find("limit of 100000 bytes") != std::string::npos);
}

TEST_CASE("file: replacing keeps permissions and links, and leaves nothing on failure") {
    const tests::temporary_folder dir;
    const std::string path = dir / "a";
    tests::run_on_loop(write_file(path, "old"));
    chmod(path.c_str(), 0640);
    REQUIRE(symlink("a", (dir / "link").c_str()) == 0);
    tests::run_on_loop(write_file(dir / "link", "new", write_mode::replace));
    CHECK(content(path) == "new");
    CHECK(std::filesystem::is_symlink(dir / "link"));
    CHECK(mode_of(path) == 0640);
    tests::run_on_loop(write_file(dir / "b", "fresh", write_mode::replace));
    CHECK(content(dir / "b") == "fresh");
    tests::run_on_loop(write_file(dir / "c", "made the other way"));
    CHECK(mode_of(dir / "b") == mode_of(dir / "c")); // the umask's
    CHECK(dir.entries() == 4);
}

TEST_CASE("file: replacing creates what a link leads to, and takes names of any length") {
    const tests::temporary_folder dir;
    REQUIRE(symlink("link2", (dir / "link1").c_str()) == 0);
    REQUIRE(symlink((dir / "there").c_str(), (dir / "link2").c_str()) == 0);
    tests::run_on_loop(write_file(dir / "link1", "new", write_mode::replace));
    CHECK(std::filesystem::is_symlink(dir / "link1"));
    CHECK(std::filesystem::is_symlink(dir / "link2"));
    CHECK(content(dir / "there") == "new");
    REQUIRE(symlink("circle", (dir / "circle").c_str()) == 0);
    CHECK(failure_of(write_file(dir / "circle", "", write_mode::replace)).find("replace ") == 0);
    CHECK(std::filesystem::is_symlink(dir / "circle"));
    const std::string longest = dir / std::string(255, 'n');
    tests::run_on_loop(write_file(longest, "long", write_mode::replace));
    CHECK(content(longest) == "long");
    CHECK(dir.entries() == 5);
}

TEST_CASE("file: readers see the old text or the new one while it is replaced") {
    const tests::temporary_folder dir;
    const std::string path = dir / "a";
    const std::string old_text(100'000, 'o');
    const std::string new_text(50'000, 'n');
    tests::run_on_loop(write_file(path, old_text));
    auto body = [&]() -> task<> {
        bool stop = false;
        auto write = [&]() -> task<> {
            for (int i = 0; i < 20; ++i)
                co_await write_file(path, i % 2 == 0 ? new_text : old_text, write_mode::replace);
            stop = true;
        };
        std::size_t torn = 0;
        auto read = [&]() -> task<> {
            while (!stop) {
                const std::string text = co_await read_file(path);
                torn += text == old_text || text == new_text ? 0U : 1U;
            }
        };
        co_await when_all(write(), read());
        CHECK(torn == 0);
    };
    runtime rt(tests::loops(1));
    rt.run(body());
    CHECK(dir.entries() == 1);
}

TEST_CASE("file_reader and file_writer: streams") {
    const tests::temporary_folder dir;
    const std::string path = dir / "a";
    auto body = [&]() -> task<> {
        file_writer out = co_await file_writer::open(path);
        for (int i = 0; i < 100; ++i)
            co_await out.write("line " + std::to_string(i) + "\n");
        co_await out.write("rest");
        co_await out.sync();
        CHECK(out.bytes_written() == 794);
        co_await out.close();
        co_await out.close();
        const std::string closed = co_await tests::message_of(out.write("x"));
        CHECK(closed.find("write " + path + ": Bad file descriptor") == 0);

        file_reader in = co_await file_reader::open(path);
        for (int i = 0; i < 100; ++i) {
            const auto line = co_await in.read_line();
            CHECK(line == "line " + std::to_string(i));
        }
        char piece[3];
        const std::size_t n = co_await in.read_some(piece, sizeof(piece));
        CHECK(std::string(piece, n) == "res");
        const auto last = co_await in.read_line();
        CHECK(last == "t");
        const auto none = co_await in.read_line();
        CHECK_FALSE(none.has_value());
        const std::size_t end = co_await in.read_some(piece, sizeof(piece));
        CHECK(end == 0);

        file_writer more = co_await file_writer::open(path, open_mode::append);
        co_await more.write("ored");
        co_await more.close();
        const std::string text = co_await read_file(path);
        CHECK(text.substr(text.size() - 8) == "restored");
        const std::string exists = co_await tests::message_of(file_writer::open(path, open_mode::create));
        CHECK(exists.find("open " + path + ": File exists") == 0);
        out = co_await file_writer::open(path, open_mode::truncate);
        const std::string empty = co_await read_file(path);
        CHECK(empty.empty());
    };
    const std::size_t before = tests::open_descriptors();
    tests::run_on_loop(body());
    CHECK(tests::open_descriptors() == before);
}

TEST_CASE("file_reader: long lines, and lines across pieces") {
    const tests::temporary_folder dir;
    const std::string path = dir / "a";
    const std::string text = tests::large_text(300'000);
    tests::run_on_loop(write_file(path, text + std::string(2000, 'x')));
    auto body = [&]() -> task<> {
        file_reader in = co_await file_reader::open(path);
        std::string all;
        for (;;) {
            std::optional<std::string> line;
            std::string failure;
            try {
                line = co_await in.read_line(1000);
            } catch (const std::exception& e) {
                failure = e.what();
            }
            if (!failure.empty()) {
                CHECK(failure.find(path + ": a line is longer than the limit of 1000 bytes") == 0);
                break;
            }
            if (!line) break;
            all += *line + '\n';
        }
        CHECK(all == text.substr(0, all.size()));
        const auto rest = co_await in.read_line(); // the limit is raised
        CHECK(rest == text.substr(all.size()) + std::string(2000, 'x'));
    };
    tests::run_on_loop(body());
}

TEST_CASE("file: cancelled anywhere, a call is not begun or done to its end") {
    const tests::temporary_folder dir;
    const std::string path = dir / "a";
    const std::size_t before = tests::open_descriptors();
    auto body = [&]() -> task<> {
        auto scenario = [&]() -> task<> {
            co_await write_file(path, std::string(100'000, 'a'), write_mode::replace);
            co_await append_file(path, std::string(50'000, 'b'));
            file_reader in = co_await file_reader::open(path);
            static_cast<void>(co_await in.read_line());
            file_writer out = co_await file_writer::open(path);
            co_await out.write("c");
            co_await out.close();
        };
        auto check = [&](ending how) {
            if (how != ending::value && how != ending::cancelled) FAIL("neither completed nor cancelled");
            std::error_code ec;
            const auto size = std::filesystem::file_size(path, ec);
            if (!ec && size != 100'000 && size != 150'000 && size > 1) FAIL("half a call");
            if (dir.entries() > 1) FAIL("a temporary file is left");
        };
        const std::size_t cancelled = co_await tests::cancel_everywhere(scenario, check);
        CHECK(cancelled > 2);
    };
    tests::run_on_loop(body());
    CHECK(tests::open_descriptors() == before);
}

TEST_CASE("file: in a cancelled task nothing is begun") {
    const tests::temporary_folder dir;
    auto body = [&]() -> task<> {
        task_context::current()->request_cancel();
        const ending how = co_await tests::ends(write_file(dir / "a", "x"));
        CHECK(how == ending::cancelled);
    };
    tests::run_on_loop(body());
    CHECK(dir.entries() == 0);
}

TEST_CASE("file: a runtime that is destroyed during a call") {
    const tests::temporary_folder dir;
    const std::size_t before = tests::open_descriptors();
    for (int i = 0; i < 10; ++i) {
        runtime rt(tests::small().drain_timeout(std::chrono::milliseconds(0)));
        auto write = [&]() -> task<> {
            file_writer out = co_await file_writer::open(dir / "a");
            const std::string text(1'000'000, 'x');
            for (;;)
                co_await out.write(text);
        };
        rt.spawn(write());
        rt.run(tests::turns(static_cast<std::size_t>(i) * 10));
    }
    CHECK(tests::open_descriptors() == before);
}

TEST_CASE("file: what is no regular file is not replaced by one") {
    const tests::temporary_folder dir;
    const std::string path = dir / "fifo";
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    const std::string failure = failure_of(write_file(path, "text", write_mode::replace));
    CHECK(failure.find("replace " + path + ": ") == 0);
    CHECK(std::filesystem::is_fifo(path));
    CHECK(dir.entries() == 1);
}

TEST_CASE("file: replacing keeps the owner, and gives nobody's file a foreign set-user-id bit") {
    if (geteuid() != 0) return; // only root can make files of others
    const tests::temporary_folder dir;
    const std::string path = dir / "a";
    tests::run_on_loop(write_file(path, "old"));
    REQUIRE(chown(path.c_str(), 12345, 12345) == 0);
    REQUIRE(chmod(path.c_str(), 04755) == 0);
    tests::run_on_loop(write_file(path, "new", write_mode::replace));
    struct stat info = {};
    REQUIRE(stat(path.c_str(), &info) == 0);
    CHECK(info.st_uid == 12345);
    CHECK(info.st_gid == 12345);
    CHECK((info.st_mode & 07777) == 04755);
}
