#include "lib/http/connector.hpp"

#include "lib/http/look_up.hpp"
#include "lib/http/proxy_authorization.hpp"
#include "lib/http/proxy_tunnel.hpp"
#include "lib/net/connect.hpp"

#include <tandem/concurrency/move_on_after.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::http {

namespace {

// One connection being opened. Its steps answer whether it went well, and fill in `result`.
class opening {
public:
    opening(client_state& client, const url& target, const proxy* via, bool http1_only,
            const time_limit& whole, request_timings& timings)
        : result(whole), client_(client), options_(client.options), target_(target), via_(via),
          http1_only_(http1_only), authorization_(client.proxy_digests), whole_(whole), timings_(timings),
          home_(task_context::current()->home()) {}

    task<bool> run() {
        const clock::time_point begun = home_.now();
        timings_.dns = std::chrono::nanoseconds(0);
        result.limit = whole_.part(begun, options_.connect_timeout(), "client_options::connect_timeout");
        const bool connected = co_await connect();
        if (!connected) co_return false;
        timings_.connect = home_.now() - begun - timings_.dns;
        if (!target_.is_https()) co_return true;
        const clock::time_point connected_at = home_.now();
        result.limit = whole_.part(connected_at, options_.tls_timeout(), "client_options::tls_timeout");
        result.stream.expires_at(result.limit.when);
        std::string name(target_.hostname_for_connect());
        if (name.size() > 1 && name.back() == '.') name.pop_back(); // certificates have no root label
        const bool secured = co_await secure(request_phase::tls, std::move(name), target_.effective_port());
        timings_.tls = home_.now() - connected_at;
        co_return secured;
    }

    opened result;

private:
    using clock = scheduler::clock;

    bool fail(request_phase phase, const error_code& code, std::string detail) {
        result.phase = phase;
        result.error = code;
        result.detail = std::move(detail);
        return false;
    }
    bool fail_guarded(std::string detail) {
        return fail(request_phase::connect, errc::address_refused, std::move(detail));
    }

    task<bool> connect() {
        if (const std::string* const path = options_.unix_socket_for(target_)) {
            net::connect_result made = co_await net::connect_local(*path, result.limit.when);
            co_return take(std::move(made), nullptr);
        }
        host_port to = client_.endpoint(target_);
        if (via_) co_return co_await connect_by(*via_, std::move(to));
        net::connect_options how;
        if (options_.address_guard()) how.guard(&*options_.address_guard());
        co_return co_await connect_to(std::move(to.host), to.port, how, nullptr);
    }

    task<bool> connect_to(std::string host, std::uint16_t port, net::connect_options how, const proxy* via) {
        if (options_.socket()) how.socket(&*options_.socket());
        const clock::time_point asked = home_.now();
        error_code is_name;
        boost::asio::ip::make_address(host, is_name);
        net::resolve_result found = co_await look_up(options_, std::move(host), result.limit.when);
        if (is_name) timings_.dns += home_.now() - asked;
        if (found.error) {
            std::string words = via ? via->name() + ": " + found.detail : std::move(found.detail);
            co_return fail(request_phase::resolve, found.error, std::move(words));
        }
        net::connect_result made = co_await net::connect(std::move(found), port, result.limit.when, how);
        co_return take(std::move(made), via);
    }

    bool take(net::connect_result made, const proxy* via) {
        if (made.error) {
            const error_code code =
                made.error == net::connect_errc::address_refused ? errc::address_refused : made.error;
            return fail(request_phase::connect, code, via ? via->name() + ": " + made.detail : made.detail);
        }
        ++client_.counters.connections_opened;
        result.stream = std::move(made.connection);
        return true;
    }

    task<bool> connect_by(const proxy& via, host_port to) {
        if (via.type() == proxy::kind::socks5) {
            const bool found = co_await look_up_guarded(to);
            if (!found) co_return false;
        } else if (!may_go_by(via, to)) {
            co_return false;
        }
        for (;;) {
            const bool reached = co_await reach(via);
            if (!reached) co_return false;
            if (is_sent_to_proxy(client_, &via, target_, http1_only_)) co_return true;
            tunnel_result made;
            if (via.is_socks()) {
                made = co_await socks_tunnel(result.stream, via, to);
            } else {
                std::string who = authorization_.next(via, "CONNECT", connect_target(to));
                made = co_await connect_tunnel(result.stream, via, to, std::move(who),
                                               options_.max_header_bytes());
                // On a connection of its own: so what came with the challenge need not be read.
                if (made.challenge && authorization_.answer(via, std::move(*made.challenge))) continue;
            }
            if (!made.error) co_return true;
            co_return fail(request_phase::proxy, made.error,
                           via.name() + ", asked for " + connect_target(to) + ": " + made.detail);
        }
    }

