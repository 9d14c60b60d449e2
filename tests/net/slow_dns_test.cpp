// Name servers that take their time: tandem's resolver asks for many names at once, Asio's for one after the
// other.
#include "lib/net/resolver.hpp"

#include "tests/net/dns_server.hpp"
#include "tests/support/catch.hpp"

#include <tandem/concurrency/task_group.hpp>
#include <tandem/core/invoke.hpp>
#include <tandem/core/runtime.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include <dlfcn.h>
#include <netdb.h>

using namespace std::chrono_literals;
using tandem::task;

namespace {

constexpr int names = 32;

std::string name_of(int i) {
    return "host" + std::to_string(i) + ".slow.test";
}

std::atomic<int> inside{0};      // calls of getaddrinfo for such names in progress
std::atomic<int> most_inside{0}; // at a time
std::atomic<int> calls{0};

} // namespace

// In front of the C library's: names under slow.test take 5 ms, as from a name server that is far away, and
// do not exist.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
    if (name && std::string_view(name).ends_with(".slow.test")) {
        const int now = ++inside;
        most_inside = std::max(most_inside.load(), now);
        ++calls;
        std::this_thread::sleep_for(5ms); // what is simulated
        --inside;
        return EAI_NONAME;
    }
    using function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
    static const auto next = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return next(name, service, hints, found);
}

TEST_CASE("slow name servers: all names are asked for before the first answer comes", "[net][resolver]") {
    dns_test::server server([](const std::string&, std::uint16_t) {
        return dns_test::reply::with({"192.0.2.1", "2001:db8::1"}).held(); // until all questions are there
    });
    std::thread releasing([&] {
        for (int i = 0; i < names; ++i)
            server.wait_for_questions(name_of(i), 2); // A and AAAA
        server.release();
    });
    int answered = 0;
    tandem::runtime runtime(tandem::runtime_options().workers(1));
    auto work = [&]() -> task<> {
        const auto options = tandem::net::resolver_options().servers(server.address()).timeout(60s).tries(1);
        tandem::net::resolver resolver(tandem::task_context::current()->home(), options);
        auto one = [&](int i) -> task<> {
            const tandem::net::resolve_result got = co_await resolver.resolve(name_of(i));
            if (!got.error && got.addresses.size() == 2) ++answered;
        };
        co_await tandem::with_task_group([&](tandem::task_group& group) -> task<> {
            for (int i = 0; i < names; ++i)
                group.spawn(tandem::invoke(one, i));
            co_return;
        });
    };
    runtime.run(work());
    releasing.join();
    CHECK(answered == names);
}

TEST_CASE("slow name servers: Asio's resolver asks one after the other", "[net][resolver]") {
    boost::asio::io_context io;
    boost::asio::ip::tcp::resolver resolver(io);
    int failed = 0;
    for (int i = 0; i < names; ++i)
        resolver.async_resolve(name_of(i), "80", [&](boost::system::error_code ec, const auto&) {
            if (ec) ++failed;
        });
    io.run();
    CHECK(failed == names);
    CHECK(calls == names);
    CHECK(most_inside == 1); // so the last one has waited for all the others
}
