// A chat over TCP: whoever connects says a name, then every line goes to everybody (to its author, too).
//
//     chat_server --port 7000 [--address 0.0.0.0]     until Ctrl-C; talk to it with `nc localhost 7000`
//     chat_server                                     a self-test with a few clients, which ends by itself
//
// The lines go through a `broadcast`, whose sender never waits: a client that reads too slowly does not hold
// up the others; it loses lines, and is told how many. Everything has a limit, and what a client sends is
// made harmless before anybody's terminal sees it. Ctrl-C drains: no more guests, the lines that were said
// are delivered, everybody is told goodbye; after five seconds those who still have not read are cut off.
#include <tandem/asio.hpp>
#include <tandem/tandem.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

const char* const usage =
    "usage: chat_server [--port N] [--address A]\n"
    "A chat over TCP: whoever connects says a name, then every line goes to everybody.\n"
    "\n"
    "  --port N       0, the default, takes a free one; it is printed\n"
    "  --address A    where to listen (127.0.0.1); 0.0.0.0 for everybody\n"
    "  --help         this text\n"
    "\n"
    "  chat_server --port 7000 &\n"
    "  nc localhost 7000\n"
    "\n"
    "Ctrl-C drains: the lines that were said are delivered, for at most 5 s. Without arguments: a\n"
    "self-test with a few clients, which ends by itself. Exit codes: 0, 1 when it cannot listen there\n"
    "or the self-test fails, 2 usage, 130 after Ctrl-C.\n";

class limits {
public:
    limits() {}
    std::size_t clients = 100;            // further ones are sent away
    std::size_t line_bytes = 1000;        // a longer one ends the connection
    std::size_t backlog = 64;             // lines kept for a client that is slow
    std::uint64_t lines_per_second = 20;  // of one client; it is slowed down, not cut off
    std::chrono::seconds idle = 600s;     // without a line
    std::chrono::seconds write = 60s;     // for a client to take one line
    std::chrono::milliseconds drain = 5s; // after Ctrl-C
    int send_buffer = 32 * 1024;          // of a connection, in the kernel
};

class chat {
public:
    explicit chat(const limits& l) : limit(l), lines(l.backlog) {}
    // Ends the accepting, and the connections once they have got what was said. On the chat's loop.
    void stop() noexcept {
        stopping.set();
        lines.close();
    }

    const limits limit;
    tandem::broadcast<std::string> lines;
    tandem::event stopping;
    std::set<std::string> names; // of one loop: needs no lock
};

// Valid UTF-8 without control characters, and without those that turn the direction of the text around;
// every byte that is part of something else becomes a '?'.
std::string harmless(std::string_view text) {
    std::string clean;
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = lead < 0x80       ? 1
                                   : lead >> 5 == 6  ? 2
                                   : lead >> 4 == 14 ? 3
                                   : lead >> 3 == 30 ? 4
                                                     : 0;
        char32_t point = length < 2 ? lead : lead & (0x7FU >> length);
        bool good = length > 0 && i + length <= text.size();
        for (std::size_t k = 1; good && k < length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            good = next >> 6 == 2;
            point = point << 6 | (next & 0x3FU);
        }
        const char32_t least[] = {0, 0x20, 0xA0, 0x800, 0x10000}; // smaller ones are controls, or overlong
        good = good && point >= least[length] && point != 0x7F && point <= 0x10FFFF && point >> 11 != 0x1B;
        good = good && point >> 4 != 0x202 && point >> 4 != 0x206 && point != 0x200E && point != 0x200F;
        clean += good ? std::string(text.substr(i, length)) : "?";
        i += good ? length : 1;
    }
    return clean;
}

// The next line, without its end. `pending` keeps what came behind it. Throws system_error, timeout_error.
tandem::task<std::string> read_line(tcp::socket& from, std::string& pending, const limits& limit) {
    const std::size_t size = co_await tandem::with_timeout(
        limit.idle,
        asio::async_read_until(from, asio::dynamic_buffer(pending, limit.line_bytes), '\n', asio::deferred));
    std::string line = pending.substr(0, size - 1);
    pending.erase(0, size);
    if (line.ends_with('\r')) line.pop_back();
    co_return line;
}

tandem::task<> write_text(tcp::socket& to, std::string text, const limits& limit) {
    co_await tandem::with_timeout(limit.write, asio::async_write(to, asio::buffer(text), asio::deferred));
}

// A name in use; free again when this goes.
class seat {
public:
    seat(chat& c, std::string n) : name(std::move(n)), taken(c.names.insert(name).second), chat_(c) {}
    seat(const seat&) = delete;
    seat& operator=(const seat&) = delete;
    ~seat() {
        if (taken) chat_.names.erase(name);
    }
    const std::string name;
    const bool taken; // false: by somebody else

private:
    chat& chat_;
};

