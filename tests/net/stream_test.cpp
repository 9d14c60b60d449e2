// Streams, plain and TLS: what arrives, and how they end by deadline, cancellation, close, reset and
// shutdown.
#include "tests/net/stream_support.hpp"

#include <tandem/concurrency/task_group.hpp>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <thread>
#include <vector>

#include <poll.h>

using namespace stream_test;
using tandem::task_group;

namespace {

kind any_kind() {
    return GENERATE(kind::local, kind::tcp, kind::tls);
}

std::string noise(std::size_t size, std::uint32_t seed) {
    std::string data(size, '\0');
    for (char& c : data) {
        seed = seed * 1664525 + 1013904223;
        c = static_cast<char>(seed >> 24);
    }
    return data;
}

void small_send_buffers(const ends& e) {
    const int size = 16384;
    for (const int fd : {e.left.native_handle(), e.right.native_handle()}) {
        REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
    }
}

enum class operation { read, write, wait_readable, handshake };

// One that will not complete: the peer sends nothing and takes nothing.
task<error_code> stuck(stream& s, operation what, const std::string& much) {
    char byte = 0;
    io_result result;
    switch (what) {
    case operation::read:
        result = co_await s.read_some(&byte, 1);
        CHECK(result.bytes == 0);
        co_return result.error;
    case operation::write:
        result = co_await s.write(much);
        CHECK(result.bytes < much.size());
        co_return result.error;
    case operation::wait_readable:
        co_return co_await s.wait_readable();
    case operation::handshake:
        co_return co_await s.handshake_client(tls().client, "localhost");
    }
    co_return error_code();
}

task<> keep(task<error_code> work, error_code& into) {
    into = co_await std::move(work);
}

// Takes whatever comes at a descriptor, on a thread of its own, until the end.
class drain {
public:
    explicit drain(int fd) : fd_(::dup(fd)), thread_([this] { run(); }) {}
    ~drain() {
        ::shutdown(fd_, SHUT_RDWR);
        thread_.join();
        ::close(fd_);
    }
    drain(const drain&) = delete;
    drain& operator=(const drain&) = delete;

private:
    void run() {
        std::vector<char> buffer(1 << 20);
        for (;;) {
            pollfd p{};
            p.fd = fd_;
            p.events = POLLIN;
            ::poll(&p, 1, -1);
            const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return;
        }
    }
    int fd_;
    std::thread thread_;
};

std::atomic<int> pipe_signals{0};

} // namespace

TEST_CASE("stream: reads what is there, then the end", "[net][stream]") {
    tests::run_on_loop(
        [](kind k) -> task<> {
            ends e = co_await connected(k);
            const io_result sent = co_await e.right.write("hello");
            CHECK(sent.error == error_code());
            CHECK(sent.bytes == 5);
            std::string text = co_await read_text(e.left, 3);
            CHECK(text == "hel");
            text = co_await read_text(e.left);
            CHECK(text == "lo");
            const io_result nothing = co_await e.right.write("");
            CHECK(nothing.error == error_code());
            e.right.shutdown();
            e.right.shutdown();
            for (int i = 0; i < 3; ++i) {
                text = co_await read_text(e.left);
                CHECK(text.empty());
            }
            // Half closed: the other direction still works.
            const io_result back = co_await e.left.write("bye");
            CHECK(back.error == error_code());
            text = co_await read_text(e.right);
            CHECK(text == "bye");
        },
        any_kind());
}

TEST_CASE("stream: one record in many small reads", "[net][stream]") {
    tests::run_on_loop(
        [](kind k) -> task<> {
            ends e = co_await connected(k);
            const std::string data = noise(1000, 1);
            co_await e.right.write(data);
            std::string got;
            while (got.size() < data.size()) {
                const std::string text = co_await read_text(e.left, 1);
                REQUIRE(text.size() == 1);
                got += text;
            }
            CHECK(got == data);
        },
        any_kind());
}

