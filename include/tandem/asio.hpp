// The bridge to Boost.Asio. Including it teaches `co_await` in a task Asio's operations and coroutines, and
// lets Asio code start tasks.
//
//     auto n = co_await socket.async_read_some(buffer, asio::deferred); // throws system_error on failure
//     co_await asio_coroutine();                                        // an asio::awaitable<T>
//     asio::ip::tcp::socket socket(co_await this_executor());           // I/O objects on the task's own loop
//
//     auto n = co_await tandem::spawn(executor, count(lines), asio::use_awaitable); // from Asio: any token
//
// Errors: a first error_code is thrown as system_error, a first exception_ptr is rethrown; what remains is
// the result (a tuple when there are several values). `asio::as_tuple` gives the values instead. When the
// error is operation_aborted and the task was cancelled, operation_cancelled is thrown. Cancellation: sent to
// the operation (all kinds that Asio knows); one that completes nevertheless hands its result over. Where an
// operation completes (another executor may be bound to it) does not matter: the task goes on at home.
// An operation that is let go without ever completing (another execution context that it was bound to has
// stopped or is gone) fails with operation_aborted.
//
// Operations of another execution context with threads of its own (a timer or socket that lives there, or an
// executor bound to the operation): end them, or stop that context, before the runtime is destroyed that the
// task belongs to. What it completes while the runtime is just going would use what goes. What it still holds
// afterwards is harmless whenever it completes, but for buffers and objects that it was given out of the
// task's frame. And a foreign context with tasks (`tandem::spawn`) must outlive what they wait for elsewhere.
// Cost: the operation's state lives in recycled memory: no allocation (but for composed operations' own).
#pragma once

#include <tandem/core/detail/operation_in_flight.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tandem {

namespace detail {

// What an operation with the completion signature void(Args...) yields, and how a failure is taken from it.
template <class... Args>
class completion {
public:
    using values = std::tuple<std::decay_t<Args>...>;
    static std::exception_ptr failure(const values&) noexcept { return nullptr; }
    static error_code code(const values&) noexcept { return error_code(); }
    static constexpr std::size_t first_value = 0;
};
template <class... Args>
class completion<error_code, Args...> {
public:
    using values = std::tuple<error_code, std::decay_t<Args>...>;
    static std::exception_ptr failure(const values&) noexcept { return nullptr; }
    static error_code code(const values& v) noexcept { return std::get<0>(v); }
    static constexpr std::size_t first_value = 1;
};
template <class... Args>
class completion<std::exception_ptr, Args...> {
public:
    using values = std::tuple<std::exception_ptr, std::decay_t<Args>...>;
    static std::exception_ptr failure(const values& v) noexcept { return std::get<0>(v); }
    static error_code code(const values&) noexcept { return error_code(); }
    static constexpr std::size_t first_value = 1;
};

template <class Signature>
struct completion_of;
template <class R, class... Args>
struct completion_of<R(Args...)> {
    using type = completion<std::decay_t<Args>...>;
};

// Throws operation_cancelled for an aborted operation of a cancelled task, system_error otherwise.
[[noreturn]] void throw_operation_error(const error_code& ec, bool task_cancelled);

// The same for an operation that reports an exception: a system_error with operation_aborted counts as
// aborted.
[[noreturn]] void rethrow_operation_failure(std::exception_ptr failure, bool task_cancelled);

// The part of an awaited Asio operation that does not depend on its type.
class asio_awaiter_base : protected cancel_hook {
public:
    explicit asio_awaiter_base(task_context& context) noexcept
        : cancel_hook(&asio_awaiter_base::on_cancel), context_(context) {}
    ~asio_awaiter_base() {
        if (operation_) leave();
    }

