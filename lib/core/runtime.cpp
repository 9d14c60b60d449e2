#include <tandem/core/runtime.hpp>

#include <tandem/core/error.hpp>
#include <tandem/parallelism/thread_pool.hpp>

#include "lib/core/async_stack.hpp"
#include "lib/core/loop.hpp"
#include "lib/core/observers.hpp"
#include "lib/core/task_registry.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

namespace tandem {

namespace {

// The coroutines that the exception left are gone; the outermost one still knows where it waited last.
void print_and_terminate(const task_context& task, std::coroutine_handle<> outermost,
                         const std::exception_ptr& failure) {
    std::string text = "tandem: an exception left a background task";
    if (!task.name().empty()) text.append(" (").append(task.name()).append(")");
    text += ": " + describe(failure) + "\n";
    const std::string last = detail::place_text(detail::promise_base::of(outermost).location());
    if (!last.empty()) text += "    out of " + last + "\n";
    const std::string spawned = detail::place_text(detail::task_registry::spawned_at(task));
    if (!spawned.empty()) text += "    spawned in " + spawned + "\n";
    std::fputs(text.c_str(), stderr);
    std::terminate();
}

} // namespace

class runtime::impl {
public:
    impl(runtime& owner, runtime_options options);
    ~impl();

    void spawn(task<> t, std::size_t loop, const std::source_location& where);

    // A background task, owned by the runtime. In `roots_` from `spawn` until it is done.
    class root_task final : public task_context {
    public:
        root_task(impl& runtime, scheduler& home, task<> t) noexcept
            : task_context(home, nullptr, &root_task::done, true), owner(runtime), work(std::move(t)) {}

        static void done(task_context& context) noexcept {
            auto& self = static_cast<root_task&>(context);
            self.owner.root_done(self);
        }

        impl& owner;
        task<> work;
        std::coroutine_handle<> entry;
        root_task* next = nullptr;
        root_task* prev = nullptr;
    };
    void root_done(root_task& root) noexcept;

    const runtime_options options_;
    thread_pool pool_;
    std::vector<std::unique_ptr<detail::loop>> loops_;
    std::vector<std::thread> threads_;
    std::unique_ptr<detail::runtime_observers> observers_;
    std::mutex mutex_;
    root_task* roots_ = nullptr; // guarded by mutex_
    std::size_t live_roots_ = 0; // those in roots_ and those that are just being destroyed; guarded by mutex_
    bool draining_ = false;      // guarded by mutex_

private:
    void cancel_roots() noexcept;
    void drain();
};

runtime::impl::impl(runtime& owner, runtime_options options)
    : options_(std::move(options)), pool_(options_.workers()) {
    for (std::size_t i = 0; i < options_.loops(); ++i) {
        loops_.push_back(std::make_unique<detail::loop>(owner, pool_, options_.control().get()));
        loops_.back()->set_index(i);
    }
    try {
        for (std::size_t i = 1; i < loops_.size(); ++i) {
            threads_.emplace_back([this, i] {
                pthread_setname_np(pthread_self(), ("tandem-loop-" + std::to_string(i)).c_str());
                loops_[i]->run();
            });
        }
    } catch (...) { // no thread to be had
        for (const auto& l : loops_)
            l->stop();
        for (std::thread& t : threads_)
            t.join();
        throw;
    }
}

void runtime::impl::spawn(task<> t, std::size_t loop, const std::source_location& where) {
    auto root = std::make_unique<root_task>(*this, *loops_.at(loop), std::move(t));
    root_task& r = *root;
    r.set_spawned_at(where);
    r.entry = r.work.bind(r);
    std::unique_lock lock(mutex_);
    if (draining_) return; // too late to begin anything: the task is destroyed unstarted
    r.next = roots_;
    if (roots_) roots_->prev = &r;
    roots_ = root.release();
    ++live_roots_;
    lock.unlock();
    r.start(r.entry);
}

void runtime::impl::root_done(root_task& root) noexcept {
    const std::exception_ptr failure = root.work.failure();
    if (failure && !is_cancellation(failure)) {
        if (options_.on_unhandled())
            options_.on_unhandled()(failure);
        else
            print_and_terminate(root, root.entry, failure);
    }
    {
        const std::lock_guard lock(mutex_);
        (root.prev ? root.prev->next : roots_) = root.next;
        if (root.next) root.next->prev = root.prev;
    }
    // Not under the lock: the destructor of an argument may call `spawn`.
    delete &root;
    const std::lock_guard lock(mutex_);
    if (--live_roots_ == 0 && draining_) loops_[0]->stop();
}

void runtime::impl::cancel_roots() noexcept {
    for (root_task* root = roots_; root; root = root->next)
        root->request_cancel();
}

void runtime::impl::drain() {
    std::unique_lock lock(mutex_);
    draining_ = true;
    if (live_roots_ == 0) return;
    cancel_roots();
    lock.unlock();

    class limit final : public timer_node {
    public:
        explicit limit(detail::loop& l) noexcept : timer_node(&limit::expired), loop(l) {}
        static void expired(timer_node& timer) noexcept { static_cast<limit&>(timer).loop.stop(); }
        detail::loop& loop;
    };
    // This thread is loop 0's now; nobody else runs it.
    detail::loop& main_loop = *loops_[0];
    limit too_long(main_loop);
    const std::chrono::milliseconds longest = std::chrono::hours(24 * 365); // max() would overflow the clock
    main_loop.arm(too_long, main_loop.now() + std::min(options_.drain_timeout(), longest));
    main_loop.run();
    main_loop.disarm(too_long);
}

runtime::impl::~impl() {
    drain();
    observers_.reset();
    for (std::size_t i = 1; i < loops_.size(); ++i)
        loops_[i]->stop();
    for (std::thread& thread : threads_)
        thread.join();
    pool_.stop();
    // First Asio lets go of the operations (those that another execution context holds stay there), then the
    // frames go, then the sockets' services.
    for (const auto& loop : loops_)
        loop->abandon_operations();
    while (root_task* root = roots_) {
        roots_ = root->next;
        delete root;
    }
    for (std::unique_ptr<detail::loop>& loop : loops_)
        detail::loop::retire(std::move(loop));
}

runtime::runtime(runtime_options options) : impl_(std::make_unique<impl>(*this, std::move(options))) {
    impl_->observers_ = detail::observe(*this, impl_->options_);
}
runtime::~runtime() = default;

runtime* runtime::current() noexcept {
    const task_context* const context = task_context::current();
    return context ? context->home().owner() : nullptr;
}

void runtime::spawn(task<> t, std::size_t loop, std::source_location where) {
    impl_->spawn(std::move(t), loop, where);
}
std::size_t runtime::loops() const noexcept {
    return impl_->loops_.size();
}
scheduler& runtime::loop(std::size_t index) noexcept {
    return *impl_->loops_[index];
}
thread_pool& runtime::pool() noexcept {
    return impl_->pool_;
}
std::uint64_t runtime::loop_busy_ns(std::size_t index) const noexcept {
    return impl_->loops_[index]->busy_ns();
}

runtime::main_context::main_context(runtime& owner) noexcept
    : task_context(owner.loop(0), nullptr, &main_context::done, true), owner_(owner) {}

void runtime::main_context::done(task_context& context) noexcept {
    static_cast<main_context&>(context).owner_.impl_->loops_[0]->stop();
}

void runtime::run_until_done(task_context& context, std::coroutine_handle<> entry) {
    context.start(entry);
    impl_->loops_[0]->run();
}

} // namespace tandem
