// `co_await wait_for(descriptor, ...)`: waits until a descriptor (a socket, a pipe, a pidfd ...) is ready, on
// the task's home scheduler.
//
// Yields an error_code: none when ready; operation_aborted when the task was cancelled or the wait was
// cancelled on the descriptor. No allocation: the reactor's operation lives in the awaiting frame.
#pragma once

#include <tandem/asio.hpp>
#include <tandem/core/context.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <coroutine>
#include <utility>

namespace tandem::detail {

using descriptor = boost::asio::posix::stream_descriptor;

class wait_awaiter : private cancel_hook {
public:
    wait_awaiter(descriptor& fd, descriptor::wait_type what, const char* operation,
                 task_context& context) noexcept
        : cancel_hook(&wait_awaiter::on_cancel), fd_(fd), what_(what), operation_(operation),
          context_(context) {}

    bool await_ready() noexcept {
        if (context_.cancelled()) result_ = boost::asio::error::operation_aborted;
        return context_.cancelled();
    }
    void await_suspend(std::coroutine_handle<> at) {
        context_.suspend(at, this, operation_);
        context_.home().operation_started();
        fd_.async_wait(what_, handler(*this));
    }
    boost::system::error_code await_resume() const noexcept { return result_; }

private:
    // Has no executor of its own: it runs where the descriptor's does, which is the task's home.
    class handler {
    public:
        using allocator_type = operation_allocator<void>;
        using cancellation_slot_type = boost::asio::cancellation_slot;

        explicit handler(wait_awaiter& awaiter) noexcept : awaiter_(&awaiter) {}
        handler(handler&& other) noexcept : awaiter_(std::exchange(other.awaiter_, nullptr)) {}
        handler& operator=(handler&&) = delete;
        ~handler() {
            if (!awaiter_) return;
            scheduler& home = awaiter_->context_.home();
            if (home.operation_dropped()) home.destroy_tasks();
        }

        allocator_type get_allocator() const noexcept { return allocator_type(awaiter_->memory_); }
        cancellation_slot_type get_cancellation_slot() const noexcept { return awaiter_->signal_.slot(); }

        void operator()(const boost::system::error_code& ec) {
            wait_awaiter& awaiter = *std::exchange(awaiter_, nullptr);
            awaiter.result_ = ec;
            awaiter.context_.home().operation_finished();
            awaiter.context_.resume_now();
        }

    private:
        wait_awaiter* awaiter_;
    };

    static void on_cancel(cancel_hook& hook) noexcept {
        static_cast<wait_awaiter&>(hook).signal_.emit(boost::asio::cancellation_type::all);
    }

    descriptor& fd_;
    descriptor::wait_type what_;
    const char* operation_;
    task_context& context_;
    boost::asio::cancellation_signal signal_;
    operation_memory memory_;
    boost::system::error_code result_;
};

class wait_operation {
public:
    wait_operation(descriptor& fd, descriptor::wait_type what, const char* operation) noexcept
        : fd_(fd), what_(what), operation_(operation) {}
    wait_awaiter await_in(task_context& context) const noexcept {
        return wait_awaiter(fd_, what_, operation_, context);
    }

private:
    descriptor& fd_;
    descriptor::wait_type what_;
    const char* operation_;
};

// `operation`: a literal, for people.
[[nodiscard]] inline wait_operation wait_for(descriptor& fd, descriptor::wait_type what,
                                             const char* operation) noexcept {
    return wait_operation(fd, what, operation);
}

} // namespace tandem::detail
