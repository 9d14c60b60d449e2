// What one awaited Asio operation needs while it is under way: memory, the signal that cancels it, and the
// agreement between who awaits it and its handler. Internal to tandem/asio.hpp.
#pragma once

#include <tandem/core/detail/frame_pool.hpp>
#include <tandem/core/detail/memory_allocator.hpp>
#include <tandem/core/scheduler.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <atomic>
#include <cstddef>
#include <new>

namespace tandem::detail {

// Memory for one operation at a time; what does not fit goes to the heap.
class operation_memory {
public:
    void* allocate(std::size_t size) {
        if (!used_ && size <= sizeof(storage_)) {
            used_ = true;
            return storage_;
        }
        return ::operator new(size);
    }
    void deallocate(void* memory) noexcept {
        if (memory == storage_)
            used_ = false;
        else
            ::operator delete(memory);
    }

private:
    alignas(std::max_align_t) unsigned char storage_[320];
    bool used_ = false;
};

template <class T>
using operation_allocator = memory_allocator<T, operation_memory>;

class asio_awaiter_base;

// What an operation refers to while its handler is in being. It has two owners, the awaiter and the handler,
// and lives in a block of its own (recycled as frames are), which goes with the later of them: a runtime may
// be destroyed, and the awaiting frame with it, while another execution context still holds the handler. That
// one then finds here that nobody awaits it any more.
class operation_in_flight {
public:
    static operation_in_flight& make(asio_awaiter_base& awaiter, scheduler& home) {
        return *::new (allocate_frame(sizeof(operation_in_flight))) operation_in_flight(awaiter, home);
    }

    // For the handler, when it is called or destroyed: whether somebody awaits it. If so, then `told` is the
    // end of its use of the awaiter, of the scheduler and of this; at home it comes before the task goes on.
    // If not, this is gone.
    bool begin_telling(bool at_home) noexcept {
        stage expected = stage::pending;
        if (at_home) { // where frames are destroyed, too
            if (stage_.load(std::memory_order_relaxed) == stage::pending) return true;
        } else if (stage_.compare_exchange_strong(expected, stage::telling, std::memory_order_acquire)) {
            return true;
        }
        destroy();
        return false;
    }
    void told(bool at_home) noexcept {
        if (at_home)
            stage_.store(stage::over, std::memory_order_relaxed);
        else if (stage_.exchange(stage::over, std::memory_order_acq_rel) == stage::left)
            destroy();
    }

    // For the awaiter: whether the handler was neither called nor destroyed yet.
    bool pending() const noexcept { return stage_.load(std::memory_order_acquire) == stage::pending; }

    // For the awaiter, once it has been told: the handler may not be through with `told`, elsewhere.
    void finish() noexcept {
        if (stage_.load(std::memory_order_acquire) == stage::over ||
            stage_.exchange(stage::left, std::memory_order_acq_rel) == stage::over)
            destroy();
    }

    // For the awaiter, that is destroyed while it waits. True: the handler is still held somewhere.
    bool leave() noexcept;

    scheduler& home;
    asio_awaiter_base& awaiter;
    boost::asio::cancellation_signal signal;
    operation_memory memory;

private:
    enum class stage : unsigned char {
        pending, // the handler is in being, and awaited
        telling, // the handler tells the awaiter, on a thread that is not the home's
        over,    // the handler is gone
        left     // the awaiter is gone
    };

    operation_in_flight(asio_awaiter_base& a, scheduler& h) noexcept : home(h), awaiter(a) {}
    void destroy() noexcept {
        this->~operation_in_flight();
        deallocate_frame(this, sizeof(operation_in_flight));
    }

    std::atomic<stage> stage_{stage::pending};
};

} // namespace tandem::detail