    bool await_ready() const noexcept { return context_.cancelled() && context_.spend(); }

protected:
    template <class Awaiter>
    friend class asio_handler;

    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<asio_awaiter_base&>(hook);
        // It has completed or was dropped, perhaps elsewhere, and its task stands in the queue. What the
        // signal would go to may be gone.
        if (self.done_ || !self.operation_->pending()) return;
        self.cancelling_ = true;
        self.operation_->signal.emit(boost::asio::cancellation_type::all);
        self.cancelling_ = false;
    }

    operation_in_flight& begin(std::coroutine_handle<> at) {
        scheduler& home = context_.home();
        operation_ = &operation_in_flight::make(*this, home);
        context_.suspend(at, this, "Asio operation");
        home.operation_started();
        initiating_ = true;
        return *operation_;
    }
    void begun() noexcept {
        initiating_ = false;
        if (dropped_) context_.wake();
    }
    void not_begun(std::coroutine_handle<> at) noexcept {
        context_.do_not_suspend(at); // the hook goes with this awaiter
    }
    void end() noexcept {
        if (operation_) std::exchange(operation_, nullptr)->finish();
    }

    void completed(operation_in_flight& operation, bool at_home) noexcept {
        operation.home.operation_finished();
        if (!at_home) { // bound to another executor: nothing else of this object is touched here
            context_.wake();
            operation.told(false);
            return;
        }
        // Some operations complete inside their initiation: the coroutine must have suspended first. Some
        // complete inside the cancellation, or in what another task does: neither must be resumed from under.
        operation.told(true);
        done_ = true;
        if (cancelling_ || task_context::current())
            context_.wake();
        else
            context_.resume_now();
    }

    // The handler was destroyed without being called.
    static void dropped(operation_in_flight& operation) noexcept;

    // For an awaiter without values: it was refused, or the handler was dropped.
    [[noreturn]] void throw_without_values() const;

    task_context& context_;

private:
    void leave() noexcept;

    operation_in_flight* operation_ = nullptr; // while it waits
    bool initiating_ = false;
    bool cancelling_ = false;
    bool done_ = false;
    bool dropped_ = false; // inside of the initiation
};

// While it lives, `home` does not go away, although it belongs to another thread.
class waking {
public:
    explicit waking(scheduler& home) noexcept : home_(home) { home_.waker_begins(); }
    waking(const waking&) = delete;
    waking& operator=(const waking&) = delete;
    ~waking() { home_.waker_done(); }

private:
    scheduler& home_;
};

// The completion handler.
template <class Awaiter>
class asio_handler {
public:
    using executor_type = boost::asio::any_io_executor;
    using allocator_type = operation_allocator<void>;
    using cancellation_slot_type = boost::asio::cancellation_slot;

    explicit asio_handler(executor_type&& executor) noexcept : executor_(std::move(executor)) {}
    asio_handler(asio_handler&& other) noexcept
        : operation_(std::exchange(other.operation_, nullptr)), memory_(other.memory_),
          executor_(std::move(other.executor_)) {}
    asio_handler& operator=(asio_handler&&) = delete;
    ~asio_handler() {
        if (operation_) asio_awaiter_base::dropped(*operation_);
    }

    void attach(operation_in_flight& operation) noexcept {
        operation_ = &operation;
        memory_ = &operation.memory;
    }

    scheduler& home() const noexcept { return operation_->home; }
    const executor_type& get_executor() const noexcept { return executor_; }
    allocator_type get_allocator() const noexcept { return allocator_type(*memory_); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return operation_->signal.slot(); }

    template <class... Args>
    void operator()(Args&&... args) {
        operation_in_flight& operation = *std::exchange(operation_, nullptr);
        const bool at_home = operation.home.is_current();
        if (!operation.begin_telling(at_home)) return;
        if (!at_home) executor_ = executor_type(); // once the task goes on, its home may go
        auto& awaiter = static_cast<Awaiter&>(operation.awaiter);
        try {
            awaiter.values_.emplace(std::forward<Args>(args)...);
        } catch (...) {
            awaiter.completed(operation, at_home); // fails as one without values
            throw;
        }
        awaiter.completed(operation, at_home);
    }

private:
    operation_in_flight* operation_ = nullptr; // null: called, or moved from
    operation_memory* memory_ = nullptr; // Asio gives memory back by the handler that it has moved from, too
    executor_type executor_;
};

