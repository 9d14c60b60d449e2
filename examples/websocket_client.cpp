// A websocket from the command line: lines of standard input are sent, messages are printed.
//
//     websocket_client wss://example.org/chat
//     websocket_client                            talks to an echo server of its own, and ends
#include "websocket_echo.hpp"

#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

namespace http = tandem::http;

constexpr const char* usage = R"(usage: websocket_client [ws://... | wss://...]
Opens a websocket. Each line of standard input is sent as a text message; each message that comes is printed,
text as a line, binary as its size. The end of input (Ctrl-D) closes it. What is no message (opened, closed,
failed) goes to standard error. Pings are answered, and one is sent after 20 s of silence.

  websocket_client wss://example.org/chat
  printf 'one\ntwo\n' | websocket_client ws://localhost:8080/echo

There are no other options than --help. Without arguments: talks to an echo server of its own, with messages of
several sizes, and ends. Exit codes: 0 closed normally, 1 something else, 2 usage, 4 network, 5 TLS, 7 refused, or
closed with another code than 1000.
)";

// What a terminal should not be told: control characters of a message.
std::string printable(std::string text) {
    for (char& c : text)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) c = '?';
    return text;
}

tandem::task<> print_all(http::websocket& chat) {
    while (auto message = co_await chat.receive()) {
        if (message->is_text())
            std::cout << printable(message->take()) << std::endl;
        else
            std::cout << "(" << message->data().size() << " bytes)" << std::endl;
    }
    std::cerr << "closed with " << chat.code() << ' ' << printable(chat.reason()) << '\n';
}

tandem::task<> send_lines(http::websocket& chat) {
    tandem::file_reader input = co_await tandem::file_reader::open("/dev/stdin");
    while (auto line = co_await input.read_line())
        co_await chat.send(std::move(*line));
    co_await chat.close();
}

tandem::task<int> talk(std::string url) {
    http::client web;
    try {
        http::websocket chat = co_await http::websocket::connect(web, http::request(url));
        std::cerr << "open; each line is a message, the end of input (Ctrl-D) closes\n";
        co_await tandem::when_all(print_all(chat), send_lines(chat));
        co_return chat.code() == http::close_code::normal ? 0 : 7;
    } catch (const http::request_error& e) {
        std::cerr << "websocket_client: " << e.what() << '\n';
        co_return e.error().is_tls() ? 5 : e.code() == http::errc::websocket_refused ? 7 : 4;
    }
}

// Two tasks on one websocket: one sends, the other receives.
tandem::task<int> demonstrate() {
    const websocket_echo server;
    http::client web;
    http::request what(server.url());
    http::websocket chat =
        co_await http::websocket::connect(web, std::move(what), http::websocket_options().compression(true));
    int echoes = 0;
    auto send = [&]() -> tandem::task<> {
        for (const int size : {5, 500, 50000})
            co_await chat.send(std::string(static_cast<std::size_t>(size), 'x'));
        co_await chat.send_binary(std::string("\0\xff", 2));
    };
    auto receive = [&]() -> tandem::task<> {
        while (echoes < 4) {
            const auto message = co_await chat.receive();
            if (!message) co_return;
            ++echoes;
            std::cout << (message->is_text() ? "text" : "binary") << " of " << message->data().size()
                      << " bytes came back\n";
        }
    };
    co_await tandem::when_all(send(), receive());
    co_await chat.close();
    std::cout << "closed with " << chat.code() << (chat.compressed() ? ", compressed\n" : "\n");
    co_return echoes == 4 && chat.code() == http::close_code::normal ? 0 : 1;
}

int main(int argc, char** argv) {
    if (argc == 1) return tandem::run(demonstrate);
    const std::string argument = argv[1];
    if (argc == 2 && argument.starts_with("ws")) return tandem::run(talk, argument);
    const bool help = argument == "--help" || argument == "-h";
    (help ? std::cout : std::cerr) << usage;
    return help ? 0 : 2;
}
