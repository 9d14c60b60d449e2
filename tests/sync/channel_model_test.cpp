// What hands over items, under random use; see tests/support/model.hpp.
#include <tandem/sync/channel.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/model.hpp"

#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

using namespace tandem;
using tests::completes;
using tests::delivery;
using tests::model;
using tests::participant;

namespace {

using item = delivery::item;

// Thread 0 and a third of the tasks send, the others receive until the channel is closed by the last sender.
bool is_sender(const participant& me) {
    return me.number == 0 || (!me.thread && me.number % 3 == 0);
}
std::size_t senders() {
    std::size_t n = 0;
    for (std::size_t i = 0; i < model::participants; ++i)
        n += is_sender(participant(i, 0, i < model::threads));
    return n;
}

void model_of_channel(const char* name, std::size_t capacity, std::size_t operations) {
    model m(name, operations);
    INFO(m.title());
    channel<item> items(capacity);
    delivery book(m, model::participants, operations / 2 + 1);
    std::atomic<std::size_t> sending{senders()};
    auto send = [&](participant& me) -> task<> {
        std::size_t number = 0;
        while (m.take_operations(2)) { // the sending and the receiving
            const item next(me.number, number++);
            bool sent = false;
            auto send_one = [&]() -> task<> { sent = co_await items.send(next); };
            if (me.one_in(4)) {
                item copy = next;
                sent = items.try_send(copy);
            } else if (me.one_in(3)) {
                static_cast<void>(co_await completes(send_one(), me.below(6)));
            } else {
                co_await send_one();
            }
            if (sent) book.sent(next);
            if (me.one_in(64)) m.expect(items.size() <= capacity, "no more items than the capacity");
        }
        if (--sending == 0) items.close();
    };
    auto receive = [&](participant& me) -> task<> {
        std::vector<std::size_t> last(model::participants);
        for (bool open = true; open;) {
            std::optional<item> got;
            bool ended = false;
            auto receive_one = [&]() -> task<> {
                got = co_await items.receive();
                ended = !got;
            };
            if (me.one_in(6)) {
                got = items.try_receive();
            } else if (me.one_in(6)) {
                const std::vector<item> some = co_await items.receive_some(1 + me.below(5));
                for (const item& i : some)
                    book.received(i, last);
                ended = some.empty();
            } else if (me.one_in(3)) {
                static_cast<void>(co_await completes(receive_one(), me.below(6)));
            } else {
                co_await receive_one();
            }
            if (got) book.received(*got, last);
            if (ended) open = false;
            if (!got && !ended) co_await yield();
        }
    };
    m.run_each([&](participant& me) -> task<> {
        if (is_sender(me))
            co_await send(me);
        else
            co_await receive(me);
    });
    book.compare();
    CHECK(m.violations() == 0);
    CHECK(items.size() == 0);
    CHECK(items.closed());
}

} // namespace

TEST_CASE("model: channel") {
    model_of_channel("channel of capacity 8", 8, model::full() / 2);
    model_of_channel("channel of capacity 1", 1, model::full() / 4);
    model_of_channel("rendezvous channel", 0, model::full() / 4);
}