template <class Operation, class Signature>
class asio_awaiter : public asio_awaiter_base {
    using shape = typename completion_of<Signature>::type;
    using values = typename shape::values;

public:
    asio_awaiter(Operation&& operation, task_context& context)
        : asio_awaiter_base(context), operation_(std::move(operation)) {}

    void await_suspend(std::coroutine_handle<> at) {
        if (context_.cancelled()) { // refused, but the budget is spent
            context_.requeue(at);
            return;
        }
        asio_handler<asio_awaiter> handler(context_.home().executor()); // may throw: there is none
        handler.attach(begin(at));
        try {
            std::move(operation_)(std::move(handler));
        } catch (...) {
            not_begun(at);
            throw;
        }
        begun();
    }

    auto await_resume() {
        end();
        if (!values_) throw_without_values();
        if (shape::failure(*values_))
            rethrow_operation_failure(shape::failure(*values_), context_.cancelled());
        if (const error_code ec = shape::code(*values_)) throw_operation_error(ec, context_.cancelled());
        return result(std::make_index_sequence<std::tuple_size_v<values> - shape::first_value>());
    }

private:
    template <class Awaiter>
    friend class asio_handler;

    template <std::size_t... I>
    auto result(std::index_sequence<I...>) {
        if constexpr (sizeof...(I) == 1)
            return std::get<shape::first_value>(std::move(*values_));
        else if constexpr (sizeof...(I) > 1)
            return std::make_tuple(std::get<shape::first_value + I>(std::move(*values_))...);
    }

    Operation operation_;
    std::optional<values> values_;
};

template <class T>
struct is_asio_coroutine : std::false_type {};
template <class T, class Executor>
struct is_asio_coroutine<boost::asio::awaitable<T, Executor>> : std::true_type {};

// awaitable<> is excluded first: merely asking for its completion signature is an error in Boost 1.81.
template <class T>
concept asio_operation = !is_asio_coroutine<T>::value && boost::asio::is_async_operation<T>::value;

template <asio_operation Operation>
struct await_bridge<Operation> {
    static constexpr bool available = true;
    template <class O>
    static auto await(O&& operation, task_context& context) {
        using signature = typename boost::asio::completion_signature_of<Operation>::type;
        return asio_awaiter<Operation, signature>(std::forward<O>(operation), context);
    }
};

// An asio::awaitable, started on the task's own executor.
template <class T, class Executor>
class awaitable_operation {
public:
    awaitable_operation(boost::asio::awaitable<T, Executor>&& coroutine,
                        boost::asio::any_io_executor executor)
        : coroutine_(std::move(coroutine)), executor_(std::move(executor)) {}

    template <class Handler>
    void operator()(Handler&& handler) && {
        boost::asio::co_spawn(executor_, std::move(coroutine_), std::forward<Handler>(handler));
    }

private:
    boost::asio::awaitable<T, Executor> coroutine_;
    boost::asio::any_io_executor executor_;
};

template <class T>
struct awaitable_signature {
    using type = void(std::exception_ptr, T);
};
template <>
struct awaitable_signature<void> {
    using type = void(std::exception_ptr);
};

template <class T, class Executor>
struct await_bridge<boost::asio::awaitable<T, Executor>> {
    static constexpr bool available = true;
    static auto await(boost::asio::awaitable<T, Executor>&& coroutine, task_context& context) {
        using operation = awaitable_operation<T, Executor>;
        return asio_awaiter<operation, typename awaitable_signature<T>::type>(
            operation(std::move(coroutine), context.home().executor()), context);
    }
};