TEST_CASE("stream: 8 MiB both ways at once through small send buffers", "[net][stream]") {
    tests::run_on_loop(
        [](kind k) -> task<> {
            ends e = co_await connected(k);
            e.limit(100s);
            small_send_buffers(e);
            constexpr std::size_t size = 8 << 20;
            auto send = [](stream& to, const std::string& data) -> task<io_result> {
                const io_result sent = co_await to.write(data);
                const error_code ended = co_await to.finish();
                CHECK(ended == error_code());
                co_return sent;
            };
            const std::string right_data = noise(size, 1);
            const std::string left_data = noise(size, 2);
            std::string left_got;
            std::string right_got;
            const auto [a, b, c, d] =
                co_await tandem::when_all(send(e.left, left_data), send(e.right, right_data),
                                          read_all(e.left, left_got, 7777), read_all(e.right, right_got));
            for (const io_result& r : {a, b, c, d})
                CHECK(r.error == error_code());
            CHECK(a.bytes == size);
            CHECK(b.bytes == size);
            CHECK((left_got == right_data));
            CHECK((right_got == left_data));
        },
        any_kind());
}

TEST_CASE("stream: a reset is an error in read and write, and no signal", "[net][stream]") {
    const auto before = std::signal(SIGPIPE, [](int) { ++pipe_signals; });
    tests::run_on_loop(
        [](kind k) -> task<> {
            ends e = co_await connected(k);
            will_reset(e.right.native_handle());
            e.right.close();
            const std::string text = co_await read_text(e.left);
            CHECK(text == "error: " + error_code(error::connection_reset).message());
            for (int i = 0; i < 3; ++i) {
                const io_result sent = co_await e.left.write("x");
                CHECK(sent.error == error::broken_pipe);
                CHECK(sent.bytes == 0);
            }
            e.left.shutdown();
        },
        GENERATE(kind::tcp, kind::tls));
    tests::run_on_loop(
        [](kind k) -> task<> {
            ends e = co_await connected(k);
            const std::string much = noise(32 << 20, 3);
            auto reset = [](stream& s) -> task<> {
                co_await tests::turns(5);
                if (s.is_open()) will_reset(s.native_handle());
                s.close();
            };
            auto write = [](stream& s, const std::string& data) -> task<io_result> {
                co_return co_await s.write(data);
            };
            const auto [sent, ignored] = co_await tandem::when_all(write(e.left, much), reset(e.right));
            static_cast<void>(ignored);
            CAPTURE(sent.error.message());
            CHECK((sent.error == error::connection_reset || sent.error == error::broken_pipe));
            CHECK(sent.bytes < much.size());
        },
        GENERATE(kind::tcp, kind::tls));
    std::signal(SIGPIPE, before);
    CHECK(pipe_signals == 0);
}

TEST_CASE("stream: a deadline ends what waits and what comes later", "[net][stream]") {
    const kind over = any_kind();
    const auto op =
        GENERATE(operation::read, operation::write, operation::wait_readable, operation::handshake);
    if (op == operation::handshake && over == kind::tls) return;
    tests::run_on_loop(
        [](kind k, operation what) -> task<> {
            ends e = co_await connected(k);
            const std::string much(32 << 20, 'x');
            const auto start = stream::clock::now();
            e.left.expires_at(start + 20ms);
            error_code ec = co_await stuck(e.left, what, much);
            CHECK(ec == error::timed_out);
            CHECK(stream::clock::now() >= start + 20ms);
            ec = co_await stuck(e.left, what, much);
            CHECK(ec == error::timed_out);
            e.left.expires_at(stream::clock::now() - 1s);
            ec = co_await stuck(e.left, what, much);
            CHECK(ec == error::timed_out);
            CHECK(stream::clock::now() < start + 10s);
        },
        over, op);
}

TEST_CASE("stream: a deadline in the past lets nothing out", "[net][stream]") {
    tests::run_on_loop(
        [](kind k) -> task<> {
            ends e = co_await connected(k);
            e.left.expires_at(stream::clock::now() - 1s);
            io_result sent = co_await e.left.write("late");
            CHECK(sent.error == error::timed_out);
            CHECK(sent.bytes == 0);
            co_await e.right.write("x");
            std::string text = co_await read_text(e.left);
            CHECK(text == "error: " + error_code(error::timed_out).message());
            CHECK_FALSE(e.right.has_input());
            e.left.expires_at(stream::clock::time_point::max());
            sent = co_await e.left.write("in time");
            CHECK(sent.error == error_code());
            text = co_await read_text(e.right);
            CHECK(text == "in time");
            text = co_await read_text(e.left);
            CHECK(text == "x");
        },
        any_kind());
}

