#include "tandem/parallelism/as_completed.hpp"

#include "lib/parallelism/pool_state.hpp"

#include <mutex>
#include <thread>

namespace tandem::detail {

void ended_queue::add(future_state_base& state, std::size_t index) noexcept {
    node& added = nodes_[count_++];
    added.owner = this;
    added.state = &state;
    added.index = index;
    ++remaining_;
    if (!state.ended().listen(added)) ended(added);
}

void ended_queue::on_end(completion_listener& listener) noexcept {
    auto& self = static_cast<node&>(listener);
    self.owner->ended(self);
}

void ended_queue::ended(node& which) noexcept {
    completion_flag* arrival = nullptr;
    {
        const std::scoped_lock lock(mutex_);
        which.told = true;
        (last_ != nullptr ? last_->next : first_) = &which;
        last_ = &which;
        arrival = std::exchange(arrival_, nullptr);
    }
    if (arrival != nullptr) arrival->complete(); // who waits does not go on before
}

ended_queue::node* ended_queue::pop(completion_flag& arrival) noexcept {
    const std::scoped_lock lock(mutex_);
    node* const found = first_;
    if (found == nullptr) {
        arrival_ = &arrival;
        return nullptr;
    }
    first_ = found->next;
    if (first_ == nullptr) last_ = nullptr;
    return found;
}

std::size_t ended_queue::next() {
    require_waiting_allowed();
    for (;;) {
        completion_flag arrival;
        if (node* const found = pop(arrival)) {
            --remaining_;
            found->state = nullptr;
            return found->index;
        }
        run_one_here();
        wait_until_done(arrival);
    }
}

// On a worker, a call that nobody has begun.
void ended_queue::run_one_here() noexcept {
    if (current_worker == nullptr) return;
    for (std::size_t i = 0; i < count_; ++i) {
        future_state_base* const state = nodes_[i].state;
        if (state == nullptr || state->done() || !state->belongs_to(current_worker->pool().owner)) continue;
        if (state->run_if_queued()) return;
    }
}

void ended_queue::cancel() noexcept {
    for (std::size_t i = 0; i < count_; ++i)
        if (nodes_[i].state != nullptr) nodes_[i].state->cancel();
}

ended_queue::~ended_queue() {
    for (std::size_t i = 0; i < count_; ++i) {
        node& left = nodes_[i];
        if (left.state == nullptr || left.state->ended().unlisten(left)) continue;
        for (;;) { // it has been told, or is just being told: by somebody who is about to set this
            {
                const std::scoped_lock lock(mutex_);
                if (left.told) break;
            }
            std::this_thread::yield();
        }
    }
}

} // namespace tandem::detail
