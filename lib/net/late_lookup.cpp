#include "lib/net/late_lookup.hpp"

#include <coroutine>

namespace tandem::net {

namespace {

// A test's clock does not stand meanwhile, as it does for an answer: whoever waits here does other things,
// too.
class late_awaiter : private waiter, private cancel_hook {
public:
    late_awaiter(const late_lookup& rest, task_context& context) noexcept
        : waiter(context), cancel_hook(&late_awaiter::on_cancel), rest_(rest) {}
    ~late_awaiter() {
        {
            const resolver::core::section locked(*rest_.core);
            if (linked()) rest_.core->leave_late(*rest_.asked,
                                                 *this); // only when everything is torn down
        }
        if (context().home().torn_down()) wait_for_waker();
    }

    bool await_ready() noexcept { return cancelled_ = context().cancelled(); }

    bool await_suspend(std::coroutine_handle<> at) {
        const resolver::core::section locked(*rest_.core);
        if (rest_.asked->open == 0) {
            if (context().spend()) return false;
            context().requeue(at);
            return true;
        }
        rest_.core->enter_late(*rest_.asked, *this);
        context().suspend(at, this, "resolve");
        return true;
    }

    std::vector<ip_address> await_resume() {
        if (cancelled_) return std::vector<ip_address>();
        const resolver::core::section locked(*rest_.core);
        return rest_.asked->addresses;
    }

private:
    static void on_cancel(cancel_hook& hook) noexcept {
        auto& self = static_cast<late_awaiter&>(hook);
        {
            const resolver::core::section locked(*self.rest_.core);
            if (!self.linked()) return; // the reply has just come
            self.cancelled_ = true;
            self.rest_.core->leave_late(*self.rest_.asked, self);
        }
        self.wake(); // the last touch; on its own scheduler
    }

    const late_lookup& rest_;
    bool cancelled_ = false;
};

class late_operation {
public:
    explicit late_operation(const late_lookup& rest) noexcept : rest_(rest) {}
    late_awaiter await_in(task_context& context) const noexcept { return late_awaiter(rest_, context); }

private:
    const late_lookup& rest_;
};

} // namespace

task<std::vector<ip_address>> late_addresses(std::shared_ptr<late_lookup> rest) {
    const late_operation wait(*rest);
    std::vector<ip_address> all = co_await wait;
    co_return all;
}

} // namespace tandem::net
