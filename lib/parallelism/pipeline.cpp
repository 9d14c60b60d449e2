#include "tandem/parallelism/pipeline.hpp"

#include <tandem/parallelism/fork_join.hpp>

#include <exception>
#include <mutex>
#include <utility>

namespace tandem::detail {

pipeline_core::pipeline_core(loop_control& control, std::size_t workers, std::size_t tokens, progress* told,
                             std::vector<stage_kind> stages)
    : control_(control), progress_(told), most_workers_(static_cast<int>(workers)), gates_(stages.size()) {
    for (std::size_t i = 0; i < stages.size(); ++i) {
        gates_[i].kind = stages[i];
        // At most so many items are on their way, so those that wait for their turn differ by less than that.
        if (stages[i] == stage_kind::in_order) gates_[i].by_order.resize(tokens);
    }
}

void pipeline_core::add_free(pipeline_token& token) noexcept {
    put(free_, token);
}

void pipeline_core::work(fork_stack& forks) noexcept {
    static_cast<void>(work(forks, nullptr, nullptr));
}

// A worker that has joined in may leave, and another join in, any number of times: that must not leave frames
// on this one's stack. So what goes on beside a fork ends when the fork has ended.
pipeline_token* pipeline_core::work(fork_stack& forks, pipeline_token* token,
                                    const atomic<bool>* left) noexcept {
    for (;;) {
        if (token == nullptr) token = take();
        if (token == nullptr || control_.stopped()) return nullptr;
        if (left != nullptr && left->load(std::memory_order_relaxed)) return token;
        if (!join_in(forks)) {
            token = do_stage(*token);
            continue;
        }
        atomic<bool> gone{false};
        fork_two(
            forks,
            [&](fork_stack& here) {
                token = work(here, token, &gone);
                change_workers(-1); // it waits for the other one now
            },
            [&](fork_stack& there) {
                static_cast<void>(work(there, nullptr, nullptr));
                change_workers(-1);
                gone.store(true, std::memory_order_relaxed);
            });
        change_workers(1);
    }
}

void pipeline_core::change_workers(int by) noexcept {
    const std::scoped_lock lock(mutex_);
    at_work_ += by;
}

bool pipeline_core::join_in(const fork_stack& forks) noexcept {
    if (!forks.hungry()) return false;
    const std::scoped_lock lock(mutex_);
    if (at_work_ >= most_workers_ || !more_to_do()) return false;
    ++at_work_;
    return true;
}

// First what is on its way, so that few items are.
pipeline_token* pipeline_core::take() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (ready_ != nullptr) return get(ready_);
        if (!source_may_be_asked() || control_.stopped()) return nullptr;
        source_taken_ = true;
        pipeline_token& token = *get(free_);
        lock.unlock();
        pipeline_token* const filled = ask_source(token);
        if (filled != nullptr) return filled;
        lock.lock(); // it has to wait, or there are no more items; something else may be ready
    }
}

pipeline_token* pipeline_core::ask_source(pipeline_token& token) noexcept {
    bool got = false;
    try {
        got = produce(token);
    } catch (...) {
        control_.fail(std::current_exception());
        return nullptr;
    }
    const std::scoped_lock lock(mutex_);
    source_taken_ = false;
    if (!got) {
        source_ended_ = true;
        put(free_, token);
        return nullptr;
    }
    token.sequence_ = issued_++;
    token.stage_ = 0;
    return enter(token) ? &token : nullptr;
}

pipeline_token* pipeline_core::do_stage(pipeline_token& token) noexcept {
    const bool last = token.stage_ + 1 == gates_.size();
    try {
        perform(token, token.stage_);
        if (last && progress_ != nullptr) progress_->add();
    } catch (...) {
        control_.fail(std::current_exception());
        return nullptr;
    }
    const std::scoped_lock lock(mutex_);
    leave(token.stage_);
    if (last) {
        put(free_, token);
        return nullptr;
    }
    ++token.stage_;
    return enter(token) ? &token : nullptr;
}

// False: the token waits at the gate.
bool pipeline_core::enter(pipeline_token& token) noexcept {
    gate& here = gates_[token.stage_];
    if (here.kind == stage_kind::parallel) return true;
    const bool its_turn = here.kind == stage_kind::serial || here.next == token.sequence_;
    if (!here.taken && its_turn) {
        here.taken = true;
        return true;
    }
    if (here.kind == stage_kind::in_order) {
        here.by_order[token.sequence_ % here.by_order.size()] = &token;
        return false;
    }
    token.next_ = nullptr;
    (here.last != nullptr ? here.last->next_ : here.first) = &token;
    here.last = &token;
    return false;
}

void pipeline_core::leave(std::size_t stage) noexcept {
    gate& here = gates_[stage];
    pipeline_token* successor = nullptr;
    if (here.kind == stage_kind::in_order) {
        ++here.next;
        successor = std::exchange(here.by_order[here.next % here.by_order.size()], nullptr);
    } else if (here.first != nullptr) {
        successor = here.first;
        here.first = successor->next_;
        if (here.first == nullptr) here.last = nullptr;
    }
    here.taken = successor != nullptr; // the right to enter is passed on
    if (successor != nullptr) put(ready_, *successor);
}

void pipeline_core::put(pipeline_token*& list, pipeline_token& token) noexcept {
    token.next_ = list;
    list = &token;
}

pipeline_token* pipeline_core::get(pipeline_token*& list) noexcept {
    pipeline_token* const token = list;
    list = token->next_;
    return token;
}

} // namespace tandem::detail
