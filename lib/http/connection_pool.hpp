// The connections of one client: at most so many for each origin, so many in all, idle ones kept for a while.
//
// A waiter gets either a connection that another request has just finished with, or the right to open one: a
// `connection` whose stream is not open. Waiters of an origin are served first come, first served. Origins
// that could go on but for the total limit take turns; as long as one of them waits nothing is kept idle.
//
// HTTP/2. A connection that speaks it is leased to many at a time, as many as the peer allows. Where it may
// be spoken (`settings::expects_http2`) a first connection is opened alone: who comes meanwhile waits until
// it is known what it speaks, because then it serves them too. Over HTTP/2 an origin gets a second connection
// only when the first takes no more requests at all (GOAWAY); those beyond its number of streams wait their
// turn. `lease::agree` says what a new connection speaks.
//
// Invariants: open_ = sum of in_use and idle over all origins <= total; in_use + idle <= per_host for each
// origin; an origin with waiters and room (in_use < per_host, and no connection that it waits for because of
// HTTP/2) is in turns_, and then open_ == total and nothing is idle.
//
// All of it belongs to one scheduler: no locks.
#pragma once

#include "lib/http/connection.hpp"
#include "lib/http/h2/client_stream.hpp"

#include <tandem/core/wait_list.hpp>
#include <tandem/http/http2.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tandem::http {

/// What the pool knows about one scheme, host and port.
class pool_origin {
public:
    pool_origin() = default;

private:
    friend class connection_pool;
    std::string_view key_; // of the map
    std::size_t in_use_ = 0;
    std::vector<std::unique_ptr<connection>> idle_;   // oldest first
    std::vector<std::unique_ptr<connection>> shared_; // of HTTP/2, in use
    bool expects_http2_ = false;
    bool agreeing_ = false; // one of those in use is being opened, alone
    wait_list waiters_;
    bool in_turn_ = false;
    unsigned pins_ = 0; // somebody up the call stack uses it: it must not be forgotten
};

class connection_pool : private timer_node {
public:
    using clock = scheduler::clock;

    class settings {
    public:
        settings() noexcept {}
        std::size_t per_host = 6;
        std::size_t total = 100;
        std::chrono::nanoseconds idle_timeout = std::chrono::seconds(15); // 0: no limit
        std::chrono::nanoseconds max_age{0};                              // 0: no limit
        h1::limits response_limits;
        http2_use http2 = http2_use::off;
        h2::ping_times http2_ping;
    };

    explicit connection_pool(const settings& s) : timer_node(&connection_pool::on_timer), settings_(s) {}
    connection_pool(const connection_pool&) = delete;
    connection_pool& operator=(const connection_pool&) = delete;
    ~connection_pool(); // every lease must have ended

    /// The use of one connection, of HTTP/1.1 an exclusive one, for one request at a time. Destroyed or
    /// reset: a connection of HTTP/1.1 is closed; of HTTP/2 the stream is.
    class lease {
    public:
        lease() noexcept {}
        lease(connection_pool& pool, connection& held) noexcept : pool_(&pool), held_(&held) {}
        lease(lease&& other) noexcept
            : pool_(other.pool_), held_(std::exchange(other.held_, nullptr)),
              stream_(std::move(other.stream_)) {}
        lease& operator=(lease&& other) noexcept {
            if (this != &other) {
                reset();
                pool_ = other.pool_;
                held_ = std::exchange(other.held_, nullptr);
                stream_ = std::move(other.stream_);
            }
            return *this;
        }
        ~lease() { reset(); }

        explicit operator bool() const noexcept { return held_ != nullptr; }
        connection& operator*() const noexcept { return *held_; }
        connection* operator->() const noexcept { return held_; }

        /// For the one who has opened the connection.
        void agree(bool http2) { pool_->agree(*held_, http2); }

        /// What a new request travels by.
        transport& begin() {
            if (!held_->http2) return held_->http1;
            stream_ = nullptr;
            stream_ = std::make_unique<h2::client_stream>(*held_->http2);
            return *stream_;
        }

        void reset() noexcept { end(false); }
        /// Gives a connection back that can carry another request.
        void keep() noexcept { end(true); }

    private:
        void end(bool keep) noexcept {
            stream_ = nullptr;
            if (held_) pool_->give_back(std::exchange(held_, nullptr), keep);
        }

        connection_pool* pool_ = nullptr;
        connection* held_ = nullptr; // its own, unless it is shared
        std::unique_ptr<h2::client_stream> stream_;
    };

