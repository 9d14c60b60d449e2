#include "lib/http/digest_auth.hpp"

#include "lib/http/challenge.hpp"
#include "lib/http/chars.hpp"

#include <array>
#include <cstdio>
#include <initializer_list>

#include <openssl/evp.h>
#include <openssl/rand.h>

namespace tandem::http {

namespace {

class algorithm_name {
public:
    digest_algorithm id;
    std::string_view name;
};
constexpr std::array<algorithm_name, 4> algorithms = {{
    {digest_algorithm::md5, "MD5"},
    {digest_algorithm::md5_sess, "MD5-sess"},
    {digest_algorithm::sha256, "SHA-256"},
    {digest_algorithm::sha256_sess, "SHA-256-sess"},
}};

std::optional<digest_algorithm> algorithm_called(std::string_view name) noexcept {
    for (const algorithm_name& a : algorithms)
        if (detail::iequals(a.name, name)) return a.id;
    return std::nullopt;
}

bool is_session(digest_algorithm a) noexcept {
    return a == digest_algorithm::md5_sess || a == digest_algorithm::sha256_sess;
}

bool is_sha256(digest_algorithm a) noexcept {
    return a == digest_algorithm::sha256 || a == digest_algorithm::sha256_sess;
}

std::string hex(const unsigned char* bytes, std::size_t size) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
        text += digits[bytes[i] >> 4];
        text += digits[bytes[i] & 15];
    }
    return text;
}

// The digest of the parts, joined by colons; empty when it cannot be had.
std::string hash(digest_algorithm algorithm, std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts)
        text.append(part).append(1, ':');
    text.pop_back();
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    const EVP_MD* const kind = is_sha256(algorithm) ? EVP_sha256() : EVP_md5();
    if (EVP_Digest(text.data(), text.size(), out.data(), &size, kind, nullptr) != 1) return std::string();
    return hex(out.data(), size);
}

void append_quoted(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append("=\"");
    for (const char c : value) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

std::optional<digest_challenge> read(const challenge& asked) {
    if (!detail::iequals(asked.scheme, "Digest")) return std::nullopt;
    digest_challenge found;
    const auto realm = asked.get("realm");
    const auto nonce = asked.get("nonce");
    if (!realm || !nonce || nonce->empty()) return std::nullopt;
    found.realm = *realm;
    found.nonce = *nonce;
    if (const auto opaque = asked.get("opaque")) found.opaque = std::string(*opaque);
    if (const auto name = asked.get("algorithm")) {
        const auto algorithm = algorithm_called(*name);
        if (!algorithm) return std::nullopt;
        found.algorithm = *algorithm;
        found.algorithm_named = true;
    }
    if (const auto qop = asked.get("qop")) {
        detail::for_each_element(*qop, [&](std::string_view element) {
            found.qop_auth = found.qop_auth || detail::iequals(element, "auth");
            return true;
        });
        if (!found.qop_auth) return std::nullopt; // auth-int only
    }
    // These need the client's nonce, which goes with qop.
    if (!found.qop_auth && (is_session(found.algorithm) || is_sha256(found.algorithm))) return std::nullopt;
    const auto stale = asked.get("stale");
    found.stale = stale && detail::iequals(*stale, "true");
    return found;
}

} // namespace

std::optional<digest_challenge> find_digest_challenge(const headers& fields, std::string_view name) {
    std::optional<digest_challenge> best;
    fields.for_each(name, [&](std::string_view value) {
        for (const challenge& asked : parse_challenges(value)) {
            std::optional<digest_challenge> found = read(asked);
            if (found && (!best || (is_sha256(found->algorithm) && !is_sha256(best->algorithm))))
                best = std::move(found);
        }
    });
    return best;
}

std::optional<std::string> digest_session::authorize(std::string_view method, std::string_view target,
                                                     std::string_view client_nonce) {
    const digest_algorithm algorithm = challenge_.algorithm;
    std::string drawn;
    if (client_nonce.empty()) {
        std::array<unsigned char, 16> random{};
        if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return std::nullopt;
        drawn = hex(random.data(), random.size());
        client_nonce = drawn;
    }
    std::array<char, 9> count{};
    std::snprintf(count.data(), count.size(), "%08x", static_cast<unsigned>(++uses_));
    const std::string_view nc(count.data(), 8);

    std::string secret = hash(algorithm, {user_, challenge_.realm, password_});
    if (secret.empty()) return std::nullopt;
    if (is_session(algorithm)) secret = hash(algorithm, {secret, challenge_.nonce, client_nonce});
    const std::string what = hash(algorithm, {method, target});
    const std::string response =
        challenge_.qop_auth ? hash(algorithm, {secret, challenge_.nonce, nc, client_nonce, "auth", what})
                            : hash(algorithm, {secret, challenge_.nonce, what});

    std::string text = "Digest ";
    append_quoted(text, "username", user_);
    append_quoted(text, ", realm", challenge_.realm);
    append_quoted(text, ", nonce", challenge_.nonce);
    append_quoted(text, ", uri", target);
    append_quoted(text, ", response", response);
    if (challenge_.algorithm_named)
        for (const algorithm_name& a : algorithms)
            if (a.id == algorithm) text.append(", algorithm=").append(a.name);
    if (challenge_.opaque) append_quoted(text, ", opaque", *challenge_.opaque);
    if (challenge_.qop_auth) {
        text.append(", qop=auth, nc=").append(nc);
        append_quoted(text, ", cnonce", client_nonce);
    }
    return text;
}

} // namespace tandem::http
