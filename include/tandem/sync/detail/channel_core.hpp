// What channel and priority_channel have in common: a closable store of items, and the two queues of those
// who wait to put one in or to take one out.
//
// Receivers wait only while the store is empty, senders only while it is full. (A `select` with both a send
// and a receive on one channel may stand in both queues at once; it never meets itself, because it looks for
// a partner only while it stands in no queue.)
//
// A waiter that belongs to a `select` has to be claimed before it gets anything; one that cannot be claimed
// was decided elsewhere, and is taken out as if it were not there. A claim cannot be taken back, so `select`
// asks for items whose move does not throw; for the others an exception leaves the waiter where it was.
#pragma once

#include <tandem/core/error.hpp>
#include <tandem/core/wait_list.hpp>
#include <tandem/sync/detail/selection.hpp>

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <mutex>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace tandem::detail {

// Store: `size()`, `empty()`, `push(T&&)`, `pop(std::optional<T>&)`; see ring.
template <class T, class Store>
class channel_core {
public:
    using value_type = T;

    class sender;
    class receiver;
    class send_operation;
    class receive_operation;
    class receive_some_operation;

    template <class... StoreArgs>
    explicit channel_core(std::size_t capacity, StoreArgs... store_args)
        : capacity_(capacity), store_(std::move(store_args)...) {}
    channel_core(const channel_core&) = delete;
    channel_core& operator=(const channel_core&) = delete;

    [[nodiscard]] send_operation send(T value) { return send_operation(*this, std::move(value)); }
    [[nodiscard]] receive_operation receive() noexcept { return receive_operation(*this); }
    [[nodiscard]] receive_some_operation receive_some(std::size_t most) noexcept {
        return receive_some_operation(*this, most);
    }
    bool try_send(T& value);
    bool try_send(T&& value) { return try_send(value); }
    std::optional<T> try_receive();
    // Items whose move may throw are lost when it does so here.
    std::vector<T> try_receive_some(std::size_t most);
    void close() noexcept;
    bool closed() const noexcept {
        const std::lock_guard lock(mutex_);
        return closed_;
    }
    std::size_t size() const noexcept {
        const std::lock_guard lock(mutex_);
        return store_.size();
    }
    std::size_t capacity() const noexcept { return capacity_; }

    // ---- for operations and `select`, under the lock ----

    short_lock& guard() const noexcept { return mutex_; }
    wait_list& senders() noexcept { return senders_; }
    wait_list& receivers() noexcept { return receivers_; }

    // True when a send has come to its end: `sent`, or refused because the channel is closed.
    bool settle_send(T& value, bool& sent, wake_chain& to_wake) {
        if (closed_) return true;
        return sent = put(value, to_wake);
    }
    // True when a receive has come to its end: an item, or none because the channel is closed and empty.
    bool settle_receive(std::optional<T>& into, wake_chain& to_wake) {
        return take(into, to_wake) || closed_;
    }

protected:
    ~channel_core() {
        senders_.abandon();
        receivers_.abandon();
    }

private:
    class send_awaiter;
    class receive_awaiter;
    class receive_some_awaiter;

    bool put(T& value, wake_chain& to_wake);
    bool take(std::optional<T>& into, wake_chain& to_wake);
    static bool make_room(std::vector<T>& items, std::size_t most);
    void take_more(std::vector<T>& items, std::size_t most);

    // The first waiter that is to be had, claimed, still in the list; or nullptr.
    template <class Waiter>
    static Waiter* claim_first(wait_list& list) noexcept {
        while (waiter* const w = list.front()) {
            auto& found = static_cast<Waiter&>(*w);
            if (found.claim()) return &found;
            list.remove(*w);
        }
        return nullptr;
    }
    static void satisfy(channel_waiter& w, wake_chain& to_wake) noexcept {
        w.list()->take(w);
        w.grant();
        to_wake.add(w);
    }

    const std::size_t capacity_;
    mutable short_lock mutex_;
    bool closed_ = false;
    wait_list senders_;
    wait_list receivers_;
    Store store_;
};

// Its item lives elsewhere, and is moved from when it is sent.
template <class T, class Store>
class channel_core<T, Store>::sender : public channel_waiter {
public:
    sender(T* item, task_context& context, channel_core& owner) noexcept
        : channel_waiter(context, owner.mutex_), item_(item) {}
    sender(T* item, task_context& context, channel_core& owner, selection& of, int index) noexcept
        : channel_waiter(context, owner.mutex_, of, index), item_(item) {}

protected:
    friend class channel_core;
    T* item_;
    bool sent_ = false;
};

template <class T, class Store>
class channel_core<T, Store>::receiver : public channel_waiter {
public:
    receiver(task_context& context, channel_core& owner) noexcept : channel_waiter(context, owner.mutex_) {}
    receiver(task_context& context, channel_core& owner, selection& of, int index) noexcept
        : channel_waiter(context, owner.mutex_, of, index) {}
    ~receiver() { this->leave_queue(); } // before the place for the item goes

protected:
    friend class channel_core;
    std::optional<T> item_;
};

// All is done in `await_suspend`, which then may go on without waiting: so the lock is taken once.
template <class T, class Store>
class channel_core<T, Store>::send_awaiter : public sender {
public:
    send_awaiter(channel_core& owner, T&& value, task_context& context)
        : sender(nullptr, context, owner), owner_(owner), value_(std::move(value)) {
        this->item_ = &value_;
    }
    ~send_awaiter() { this->leave_queue(); } // before the item goes

    bool await_ready() const noexcept { return this->cancelled_before() && this->refuse_now(); }
    bool await_suspend(std::coroutine_handle<> at) {
        if (this->cancelled_before()) return this->requeue(at);
        wake_chain to_wake;
        {
            const std::lock_guard lock(owner_.mutex_);
            if (!owner_.settle_send(value_, this->sent_, to_wake))
                return this->enqueue(owner_.senders_, at, "channel.send");
        }
        const bool go_on = this->grant_now();
        to_wake.wake_all();
        return go_on ? false : this->requeue(at);
    }
    bool await_resume() const {
        if (!this->granted()) throw operation_cancelled("a send to a channel was cancelled");
        return this->sent_;
    }

private:
    channel_core& owner_;
    T value_;
};

template <class T, class Store>
class channel_core<T, Store>::receive_awaiter : public receiver {
public:
    receive_awaiter(channel_core& owner, task_context& context) noexcept
        : receiver(context, owner), owner_(owner) {}

    bool await_ready() const noexcept { return this->cancelled_before() && this->refuse_now(); }
    bool await_suspend(std::coroutine_handle<> at) {
        if (this->cancelled_before()) return this->requeue(at);
        wake_chain to_wake;
        {
            const std::lock_guard lock(owner_.mutex_);
            if (!owner_.settle_receive(this->item_, to_wake))
                return this->enqueue(owner_.receivers_, at, "channel.receive");
        }
        const bool go_on = this->grant_now();
        to_wake.wake_all();
        return go_on ? false : this->requeue(at);
    }
    std::optional<T> await_resume() {
        if (!this->granted()) throw operation_cancelled("a receive from a channel was cancelled");
        return std::move(this->item_);
    }

protected:
    channel_core& owner_;
};

// Waits as a receiver of one item; at its resumption it takes what else is there.
template <class T, class Store>
class channel_core<T, Store>::receive_some_awaiter : public receive_awaiter {
public:
    receive_some_awaiter(channel_core& owner, std::size_t most, task_context& context)
        : receive_awaiter(owner, context), most_(std::max<std::size_t>(most, 1)) {
        items_.reserve(std::min<std::size_t>(most_, 16)); // now, while nothing can be lost to bad_alloc
    }

    std::vector<T> await_resume() {
        std::optional<T> first = receive_awaiter::await_resume();
        if (!first) return std::move(items_);
        items_.push_back(std::move(*first));
        this->owner_.take_more(items_, most_);
        return std::move(items_);
    }

private:
    std::size_t most_;
    std::vector<T> items_;
};

template <class T, class Store>
class channel_core<T, Store>::send_operation {
public:
    send_operation(channel_core& owner, T&& value) : owner_(owner), value_(std::move(value)) {}
    send_awaiter await_in(task_context& context) { return send_awaiter(owner_, std::move(value_), context); }

private:
    channel_core& owner_;
    T value_;
};

template <class T, class Store>
class channel_core<T, Store>::receive_operation {
public:
    explicit receive_operation(channel_core& owner) noexcept : owner_(owner) {}
    receive_awaiter await_in(task_context& context) const noexcept {
        return receive_awaiter(owner_, context);
    }

private:
    channel_core& owner_;
};

template <class T, class Store>
class channel_core<T, Store>::receive_some_operation {
public:
    receive_some_operation(channel_core& owner, std::size_t most) noexcept : owner_(owner), most_(most) {}
    receive_some_awaiter await_in(task_context& context) const {
        return receive_some_awaiter(owner_, most_, context);
    }

private:
    channel_core& owner_;
    std::size_t most_;
};

template <class T, class Store>
bool channel_core<T, Store>::put(T& value, wake_chain& to_wake) {
    if (receiver* const r = claim_first<receiver>(receivers_)) {
        r->item_.emplace(std::move(value));
        satisfy(*r, to_wake);
        return true;
    }
    if (store_.size() >= capacity_) return false;
    store_.push(std::move(value));
    return true;
}

template <class T, class Store>
bool channel_core<T, Store>::take(std::optional<T>& into, wake_chain& to_wake) {
    if (store_.empty()) { // capacity 0, or a sender whose item could not be moved before
        sender* const s = claim_first<sender>(senders_);
        if (!s) return false;
        into.emplace(std::move(*s->item_));
        s->sent_ = true;
        satisfy(*s, to_wake);
        return true;
    }
    store_.pop(into);
    if (sender* const s = claim_first<sender>(senders_)) {
        try {
            store_.push(std::move(*s->item_));
            s->sent_ = true;
            satisfy(*s, to_wake);
        } catch (...) {
            // Not this receiver's failure, which has its item: the sender waits on, the next one tries again.
        }
    }
    return true;
}

// Not under the lock: the items may be copied, and the originals destroyed. False: there is no memory, but
// there are items already.
template <class T, class Store>
bool channel_core<T, Store>::make_room(std::vector<T>& items, std::size_t most) {
    try {
        items.reserve(std::min(most, items.size() + std::max<std::size_t>(items.size(), 16)));
        return true;
    } catch (const std::bad_alloc&) {
        if (items.empty()) throw;
        return false;
    }
}

template <class T, class Store>
void channel_core<T, Store>::take_more(std::vector<T>& items, std::size_t most) {
    wake_chain to_wake;
    std::optional<T> item;
    bool more = true;
    while (more && items.size() < most) {
        // Room first: an item that was taken is not lost to bad_alloc.
        if (items.size() == items.capacity() && !make_room(items, most)) break;
        const std::lock_guard lock(mutex_);
        while (items.size() < std::min(most, items.capacity())) {
            item.reset(); // moved from
            more = take(item, to_wake);
            if (!more) break;
            items.push_back(std::move(*item));
        }
    }
    to_wake.wake_all();
}

template <class T, class Store>
bool channel_core<T, Store>::try_send(T& value) {
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || !put(value, to_wake)) return false;
    }
    to_wake.wake_all();
    return true;
}

template <class T, class Store>
std::optional<T> channel_core<T, Store>::try_receive() {
    wake_chain to_wake;
    std::optional<T> value;
    {
        const std::lock_guard lock(mutex_);
        take(value, to_wake);
    }
    to_wake.wake_all();
    return value;
}

template <class T, class Store>
std::vector<T> channel_core<T, Store>::try_receive_some(std::size_t most) {
    std::vector<T> items;
    take_more(items, most);
    return items;
}

template <class T, class Store>
void channel_core<T, Store>::close() noexcept {
    wake_chain to_wake;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        while (sender* const s = claim_first<sender>(senders_))
            satisfy(*s, to_wake);
        while (receiver* const r = claim_first<receiver>(receivers_))
            satisfy(*r, to_wake);
    }
    to_wake.wake_all();
}

} // namespace tandem::detail
