// What a loop knows of its sockets: which of them can be read or written, without asking the kernel.
//
// Each socket is registered once, edge-triggered, with an epoll set of the loop's own. The kernel tells when
// a socket becomes ready; that it is no longer so, who reads and writes tells (`used_up`). So a wait is a
// look at a flag or a place in a list: no system call, no lock, no allocation. (Asio's `async_wait` is one
// epoll_ctl for every wait.)
//
//     sockets --> the loop's set --> Asio's set --> the loop's thread sleeps here
//
// The set is itself a descriptor, which Asio watches: so everything else that Asio does goes on beside it,
// and the loop sleeps in one place. A batch of events costs three system calls, however many sockets it is
// about: Asio's wait, the look at the set, and the next `arm`.
//
// Only on Linux, and only for loops of a runtime: elsewhere `of` finds none, and who waits uses Asio
// (descriptor_wait.hpp).
#pragma once

#include <tandem/asio.hpp>
#include <tandem/core/context.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace tandem::detail {

class loop;
class readiness;
class readiness_set;

enum class direction : unsigned char { read, write };

// What is known of one socket; the place where tasks wait for it. Belongs to its scheduler. Where it is
// registered it stays at its address, and the socket stays open.
class readiness {
public:
    explicit readiness(scheduler& home) noexcept : home_(home) {}
    readiness(const readiness&) = delete;
    readiness& operator=(const readiness&) = delete;
    ~readiness() { remove(); }

    // Registers `fd` with `set`. `short_reads_tell`: a read that gave less than was asked for means that
    // there is nothing more, as with TCP. (A Unix socket also ends a read where the sender's credentials
    // change.)
    boost::system::error_code add(readiness_set& set, int fd, bool short_reads_tell) noexcept;
    // Before the socket is closed, and explicitly: closing would not do it if another process still had the
    // socket, a child that has not come to exec yet.
    void remove() noexcept;
    bool registered() const noexcept { return set_ != nullptr; }

    // Whether a call is worth while. True may be out of date; false is true as of the loop's last look.
    bool ready(direction what) const noexcept { return ready_[index(what)]; }

    // A call said EAGAIN: the next edge will tell.
    void used_up(direction what) noexcept { ready_[index(what)] = false; }
    // What recv of `asked` bytes returned; errno is as it left it. `asked` is 0 for one that takes nothing.
    void received(ssize_t got, std::size_t asked) noexcept {
        if (got < 0 && errno == EAGAIN) used_up(direction::read);
        // At the end of the stream, after an error and before urgent data there is more to come, of which no
        // edge will tell.
        if (got >= 0 && static_cast<std::size_t>(got) < asked && short_reads_tell_) used_up(direction::read);
    }
    // What send returned.
    void sent(ssize_t put) noexcept {
        if (put < 0 && errno == EAGAIN) used_up(direction::write);
    }

    // Ends the waits with operation_aborted. Resumes nobody inside the call.
    void cancel() noexcept;

    // Waits until ready; an error_code as `wait_for` (descriptor_wait.hpp) gives. A reader may go on at once,
    // within the task's budget; a writer gives way in any case.
    class wait_operation;
    wait_operation wait(direction what, const char* operation) noexcept;

private:
    friend class readiness_set;
    class awaiter;

    static constexpr std::size_t index(direction what) noexcept { return static_cast<std::size_t>(what); }
    void report(std::uint32_t events) noexcept;
    void become_ready(direction what) noexcept;
    void end_waits(direction what, boost::system::error_code result) noexcept;
    boost::system::error_code watch_writable() noexcept;

    scheduler& home_;
    readiness_set* set_ = nullptr;
    int fd_ = -1;
    bool ready_[2] = {false, true}; // a new socket can be written as a rule; the first EAGAIN tells otherwise
    bool short_reads_tell_ = false;
    bool watches_writable_ = false;
    awaiter* waiting_[2] = {nullptr, nullptr};
};

class readiness_set {
public:
    // `memory`, of the one wait that Asio holds, lives longer than `io`.
    readiness_set(loop& owner, boost::asio::io_context& io, operation_memory& memory);
    readiness_set(const readiness_set&) = delete;
    readiness_set& operator=(const readiness_set&) = delete;

    // That of a runtime's loop on Linux, else nullptr.
    static readiness_set* of(scheduler& home) noexcept;

    // Has Asio look at the set, once, until it has something to tell: then the tasks that waited for it are
    // queued. Costs an epoll_ctl; nothing when that is under way already, or there never was a socket.
    void arm() noexcept;

private:
    friend class readiness;
    using watched = boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

    class handler;

    boost::system::error_code open() noexcept; // at the first socket
    // Reads a batch of events and queues the tasks that waited for them. Runs none of them: no socket goes
    // away meanwhile.
    void collect() noexcept;

    loop& owner_;
    operation_memory& memory_;
    watched watched_;
    bool armed_ = false;
};

class readiness::awaiter : private cancel_hook {
public:
    awaiter(readiness& socket, direction what, const char* operation, task_context& context) noexcept
        : cancel_hook(&awaiter::on_cancel), socket_(socket), what_(what), operation_(operation),
          context_(context) {}

    bool await_ready() noexcept {
        if (context_.cancelled()) {
            result_ = boost::asio::error::operation_aborted;
            return true;
        }
        // Who waits to write has just written: others get their turn.
        return what_ == direction::read && socket_.ready(what_) && context_.spend();
    }
    void await_suspend(std::coroutine_handle<> at) noexcept;
    boost::system::error_code await_resume() const noexcept { return result_; }

private:
    friend class readiness;

    static void on_cancel(cancel_hook& hook) noexcept;
    void wake(boost::system::error_code result) noexcept;

    readiness& socket_;
    direction what_;
    bool waiting_ = false; // in the socket's list
    const char* operation_;
    task_context& context_;
    awaiter* next_ = nullptr;
    boost::system::error_code result_;
};

class readiness::wait_operation {
public:
    wait_operation(readiness& socket, direction what, const char* operation) noexcept
        : socket_(socket), what_(what), operation_(operation) {}
    awaiter await_in(task_context& context) const noexcept {
        return awaiter(socket_, what_, operation_, context);
    }

private:
    readiness& socket_;
    direction what_;
    const char* operation_;
};

// `operation`: a literal, for people.
inline readiness::wait_operation readiness::wait(direction what, const char* operation) noexcept {
    return wait_operation(*this, what, operation);
}

} // namespace tandem::detail
