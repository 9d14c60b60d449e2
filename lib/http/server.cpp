#include <tandem/http/server.hpp>

#include <tandem/concurrency/shield.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/time_span.hpp>
#include <tandem/sync/event.hpp>

#include "lib/http/server_connection.hpp"
#include "lib/http/server_state.hpp"
#include "lib/net/listener.hpp"

#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

namespace tandem::http {

namespace {

// Cancels a group when its time is up.
class drain_limit final : private timer_node {
public:
    drain_limit(scheduler& home, task_group& group, std::chrono::milliseconds limit) noexcept
        : timer_node(&drain_limit::expired), home_(home), group_(group) {
        home_.arm(*this, later(home_.now(), limit));
    }
    ~drain_limit() { home_.disarm(*this); }

private:
    static void expired(timer_node& timer) noexcept { static_cast<drain_limit&>(timer).group_.cancel(); }

    scheduler& home_;
    task_group& group_;
};

} // namespace

class server::impl {
public:
    impl(server_options settings, handler h) : options(std::move(settings)), handle(std::move(h)) {
        if (!handle) throw std::invalid_argument("server: the handler is empty");
        headers().add("Server", options.server_name()); // throws for one that is not valid
    }

    task<> run();
    task<> accept_all(net::listener& incoming, detail::server_state& state, task_group& connections);

    const server_options options;
    const handler handle;
    net::listening_socket socket;
    std::optional<net::tls_context> tls;
    std::uint16_t port = 0;
    event stop;
    bool serving = false;
    const task_group* group = nullptr; // while serving
};

server::server(server_options options, handler handle)
    : impl_(std::make_unique<impl>(std::move(options), std::move(handle))) {}
server::~server() = default;

void server::listen() {
    impl& self = *impl_;
    if (self.serving || self.socket.is_open()) return;
    if (self.options.is_secure())
        self.tls.emplace(net::tls_context::server(self.options.certificate_file(), self.options.key_file()));
    self.socket = net::listening_socket(self.options.address(), self.options.port());
    self.port = self.socket.port();
}

std::uint16_t server::port() const noexcept {
    return impl_->port;
}

std::string server::url() const {
    if (impl_->port == 0) return std::string();
    std::string host = impl_->options.address();
    if (host == "0.0.0.0") host = "127.0.0.1";
    if (host == "::") host = "::1";
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    return (impl_->options.is_secure() ? "https://" : "http://") + host + ":" + std::to_string(impl_->port);
}

void server::stop() noexcept {
    impl_->stop.set();
}

std::size_t server::connections() const noexcept {
    return impl_->group ? impl_->group->size() : 0;
}

task<> server::serve() {
    impl& self = *impl_;
    task_context& context = *task_context::current();
    if (context.cancelled()) throw operation_cancelled("server: cancelled before it served");
    if (self.serving) throw std::logic_error("server: serve() is called while it serves");
    listen();
    self.serving = true;
    std::exception_ptr failure;
    try {
        auto told = [&self]() noexcept { self.stop.set(); };
        co_await shield(self.run(), told);
    } catch (...) {
        failure = std::current_exception();
    }
    self.serving = false;
    self.stop.reset();
    if (failure) std::rethrow_exception(failure);
    if (context.cancelled()) throw operation_cancelled("server was cancelled and has drained");
}

task<> server::impl::run() {
    scheduler& home = task_context::current()->home();
    net::listener incoming(home, std::move(socket));
    detail::server_state state(home, options, handle, tls ? &*tls : nullptr);
    incoming.on_shortage([&state](std::string_view what) { state.tell(what); });

    // The group must be waited for whatever happens, or its destructor would end the program.
    task_group group_of_connections;
    group = &group_of_connections;
    std::exception_ptr failure;
    try {
        auto ended = co_await when_any(accept_all(incoming, state, group_of_connections), stop.wait());
        if (!ended.get<0>().cancelled()) failure = ended.get<0>().failure();
    } catch (...) {
        failure = std::current_exception();
    }
    incoming.close();
    state.stop();
    {
        const drain_limit limit(home, group_of_connections, options.drain_timeout());
        co_await group_of_connections.wait();
    }
    group = nullptr;
    if (failure) std::rethrow_exception(failure);
}

task<> server::impl::accept_all(net::listener& incoming, detail::server_state& state,
                                task_group& connections_of) {
    for (;;) {
        semaphore_permit permit = co_await state.slots.acquire();
        net::accepted peer = co_await incoming.accept();
        try {
            connections_of.spawn(detail::serve_connection(state, std::move(peer), std::move(permit)));
        } catch (const std::bad_alloc&) {
            state.tell("no memory for a connection: it was closed");
        }
    }
}

} // namespace tandem::http