TEST_CASE("stream: a deadline that moves", "[net][stream]") {
    tests::run_on_loop(
        [](kind k) -> task<> {
            ends e = co_await connected(k);
            auto move_it = [](ends& both) -> task<> {
                co_await tests::turns(3); // the other one waits
                both.left.expires_at(stream::clock::now() + 1h);
                both.left.expires_at(stream::clock::now() - 1s);  // passes ...
                both.left.expires_at(stream::clock::now() + 20s); // ... but was moved before anybody knew
                co_await tests::turns(3);
                co_await both.right.write("data");
            };
            e.left.expires_at(stream::clock::now() + 10h);
            const auto [text, ignored] = co_await tandem::when_all(read_text(e.left), move_it(e));
            static_cast<void>(ignored);
            CHECK(text == "data");
            // Far away, and cleared; then nearer than before, while it waits.
            e.left.expires_at(stream::clock::now() + 1h);
            e.left.expires_at(stream::clock::time_point::max());
            auto hurry = [](stream& s) -> task<> {
                co_await tests::turns(3);
                s.expires_at(stream::clock::now() + 5ms);
            };
            const auto [late, also_ignored] = co_await tandem::when_all(read_text(e.left), hurry(e.left));
            static_cast<void>(also_ignored);
            CHECK(late == "error: " + error_code(error::timed_out).message());
        },
        any_kind());
}

TEST_CASE("stream: cancellation and close end what waits", "[net][stream]") {
    const kind over = any_kind();
    const auto op =
        GENERATE(operation::read, operation::write, operation::wait_readable, operation::handshake);
    const bool closing = GENERATE(false, true);
    if (op == operation::handshake && over == kind::tls) return;
    tests::run_on_loop(
        [](kind k, operation what, bool by_close) -> task<> {
            ends e = co_await connected(k);
            const std::string much(32 << 20, 'x');
            error_code ec;
            task_group group;
            group.spawn(keep(stuck(e.left, what, much), ec));
            co_await tests::turns(20);
            CHECK(group.size() == 1);
            if (by_close)
                e.left.close();
            else
                group.cancel();
            co_await group.join();
            CHECK(ec == error::operation_aborted);
            // What begins afterwards in a task that was not cancelled is not affected, unless it is closed.
            CHECK(e.left.is_open() == !by_close);
            if (by_close) {
                ec = co_await stuck(e.left, what, much);
                CHECK(ec == error::bad_descriptor);
                CHECK(e.left.has_input());
                CHECK(e.left.native_handle() == -1);
                e.left.shutdown();
                e.left.close();
            }
        },
        over, op, closing);
}

TEST_CASE("stream: a closed one does not touch the socket that gets its number", "[net][stream]") {
    tests::run_on_loop(
        [](kind k) -> task<> {
            ends e = co_await connected(k);
            co_await e.right.write("two");
            std::string text = co_await read_text(e.left, 1); // TLS: the rest is in the session
            CHECK(text == "t");
            const int number = e.left.native_handle();
            e.left.close();
            const std::pair<int, int> fds = local_pair();
            REQUIRE((fds.first == number || fds.second == number));
            const int other = fds.first == number ? fds.second : fds.first;
            REQUIRE(::send(other, "secret", 6, 0) == 6);
            io_result r = co_await e.left.write("misdirected");
            CHECK(r.error == error::bad_descriptor);
            text = co_await read_text(e.left);
            CHECK(text.starts_with("error: "));
            e.left.shutdown();
            const error_code ec = co_await e.left.wait_readable();
            CHECK(ec == error::bad_descriptor);
            char buffer[16];
            CHECK(::recv(other, buffer, sizeof(buffer), MSG_DONTWAIT) == -1);
            CHECK(::recv(number, buffer, sizeof(buffer), MSG_DONTWAIT) == 6);
            ::close(fds.first);
            ::close(fds.second);
        },
        any_kind());
}