class this_executor_operation {
public:
    class awaiter {
    public:
        explicit awaiter(task_context& context) noexcept : context_(context) {}
        bool await_ready() const noexcept { return true; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        boost::asio::any_io_executor await_resume() const { return context_.home().executor(); }

    private:
        task_context& context_;
    };
    this_executor_operation() noexcept {}
    awaiter await_in(task_context& context) const noexcept { return awaiter(context); }
};

// A task on a foreign executor: its scheduler, and what is to be told when it has completed.
class foreign_root;
class foreign_spawn {
public:
    explicit foreign_spawn(const boost::asio::any_io_executor& executor);
    // Begins `work` on the strand. It is destroyed when it has completed, or with the execution context.
    void start(task<> work);
    boost::asio::cancellation_slot slot; // of the completion handler

private:
    std::shared_ptr<foreign_root> root_;
};

template <class T, class Handler>
task<> run_and_complete(task<T> work, Handler handler) {
    std::exception_ptr failure;
    using value = std::conditional_t<std::is_void_v<T>, bool, T>;
    std::optional<value> result;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(work);
            result.emplace(true);
        } else {
            result.emplace(co_await std::move(work));
        }
    } catch (...) {
        failure = std::current_exception();
    }
    work = task<T>(); // its frame goes before the handler is told
    if constexpr (std::is_void_v<T>)
        handler(std::move(failure));
    else
        handler(std::move(failure), result ? std::move(*result) : T());
}

} // namespace detail

// `co_await this_executor()`: the Asio executor of the running task's scheduler, for I/O objects and timers.
//
// A handler of your own may run there, too (`asio::post(executor, f)`, a callback as the completion token).
// It must not throw. What leaves a handler on a runtime's loop, on any of them, ends the process with a
// message that names the exception: there is nobody who waits for it, and the loop's tasks cannot be told. A
// task has somebody who awaits it: `tandem::spawn(executor, task, token)`, or `runtime::spawn`.
[[nodiscard]] inline detail::this_executor_operation this_executor() noexcept {
    return detail::this_executor_operation();
}

// Starts `work` from Asio code, on a strand over `executor`. The token's signature is
// void(std::exception_ptr, T), or void(std::exception_ptr) for task<>. Emitting the token's cancellation
// signal cancels the task. The execution context counts the task as work; destroying the context destroys the
// task. T must be default-constructible (a value to pass along with an exception).
template <class T, class CompletionToken>
auto spawn(const boost::asio::any_io_executor& executor, task<T> work, CompletionToken&& token) {
    using signature = typename detail::awaitable_signature<T>::type;
    return boost::asio::async_initiate<CompletionToken, signature>(
        [executor](auto handler, task<T> t) {
            using handler_type = decltype(handler);
            detail::foreign_spawn spawned(executor);
            spawned.slot = boost::asio::get_associated_cancellation_slot(handler);
            // The handler runs where it wants to run; until then its executor is kept busy.
            auto busy = boost::asio::prefer(boost::asio::get_associated_executor(handler, executor),
                                            boost::asio::execution::outstanding_work.tracked);
            auto complete = [busy = std::move(busy),
                             h = std::make_shared<handler_type>(std::move(handler))](auto... args) mutable {
                // The context that the handler runs on stays until nothing is touched here any more: an Asio
                // context counts `held` as work, and the loop of a task that waits counts this thread.
                std::optional<detail::waking> in_home;
                if constexpr (requires { h->home(); }) in_home.emplace(h->home());
                const auto held = std::move(busy);
                // The slot belongs to the handler's side: it is cleared there, where signals are emitted.
                boost::asio::post(held, [h = std::move(h), ... a = std::move(args)]() mutable {
                    handler_type called = std::move(*h);
                    h.reset();
                    boost::asio::cancellation_slot slot =
                        boost::asio::get_associated_cancellation_slot(called);
                    if (slot.is_connected()) slot.clear();
                    std::move(called)(std::move(a)...);
                });
            };
            spawned.start(detail::run_and_complete(std::move(t), std::move(complete)));
        },
        token, std::move(work));
}

} // namespace tandem
