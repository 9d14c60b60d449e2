#include "lib/http/websocket/handshake.hpp"

#include "lib/http/base64.hpp"
#include "lib/http/chars.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/rand.h>

namespace tandem::http::ws {

namespace {

constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// Without quotes, which may stand around a parameter's value.
std::string_view unquoted(std::string_view value) noexcept {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        return value.substr(1, value.size() - 2);
    return value;
}

bool is_window(std::string_view bits) noexcept {
    return (bits.size() == 1 && bits[0] >= '8' && bits[0] <= '9') ||
           (bits.size() == 2 && bits[0] == '1' && bits[1] >= '0' && bits[1] <= '5');
}

// What a server may answer to compression_offer (RFC 7692, 7.1).
std::string check_extension(std::string_view answer) {
    bool no_server_context = false;
    bool first = true;
    std::vector<std::string_view> seen;
    while (true) {
        const std::size_t semicolon = answer.find(';');
        const std::string_view part = detail::trim(answer.substr(0, semicolon));
        const std::size_t equals = part.find('=');
        const std::string_view name = detail::trim(part.substr(0, equals));
        const bool has_value = equals != std::string_view::npos;
        const std::string_view value =
            has_value ? unquoted(detail::trim(part.substr(equals + 1))) : std::string_view();
        if (first) {
            if (!detail::iequals(part, "permessage-deflate")) return "an extension that was not offered";
            first = false;
        } else {
            if (std::find(seen.begin(), seen.end(), name) != seen.end())
                return "a parameter of permessage-deflate given twice";
            seen.push_back(name);
            if (name == "server_no_context_takeover" && !has_value)
                no_server_context = true;
            else if (!(name == "client_no_context_takeover" && !has_value) &&
                     !(name == "server_max_window_bits" && is_window(value)))
                return "a parameter of permessage-deflate that was not offered";
        }
        if (semicolon == std::string_view::npos) break;
        answer.remove_prefix(semicolon + 1);
    }
    return no_server_context ? "" : "permessage-deflate with a context that is kept between messages";
}

agreement refused(std::string why) {
    agreement told;
    told.failure = std::move(why);
    return told;
}

} // namespace

std::string make_key() {
    std::array<unsigned char, 16> bytes;
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        throw std::runtime_error("no random numbers from OpenSSL");
    return base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string accept_for(std::string_view key) {
    const std::string text = std::string(key) + std::string(guid);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
        throw std::runtime_error("no SHA-1 from OpenSSL");
    return base64({reinterpret_cast<const char*>(digest.data()), size});
}

agreement check_answer(int status, const headers& fields, std::string_view key,
                       const std::vector<std::string>& subprotocols, bool compression) {
    if (status != 101) return refused("status " + std::to_string(status) + " instead of 101");
    if (!fields.has_token("Upgrade", "websocket")) return refused("101 without Upgrade: websocket");
    if (!fields.has_token("Connection", "upgrade")) return refused("101 without Connection: Upgrade");
    if (fields.get_joined("Sec-WebSocket-Accept") != accept_for(key))
        return refused("a Sec-WebSocket-Accept that does not answer the key");
    agreement told;
    if (const auto chosen = fields.get_joined("Sec-WebSocket-Protocol")) {
        if (std::find(subprotocols.begin(), subprotocols.end(), *chosen) == subprotocols.end())
            return refused("a subprotocol that was not offered");
        told.subprotocol = *chosen;
    }
    if (const auto extensions = fields.get_joined("Sec-WebSocket-Extensions");
        extensions && !detail::trim(*extensions).empty()) {
        std::string wrong = compression ? check_extension(*extensions) : "an extension that was not offered";
        if (!wrong.empty()) return refused(std::move(wrong));
        told.compression = true;
    }
    return told;
}

} // namespace tandem::http::ws
