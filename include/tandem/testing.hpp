// For tests of programs that use tandem. It needs no test framework and works with each.
//
//     #include <tandem/testing.hpp>
//     namespace test = tandem::test;
//
//     TEST_CASE("an order is tried again for an hour") {
//         int attempts = test::run([]() -> tandem::task<int> {
//             int n = 0;
//             while (test::elapsed() < 1h) {             // an hour of virtual time: a millisecond or two
//                 ++n;
//                 co_await tandem::sleep_for(1min);
//             }
//             co_return n;
//         });
//         CHECK(attempts == 60);
//     }
//
//     test::for_each_seed(1000, transfer_between_accounts);   // 1,000 orders of what is ready; a failing
//                                                             // one is reported with the seed to replay it
//
//     co_await test::cancel_everywhere(scenario, check);      // cancelled at each of its suspensions in turn
//
// `test::run` runs a task on a runtime of its own:
//   - Timers fire in their order without waiting (testing/virtual_time.hpp says when the clock moves). I/O
//     and `offload` are real, and the clock waits for them.
//   - A test that would hang fails at once: it throws `test::deadlock_error`, whose message lists every task
//     and what it waits for. The main task was cancelled first, so that its destructors have run.
//   - What is ready runs first in, first out, as in a program, or in an order given by a seed.
#pragma once

#include <tandem/testing/cancel_everywhere.hpp>
#include <tandem/testing/options.hpp>
#include <tandem/testing/run.hpp>
#include <tandem/testing/seeds.hpp>
#include <tandem/testing/virtual_time.hpp>
