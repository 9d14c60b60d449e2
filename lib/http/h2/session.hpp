// One HTTP/2 connection of the client, which carries many requests side by side (RFC 9113; frames, header
// compression and flow control are nghttp2's).
//
// There is no task that reads on behalf of all: a task that waits for its stream does the work that is at
// hand. One reads the socket, for everybody; one writes; the others stand by (`follower`) and are woken when
// something came for their stream, or when a role is free. Who leaves, because its stream is done, it was
// cancelled, or its time is up, hands its role on. So nothing runs that nobody waits for, a connection that
// is not in use needs no task, and a single request costs the system calls that it costs over HTTP/1.1.
//
//     advance(stream, condition):  until the condition holds, the task is cancelled or its time is up:
//         something to send, nobody writes   -> write (and read, when there is nobody else)
//         nobody reads                       -> read, and hand each frame to its stream
//         otherwise                          -> stand by
//
// Flow control: 1 MiB for each stream, given back as its reader takes the data, so a reader that is slow
// stops its own stream only; that of the connection is given back at once. So at most 1 MiB waits for each
// open response.
//
// A connection on which somebody waits, and from which nothing has come for long, is asked by a PING whether
// it is alive (session_ping.cpp). Whatever comes then is an answer; when nothing does, every stream fails.
//
// Belongs to one scheduler: no locks.
#pragma once

#include "lib/http/h1/limits.hpp"
#include "lib/http/h2/request_fields.hpp"
#include "lib/http/read_buffer.hpp"
#include "lib/net/stream.hpp"

#include <tandem/core/io_result.hpp>
#include <tandem/core/scheduler.hpp>
#include <tandem/core/task.hpp>
#include <tandem/core/wait_list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>

struct nghttp2_session;

namespace tandem::http::h2 {

class client_stream; // lib/http/h2/client_stream.hpp

/// When a silent peer is asked whether it is there, and how long it has to answer. 0: never; for ever.
class ping_times {
public:
    ping_times() noexcept {}
    std::chrono::nanoseconds interval{0};
    std::chrono::nanoseconds timeout{0};
};

class session {
public:
    using clock = scheduler::clock;

    /// Told when more requests can be carried than before, or none any more. Not to destroy the session.
    class owner {
    public:
        virtual void room_changed() noexcept = 0;

    protected:
        ~owner() = default;
    };

    /// `stream` is connected and outlives the session. Sends nothing yet.
    session(net::stream& stream, scheduler& home, const h1::limits& bounds, const ping_times& ping,
            owner& told);
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session(); // every stream must have ended

    /// Whether a new request may begin, but for the number of those there are.
    [[nodiscard]] bool usable() const noexcept;
    /// How many requests the peer takes at a time.
    [[nodiscard]] std::size_t most_streams() const noexcept;
    /// Requests that were given up, but that the peer does not know of yet.
    [[nodiscard]] std::size_t lingering() const noexcept { return lingering_; }

    /// For one that was idle: takes in what has come meanwhile, without waiting.
    void refresh() noexcept;
    /// Lets go of memory that an idle connection should not hold.
    void rest() noexcept;
    /// No request begins any more; those that run go on.
    void retire() noexcept;
    /// Tells the peer that the connection ends, if that is possible without waiting.
    void say_goodbye() noexcept;

private:
    friend class client_stream;
    friend class callbacks;
    class follower;
    class follow;
    class role;
    class departure;
    using condition = bool (*)(const client_stream&);

    class alarm : public timer_node {
    public:
        explicit alarm(session& s) noexcept : timer_node(&session::on_silence), owner(s) {}
        session& owner;
    };

    // Whose task reads, or writes, and what it waits for. Both may be tasks of one stream: what is to be sent
    // and the answer are waited for side by side.
    struct holder {
        client_stream* stream = nullptr;
        condition done = nullptr;

        explicit operator bool() const noexcept { return stream != nullptr; }
        [[nodiscard]] bool has_to_leave() const noexcept;
    };

    // ---- for streams ----
    void open(client_stream& s, const request_fields& fields, bool with_body);
    void resume(client_stream& s) noexcept;
    void taken(client_stream& s, std::size_t bytes) noexcept;
    void leave(client_stream& s) noexcept;
    void wake(client_stream& s) noexcept;
    void expired(client_stream& s) noexcept;
    task<boost::system::error_code> advance(client_stream& s, condition done);
    void flush() noexcept; // what is possible without waiting
    std::uint64_t bytes_received() const noexcept { return bytes_received_; }

    // ---- work ----
    task<> write_out(client_stream& s, condition done);
    task<> read_in(client_stream& s, condition done);
    task<> write_and_read(client_stream& s, condition done);
    void feed() noexcept;
    bool fill() noexcept;
    bool wants_write() const noexcept;
    void interrupt() noexcept;
    [[nodiscard]] bool somebody_has_to_leave() const noexcept;
    void settle(const boost::system::error_code& ec) noexcept;
    void stop_writing() noexcept;
    void look_for_end() noexcept;
    void fail_all(const std::error_code& why, bool silent) noexcept;
    void hand_on() noexcept;

    // ---- whether the peer is there ----
    void listen() noexcept;
    void heard() noexcept {
        heard_at_ = home_.turn_time();
        asked_ = false;
    }
    static void on_silence(timer_node& timer) noexcept;
    void look_for_life() noexcept;

    // ---- told by nghttp2 ----
    client_stream* find(std::int32_t id) noexcept;
    bool count_frame(bool useful) noexcept; // false: too many that are not

    net::stream& stream_;
    scheduler& home_;
    const h1::limits limits_;
    const ping_times ping_;
    owner& owner_;
    nghttp2_session* frames_ = nullptr;
    std::unordered_map<std::int32_t, client_stream*> streams_; // null: given up
    std::size_t lingering_ = 0;

    read_buffer in_;
    std::string out_; // frames on their way, from out_begin_ on
    std::size_t out_begin_ = 0;
    holder reader_;
    holder writer_;
    wait_list followers_;

    std::error_code broken_; // nothing goes on any more
    std::uint32_t sent_goaway_ = 0;
    std::uint32_t received_goaway_ = 0;
    bool draining_ = false; // no new streams
    bool write_failed_ = false;
    bool working_ = false;       // inside of nghttp2
    bool more_to_flush_ = false; // flush() has stopped although the socket had room
    bool flooded_ = false;
    bool interrupted_ = false; // whoever uses the socket lets go of it, because somebody has to leave
    std::uint64_t bytes_received_ = 0;
    alarm silence_{*this};
    bool asked_ = false;         // by a PING, and nothing has come since
    clock::time_point heard_at_; // the last sign of life
    clock::time_point asked_at_;
    std::size_t useless_frames_ = 0;
    clock::time_point useless_since_;
};

} // namespace tandem::http::h2
