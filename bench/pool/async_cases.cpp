#include "bench/pool/queue_cases.hpp"

#include <future>
#include <mutex>
#include <utility>

namespace bench {

namespace {

// Every call gets a thread of its own; its future's destructor would wait for it, so they are kept.
class toolkit {
public:
    static constexpr const char* name = "std::async";

    template <class F>
    void post(F f) {
        auto future = std::async(std::launch::async, std::move(f));
        const std::scoped_lock lock(mutex_);
        begun_.push_back(std::move(future));
    }
    template <class F>
    auto submit(F f) {
        return std::async(std::launch::async, std::move(f));
    }

private:
    std::mutex mutex_;
    std::vector<std::future<void>> begun_;
};

} // namespace

void add_async_cases(cases& all) {
    add_queue_cases<toolkit>(all, 2'000, 500);
}

} // namespace bench