tandem::task<> speak(chat& room, tcp::socket& socket, std::string& pending, const std::string& name) {
    tandem::rate_limiter pace(room.limit.lines_per_second, 1s, room.limit.lines_per_second);
    for (;;) {
        const std::string line = harmless(co_await read_line(socket, pending, room.limit));
        co_await pace.acquire(); // what it sends meanwhile waits in its own socket
        if (!line.empty()) room.lines.send(name + ": " + line + "\n");
    }
}

tandem::task<> hear(chat& room, tcp::socket& socket, tandem::broadcast<std::string>::receiver lines) {
    while (auto next = co_await lines.receive()) {
        std::string text;
        if (next.lost() > 0) text = "* you read too slowly: lost " + std::to_string(next.lost()) + " lines\n";
        text += *next;
        co_await write_text(socket, std::move(text), room.limit);
    }
    co_await write_text(socket, "* the chat is closed, goodbye\n",
                        room.limit); // closed, and all was delivered
}

tandem::task<std::string> ask_name(chat& room, tcp::socket& socket, std::string& pending) {
    co_await write_text(socket, "* your name?\n", room.limit);
    const std::string given = harmless(co_await read_line(socket, pending, room.limit));
    co_return given.substr(0, given.find(' '));
}

// One client, from its name to its end.
tandem::task<> converse(chat& room, tcp::socket& socket) {
    socket.set_option(asio::socket_base::send_buffer_size(room.limit.send_buffer));
    std::string pending;
    auto asked = co_await tandem::when_any(ask_name(room, socket, pending), room.stopping.wait());
    const seat own(room, asked.get<0>() ? asked.get<0>().value() : "*");
    if (own.name.empty() || own.name.size() > 40 || own.name == "*" || !own.taken) {
        co_await write_text(socket, "* no chat under this name\n", room.limit);
        co_return;
    }
    auto lines = room.lines.subscribe(); // from here on it hears everything, its own arrival first
    room.lines.send("* " + own.name + " is here\n");
    // Whichever ends first (the client has gone, or the chat is closed) ends the other.
    co_await tandem::when_any(speak(room, socket, pending, own.name), hear(room, socket, std::move(lines)));
    room.lines.send("* " + own.name + " has gone\n");
}

tandem::task<> client(chat& room, tcp::socket socket) {
    try {
        co_await converse(room, socket);
    } catch (const std::exception&) {
        // A connection that broke or was too slow is its own affair: it must not end the group.
    }
}

// Until the chat is stopped and every client has gone.
tandem::task<> serve(chat& room, tcp::acceptor& listener) {
    auto accept = [&](tandem::task_group& clients) -> tandem::task<> {
        while (!room.stopping.is_set()) {
            auto next =
                co_await tandem::when_any(listener.async_accept(asio::deferred), room.stopping.wait());
            if (auto& arrived = next.get<0>()) {
                tcp::socket socket = std::move(*arrived);
                if (clients.try_spawn(client, std::ref(room), std::move(socket))) continue;
                boost::system::error_code ignored;
                // Full, and then try_spawn has not moved: `socket` is still ours.
                socket.non_blocking(true, ignored); // NOLINT(bugprone-use-after-move)
                socket.write_some(asio::buffer("* the chat is full\n", 19), ignored);
            } else if (!room.stopping.is_set()) {
                co_await tandem::sleep_for(100ms); // out of descriptors, say: it may pass
            }
        }
        listener.close();
    };
    co_await tandem::with_task_group(tandem::task_group_options().limit(room.limit.clients), accept);
}

tandem::task<> grace_is_over(chat& room) {
    co_await room.stopping.wait();
    co_await tandem::sleep_for(room.limit.drain);
}

// A cancellation (Ctrl-C) does not reach `serve`: it is told to stop, and cancelled when that takes too long.
tandem::task<> serve_and_drain(chat& room, tcp::acceptor& listener) {
    auto race = tandem::when_any(serve(room, listener), grace_is_over(room));
    auto how = co_await tandem::shield(std::move(race), [&room]() noexcept { room.stop(); });
    if (how.index() == 0) how.get<0>().value(); // throws what ended it
}

tandem::task<> run_server(std::string address, std::uint16_t port) {
    chat room{limits()};
    tcp::acceptor listener(co_await tandem::this_executor(),
                           tcp::endpoint(asio::ip::make_address(address), port));
    std::printf("chat on %s port %u until Ctrl-C\n", address.c_str(), listener.local_endpoint().port());
    std::fflush(stdout);
    co_await serve_and_drain(room, listener);
}

// ---- the self-test ----

void check(bool good, const char* what) {
    if (!good) throw std::logic_error(std::string("failed: ") + what);
}

