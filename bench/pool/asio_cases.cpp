#include "bench/pool/data_cases.hpp"
#include "bench/pool/offload_rows.hpp"
#include "bench/pool/queue_cases.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <exception>
#include <utility>

namespace bench {

namespace {

namespace asio = boost::asio;

class toolkit {
public:
    static constexpr const char* name = "Asio";

    ~toolkit() {
        pool_.stop();
        pool_.join();
    }

    template <class F>
    void post(F f) {
        asio::post(pool_, std::move(f));
    }
    template <class F>
    auto submit(F f) {
        return asio::post(pool_, asio::use_future(std::move(f)));
    }

private:
    asio::thread_pool pool_{workers};
};

using executor = asio::io_context::executor_type;
using asio::use_awaitable;

asio::awaitable<long> compute(long x) {
    co_return x + 1;
}

// Asio's own way to a pool and back.
asio::awaitable<void> round_trips(asio::thread_pool& pool, std::size_t n, long& sum) {
    for (std::size_t i = 0; i < n; ++i)
        sum += co_await asio::co_spawn(pool, compute(1), use_awaitable);
}

void rethrow(const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
}

double run_in_flight(asio::io_context& io, asio::thread_pool& pool, std::size_t in_flight, std::size_t n) {
    long sum = 0;
    const std::size_t each = n / in_flight;
    for (std::size_t i = 0; i < in_flight; ++i)
        asio::co_spawn(io, round_trips(pool, each, sum), rethrow);
    io.restart();
    io.run();
    check(sum == static_cast<long>(2 * each * in_flight), "offload");
    return static_cast<double>(each * in_flight);
}

} // namespace

void add_asio_cases(cases& all) {
    add_queue_cases<toolkit>(all, 100'000, 10'000);
    for (const std::size_t in_flight : {std::size_t{1}, std::size_t{256}})
        all.emplace_back(offload_row(in_flight), toolkit::name, [in_flight](const note& write) {
            asio::io_context io(1);
            asio::thread_pool pool(workers);
            measure_offload(write, in_flight,
                            [&](std::size_t n) { return run_in_flight(io, pool, in_flight, n); });
        });
}

} // namespace bench
