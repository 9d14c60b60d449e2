#include "lib/parallelism/job_queue.hpp"

#include "tests/support/catch.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

using tandem::pool_job;
using tandem::detail::job_batch;
using tandem::detail::job_queue;

namespace {

class nothing : public pool_job {
public:
    nothing() : pool_job([](pool_job&, bool) noexcept {}) {}
};

} // namespace

TEST_CASE("job_queue: gaps that removed jobs leave are closed, the rest keeps its order and can be removed") {
    job_queue queue;
    const std::atomic<std::uint8_t> epoch{0};
    const std::vector<job_batch*> none;
    std::vector<std::unique_ptr<nothing>> kept;
    const auto push = [&] {
        kept.push_back(std::make_unique<nothing>());
        REQUIRE(queue.push(*kept.back(), epoch));
    };
    for (int i = 0; i < 100; ++i)
        push();
    nothing given_up;
    for (int i = 0; i < 5'000; ++i) { // many times round the ring
        REQUIRE(queue.push(given_up, epoch));
        REQUIRE(queue.remove(given_up, none));
        CHECK_FALSE(queue.remove(given_up, none));
        if (i % 500 == 0) push();
    }
    for (std::size_t i = 1; i < kept.size(); i += 2)
        CHECK(queue.remove(*kept[i], none));
    for (std::size_t i = 0; i < kept.size(); i += 2)
        CHECK(queue.pop() == kept[i].get());
    CHECK(queue.pop() == nullptr);
    CHECK(queue.empty());
    CHECK(queue.submitted(0) == kept.size() - kept.size() / 2);
}