    // Connects to the proxy itself.
    task<bool> reach(const proxy& via) {
        const bool connected = co_await connect_to(via.host(), via.port(), net::connect_options(), &via);
        if (!connected) co_return false;
        result.stream.expires_at(result.limit.when);
        if (via.type() != proxy::kind::https) co_return true;
        const bool secured = co_await secure(request_phase::proxy, via.host(), via.port());
        if (!secured) result.detail = via.name() + ": TLS handshake: " + result.detail;
        co_return secured;
    }

    // What the guard can say of a host that the proxy looks up.
    bool may_go_by(const proxy& via, const host_port& to) {
        if (!options_.address_guard()) return true;
        const tandem::address_guard& guard = *options_.address_guard();
        error_code is_name;
        boost::asio::ip::make_address(to.host, is_name);
        if (!is_name) {
            const std::string_view refusal = guard.refusal(std::string_view(to.host));
            return refusal.empty() ||
                   fail_guarded(to.host + ": " + std::string(refusal) + " (client_options::address_guard)");
        }
        if (guard.trust_proxies()) return true;
        return fail_guarded(via.name() + " would look up " + to.host +
                            " itself, so that its address cannot be checked "
                            "(address_guard::trust_proxies lets it pass)");
    }

    // One is asked for, and every SOCKS proxy can do IPv4: those first.
    const net::ip_address* first_allowed(const std::vector<net::ip_address>& addresses,
                                         std::string_view& refusal) const {
        for (const bool v4 : {true, false}) {
            for (const net::ip_address& address : addresses) {
                if (address.is_v4() != v4) continue;
                if (options_.address_guard())
                    refusal = options_.address_guard()->refusal(std::string_view(address.to_string()));
                if (refusal.empty()) return &address;
            }
        }
        return nullptr;
    }

    // The name becomes its first address that the guard lets pass.
    task<bool> look_up_guarded(host_port& to) {
        net::resolve_result found = co_await look_up(options_, to.host, result.limit.when);
        if (found.error) co_return fail(request_phase::resolve, found.error, std::move(found.detail));
        const auto is_v4 = [](const net::ip_address& a) { return a.is_v4(); };
        if (found.late && std::none_of(found.addresses.begin(), found.addresses.end(), is_v4)) {
            const auto all = co_await move_on_after(result.limit.when - home_.now(),
                                                    net::late_addresses(std::move(found.late)));
            if (all && !all->empty()) found.addresses = *all;
        }
        std::string_view refusal;
        if (const net::ip_address* const address = first_allowed(found.addresses, refusal)) {
            to.host = address->to_string();
            co_return true;
        }
        co_return fail_guarded(found.addresses.back().to_string() + ": " + std::string(refusal) +
                               " (client_options::address_guard)");
    }

    task<bool> secure(request_phase phase, std::string name, std::uint16_t port) {
        net::tls_context* tls = nullptr;
        try {
            tls = phase == request_phase::proxy ? &client_.proxy_tls() : &client_.tls(http1_only_);
        } catch (const system_error& e) {
            co_return fail(phase, e.code(), e.what());
        }
        const error_code failure = co_await result.stream.handshake_client(*tls, std::move(name), port);
        if (failure) {
            const std::string& words = result.stream.tls_failure();
            co_return fail(phase, failure, words.empty() ? failure.message() : words);
        }
        client_counters& counters = client_.counters;
        ++counters.tls_handshakes;
        if (result.stream.tls_offered()) ++counters.tls_resumable;
        if (result.stream.tls_resumed()) ++counters.tls_resumed;
        co_return true;
    }

    client_state& client_;
    const client_options& options_;
    const url& target_;
    const proxy* const via_;
    const bool http1_only_;
    proxy_authorization authorization_;
    const time_limit whole_;
    request_timings& timings_;
    scheduler& home_;
};

} // namespace

const proxy* proxy_for(const client_state& client, const url& target) noexcept {
    const client_options& options = client.options;
    if (options.proxies().empty() || options.unix_socket_for(target)) return nullptr;
    return options.proxies().find(target);
}

const proxy* proxy_for(const client_state& client, const request& what, const url& target) noexcept {
    if (!what.proxy_chosen()) return proxy_for(client, target);
    return client.options.unix_socket_for(target) ? nullptr : what.proxy();
}

std::string proxy_key(const proxy* via) {
    if (!via) return " direct";
    std::string key = " by " + via->name();
    // The size tells where the user's name, which may be anything, ends.
    if (via->has_credentials())
        key += ' ' + std::to_string(via->user().size()) + ':' + via->user() + via->password();
    return key;
}

bool is_sent_to_proxy(const client_state& client, const proxy* via, const url& target,
                      bool http1_only) noexcept {
    return via && !via->is_socks() && !target.is_https() && !http1_only && !client.leads_elsewhere(target);
}

task<opened> open_connection(client_state& client, const url& target, const proxy* via, bool http1_only,
                             time_limit whole, request_timings& timings) {
    opening one(client, target, via, http1_only, whole, timings);
    const bool made = co_await one.run();
    if (!made) one.result.stream = net::stream();
    co_return std::move(one.result);
}

} // namespace tandem::http
