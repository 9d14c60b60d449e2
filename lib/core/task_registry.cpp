#include "lib/core/task_registry.hpp"

#include "lib/core/async_stack.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_set>
#include <utility>

namespace tandem {

#ifndef TANDEM_NO_TASK_REGISTRY

namespace detail {

namespace {

constexpr std::size_t most_frames = 64;

class question {
public:
    std::vector<scheduler_facts> schedulers;
    std::size_t open = 0;
};

class pending_answer {
public:
    pending_answer(std::shared_ptr<question> q, std::size_t s) noexcept : asked(std::move(q)), slot(s) {}
    std::shared_ptr<question> asked;
    std::size_t slot;
};

} // namespace

class listed_scheduler : public ready_node {
public:
    explicit listed_scheduler(scheduler& s) noexcept : ready_node(&listed_scheduler::run), home(s) {}
    static void run(ready_node& node) noexcept;

    scheduler& home;
    listed_scheduler* next = nullptr; // all fields are guarded by the list's mutex
    listed_scheduler* prev = nullptr;
    bool queued = false;
    std::vector<pending_answer> questions;
};

namespace {

class scheduler_list {
public:
    // Recursive: a scheduler on a foreign executor may die of the very node that it is asked to run, on the
    // asking thread (its execution context is gone and was its last owner).
    std::recursive_mutex mutex;
    std::condition_variable_any changed;
    listed_scheduler* first = nullptr;

