// What hands over items, under random use; see tests/support/model.hpp.
#include <tandem/sync/broadcast.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/priority_channel.hpp>
#include <tandem/sync/select.hpp>
#include <tandem/sync/watch.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/model.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
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

// All items of one sender are equal, so those stay in order.
class by_sender {
public:
    bool operator()(const item& a, const item& b) const noexcept { return a.sender % 3 < b.sender % 3; }
};

template <class Channel>
void model_of_channel(const char* name, std::size_t capacity, std::size_t operations) {
    model m(name, operations);
    INFO(m.title());
    Channel items(capacity);
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
    model_of_channel<channel<item>>("channel of capacity 8", 8, model::full() / 2);
    model_of_channel<channel<item>>("channel of capacity 1", 1, model::full() / 4);
    model_of_channel<channel<item>>("rendezvous channel", 0, model::full() / 4);
}

TEST_CASE("model: priority_channel") {
    using queue = priority_channel<item, by_sender>;
    model_of_channel<queue>("priority_channel of capacity 8", 8, model::full() / 2);
    model_of_channel<queue>("priority_channel of capacity 1", 1, model::full() / 2);
}

TEST_CASE("model: select") {
    // Senders and receivers of two channels, a buffered one and a rendezvous, some of them by select.
    model m("select");
    INFO(m.title());
    channel<item> a(3), b(0);
    delivery book(m, model::participants, m.operations() / 2 + 1);
    std::atomic<std::size_t> sending{senders()};
    auto send = [&](participant& me) -> task<> {
        std::size_t number = 0;
        while (m.take_operations(2)) {
            const item next(me.number, number++);
            bool sent = false;
            auto by_select = [&]() -> task<> {
                item one = next, other = next;
                auto chosen = co_await select(on_send(a, one), on_send(b, other));
                sent = chosen.index() == 0 ? chosen.get<0>() : chosen.get<1>();
            };
            auto plain = [&]() -> task<> { sent = co_await a.send(next); };
            auto plain_too = [&]() -> task<> { sent = co_await b.send(next); };
            if (me.one_in(4))
                co_await plain();
            else if (me.one_in(4))
                co_await plain_too();
            else if (me.one_in(3))
                static_cast<void>(co_await completes(by_select(), me.below(6)));
            else
                co_await by_select();
            if (sent) book.sent(next);
        }
        if (--sending == 0) {
            a.close();
            b.close();
        }
    };
    auto receive = [&](participant& me) -> task<> {
        for (bool a_open = true, b_open = true; a_open || b_open;) {
            std::optional<item> got;
            auto by_select = [&]() -> task<> {
                auto chosen = co_await select(on_receive(a), on_receive(b));
                if (chosen.index() == 0) {
                    got = chosen.get<0>();
                    a_open = got.has_value();
                } else {
                    got = chosen.get<1>();
                    b_open = got.has_value();
                }
            };
            auto from_a = [&]() -> task<> {
                got = co_await a.receive();
                a_open = got.has_value();
            };
            auto from_b = [&]() -> task<> {
                got = co_await b.receive();
                b_open = got.has_value();
            };
            if (!b_open)
                co_await from_a();
            else if (!a_open)
                co_await from_b();
            else if (me.one_in(8))
                static_cast<void>(co_await completes(from_a(), me.below(6)));
            else if (me.one_in(8))
                static_cast<void>(co_await completes(from_b(), me.below(6)));
            else if (me.one_in(3))
                static_cast<void>(co_await completes(by_select(), me.below(6)));
            else
                co_await by_select();
            if (got) book.received_unordered(*got);
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
    CHECK(a.size() == 0);
    CHECK(b.size() == 0);
}

TEST_CASE("model: broadcast") {
    // Every receiver can account for every item: it got it, or was told that it lost it.
    model m("broadcast");
    INFO(m.title());
    broadcast<item> news(64);
    std::vector<broadcast<item>::receiver> receivers;
    for (std::size_t i = 0; i < model::participants; ++i)
        receivers.push_back(news.subscribe());
    std::atomic<std::size_t> sending{senders()};
    std::atomic<std::uint64_t> sent{0};
    std::vector<std::uint64_t> accounted(model::participants);
    m.run_each([&](participant& me) -> task<> {
        broadcast<item>::receiver mine = std::move(receivers[me.number]);
        if (is_sender(me)) {
            {
                const auto gone = std::move(mine);
            }
            for (std::size_t number = 0; m.take_operations(); ++number) {
                m.expect(news.send(item(me.number, number)), "an open broadcast takes every item");
                ++sent;
                if (me.one_in(4)) co_await yield();
            }
            if (--sending == 0) news.close();
            co_return;
        }
        std::vector<std::size_t> last(model::participants);
        for (bool open = true; open;) {
            received<item> got;
            bool returned = true;
            auto receive = [&]() -> task<> { got = co_await mine.receive(); };
            if (me.one_in(3))
                returned = co_await completes(receive(), me.below(6));
            else
                co_await receive();
            if (!returned) continue;
            open = got.has_value();
            accounted[me.number] += got.lost() + (open ? 1 : 0);
            if (!open) continue;
            m.expect(got->number >= last[got->sender], "the items of one sender arrive in order");
            last[got->sender] = got->number + 1;
        }
    });
    for (std::size_t i = 0; i < model::participants; ++i)
        if (!is_sender(participant(i, 0, i < model::threads)))
            m.expect(accounted[i] == sent, "every item was received or counted as lost");
    CHECK(m.violations() == 0);
    CHECK(sent > 0);
}

TEST_CASE("model: watch") {
    // The value only grows; nobody sees it shrink, or misses the last one.
    model m("watch");
    INFO(m.title());
    watch<std::uint64_t> value(0);
    std::atomic<std::size_t> sending{senders()};
    std::atomic<std::uint64_t> updates{0};
    m.run_each([&](participant& me) -> task<> {
        if (is_sender(me)) {
            while (m.take_operations()) {
                const bool changed = value.update([](std::uint64_t& v) { ++v; });
                m.expect(changed, "an open watch takes every update");
                ++updates;
                if (me.one_in(4)) co_await yield();
            }
            if (--sending == 0) value.close();
            co_return;
        }
        auto view = value.subscribe();
        std::uint64_t seen = view.get();
        for (bool open = true; open;) {
            bool returned = true;
            auto change = [&]() -> task<> { open = co_await view.changed(); };
            if (me.one_in(3))
                returned = co_await completes(change(), me.below(6));
            else
                co_await change();
            if (!returned || !open) continue;
            const std::uint64_t now = view.get();
            // `get` may have seen a later value than `changed`, which then reports nothing new.
            m.expect(now >= seen, "the value never goes back");
            seen = now;
        }
        m.expect(view.get() == updates, "the last value is seen");
    });
    CHECK(m.violations() == 0);
    CHECK(value.get() == updates);
}
