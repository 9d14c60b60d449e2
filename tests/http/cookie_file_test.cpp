#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"
#include "tests/support/tasks.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/http/cookie_jar.hpp>

#include <fstream>
#include <string>

#include <sys/stat.h>

using namespace tandem;

TEST_CASE("a jar is saved for its owner only, and loaded") {
    const tests::temporary_folder folder;
    const std::string path = folder / "cookies.txt";
    auto work = [&]() -> task<> {
        http::cookie_jar jar;
        const std::size_t none = co_await jar.load(path); // not there yet
        CHECK(none == 0);
        jar.set(url("http://a.org/"), "n=v; Max-Age=1000");
        co_await jar.save(path);
        struct stat info = {};
        REQUIRE(::stat(path.c_str(), &info) == 0);
        CHECK((info.st_mode & 0777) == 0600);
        co_await jar.save(path); // in place of the old one
        CHECK(folder.entries() == 1);

        http::cookie_jar copy;
        const std::size_t taken = co_await copy.load(path);
        CHECK(taken == 1);
        CHECK(copy.header_for(url("http://a.org/")) == "n=v");
    };
    tests::run_on_loop(work());
}

TEST_CASE("a jar that cannot be saved or loaded says why") {
    const tests::temporary_folder folder;
    auto work = [&]() -> task<> {
        http::cookie_jar jar;
        const std::string save = co_await tests::message_of(jar.save(folder / "no/such/file"));
        CHECK(save.find("no/such/file") != std::string::npos);
        CHECK(save.find("No such file") != std::string::npos);
        const std::string load = co_await tests::message_of(jar.load(folder.name()));
        CHECK(load.find(folder.name()) != std::string::npos);
    };
    tests::run_on_loop(work());
}
