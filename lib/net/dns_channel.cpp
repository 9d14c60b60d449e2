#include "lib/net/dns_channel.hpp"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <ares.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

namespace tandem::net {

namespace {

using descriptor = boost::asio::posix::stream_descriptor;
using std::chrono::steady_clock;

// The system's list of name servers is read again when it is older.
constexpr std::chrono::seconds settings_age{60};

dns_status status_of(int ares) noexcept {
    switch (ares) {
    case ARES_SUCCESS:
        return dns_status::found;
    case ARES_ENOTFOUND:
    case ARES_ENONAME:
        return dns_status::no_such_host;
    case ARES_ENODATA:
        return dns_status::no_address;
    case ARES_ETIMEOUT:
        return dns_status::timed_out;
    case ARES_ESERVFAIL:
        return dns_status::failed;
    case ARES_EREFUSED:
        return dns_status::refused;
    case ARES_ECONNREFUSED:
        return dns_status::unreachable;
    case ARES_EBADNAME:
        return dns_status::bad_name;
    case ARES_ECANCELLED:
    case ARES_EDESTRUCTION:
        return dns_status::cancelled;
    default:
        return dns_status::other;
    }
}

template <class SocketAddress>
SocketAddress copy_address(const sockaddr* from) noexcept {
    SocketAddress to;
    std::memcpy(&to, from, sizeof(to));
    return to;
}

void take_addresses(dns_reply& reply, const ares_addrinfo& found) {
    int ttl = 24 * 60 * 60;
    for (const ares_addrinfo_cname* alias = found.cnames; alias; alias = alias->next)
        ttl = std::min(ttl, alias->ttl);
    for (const ares_addrinfo_node* node = found.nodes; node; node = node->ai_next) {
        if (reply.addresses.size() == most_addresses) break;
        ttl = std::min(ttl, node->ai_ttl);
        if (node->ai_family == AF_INET) {
            const auto address = copy_address<sockaddr_in>(node->ai_addr);
            reply.addresses.emplace_back(boost::asio::ip::address_v4(ntohl(address.sin_addr.s_addr)));
        } else if (node->ai_family == AF_INET6) {
            const auto address = copy_address<sockaddr_in6>(node->ai_addr);
            boost::asio::ip::address_v6::bytes_type bytes;
            std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
            reply.addresses.emplace_back(boost::asio::ip::address_v6(bytes));
        }
    }
    reply.ttl = std::chrono::seconds(std::max(ttl, 0));
    if (reply.addresses.empty()) reply.status = dns_status::no_address;
}

bool has_one_server(ares_channeldata* channel) {
    ares_addr_port_node* first = nullptr;
    if (ares_get_servers_ports(channel, &first) != ARES_SUCCESS) return false;
    const bool one = first && !first->next;
    ares_free_data(first);
    return one;
}

} // namespace

// c-ares opens and closes the socket; Asio only waits for it. So it is released, never closed, here.
class dns_watch {
public:
    explicit dns_watch(const boost::asio::any_io_executor& executor) : socket(executor) {}
    ~dns_watch() {
        if (socket.is_open()) socket.release();
    }
    bool wants(bool write) const noexcept { return write ? writable : readable; }

