#include "lib/observe/thread_probe.hpp"

#include "lib/core/async_stack.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <semaphore.h>

namespace tandem::detail {

namespace {

constexpr int probe_signal = SIGURG;
constexpr int most_native = 48;
constexpr int handler_frames = 2; // the handler's own and the kernel's trampoline

enum class phase { idle, wanted, writing, written };

class mailbox {
public:
    mailbox() { sem_init(&answered, 0, 0); }
    std::atomic<phase> state{phase::idle};
    std::atomic<pthread_t> thread{};
    running_task task; // the writer's while `writing`, the reader's afterwards
    std::array<void*, most_native> native{};
    int native_count = 0;
    sem_t answered;
    struct sigaction before = {}; // of the signal, to pass on what is not for us
};

mailbox& box() {
    static mailbox& only = *new mailbox; // never destroyed: a late signal may come at any time
    return only;
}
std::atomic<mailbox*> installed{nullptr};

void pass_on(const mailbox& m, int number, siginfo_t* info, void* context) {
    if ((m.before.sa_flags & SA_SIGINFO) != 0) {
        if (m.before.sa_sigaction) m.before.sa_sigaction(number, info, context);
    } else if (m.before.sa_handler != SIG_DFL && m.before.sa_handler != SIG_IGN) {
        m.before.sa_handler(number);
    }
}

extern "C" void tandem_on_probe(int number, siginfo_t* info, void* context) {
    const int saved = errno;
    mailbox& m = *installed.load(std::memory_order_acquire);
    phase wanted = phase::wanted;
    if (pthread_equal(m.thread.load(std::memory_order_seq_cst), pthread_self()) &&
        m.state.compare_exchange_strong(wanted, phase::writing, std::memory_order_acq_rel)) {
        task_registry::look(m.task);
        m.native_count = backtrace(m.native.data(), most_native);
        m.state.store(phase::written, std::memory_order_release);
        sem_post(&m.answered);
    } else {
        pass_on(m, number, info, context);
    }
    errno = saved;
}

void install(mailbox& m) {
    if (installed.load(std::memory_order_relaxed)) return;
    std::array<void*, 1> first{};
    static_cast<void>(backtrace(first.data(), 1)); // loads what it needs now, and not in the handler
    installed.store(&m, std::memory_order_release);
    struct sigaction action = {};
    action.sa_sigaction = tandem_on_probe;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(probe_signal, &action, &m.before);
}

// False when nothing came in time.
bool wait_for_answer(mailbox& m) {
    constexpr long limit_ns = 200'000'000;
    timespec until = {};
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += limit_ns;
    if (until.tv_nsec >= 1'000'000'000) {
        until.tv_nsec -= 1'000'000'000;
        ++until.tv_sec;
    }
    while (sem_timedwait(&m.answered, &until) != 0) {
        if (errno == EINTR) continue;
        phase wanted = phase::wanted;
        if (m.state.compare_exchange_strong(wanted, phase::idle, std::memory_order_acq_rel)) return false;
        while (sem_wait(&m.answered) != 0) { // it is just being written
        }
        break;
    }
    return true;
}

} // namespace

std::optional<thread_state> probe(loop& target) {
    static std::mutex& one_at_a_time = *new std::mutex;
    const std::lock_guard lock(one_at_a_time);
    mailbox& m = box();
    install(m);
    m.state.store(phase::wanted, std::memory_order_release);
    if (!target.interrupt(probe_signal, m.thread) || !wait_for_answer(m)) {
        m.state.store(phase::idle, std::memory_order_release);
        return std::nullopt;
    }
    std::optional<thread_state> seen(std::in_place);
    if (m.state.load(std::memory_order_acquire) == phase::written) {
        seen->task = m.task;
        for (int i = handler_frames; i < m.native_count; ++i)
            seen->native.push_back(m.native[static_cast<std::size_t>(i)]);
    }
    m.state.store(phase::idle, std::memory_order_release);
    return seen;
}

std::vector<std::string> symbols(const std::vector<void*>& addresses) {
    std::vector<std::string> lines;
    for (void* const address : addresses) {
        Dl_info info = {};
        std::string line;
        std::array<char, 32> offset{};
        if (dladdr(address, &info) != 0 && info.dli_fname) {
            if (info.dli_sname) {
                int status = 0;
                char* const plain = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
                line = plain ? plain : info.dli_sname;
                std::free(plain);
                line += ' ';
            }
            const auto base = reinterpret_cast<std::uintptr_t>(info.dli_fbase);
            std::snprintf(offset.data(), offset.size(), "+0x%jx)",
                          static_cast<std::uintmax_t>(reinterpret_cast<std::uintptr_t>(address) - base));
            line.append("(").append(info.dli_fname).append(offset.data());
        } else {
            std::snprintf(offset.data(), offset.size(), "%p", address);
            line = offset.data();
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

std::vector<task_frame> frames_of(const std::source_location* places, std::size_t count) {
    std::vector<task_frame> frames;
    for (std::size_t i = 0; i < count; ++i)
        frames.emplace_back(tidy_function_name(places[i].function_name()), places[i].file_name(),
                            places[i].line());
    return frames;
}

} // namespace tandem::detail
