// channel and select: each item arrives once or stays with its sender, whatever is closed or cancelled.
#include "tests/interleaving/support.hpp"
#include "tests/interleaving/test_loop.hpp"

#include <tandem/core/error.hpp>
#include <tandem/sync/channel.hpp>
#if __has_include(<tandem/sync/select.hpp>)
#include <tandem/sync/select.hpp>
#endif

#include <memory>
#include <optional>

using explore::limits;
using explore::world;
using tests::test_loop;
using tests::test_task;

// In place of the library's: all of them are tried.
std::size_t tandem::detail::random_case(std::size_t cases) noexcept {
    return explore::any(cases);
}

namespace {

class tally {
public:
    int sent = 0; // as `send` said
    int received = 0;
    int closed = 0;
    int cancelled = 0;
};

tandem::task<> send_one(tandem::channel<int>& c, tally& counts) {
    try {
        const bool sent = co_await c.send(7);
        ++(sent ? counts.sent : counts.closed);
    } catch (const tandem::operation_cancelled&) {
        ++counts.cancelled;
    }
}

tandem::task<> receive_one(tandem::channel<int>& c, tally& counts) {
    try {
        const std::optional<int> got = co_await c.receive();
        explore::require(!got || *got == 7, "what arrives is what was sent");
        ++(got ? counts.received : counts.closed);
    } catch (const tandem::operation_cancelled&) {
        ++counts.cancelled;
    }
}

// What `send` took is received, or still there.
void balance(tandem::channel<int>& c, tally& counts) {
    while (c.try_receive())
        ++counts.received;
    explore::require(counts.sent == counts.received, "no item is lost or doubled");
}

limits sequential() {
    limits most;
    most.stale_loads = 0; // all of it happens under locks
    return most;
}

} // namespace

TEST_CASE("channel: send against receive against cancel and close") {
    for (const std::size_t capacity : {0u, 1u}) {
        const std::string kind = capacity == 0 ? "rendezvous" : "buffered";
        tests::holds(
            "channel, " + kind + ": send against receive, one cancelled",
            [capacity](world& w) {
                tandem::channel<int> c(capacity);
                tally counts;
                test_loop one, two;
                test_task sender(one, send_one(c, counts));
                test_task receiver(two, receive_one(c, counts));
                w.thread("sends", [&] { one.run(); });
                w.thread("receives", [&] { two.run(); });
                w.thread("canceller", [&] {
                    receiver.request_cancel();
                    c.close(); // the sender may have lost its receiver
                });
                w.join();
                balance(c, counts);
            },
            sequential());
        tests::holds(
            "channel, " + kind + ": close against send and receive",
            [capacity](world& w) {
                tandem::channel<int> c(capacity);
                tally counts;
                test_loop one, two;
                test_task sender(one, send_one(c, counts));
                test_task receiver(two, receive_one(c, counts));
                w.thread("sends", [&] { one.run(); });
                w.thread("receives", [&] { two.run(); });
                w.thread("closer", [&] { c.close(); });
                w.join();
                balance(c, counts);
            },
            sequential());
    }
}

#if __has_include(<tandem/sync/select.hpp>)

namespace {

tandem::task<> receive_either(tandem::channel<int>& a, tandem::channel<int>& b, tally& counts) {
    try {
        auto chosen = co_await tandem::select(tandem::on_receive(a), tandem::on_receive(b));
        const std::optional<int>& got = chosen.index() == 0 ? chosen.get<0>() : chosen.get<1>();
        ++(got ? counts.received : counts.closed);
        explore::require(!chosen.get<0>() || !chosen.get<1>(), "one case happens");
    } catch (const tandem::operation_cancelled&) {
        ++counts.cancelled;
    }
}

tandem::task<> send_either(tandem::channel<int>& a, tandem::channel<int>& b, tally& counts) {
    try {
        auto chosen = co_await tandem::select(tandem::on_send(a, 7), tandem::on_send(b, 7));
        const bool sent = chosen.index() == 0 ? chosen.get<0>() : chosen.get<1>();
        ++(sent ? counts.sent : counts.closed);
    } catch (const tandem::operation_cancelled&) {
        ++counts.cancelled;
    }
}

class two_channels {
public:
    explicit two_channels(std::size_t capacity) : a(capacity), b(capacity) {}
    tandem::channel<int> a;
    tandem::channel<int> b; // at a higher address, in each execution
};

} // namespace

TEST_CASE("select: exactly one case happens") {
    for (const bool second : {false, true}) {
        limits most = sequential();
        if (second) most.preemptions = 1; // four threads
        tests::holds(
            second ? "select: two senders against cancel" : "select: a sender against cancel",
            [second](world& w) {
                two_channels c(1);
                tally counts;
                test_loop loop;
                test_task task(loop, receive_either(c.a, c.b, counts));
                w.thread("loop", [&] { loop.run(); });
                w.thread("sends to a", [&] { counts.sent += c.a.try_send(7) ? 1 : 0; });
                if (second) w.thread("sends to b", [&] { counts.sent += c.b.try_send(7) ? 1 : 0; });
                w.thread("canceller", [&] { task.request_cancel(); });
                w.join();
                explore::require(counts.received + counts.cancelled == 1, "the select ends once");
                while (c.b.try_receive())
                    ++counts.received;
                balance(c.a, counts);
            },
            most);
    }
    tests::holds(
        "select: a select that sends against one that receives, crosswise",
        [](world& w) {
            two_channels c(0);
            tally counts;
            test_loop one, two;
            test_task sender(one, send_either(c.a, c.b, counts));
            test_task receiver(two, receive_either(c.b, c.a, counts));
            w.thread("sends", [&] { one.run(); });
            w.thread("receives", [&] { two.run(); });
            w.join();
            explore::require(counts.sent == 1 && counts.received == 1, "they meet");
        },
        sequential());
    tests::holds(
        "select: close against a waiting select",
        [](world& w) {
            two_channels c(1);
            tally counts;
            test_loop loop;
            test_task task(loop, receive_either(c.a, c.b, counts));
            w.thread("loop", [&] { loop.run(); });
            w.thread("sends", [&] { counts.sent += c.a.try_send(7) ? 1 : 0; });
            w.thread("closer", [&] { c.b.close(); });
            w.join();
            balance(c.a, counts);
        },
        sequential());
    tests::finds(
        "bug: a select is claimed without comparing",
        {"selection.hpp", "::claim", "cas", explore::mutation::effect::succeed}, "",
        [](world& w) {
            two_channels c(1);
            tally counts;
            test_loop loop;
            test_task task(loop, receive_either(c.a, c.b, counts));
            w.thread("loop", [&] { loop.run(); });
            w.thread("sends to a", [&] { counts.sent += c.a.try_send(7) ? 1 : 0; });
            w.thread("sends to b", [&] { counts.sent += c.b.try_send(7) ? 1 : 0; });
            w.join();
            while (c.b.try_receive())
                ++counts.received;
            balance(c.a, counts);
        },
        sequential());
}

#endif
