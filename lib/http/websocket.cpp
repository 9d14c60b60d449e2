#include "tandem/http/websocket.hpp"

#include "lib/http/body_source.hpp"
#include "lib/http/chars.hpp"
#include "lib/http/websocket/handshake.hpp"
#include "lib/http/websocket/session.hpp"

#include <stdexcept>

namespace tandem::http {

websocket_options& websocket_options::subprotocol(std::string_view name) {
    if (!detail::is_token(name))
        throw std::invalid_argument("websocket_options::subprotocol: it must be a token");
    subprotocols_.emplace_back(name);
    return *this;
}
websocket_options& websocket_options::max_message_bytes(std::uint64_t bytes) noexcept {
    max_message_bytes_ = bytes;
    return *this;
}
websocket_options& websocket_options::max_fragments(std::size_t n) noexcept {
    max_fragments_ = n;
    return *this;
}
websocket_options& websocket_options::compression(bool yes) noexcept {
    compression_ = yes;
    return *this;
}
websocket_options& websocket_options::ping_interval(duration d) noexcept {
    ping_interval_ = d;
    return *this;
}
websocket_options& websocket_options::pong_timeout(duration d) noexcept {
    pong_timeout_ = d;
    return *this;
}
websocket_options& websocket_options::write_timeout(duration d) noexcept {
    write_timeout_ = d;
    return *this;
}
websocket_options& websocket_options::close_timeout(duration d) noexcept {
    close_timeout_ = d;
    return *this;
}

namespace {

request opening(request what, const websocket_options& options, const std::string& key) {
    if (what.verb() != method::get || what.has_body())
        throw std::invalid_argument("http::websocket::connect: the request must be a GET without a body");
    what.header("Upgrade", "websocket").header("Connection", "Upgrade");
    what.header("Sec-WebSocket-Version", "13").header("Sec-WebSocket-Key", key);
    std::string names;
    for (const std::string& name : options.subprotocols())
        names += (names.empty() ? "" : ", ") + name;
    if (!names.empty()) what.header("Sec-WebSocket-Protocol", names);
    if (options.compression()) what.header("Sec-WebSocket-Extensions", ws::compression_offer);
    return what;
}

} // namespace

task<websocket> websocket::connect(client& web, request what, websocket_options options) {
    const std::string key = ws::make_key();
    request asked = opening(std::move(what), options, key);
    response_stream answer = co_await web.open(std::move(asked));
    response_info info = static_cast<const response_info&>(answer);
    ws::agreement agreed =
        ws::check_answer(info.status(), info.headers(), key, options.subprotocols(), options.compression());
    if (agreed.failure.empty() && !answer.source_)
        agreed.failure = "an interceptor answered, so there is no connection to go on with";
    if (!agreed.failure.empty())
        throw request_error(error(request_phase::response_head, errc::websocket_refused, info.method(),
                                  info.url().redacted(), std::move(agreed.failure)));
    std::string received;
    net::stream stream = answer.source_->exchange().take_stream(received);
    auto opened =
        std::make_unique<state>(task_context::current()->home(), std::move(stream), std::move(info),
                                std::move(options), agreed.compression, std::move(agreed.subprotocol));
    opened->take_in(received);
    co_return websocket(std::move(opened));
}

websocket::websocket(std::unique_ptr<state> what) noexcept : state_(std::move(what)) {}
websocket::websocket(websocket&&) noexcept = default;
websocket& websocket::operator=(websocket&&) noexcept = default;
websocket::~websocket() = default;

task<std::optional<websocket_message>> websocket::receive() {
    return state_->receive();
}

task<> websocket::send(std::string text) {
    if (!ws::is_utf8(text)) throw std::invalid_argument("http::websocket::send: text must be UTF-8");
    return state_->send(ws::opcode::text, std::move(text));
}

task<> websocket::send_binary(std::string bytes) {
    return state_->send(ws::opcode::binary, std::move(bytes));
}

task<> websocket::close(std::uint16_t code, std::string reason) {
    return state_->close(code, std::move(reason));
}

bool websocket::is_open() const noexcept {
    return state_->is_open();
}
std::uint16_t websocket::code() const noexcept {
    return state_->peer_code;
}
const std::string& websocket::reason() const noexcept {
    return state_->peer_reason;
}
const std::string& websocket::subprotocol() const noexcept {
    return state_->subprotocol;
}
bool websocket::compressed() const noexcept {
    return state_->compression;
}
const response_info& websocket::response() const noexcept {
    return state_->info;
}

} // namespace tandem::http
