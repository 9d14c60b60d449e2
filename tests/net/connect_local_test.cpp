#include "lib/net/connect.hpp"

#include "tests/net/stream_support.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/concurrency/with_timeout.hpp>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <sys/un.h>

using namespace stream_test;
using tandem::net::connect_local;
using tandem::net::connect_result;

namespace {

constexpr auto no_deadline = std::chrono::steady_clock::time_point::max();

// A Unix socket that listens.
class local_listener {
public:
    explicit local_listener(const std::string& path, int backlog = 4) {
        fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::memcpy(name.sun_path, path.data(), path.size());
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0);
        REQUIRE(::listen(fd_, backlog) == 0);
    }
    local_listener(const local_listener&) = delete;
    local_listener& operator=(const local_listener&) = delete;
    ~local_listener() { ::close(fd_); }
    int accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }

private:
    int fd_ = -1;
};

connect_result connect_once(const std::string& path,
                            std::chrono::steady_clock::time_point deadline = no_deadline) {
    return tests::run_on_loop(
        [](std::string to, std::chrono::steady_clock::time_point until) -> task<connect_result> {
            co_return co_await connect_local(std::move(to), until);
        },
        path, deadline);
}

} // namespace

TEST_CASE("connect local: bytes go through", "[net][connect]") {
    const tests::temporary_folder here;
    const local_listener listener(here / "socket");
    tests::run_on_loop(
        [](const local_listener& l, std::string path) -> task<> {
            connect_result made = co_await connect_local(std::move(path), no_deadline);
            REQUIRE_FALSE(made.error);
            const int accepted = l.accept();
            REQUIRE(::write(accepted, "hello", 5) == 5);
            const std::string text = co_await read_text(made.connection);
            CHECK(text == "hello");
            ::close(accepted);
        },
        std::cref(listener), here / "socket");
}

TEST_CASE("connect local: what cannot be connected to", "[net][connect]") {
    const tests::temporary_folder here;
    const auto number_of = [](const connect_result& r) {
        CHECK_FALSE(r.connection.is_open());
        CHECK_FALSE(r.detail.empty());
        return r.error.value();
    };
    CHECK(number_of(connect_once(here / "none")) == ENOENT);
    CHECK(number_of(connect_once("")) == EINVAL);
    CHECK(number_of(connect_once(std::string("a\0b", 3))) == EINVAL);
    CHECK(number_of(connect_once("/" + std::string(107, 'x'))) == ENAMETOOLONG);
    CHECK(number_of(connect_once("/" + std::string(106, 'x'))) == ENOENT);
    {
        const local_listener gone(here / "gone");
    }
    CHECK(number_of(connect_once(here / "gone")) == ECONNREFUSED);
}

TEST_CASE("connect local: a server whose queue is full", "[net][connect]") {
    const tests::temporary_folder here;
    const std::string path = here / "full";
    const local_listener listener(path, 0);
    tests::run_on_loop(
        [](const local_listener& l, std::string to) -> task<> {
            {
                const ends first = co_await connected(kind::local);
            } // the reactor opens its own at first use
            const auto before = open_descriptors();
            {
                connect_result first = co_await connect_local(to, no_deadline);
                REQUIRE_FALSE(first.error);
                const connect_result late =
                    co_await connect_local(to, std::chrono::steady_clock::now() + 5ms);
                CHECK(late.error == error::timed_out);
                CHECK_THAT(late.detail, Catch::Contains("full: "));
                error_code seen;
                auto attempt = [&]() -> task<> {
                    const connect_result result = co_await connect_local(to, no_deadline);
                    seen = result.error;
                };
                co_await tandem::with_timeout(5ms, attempt());
                CHECK(seen == error::operation_aborted);
                // And it gets in when there is room again.
                auto take = [&]() -> task<> {
                    co_await tandem::yield();
                    ::close(l.accept());
                };
                const auto [second, taken] =
                    co_await tandem::when_all(connect_local(to, no_deadline), take());
                CHECK_FALSE(second.error);
            }
            CHECK(open_descriptors() == before);
        },
        std::cref(listener), path);
}
