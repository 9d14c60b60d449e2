#include <tandem/system/signals.hpp>

#include <tandem/core/error.hpp>

#include "lib/core/descriptor_wait.hpp"

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include <sys/eventfd.h>
#include <unistd.h>

namespace tandem {

namespace {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "used in signal handlers");

constexpr int most_signals = 64;

constexpr std::uint64_t bit_of(int number) noexcept {
    return std::uint64_t{1} << (number - 1);
}

// What the handler sees of a set. All sets are in one list, which the handler walks; the list changes under
// `registry_lock`, which the handler does not take. Instead a set that was unlinked waits until no handler is
// running any more before it goes away.
class listener {
public:
    std::uint64_t mask = 0;
    std::atomic<std::uint64_t> pending{0};
    int fd = -1; // an eventfd; the loop waits for it
    std::atomic<listener*> next{nullptr};
};

constinit std::mutex registry_lock;
constinit std::atomic<listener*> listeners{nullptr};
constinit std::atomic<unsigned> running_handlers{0};
// Guarded by registry_lock.
constinit std::array<int, most_signals> users{};               // sets that name signal i + 1
constinit std::array<struct sigaction, most_signals> before{}; // what was there before the first of them

void tell(int fd) noexcept {
    const std::uint64_t one = 1;
    if (write(fd, &one, sizeof(one)) < 0) {
        // Only when 2^64 - 2 are unread: then it is readable anyway.
    }
}

extern "C" void tandem_on_awaited_signal(int number) {
    const int saved = errno;
    running_handlers.fetch_add(1, std::memory_order_seq_cst);
    for (listener* l = listeners.load(std::memory_order_seq_cst); l;
         l = l->next.load(std::memory_order_seq_cst)) {
        if ((l->mask & bit_of(number)) == 0) continue;
        l->pending.fetch_or(bit_of(number), std::memory_order_release);
        tell(l->fd);
    }
    running_handlers.fetch_sub(1, std::memory_order_release);
    errno = saved;
}

void add_listener(listener& l) noexcept {
    l.next.store(listeners.load(std::memory_order_relaxed), std::memory_order_relaxed);
    listeners.store(&l, std::memory_order_seq_cst);
}

void remove_listener(listener& l) noexcept {
    std::atomic<listener*>* at = &listeners;
    while (at->load(std::memory_order_relaxed) != &l)
        at = &at->load(std::memory_order_relaxed)->next;
    at->store(l.next.load(std::memory_order_relaxed), std::memory_order_seq_cst);
    // One that runs on this thread has returned; one on another thread is short.
    while (running_handlers.load(std::memory_order_seq_cst) != 0)
        std::this_thread::yield();
}

bool catch_signal(int number) noexcept {
    const auto i = static_cast<std::size_t>(number - 1);
    if (users[i] == 0) {
        struct sigaction action = {};
        action.sa_handler = tandem_on_awaited_signal;
        action.sa_flags = SA_RESTART;
        sigemptyset(&action.sa_mask);
        if (sigaction(number, &action, &before[i]) != 0) return false;
    }
    ++users[i];
    return true;
}

void let_go(int number) noexcept {
    const auto i = static_cast<std::size_t>(number - 1);
    if (--users[i] != 0) return;
    // Somebody else may have put a handler over this one, or have restored what was there before it, as a
    // program that ends does: that stays.
    struct sigaction now = {};
    sigaction(number, nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == tandem_on_awaited_signal)
        sigaction(number, &before[i], nullptr);
}

void check_number(int number) {
    const bool fault = number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL;
    if (number < 1 || number > most_signals || number == SIGKILL || number == SIGSTOP || fault)
        throw std::invalid_argument("signal_set: signal " + std::to_string(number) + " cannot be waited for");
}

} // namespace

class signal_set::impl {
public:
    impl(scheduler& home, std::span<const int> numbers) : fd_(home.executor()) {
        for (const int number : numbers) {
            check_number(number);
            listener_.mask |= bit_of(number);
        }
        const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0)
            throw system_error(error_code(errno, boost::system::system_category()), "eventfd for signals");
        listener_.fd = fd;
        boost::system::error_code ec;
        fd_.assign(fd, ec);
        if (ec) {
            close(fd);
            throw system_error(ec, "registering a set of signals with its loop");
        }
        const std::lock_guard lock(registry_lock);
        add_listener(listener_);
        for (std::uint64_t left = listener_.mask; left != 0; left &= left - 1) {
            const int number = std::countr_zero(left) + 1;
            if (catch_signal(number)) continue;
            const int error = errno;
            leave(listener_.mask & (bit_of(number) - 1));
            throw std::invalid_argument(
                "signal_set: signal " + std::to_string(number) +
                " cannot be waited for: " + error_code(error, boost::system::system_category()).message());
        }
    }
    ~impl() {
        const std::lock_guard lock(registry_lock);
        leave(listener_.mask);
    }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;

    task<int> next() {
        task_context& context = *task_context::current();
        if (context.cancelled()) throw operation_cancelled("the wait for a signal was cancelled");
        for (;;) {
            if (const int number = take()) co_return number;
            const boost::system::error_code ec =
                co_await detail::wait_for(fd_, detail::descriptor::wait_read, "signal_set.next");
            if (!ec) continue;
            if (context.cancelled()) throw operation_cancelled("the wait for a signal was cancelled");
            throw system_error(ec, "wait for a signal");
        }
    }

private:
    // Under the lock.
    void leave(std::uint64_t numbers) noexcept {
        for (std::uint64_t left = numbers; left != 0; left &= left - 1)
            let_go(std::countr_zero(left) + 1);
        remove_listener(listener_);
    }

    // 0: there is none.
    int take() noexcept {
        std::uint64_t count = 0;
        if (read(listener_.fd, &count, sizeof(count)) < 0) {
            // Nothing new; something that is left over was told of again.
        }
        const std::uint64_t pending = listener_.pending.load(std::memory_order_acquire);
        if (pending == 0) return 0;
        const int number = std::countr_zero(pending) + 1;
        const std::uint64_t left =
            listener_.pending.fetch_and(~bit_of(number), std::memory_order_acq_rel) & ~bit_of(number);
        if (left != 0) tell(listener_.fd); // for another task that waits
        return number;
    }

    listener listener_;
    detail::descriptor fd_;
};

namespace {

scheduler& home_of_set() {
    task_context* const context = task_context::current();
    if (!context) throw std::logic_error("a signal_set is made inside a task");
    return context->home();
}

} // namespace

signal_set::signal_set(std::span<const int> numbers)
    : impl_(std::make_unique<impl>(home_of_set(), numbers)) {}
signal_set::~signal_set() = default;
signal_set::signal_set(signal_set&&) noexcept = default;

task<int> signal_set::next() {
    return impl_->next();
}

} // namespace tandem
