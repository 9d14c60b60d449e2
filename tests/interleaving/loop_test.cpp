// How a loop falls asleep and is woken, and how a task is cancelled from elsewhere while it ends.
#include "tests/interleaving/support.hpp"
#include "tests/interleaving/test_loop.hpp"

#include <array>
#include <memory>
#include <optional>

using explore::world;
using tests::test_loop;
using tests::test_task;
using effect = explore::mutation::effect;

namespace {

class message : public tandem::ready_node {
public:
    message() : ready_node(&message::arrive) {}
    static void arrive(tandem::ready_node& node) noexcept {
        auto& self = static_cast<message&>(node);
        explore::require(self.payload.get() == 7, "what was written before is seen");
        explore::require(!self.arrived, "it arrives once");
        if (self.before) explore::require(self.before->arrived, "one producer's messages keep their order");
        self.arrived = true;
        self.to->ended();
    }
    explore::cell<int> payload{0};
    test_loop* to = nullptr;
    message* before = nullptr;
    bool arrived = false;
};

// Producers send to a loop that falls asleep when nothing is there.
class inbox_scenario {
public:
    std::size_t producers = 1;
    std::size_t each = 1;
    bool hasty = false; // the loop is destroyed without waiting for the producers to leave

    void operator()(world& w) const {
        std::array<message, 4> messages;
        auto loop = std::make_unique<test_loop>(hasty);
        loop->expect(static_cast<int>(producers * each));
        for (std::size_t p = 0; p < producers; ++p)
            w.thread("producer " + std::to_string(p), [&, p] {
                for (std::size_t i = 0; i < each; ++i) {
                    message& next = messages[p * each + i];
                    next.payload.set(7);
                    next.to = loop.get();
                    if (i > 0) next.before = &messages[p * each + i - 1];
                    next.to->schedule(next);
                }
            });
        w.thread("loop", [&] {
            loop->run();
            loop.reset(); // as a runtime does once all tasks have ended
        });
        w.join();
        for (std::size_t i = 0; i < producers * each; ++i)
            explore::require(messages[i].arrived, "no message is lost");
    }
};

} // namespace

TEST_CASE("loop: no wake-up is lost between a producer and a loop that falls asleep") {
    tests::holds("inbox: one producer", inbox_scenario(), tests::thorough());
    tests::holds("inbox: one producer, two messages", inbox_scenario{1, 2, false});
    tests::holds("inbox: two producers", inbox_scenario{2, 1, false});
}

TEST_CASE("loop: planted bugs are found") {
    const inbox_scenario one;
    tests::finds("bug: the push to the inbox is acq_rel only",
                 {"ready_queue.hpp", "::push", "cas", effect::weaken}, "lost wake-up", one);
    tests::finds("bug: the look at the inbox is acquire only",
                 {"ready_queue.hpp", "::empty", "load", effect::weaken}, "lost wake-up", one);
    tests::finds("bug: asleep is announced with release only",
                 {"wake_gate.hpp", "::fall_asleep", "store", effect::weaken}, "lost wake-up", one);
    tests::finds("bug: the look at asleep is acquire only",
                 {"wake_gate.hpp", "::ring", "load", effect::weaken}, "lost wake-up", one);
    tests::finds("bug: asleep is not announced", {"wake_gate.hpp", "::fall_asleep", "store", effect::skip},
                 "lost wake-up", one);
    tests::finds("bug: the push to the inbox is relaxed", {"ready_queue.hpp", "::push", "cas", effect::relax},
                 "races", one);
    tests::finds("bug: the inbox is taken relaxed", {"ready_queue.hpp", "::take", "exchange", effect::relax},
                 "races", one);
    tests::finds("bug: two pushes to the inbox at once",
                 {"ready_queue.hpp", "::push", "cas", effect::succeed}, "", inbox_scenario{2, 1, false});
    tests::fails("bug: the loop goes while a producer is in it", "after it was destroyed",
                 inbox_scenario{1, 1, true});
}

namespace {

tandem::task<> turn_once(bool& ran) {
    ran = true;
    co_return;
}

// A task ends while another thread cancels it; its context is freed at its end.
void cancel_and_finish(world& w) {
    bool ran = false;
    test_loop loop;
    test_task task(loop, turn_once(ran));
    w.thread("loop", [&] { loop.run(); });
    w.thread("canceller", [&] { task.request_cancel(); });
    w.thread("another canceller", [&] { task.request_cancel(); });
    w.join();
    explore::require(ran, "the task ran");
}

} // namespace

TEST_CASE("context: cancelled from elsewhere while it ends: the message is neither lost nor left behind") {
    tests::holds("context: cancel against finish", cancel_and_finish);
    tests::finds("bug: the end is not noted atomically",
                 {"context.cpp", "::finish", "fetch_or", effect::split}, "", cancel_and_finish);
    tests::finds("bug: the message is not noted atomically",
                 {"context.cpp", "::request_cancel", "fetch_or", effect::split}, "", cancel_and_finish);
}
