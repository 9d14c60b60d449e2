// Tasks on foreign Asio executors: `tandem::spawn`.
//
// Each spawned task has a scheduler of its own: a strand over the executor, so that the task and its children
// never run in parallel whatever the executor is. One Asio timer is pending for the whole life of the task.
// It serves the timer wheel, keeps the execution context busy (as co_spawn does), and tells of the context's
// destruction: its handler is then destroyed without being called.
//
// Tear-down: handlers that Asio destroys are counted against the operations begun. When all of them are gone,
// no operation refers to a frame any more, and the frames are destroyed, still in the context's shutdown
// phase when the services that sockets need exist.
#include <tandem/asio.hpp>

#include "lib/core/ready_queue.hpp"
#include "lib/core/timer_wheel.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <thread>

namespace tandem::detail {

void throw_operation_error(const error_code& ec, bool task_cancelled) {
    if (task_cancelled && ec == boost::asio::error::operation_aborted) throw operation_cancelled();
    throw system_error(ec);
}

void rethrow_operation_failure(std::exception_ptr failure, bool task_cancelled) {
    if (!task_cancelled) std::rethrow_exception(std::move(failure));
    try {
        std::rethrow_exception(std::move(failure));
    } catch (const operation_cancelled&) {
        throw; // with its own message
    } catch (const system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted) throw operation_cancelled();
        throw;
    }
}

bool operation_in_flight::leave() noexcept {
    stage expected = stage::pending;
    if (stage_.compare_exchange_strong(expected, stage::left, std::memory_order_acq_rel)) return true;
    // Another thread may be inside of telling, for a moment.
    while (stage_.load(std::memory_order_acquire) != stage::over)
        std::this_thread::yield();
    destroy();
    return false;
}

void asio_awaiter_base::leave() noexcept {
    if (operation_->leave()) context_.home().operation_left_behind();
}

// Its context has been stopped or destroyed, or whoever had the operation forgot it: the task must hear of
// it. Unless the task's own home is what is being destroyed.
void asio_awaiter_base::dropped(operation_in_flight& operation) noexcept {
    scheduler& home = operation.home;
    const bool at_home = home.is_current();
    if (!operation.begin_telling(at_home)) return;
    asio_awaiter_base& self = operation.awaiter;
    if (home.operation_dropped()) {
        operation.told(at_home);
        home.destroy_tasks();
    } else if (home.torn_down()) {
        operation.told(at_home);
    } else if (!at_home) { // see completed
        self.context_.wake();
        operation.told(false);
    } else {
        operation.told(true);
        self.done_ = true;
        if (self.initiating_)
            self.dropped_ = true; // the initiation may be about to throw
        else
            self.context_.wake();
    }
}

void asio_awaiter_base::throw_without_values() const {
    if (context_.cancelled()) throw operation_cancelled();
    throw system_error(boost::asio::error::operation_aborted,
                       "an Asio operation was let go without completing; was its execution context stopped "
                       "or destroyed?");
}

class foreign_root final : public scheduler, public std::enable_shared_from_this<foreign_root> {
public:
    explicit foreign_root(const boost::asio::any_io_executor& executor)
        : strand_(boost::asio::make_strand(executor)), executor_(strand_), timer_(executor_),
          timers_(clock::now()) {}
    ~foreign_root() { delist(); }

    void start(task<> work, boost::asio::cancellation_slot slot) {
        main_.emplace(*this, std::move(work));
        if (slot.is_connected())
            slot.assign([weak = weak_from_this()](boost::asio::cancellation_type) {
                if (const auto self = weak.lock()) boost::asio::post(self->strand_, cancel_request(self));
            });
        self_ = shared_from_this(); // until the task has completed, or the context is destroyed
        boost::asio::post(strand_, begin(self_));
    }

    void schedule_from_outside(ready_node& node) noexcept override {
        producers_.fetch_add(1, std::memory_order_relaxed); // before the node can be seen, see finish
        // No owner: it is being destroyed, and somebody asks for its tasks.
        if (inbox_.push(node))
            if (auto self = weak_from_this().lock()) boost::asio::post(strand_, drain(std::move(self)));
        producers_.fetch_sub(1, std::memory_order_release); // the last touch
    }
    bool is_current() const noexcept override {
        return current_scheduler == this ||
               strand_.running_in_this_thread(); // the latter: in a handler of Asio's
    }
    void arm(timer_node& timer, clock::time_point when) noexcept override {
        timers_.insert(timer, when);
        const auto next = timers_.next_expiry();
        if (next && *next < timer_.expiry())
            timer_.expires_at(*next); // the pending wait ends, and begins again
    }
    void disarm(timer_node& timer) noexcept override { timers_.remove(timer); }
    thread_pool* companion() const noexcept override { return nullptr; }
    const char* kind() const noexcept override { return "Asio strand"; }
    boost::asio::any_io_executor executor() const override { return executor_; }