class guest {
public:
    explicit guest(const asio::any_io_executor& where) : socket(where) {}
    tandem::task<> enter(tcp::endpoint where, std::string name) {
        socket.open(where.protocol());
        socket.set_option(
            asio::socket_base::receive_buffer_size(4096)); // whoever does not read is soon behind
        co_await socket.async_connect(where, asio::deferred);
        const std::string question = co_await next();
        check(question == "* your name?", "the question");
        co_await say(name);
    }
    tandem::task<> say(std::string text) { return write_text(socket, text + "\n", limit_); }
    tandem::task<std::string> next() { return read_line(socket, pending_, limit_); }
    tandem::task<bool> ended() { // by the server
        bool by_error = false;
        try {
            static_cast<void>(co_await next());
        } catch (const tandem::system_error& e) {
            by_error = e.code() == asio::error::eof || e.code() == asio::error::connection_reset;
        }
        co_return by_error;
    }

    tcp::socket socket;

private:
    const limits limit_; // the tasks of `say` and `next` refer to it
    std::string pending_;
};

// Lets one who does not read fall behind, while another does; then everything is either received or told
// lost.
tandem::task<> fall_behind(guest& fast, guest& slow, std::size_t count) {
    const std::string much(900, '.');
    for (std::size_t i = 0; i < count; ++i) {
        co_await fast.say(much);
        const std::string echo = co_await fast.next();
        check(echo == "ann: " + much, "a fast reader loses nothing");
    }
    co_await fast.say("end");
    static_cast<void>(co_await fast.next());
    std::size_t got = 0;
    std::size_t lost = 0;
    for (std::string line; (line = co_await slow.next()) != "ann: end";) {
        const std::string told = "* you read too slowly: lost ";
        if (line.starts_with(told))
            lost += std::stoul(line.substr(told.size()));
        else
            ++got;
    }
    check(lost > 0 && got + lost == count, "what the slow one did not get, it was told of");
    std::printf("the slow reader got %zu lines, and was told of the %zu that it lost\n", got, lost);
}

tandem::task<> visit(chat& room, tcp::endpoint where) {
    const auto here = co_await tandem::this_executor();
    guest ann(here), bob(here), cat(here);
    co_await ann.enter(where, "ann");
    std::string line = co_await ann.next();
    check(line == "* ann is here", "the own arrival");
    co_await bob.enter(where, "bob");
    line = co_await ann.next();
    check(line == "* bob is here", "somebody else's arrival");
    line = co_await bob.next();
    check(line == "* bob is here", "the own arrival");

    co_await bob.say("hi \x1b[31mall\x07 \xc3\xa9 \x9b \xc2\x9b \xe2\x80\xae \xc0\xaf");
    line = co_await ann.next();
    check(line == "bob: hi ?[31mall? \xc3\xa9 ? ?? ??? ??", "escape sequences are made harmless");
    line = co_await bob.next();

    co_await cat.enter(where, "ann");
    line = co_await cat.next();
    check(line == "* no chat under this name", "a name that is taken");
    guest dot(here), eve(here);
    co_await dot.enter(where, "dot");
    line = co_await ann.next();
    line = co_await bob.next();
    co_await eve.socket.async_connect(where, asio::deferred);
    line = co_await eve.next();
    check(line == "* the chat is full", "the limit on clients");

    co_await dot.say(std::string(room.limit.line_bytes + 1, 'x'));
    line = co_await ann.next();
    check(line == "* dot has gone", "who sends too long a line");
    line = co_await bob.next();
    co_await fall_behind(ann, bob, 300);

    co_await ann.say("last words");
    line = co_await ann.next();
    room.stop();
    line = co_await bob.next();
    check(line == "ann: last words", "what was said is delivered");
    for (guest* g : {&ann, &bob}) {
        line = co_await g->next();
        check(line == "* the chat is closed, goodbye", "the goodbye");
        const bool gone = co_await g->ended();
        check(gone, "the end");
    }
}

tandem::task<> self_test() {
    limits small;
    small.clients = 3;
    small.backlog = 8;
    small.lines_per_second = 1'000'000;
    small.send_buffer = 4096;
    chat room(small);
    tcp::acceptor listener(co_await tandem::this_executor(),
                           tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const tcp::endpoint where = listener.local_endpoint();
    auto both = tandem::when_all(serve_and_drain(room, listener), visit(room, where));
    co_await tandem::with_timeout(60s, std::move(both));
    std::printf("all is well\n");
}

int main(int argc, char** argv) {
    if (argc == 1) return tandem::run(self_test);
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    for (int i = 1; i < argc; i += 2) {
        const std::string option = argv[i];
        const std::string value = i + 1 < argc ? argv[i + 1] : "";
        const char* const end = value.data() + value.size();
        if (option == "--address" && !value.empty()) {
            address = value;
            continue;
        }
        const auto parsed = std::from_chars(value.data(), end, port);
        if (option != "--port" || parsed.ec != std::errc() || parsed.ptr != end) {
            const bool help = option == "--help" || option == "-h";
            std::fputs(usage, help ? stdout : stderr);
            return help ? 0 : 2;
        }
    }
    return tandem::run(run_server, address, port);
}