TEST_CASE("stream: has_input and wait_readable", "[net][stream]") {
    tests::run_on_loop(
        [](kind k) -> task<> {
            CHECK(stream().has_input());
            ends e = co_await connected(k);
            // A TLS 1.3 server has sent session tickets by now: they are no input.
            e.left.expires_at(stream::clock::now() + 20ms);
            error_code ec = co_await e.left.wait_readable();
            CHECK(ec == error::timed_out);
            CHECK_FALSE(e.left.has_input());
            CHECK_FALSE(e.right.has_input());
            e.limit(20s);
            co_await e.right.write("data");
            ec = co_await e.left.wait_readable();
            CHECK(ec == error_code());
            CHECK(e.left.has_input());
            CHECK(e.left.has_input());
            std::string text = co_await read_text(e.left, 2);
            CHECK(text == "da");
            CHECK(e.left.has_input());
            ec = co_await e.left.wait_readable();
            CHECK(ec == error_code());
            text = co_await read_text(e.left);
            CHECK(text == "ta");
            CHECK_FALSE(e.left.has_input());
            e.right.shutdown();
            ec = co_await e.left.wait_readable();
            CHECK(ec == error_code());
            CHECK(e.left.has_input());
            text = co_await read_text(e.left);
            CHECK(text.empty());
        },
        any_kind());
}

TEST_CASE("stream: a peer that takes everything does not keep a writer running for ever", "[net][stream]") {
    tests::run_on_loop(
        [](kind k, std::size_t piece) -> task<> {
            ends e = co_await connected(k);
            drain peer(e.right.native_handle());
            bool stop = false;
            auto write = [](stream& s, const bool& enough, std::string data) -> task<> {
                while (!enough) {
                    const io_result r = co_await s.write(data);
                    REQUIRE(r.error == error_code());
                }
            };
            auto watch = [](bool& enough) -> task<> {
                co_await tests::turns(50);
                co_await tandem::sleep_for(5ms); // timers run, too
                enough = true;
            };
            co_await tandem::when_all(write(e.left, stop, std::string(piece, 'x')), watch(stop));
            CHECK(stop);
        },
        any_kind(), std::size_t(GENERATE(1, 100000)));
}

TEST_CASE("stream: one large write gives way to others", "[net][stream]") {
    tests::run_on_loop(
        [](kind k) -> task<> {
            ends e = co_await connected(k);
            drain peer(e.right.native_handle());
            bool done = false;
            auto write = [](stream& s, bool& ended) -> task<> {
                const std::string data(64 << 20, 'x');
                const io_result r = co_await s.write(data);
                CHECK(r.error == error_code());
                CHECK(r.bytes == data.size());
                ended = true;
            };
            auto count = [](const bool& ended) -> task<int> {
                int n = 0;
                while (!ended) {
                    co_await tandem::yield();
                    ++n;
                }
                co_return n;
            };
            const auto [ignored, turns] = co_await tandem::when_all(write(e.left, done), count(done));
            static_cast<void>(ignored);
            CHECK(turns > 10);
        },
        any_kind());
}

TEST_CASE("stream: 1000 connections leave no descriptor behind", "[net][stream]") {
    const kind over = any_kind();
    static_cast<void>(tls());
    const auto before = open_descriptors();
    tests::run_on_loop(
        [](kind k) -> task<> {
            for (int i = 0; i < 1000; ++i) {
                ends e = co_await connected(k);
                co_await e.left.write("x");
                if (i % 2) e.left.close();
                if (i % 3) e.right.shutdown();
            }
        },
        over);
    CHECK(open_descriptors() == before);
}

TEST_CASE("stream: a runtime goes away while streams wait", "[net][stream]") {
    const kind over = any_kind();
    static_cast<void>(tls());
    const auto before = open_descriptors();
    for (const auto drain_time : {0ms, 5000ms}) {
        tandem::runtime rt(tests::small().drain_timeout(drain_time));
        auto wait = [](kind k, operation what) -> task<> {
            ends e = co_await connected(k);
            const std::string much(8 << 20, 'x');
            co_await stuck(e.left, what, much);
        };
        for (const auto what :
             {operation::read, operation::write, operation::wait_readable, operation::handshake})
            if (what != operation::handshake || over != kind::tls) rt.spawn(tandem::invoke(wait, over, what));
        rt.run([]() -> task<> { co_await tandem::sleep_for(30ms); });
    }
    CHECK(open_descriptors() == before);
}
