// A websocket server that sends back what it gets, for programs that want to try a client: Boost.Beast's, on
// a thread of its own. It serves one connection after the other until it is destroyed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include <sys/socket.h>

class websocket_echo {
public:
    websocket_echo()
        : acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}), thread_([this] { serve(); }) {}
    websocket_echo(const websocket_echo&) = delete;
    websocket_echo& operator=(const websocket_echo&) = delete;
    ~websocket_echo() {
        stopped_ = true;
        ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
        thread_.join();
    }

    std::string url() const {
        return "ws://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/echo";
    }

private:
    using tcp = boost::asio::ip::tcp;

    void serve() {
        namespace websocket = boost::beast::websocket;
        while (!stopped_) {
            boost::system::error_code failure;
            tcp::socket socket(context_);
            acceptor_.accept(socket, failure);
            if (failure) return;
            websocket::stream<tcp::socket> peer(std::move(socket));
            websocket::permessage_deflate compression;
            compression.server_enable = true;
            peer.set_option(compression);
            peer.accept(failure);
            while (!failure) {
                boost::beast::flat_buffer message;
                peer.read(message, failure);
                if (failure) break;
                peer.text(peer.got_text());
                peer.write(message.data(), failure);
            }
        }
    }

    boost::asio::io_context context_;
    tcp::acceptor acceptor_;
    std::atomic<bool> stopped_{false};
    std::thread thread_;
};