    class acquire_awaiter;
    class acquire_operation;

    /// A lease that need not be waited for, or an empty one.
    [[nodiscard]] lease try_acquire(std::string_view origin);

    /// Waits for a connection to `origin` (its text is copied where it must last), until `deadline`; an empty
    /// lease when that has passed. Cancellation: leaves the queue, throws operation_cancelled.
    [[nodiscard]] acquire_operation acquire(std::string_view origin, clock::time_point deadline) noexcept;

    void close_idle() noexcept;

    /// Binds the pool to `home`, where all of its tasks run; false while it is bound to another.
    bool bind(scheduler& home) noexcept;

    [[nodiscard]] std::size_t in_use() const noexcept { return open_ - idle_count_; }
    [[nodiscard]] std::size_t idle() const noexcept { return idle_count_; }
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
    [[nodiscard]] std::size_t origins() const noexcept { return origins_.size(); }

private:
    class key_hash {
    public:
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>()(text);
        }
    };

    pool_origin& origin_of(std::string_view key);
    friend class connection;

    connection* take(pool_origin& origin);
    bool usable(connection& idle, clock::time_point now) noexcept;
    bool aged(const connection& c) const noexcept;
    connection* take_shared(pool_origin& origin) noexcept;
    connection* use(pool_origin& origin, std::unique_ptr<connection> held) noexcept;
    void give_back(connection* held, bool keep) noexcept;
    std::unique_ptr<connection> end_use(connection& held) noexcept;
    void agree(connection& held, bool http2);
    void agreed(connection& held) noexcept;
    void serve(pool_origin& origin) noexcept;
    bool may_open(const pool_origin& origin) const noexcept;
    bool has_room(const pool_origin& origin) const noexcept;
    void keep_idle(std::unique_ptr<connection> held) noexcept;
    void serve() noexcept;
    void enter_turns(pool_origin& origin) noexcept;
    pool_origin* next_turn() noexcept;
    void grant(pool_origin& origin, connection* held) noexcept;
    void leave(pool_origin& origin, waiter& w) noexcept;
    void forget_if_unused(pool_origin& origin) noexcept;
    void unlink_idle(connection& c) noexcept;
    void close_oldest_idle() noexcept;
    void close_expired(clock::time_point now) noexcept;
    class pin;
    void arm_timer() noexcept;
    static void on_timer(timer_node& timer) noexcept;

    settings settings_;
    scheduler* home_ = nullptr;
    std::unordered_map<std::string, pool_origin, key_hash, std::equal_to<>> origins_;
    std::deque<pool_origin*> turns_;
    connection* oldest_idle_ = nullptr;
    connection* newest_idle_ = nullptr;
    std::size_t open_ = 0;
    std::size_t idle_count_ = 0;
    std::size_t waiting_ = 0;
};

class connection_pool::acquire_awaiter : private waiter, private cancel_hook, private timer_node {
public:
    acquire_awaiter(connection_pool& pool, std::string_view origin, clock::time_point deadline,
                    task_context& context) noexcept
        : waiter(context), cancel_hook(&acquire_awaiter::on_cancel), timer_node(&acquire_awaiter::on_time),
          pool_(pool), key_(origin), deadline_(deadline) {}
    ~acquire_awaiter();

    bool await_ready();
    void await_suspend(std::coroutine_handle<> at);
    lease await_resume();

private:
    friend class connection_pool;
    static void on_cancel(cancel_hook& hook) noexcept;
    static void on_time(timer_node& timer) noexcept;
    void give_up() noexcept;

    connection_pool& pool_;
    std::string_view key_;
    clock::time_point deadline_;
    pool_origin* origin_ = nullptr;
    connection* granted_ = nullptr;
    bool cancelled_ = false;
};

class connection_pool::acquire_operation {
public:
    acquire_operation(connection_pool& pool, std::string_view origin, clock::time_point deadline) noexcept
        : pool_(pool), origin_(origin), deadline_(deadline) {}
    acquire_awaiter await_in(task_context& context) const noexcept {
        return acquire_awaiter(pool_, origin_, deadline_, context);
    }

private:
    connection_pool& pool_;
    std::string_view origin_;
    clock::time_point deadline_;
};

inline connection_pool::acquire_operation connection_pool::acquire(std::string_view origin,
                                                                   clock::time_point deadline) noexcept {
    return acquire_operation(*this, origin, deadline);
}

} // namespace tandem::http
