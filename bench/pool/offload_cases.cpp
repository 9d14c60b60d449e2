#include "bench/pool/offload_rows.hpp"

#include <tandem/tandem.hpp>

#include <functional>

namespace bench {

namespace {

tandem::task<> round_trips(std::size_t n, long& sum) {
    for (std::size_t i = 0; i < n; ++i) {
        auto compute = [](long x) { return x + 1; };
        sum += co_await tandem::offload(compute, 1L);
    }
}

tandem::task<> in_flight_at_once(std::size_t in_flight, std::size_t each, long& sum) {
    auto all = [in_flight, each, &sum](tandem::task_group& group) -> tandem::task<> {
        for (std::size_t i = 0; i < in_flight; ++i)
            group.spawn(round_trips, each, std::ref(sum));
        co_return;
    };
    co_await tandem::with_task_group(all);
}

} // namespace

void add_tandem_offload_cases(cases& all) {
    for (const std::size_t in_flight : {std::size_t{1}, std::size_t{256}})
        all.emplace_back(offload_row(in_flight), "tandem", [in_flight](const note& write) {
            tandem::runtime rt(tandem::runtime_options().workers(workers));
            measure_offload(write, in_flight, [&](std::size_t n) {
                long sum = 0;
                const std::size_t each = n / in_flight;
                rt.run(in_flight_at_once, in_flight, each, std::ref(sum));
                check(sum == static_cast<long>(2 * each * in_flight), "offload");
                return static_cast<double>(each * in_flight);
            });
        });
}

} // namespace bench