    // Never destroyed: threads may outlive main.
    static scheduler_list& instance() {
        static scheduler_list& list = *new scheduler_list;
        return list;
    }
};

using list_lock = std::unique_lock<std::recursive_mutex>;

void answer(const pending_answer& p, scheduler_facts::answer state, std::vector<task_fact> tasks) {
    scheduler_facts& facts = p.asked->schedulers[p.slot];
    facts.state = state;
    facts.tasks = std::move(tasks);
    --p.asked->open;
}

// On the scheduler's own thread: so it cannot go away meanwhile.
void serve(listed_scheduler& entry, list_lock& lock) {
    const std::vector<pending_answer> pending = std::exchange(entry.questions, {});
    if (pending.empty()) return;
    lock.unlock();
    std::vector<task_fact> tasks = task_registry::tasks_of(entry.home);
    lock.lock();
    for (const pending_answer& p : pending)
        answer(p, scheduler_facts::answer::given, tasks);
    scheduler_list::instance().changed.notify_all();
}

void withdraw(const question& asked) noexcept {
    for (listed_scheduler* e = scheduler_list::instance().first; e; e = e->next)
        std::erase_if(e->questions, [&](const pending_answer& p) { return p.asked.get() == &asked; });
}

} // namespace

void listed_scheduler::run(ready_node& node) noexcept {
    auto& self = static_cast<listed_scheduler&>(node);
    list_lock lock(scheduler_list::instance().mutex);
    self.queued = false;
    try {
        serve(self, lock);
    } catch (const std::bad_alloc&) { // who asked gets no answer
    }
}

void task_registry::enlist(scheduler& home) noexcept {
    auto* const entry = new (std::nothrow) listed_scheduler(home);
    if (!entry) return; // its tasks are not shown
    scheduler_list& list = scheduler_list::instance();
    const list_lock lock(list.mutex);
    entry->next = list.first;
    if (list.first) list.first->prev = entry;
    list.first = entry;
    home.listed_ = entry;
}

std::vector<scheduler_facts> task_registry::ask(std::chrono::milliseconds limit,
                                                const silent_scheduler& silent) {
    scheduler_list& list = scheduler_list::instance();
    const auto asked = std::make_shared<question>();
    if (task_context* const self = task_context::current(); self && !self->in_registry())
        self->enter_registry(); // so that who asks is seen even when it has never waited
    list_lock lock(list.mutex);
    std::vector<listed_scheduler*> own;
    for (listed_scheduler* entry = list.first; entry; entry = entry->next) {
        asked->schedulers.emplace_back(label_of(entry->home));
        const std::size_t slot = asked->schedulers.size() - 1;
        const bool is_own = entry->home.is_current();
        if (!is_own && entry->home.stands_still()) {
            asked->schedulers.back().state = scheduler_facts::answer::not_running;
            continue;
        }
        if (is_own) own.push_back(entry);
        entry->questions.emplace_back(asked, slot);
        ++asked->open;
    }
    for (listed_scheduler* const entry : own)
        serve(*entry, lock);
    // Another one may have died while the lock was open.
    for (listed_scheduler* entry = list.first; entry;) {
        listed_scheduler* const next = entry->next;
        if (!entry->queued && !entry->questions.empty()) {
            entry->queued = true;
            entry->home.schedule(*entry); // may be the end of it
        }
        entry = next;
    }
    list.changed.notify_all(); // somebody who waits on his own scheduler's thread may be asked
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (asked->open != 0) {
        const bool late = list.changed.wait_until(lock, deadline) == std::cv_status::timeout;
        for (listed_scheduler* const entry : own)
            serve(*entry, lock); // two who ask each other
        if (late) break;
    }
    if (asked->open != 0 && silent) {
        for (listed_scheduler* entry = list.first; entry; entry = entry->next)
            for (const pending_answer& p : entry->questions)
                if (p.asked == asked) silent(entry->home, asked->schedulers[p.slot]);
    }
    withdraw(*asked);
    return std::move(asked->schedulers);
}

std::vector<task_fact> task_registry::tasks_of(scheduler& home) {
    const task_context* const current = task_context::current();
    const auto now = home.now();
    // What has been woken or started stands in the queue; what has never waited gets its number now.
    std::unordered_set<const task_context*> ready;
    for (ready_node* node = const_cast<ready_node*>(home.ready().first()); node; node = node->next) {
        if (!node->does(&task_context::run_node)) continue;
        auto& task = static_cast<task_context&>(static_cast<context_step&>(*node));
        ready.insert(&task);
        if (!task.in_registry()) task.enter_registry();
    }
    std::vector<task_fact> facts;
    std::array<std::source_location, most_frames> frames;
    for (const task_context* t = home.tasks_; t; t = t->registry_next_) {
        task_fact& fact = facts.emplace_back();
        fact.task = t;
        fact.parent = t->parent_;
        fact.id = t->id_;
        fact.name = t->name_;
        fact.spawned_at = t->spawned_at_;
        fact.cancelled = t->cancelled_;
        if (t == current) {
            fact.activity = task_activity::running;
        } else if (t->operation_ && !ready.contains(t)) {
            fact.activity = task_activity::waiting;
            fact.operation = t->operation_;
            fact.age = std::max(now - t->since_, scheduler::clock::duration::zero());
        } else {
            fact.activity = task_activity::ready;
        }
        const std::size_t count = async_stack(innermost(*t), frames.data(), frames.size());
        fact.stack.assign(frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return facts;
}

std::coroutine_handle<> task_registry::innermost(const task_context& context) noexcept {
    const pump* const p = current_pump;
    return p && p->context == &context && p->coroutine ? p->coroutine : context.resume_;
}

std::source_location task_registry::spawned_at(const task_context& context) noexcept {
    return context.spawned_at_;
}

std::uint64_t task_registry::id_of(const task_context& context) noexcept {
    return context.id_;
}

const char* task_registry::operation_of(const task_context& context) noexcept {
    return context.operation_;
}

scheduler::clock::duration task_registry::age_of(const task_context& context) noexcept {
    return context.home_->now() - context.since_;
}

void task_registry::look(running_task& seen) noexcept {
    seen.known = false;
    seen.count = 0;
    const pump* const p = current_pump;
    if (!p || !p->context) return;
    const task_context& task = *p->context;
    seen.known = true;
    seen.id = task.id_;
    const std::size_t length = std::min(task.name_.size(), running_task::longest_name);
    if (length != 0) std::memcpy(seen.name, task.name_.data(), length);
    seen.name[length] = '\0';
    // About to wait: it has said where already.
    const std::coroutine_handle<> at = p->coroutine ? p->coroutine : task.resume_;
    seen.count = async_stack(at, seen.frames, running_task::most_frames);
}

} // namespace detail

void scheduler::leave_list() noexcept {
    detail::scheduler_list& list = detail::scheduler_list::instance();
    const detail::list_lock lock(list.mutex);
    detail::listed_scheduler* const entry = std::exchange(listed_, nullptr);
    (entry->prev ? entry->prev->next : list.first) = entry->next;
    if (entry->next) entry->next->prev = entry->prev;
    for (const detail::pending_answer& p : entry->questions)
        detail::answer(p, detail::scheduler_facts::answer::gone, {});
    list.changed.notify_all();
    delete entry; // its node may still be queued in the dying scheduler, which runs nothing any more
}

#else

namespace detail {

std::vector<scheduler_facts> task_registry::ask(std::chrono::milliseconds, const silent_scheduler&) {
    return {};
}
void task_registry::enlist(scheduler&) noexcept {}
std::vector<task_fact> task_registry::tasks_of(scheduler&) {
    return {};
}
std::coroutine_handle<> task_registry::innermost(const task_context&) noexcept {
    return nullptr;
}
std::source_location task_registry::spawned_at(const task_context&) noexcept {
    return {};
}
std::uint64_t task_registry::id_of(const task_context&) noexcept {
    return 0;
}
const char* task_registry::operation_of(const task_context&) noexcept {
    return nullptr;
}
scheduler::clock::duration task_registry::age_of(const task_context&) noexcept {
    return {};
}
void task_registry::look(running_task& seen) noexcept {
    seen.known = false;
    seen.count = 0;
}

} // namespace detail

void scheduler::leave_list() noexcept {}

#endif

namespace detail {

std::string label_of(const scheduler& home) {
    std::string label = home.kind();
    if (home.owner()) label.append(" ").append(std::to_string(home.index()));
    return label;
}

} // namespace detail

} // namespace tandem