    descriptor socket;
    bool readable = false; // what c-ares waits for
    bool writable = false;
    bool waiting_readable = false; // what Asio waits for
    bool waiting_writable = false;
};

class dns_channel::question {
public:
    question(dns_channel& c, on_reply r) : channel(c), reply(std::move(r)) {}
    dns_channel& channel;
    on_reply reply;
};

dns_channel::dns_channel(boost::asio::any_io_executor executor, std::weak_ptr<dns_channel_owner> owner,
                         std::string servers, std::chrono::milliseconds try_timeout, int tries)
    : executor_(std::move(executor)), owner_(std::move(owner)), servers_(std::move(servers)),
      try_timeout_(try_timeout), tries_(tries) {}

dns_channel::~dns_channel() {
    close();
}

bool dns_channel::open() {
    if (!executor_) return false;
    const auto now = steady_clock::now();
    if (channel_ && pending_ == 0 && !processing_ && now - opened_ > settings_age)
        ares_destroy(std::exchange(channel_, nullptr));
    if (channel_) return true;

    channel_ = make_channel(0);
    // A lone name server's SERVFAIL or REFUSED is an answer; of several, the next one is to be asked, and
    // c-ares then tells them no longer from servers that are not there.
    if (channel_ && has_one_server(channel_)) {
        ares_destroy(channel_);
        channel_ = make_channel(ARES_FLAG_NOCHECKRESP);
    }
    opened_ = now;
    return channel_ != nullptr;
}

ares_channeldata* dns_channel::make_channel(int flags) {
    ares_options options{};
    options.flags = flags;
    options.timeout = static_cast<int>(try_timeout_.count());
    options.tries = tries_;
    options.sock_state_cb = &dns_channel::sockets_changed;
    options.sock_state_cb_data = this;
    int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    if (!servers_.empty()) { // the system's search list is for the system's name servers
        given |= ARES_OPT_DOMAINS;
        options.flags |= ARES_FLAG_NOSEARCH;
    }
    ares_channeldata* made = nullptr;
    if (ares_init_options(&made, &options, given) != ARES_SUCCESS) return nullptr;
    if (servers_.empty() || ares_set_servers_ports_csv(made, servers_.c_str()) == ARES_SUCCESS) return made;
    ares_destroy(made);
    return nullptr;
}

void dns_channel::ask(const std::string& name, dns_family family, on_reply reply) {
    if (!open()) {
        dns_reply failure(executor_ ? dns_status::other : dns_status::cancelled);
        failure.words = "the resolver's settings are not valid";
        reply(std::move(failure));
        return;
    }
    auto asked = std::make_unique<question>(*this, std::move(reply));
    ares_addrinfo_hints hints{};
    hints.ai_family = family == dns_family::ipv4 ? AF_INET : AF_INET6;
    hints.ai_socktype = SOCK_STREAM; // one entry for each address, not one for each protocol
    hints.ai_flags = ARES_AI_NOSORT; // sorting would open a socket for every address
    ++pending_;
    ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &dns_channel::answered, asked.release());
}

void dns_channel::answered(void* asked, int status, int /*timeouts*/, ares_addrinfo* found) noexcept {
    const std::unique_ptr<question> q(static_cast<question*>(asked));
    --q->channel.pending_;
    dns_reply reply(status_of(status));
    reply.words = ares_strerror(status);
    if (found) {
        if (status == ARES_SUCCESS) take_addresses(reply, *found);
        ares_freeaddrinfo(found);
    }
    q->reply(std::move(reply));
}

void dns_channel::sockets_changed(void* self, int fd, int readable, int writable) noexcept {
    static_cast<dns_channel*>(self)->watch_socket(fd, readable != 0, writable != 0);
}

void dns_channel::watch_socket(int fd, bool readable, bool writable) {
    const auto found = watches_.find(fd);
    if (!readable && !writable) { // c-ares closes it next
        if (found == watches_.end()) return;
        found->second->socket.release();
        watches_.erase(found);
        return;
    }
    std::shared_ptr<dns_watch> watch;
    if (found != watches_.end()) {
        watch = found->second;
    } else {
        watch = std::make_shared<dns_watch>(executor_);
        boost::system::error_code ec;
        watch->socket.assign(fd, ec);
        if (ec) return; // nobody will see the answer: the question's time will be up
        watches_.emplace(fd, watch);
    }
    watch->readable = readable;
    watch->writable = writable;
    wait(watch);
}

void dns_channel::wait(const std::shared_ptr<dns_watch>& watch) {
    for (const bool write : {false, true}) {
        bool& waiting = write ? watch->waiting_writable : watch->waiting_readable;
        if (waiting || !watch->wants(write)) continue;
        waiting = true;
        watch->socket.async_wait(write ? descriptor::wait_write : descriptor::wait_read,
                                 [owner = owner_, watch, write](const boost::system::error_code& ec) {
                                     if (ec) return;
                                     if (const auto alive = owner.lock()) alive->ready(watch, write);
                                 });
    }
}

void dns_channel::ready(const std::shared_ptr<dns_watch>& watch, bool writable) {
    (writable ? watch->waiting_writable : watch->waiting_readable) = false;
    if (!watch->socket.is_open() || !channel_) return; // released in the meantime
    const int fd = watch->socket.native_handle();
    process(writable ? ARES_SOCKET_BAD : fd, writable ? fd : ARES_SOCKET_BAD);
    if (watch->socket.is_open()) wait(watch);
}

// Its callbacks may ask the next question, which must not replace the channel under it.
void dns_channel::process(int readable, int writable) {
    processing_ = true;
    ares_process_fd(channel_, readable, writable);
    processing_ = false;
}

void dns_channel::check_timeouts() {
    if (channel_) process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void dns_channel::cancel_all() {
    if (channel_) ares_cancel(channel_);
}

void dns_channel::close() noexcept {
    if (channel_) ares_destroy(std::exchange(channel_, nullptr));
    watches_.clear();
    executor_ = boost::asio::any_io_executor();
}

} // namespace tandem::net
