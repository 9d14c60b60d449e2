#include "tests/stress/pauses.hpp"
#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"

#include <tandem/parallelism/pipeline.hpp>

#include <cstddef>
#include <optional>
#include <vector>

using namespace tandem;

TEST_CASE("pipeline: with random pauses, each item passes each stage once, and in order where it must") {
    constexpr int n = static_cast<int>(tests::repeat(20'000, 3'000));
    for (unsigned seed = 1; seed <= 3; ++seed) {
        stress::seed(seed);
        for (const std::size_t workers : {2u, 4u}) {
            thread_pool pool(workers);
            for (const std::size_t tokens : {1u, 2u, 7u, 32u}) {
                std::vector<int> visits(n); // unprotected, as is `late`: these stages are serial
                std::vector<int> late;
                pipeline(
                    pool, pipeline_options().tokens(tokens),
                    [next = 0]() mutable -> std::optional<int> {
                        if (next == n) return std::nullopt;
                        return next++;
                    },
                    stage::parallel([](int i) {
                        stress::pause();
                        return i;
                    }),
                    stage::serial([&](int i) {
                        ++visits[static_cast<std::size_t>(i)];
                        return i;
                    }),
                    stage::parallel([](int i) {
                        stress::pause();
                        return i;
                    }),
                    stage::in_order([&](int i) { late.push_back(i); }));
                bool right = late.size() == visits.size();
                for (std::size_t i = 0; right && i < late.size(); ++i)
                    right = late[i] == static_cast<int>(i) && visits[i] == 1;
                CHECK(right);
            }
        }
    }
}