    void operation_started() noexcept override { operations_.fetch_add(1, std::memory_order_relaxed); }
    void operation_finished() noexcept override { operations_.fetch_sub(1, std::memory_order_acq_rel); }
    bool operation_dropped() noexcept override {
        return operations_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    }
    // The execution context is being destroyed, and no operation is left.
    void destroy_tasks() noexcept override {
        if (!self_) return; // it has completed
        delist();           // see finish
        tear_down();
        const std::shared_ptr<foreign_root> keep = std::move(self_);
        const scheduler* const outer =
            std::exchange(current_scheduler, this); // destructors may wake siblings: in vain
        main_.reset();
        current_scheduler = outer;
        wait_for_wakers(); // see finish
        while (producers_.load(std::memory_order_acquire) != 0)
            std::this_thread::yield();
    }

private:
    class main_task final : public task_context {
    public:
        main_task(foreign_root& root, task<> t) noexcept
            : task_context(root, nullptr, &main_task::done, false), owner(root), work(std::move(t)) {}
        static void done(task_context& context) noexcept {
            foreign_root& root = static_cast<main_task&>(context).owner;
            root.completed_ = true;
            // Completed inside a handler of Asio's: the frames must not go while that handler runs.
            if (current_scheduler != &root) boost::asio::post(root.strand_, drain(root.shared_from_this()));
        }
        foreign_root& owner;
        task<> work;
    };

    // What runs on the strand: first `begin`, then one `timer_expired` after the other. Each counts as an
    // operation from its making until it has run, so that the count is never 0 while the task lives.
    class handler {
    public:
        explicit handler(std::shared_ptr<foreign_root> root) noexcept : root_(std::move(root)) {
            root_->operation_started();
        }
        handler(handler&&) noexcept = default;
        handler& operator=(handler&&) = delete;
        ~handler() {
            if (root_ && root_->operation_dropped()) root_->destroy_tasks();
        }

    protected:
        std::shared_ptr<foreign_root> take() noexcept { return std::move(root_); }
        foreign_root& root() const noexcept { return *root_; }

    private:
        std::shared_ptr<foreign_root> root_;
    };
    class operation_in_progress {
    public:
        explicit operation_in_progress(std::shared_ptr<foreign_root> root) noexcept
            : root_(std::move(root)) {}
        operation_in_progress(const operation_in_progress&) = delete;
        ~operation_in_progress() { root_->operation_finished(); }
        foreign_root* operator->() const noexcept { return root_.get(); }
        foreign_root* get() const noexcept { return root_.get(); }

    private:
        std::shared_ptr<foreign_root> root_;
    };
    class begin : public handler {
    public:
        using handler::handler;
        void operator()() {
            const operation_in_progress root(take());
            root->main_->start(root->main_->work.bind(*root->main_));
            root->wait_for_timer();
            root->run_ready();
        }
    };
    // These two keep the scheduler, but do not count: any thread may post one at any time, and the thread
    // whose post the dying context refuses must not be the one that destroys the task.
    class drain {
    public:
        explicit drain(std::shared_ptr<foreign_root> r) noexcept : root(std::move(r)) {}
        void operator()() { root->run_ready(); }
        std::shared_ptr<foreign_root> root;
    };
    class cancel_request {
    public:
        explicit cancel_request(std::shared_ptr<foreign_root> r) noexcept : root(std::move(r)) {}
        std::shared_ptr<foreign_root> root;
        void operator()() {
            const scheduler* const outer = std::exchange(current_scheduler, root.get());
            if (root->main_) root->main_->request_cancel();
            current_scheduler = outer;
            root->run_ready();
        }
    };
    class timer_expired : public handler {
    public:
        using handler::handler;
        // The wait that begins again when one has ended must not fail: timers would be dead from then on.
        using allocator_type = operation_allocator<void>;
        allocator_type get_allocator() const noexcept { return allocator_type(root().timer_memory_); }
        void operator()(const error_code&) {
            const operation_in_progress root(take());
            if (!root->main_) return;
            const scheduler* const outer = std::exchange(current_scheduler, root.get());
            root->timers_.advance(clock::now());
            current_scheduler = outer;
            root->run_ready();
            if (root->main_) root->wait_for_timer();
        }
    };

    void wait_for_timer() {
        const auto next = timers_.next_expiry();
        timer_.expires_at(next ? *next : clock::time_point::max());
        timer_.async_wait(timer_expired(shared_from_this()));
    }

    void run_ready() noexcept {
        if (finished_) return;
        const scheduler* const outer = std::exchange(current_scheduler, this);
        set_turn_time(clock::now());
        inbox_.take(ready());
        while (ready_node* const node = ready().pop()) {
            node->run();
            if (ready().empty()) inbox_.take(ready());
        }
        current_scheduler = outer;
        if (completed_) finish();
    }

    void finish() {
        // Who asks for the tasks, on any thread, must never hold the last reference: the timer must not
        // outlive its context. So nobody finds this scheduler any more, before `self_` goes. A question that
        // has just been queued goes with its entry in the list, and the queues are not looked at again.
        finished_ = true;
        delist();
        completed_ = false;
        // A thread that woke the task for the last time may not have left `schedule` yet.
        wait_for_wakers();
        while (producers_.load(std::memory_order_acquire) != 0)
            std::this_thread::yield();
        main_.reset();
        timer_.cancel();
        self_.reset();
    }

    boost::asio::strand<boost::asio::any_io_executor> strand_;
    const boost::asio::any_io_executor executor_; // the strand: made once, because making one allocates
    operation_memory timer_memory_;               // of the one wait
    boost::asio::steady_timer timer_;
    timer_wheel timers_;
    inbox inbox_;
    std::optional<main_task> main_;
    std::shared_ptr<foreign_root> self_;
    std::atomic<long> operations_{0};
    std::atomic<unsigned> producers_{0}; // threads that are inside of `schedule`
    bool completed_ = false;
    bool finished_ = false;
};

foreign_spawn::foreign_spawn(const boost::asio::any_io_executor& executor)
    : root_(std::make_shared<foreign_root>(executor)) {}

void foreign_spawn::start(task<> work) {
    root_->start(std::move(work), slot);
}

} // namespace tandem::detail
