// One connection of a server: read a request, await the handler, write the response, again.
#pragma once

#include <tandem/core/io_result.hpp>
#include <tandem/core/task.hpp>
#include <tandem/http/server.hpp>
#include <tandem/sync/semaphore.hpp>

#include "lib/http/h1/reader.hpp"
#include "lib/http/server_state.hpp"
#include "lib/net/listener.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace tandem::http::detail {

// Bytes that came and were not read yet. Starts small, since most requests are and many connections wait.
class input_buffer {
public:
    std::string_view unread() const noexcept { return {memory_.get() + begin_, end_ - begin_}; }
    bool empty() const noexcept { return begin_ == end_; }
    void drop(std::size_t n) noexcept {
        begin_ += n;
        if (begin_ == end_) begin_ = end_ = 0;
    }

    // Room for more: at least one byte, as long as fewer than `most` bytes are unread.
    void make_room(std::size_t most);
    char* room() noexcept { return memory_.get() + end_; }
    std::size_t room_size() const noexcept { return capacity_ - end_; }
    void filled(std::size_t n) noexcept { end_ += n; }

    // Lets go of what an idle connection does not need.
    void shrink() noexcept;

private:
    static constexpr std::size_t first_size = 4 * 1024;

    std::unique_ptr<char[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

// Made and run inside the connection's own task.
class server_connection {
public:
    server_connection(server_state& state, net::accepted peer);
    server_connection(const server_connection&) = delete;
    server_connection& operator=(const server_connection&) = delete;
    ~server_connection() { state_.remove(*this); }

    // Serves until either side ends the connection. Returns, also when cancelled; throws only what
    // should not happen (memory exhausted).
    task<> run();

private:
    friend class server_state;

    enum class reading {
        complete, // a request is there
        refused,  // answer `refusal_` and close
        ended,    // nobody to answer
    };
    enum class phase { idle, head, body };
    // For what the peer is waited for, where the server's end may cut it short.
    enum class wait { none, handshake, silence };

    void end_if_idle() noexcept; // when the server stops

    void limit_time(std::chrono::milliseconds limit) noexcept;
    task<reading> read_request();
    task<reading> read_more(phase now);
    task<bool> say_continue();
    server_request take_request();

    task<bool> call_handler();
    task<bool> respond(bool keep);
    bool write_head(bool keep);
    task<bool> write_all(std::string_view data);
    task<> linger();
    void reset() noexcept;

    server_state& state_;
    net::stream stream_;
    std::string peer_address_;
    std::uint16_t peer_port_;

    input_buffer input_;
    h1::request_reader reader_;
    std::string body_;
    std::string output_;
    server_response response_;
    http::method answered_ = http::method::get; // what the response in progress answers
    int refusal_ = 0;
    bool first_request_ = true;
    wait waiting_ = wait::none;

    server_connection* next_ = nullptr; // of server_state's list
    server_connection* prev_ = nullptr;
};

// A connection from beginning to end. Never throws.
task<> serve_connection(server_state& state, net::accepted peer, semaphore_permit permit);

} // namespace tandem::http::detail
