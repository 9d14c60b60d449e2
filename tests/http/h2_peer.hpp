// The server's side of an HTTP/2 connection for tests, frame by frame, so that it can break every rule.
#pragma once

#include "tests/http/scripted_server.hpp"

#include <tandem/http/client_options.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace h2_test {

// Of a client that speaks HTTP/2 without asking.
inline tandem::http::client_options h2c() {
    return tandem::http::client_options().http2(tandem::http::http2_use::prior_knowledge);
}

using fields = std::vector<std::pair<std::string, std::string>>;

class frame {
public:
    frame() noexcept {}
    frame(int t, int f, std::uint32_t i, std::string p) : type(t), flags(f), id(i), payload(std::move(p)) {}
    int type = -1; // the connection has ended
    int flags = 0;
    std::uint32_t id = 0;
    std::string payload;
    bool has(int flag) const noexcept { return (flags & flag) != 0; }
};

class request {
public:
    request() noexcept {}
    std::uint32_t id = 0; // 0: the connection has ended
    h2_test::fields head;
    std::string body;
    bool whole = false;
    std::string get(std::string_view name) const {
        for (const auto& [n, v] : head)
            if (n == name) return v;
        return "-";
    }
    int count(std::string_view name) const {
        int n = 0;
        for (const auto& [key, v] : head)
            n += key == name ? 1 : 0;
        return n;
    }
    std::string path() const { return get(":path"); }
};

inline std::string number(std::uint32_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i)
        text += static_cast<char>(value >> (8 * i) & 0xff);
    return text;
}

inline std::uint32_t number_of(std::string_view text) {
    std::uint32_t value = 0;
    for (const char c : text)
        value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

// A literal field without indexing and without Huffman's code (RFC 7541, 6.2.2).
inline std::string packed(const fields& list) {
    const auto text = [](const std::string& what) {
        std::string length;
        if (what.size() < 127) {
            length += static_cast<char>(what.size());
        } else {
            length += static_cast<char>(127);
            std::size_t rest = what.size() - 127;
            for (; rest >= 128; rest /= 128)
                length += static_cast<char>(rest % 128 + 128);
            length += static_cast<char>(rest);
        }
        return length + what;
    };
    std::string block;
    for (const auto& [name, value] : list)
        block += '\0' + text(name) + text(value);
    return block;
}

inline std::string frame_text(int type, int flags, std::uint32_t id, std::string_view payload) {
    std::string bytes = number(static_cast<std::uint32_t>(payload.size()), 3);
    bytes += static_cast<char>(type);
    bytes += static_cast<char>(flags);
    bytes += number(id, 4);
    bytes += payload;
    return bytes;
}

class peer {
public:
    using settings = std::vector<std::pair<std::uint16_t, std::uint32_t>>;

    explicit peer(scripted::peer& raw) : raw_(raw) { nghttp2_hd_inflate_new(&inflater_); }
    ~peer() { nghttp2_hd_inflate_del(inflater_); }
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;

    // Reads the client's preface and sends this side's SETTINGS.
    bool begin(const settings& own = {}) {
        const bool right = raw_.read_bytes(24) == "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        std::string payload;
        for (const auto& [id, value] : own)
            payload += number(id, 2) + number(value, 4);
        send(NGHTTP2_SETTINGS, 0, 0, payload);
        return right;
    }

    void send(int type, int flags, std::uint32_t id, std::string_view payload = std::string_view()) {
        raw_.send(frame_text(type, flags, id, payload));
    }
    // Frames that are ready already; false when the client has closed.
    bool send_raw(std::string_view frames) {
        while (!frames.empty()) {
            const ssize_t n = ::send(raw_.native_handle(), frames.data(), frames.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            frames.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    void headers(std::uint32_t id, const fields& list, bool end) {
        send(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | (end ? NGHTTP2_FLAG_END_STREAM : 0), id,
             packed(list));
    }
    void data(std::uint32_t id, std::string_view body, bool end) {
        do {
            const std::string_view piece = body.substr(0, 16384);
            body.remove_prefix(piece.size());
            send(NGHTTP2_DATA, end && body.empty() ? NGHTTP2_FLAG_END_STREAM : 0, id, piece);
        } while (!body.empty());
    }
    // A whole response.
    void answer(std::uint32_t id, std::string_view body, fields extra = {}) {
        extra.insert(extra.begin(), {":status", "200"});
        headers(id, extra, body.empty());
        if (!body.empty()) data(id, body, true);
    }
    void reset(std::uint32_t id, std::uint32_t code) { send(NGHTTP2_RST_STREAM, 0, id, number(code, 4)); }
    void goaway(std::uint32_t last, std::uint32_t code = 0) {
        send(NGHTTP2_GOAWAY, 0, 0, number(last, 4) + number(code, 4));
    }
    void window(std::uint32_t id, std::uint32_t bytes) {
        send(NGHTTP2_WINDOW_UPDATE, 0, id, number(bytes, 4));
    }

    // The next frame, whatever it is; type -1 when the client has closed.
    frame read() {
        const std::string head = raw_.read_bytes(9);
        if (head.size() < 9) return frame();
        const std::uint32_t size = number_of(std::string_view(head).substr(0, 3));
        return frame(static_cast<unsigned char>(head[3]), static_cast<unsigned char>(head[4]),
                     number_of(std::string_view(head).substr(5)) & 0x7fffffff, raw_.read_bytes(size));
    }
    // The next frame of that type (of that stream); others are answered as a server should.
    frame read(int type, std::uint32_t id = 0) {
        for (;;) {
            frame next = read();
            if (next.type < 0 || (next.type == type && (id == 0 || next.id == id))) return next;
            take(next);
        }
    }

    void wait_closed() { raw_.wait_closed(); }
    // Ends this side of the connection, so that everything arrives before the end does.
    void finish() {
        ::shutdown(raw_.native_handle(), SHUT_WR);
        raw_.wait_closed();
    }

    // The next request that is there with all of its body; windows are kept open.
    request next() {
        for (;;) {
            for (auto at = open_.begin(); at != open_.end(); ++at)
                if (at->second.whole) {
                    request found = std::move(at->second);
                    open_.erase(at);
                    return found;
                }
            const frame next = read();
            if (next.type < 0) return request();
            take(next);
        }
    }
    // The header of the next request, as soon as that is there.
    request next_head() {
        frame head = read(NGHTTP2_HEADERS);
        if (head.type < 0) return request();
        take(head);
        return open_[head.id];
    }

    // Answers all requests until the client closes.
    void serve(const std::function<void(peer&, const request&)>& answer_to) {
        for (;;) {
            const request got = next();
            if (got.id == 0) return;
            answer_to(*this, got);
        }
    }

private:
    void take(const frame& f) {
        if (f.type == NGHTTP2_SETTINGS && !f.has(NGHTTP2_FLAG_ACK))
            send(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0);
        if (f.type == NGHTTP2_PING && !f.has(NGHTTP2_FLAG_ACK))
            send(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, f.payload);
        if (f.type == NGHTTP2_RST_STREAM) open_.erase(f.id);
        if (f.type == NGHTTP2_HEADERS) {
            request& r = open_[f.id];
            r.id = f.id;
            for (auto& field : unpacked(f.payload))
                r.head.push_back(std::move(field));
            r.whole = f.has(NGHTTP2_FLAG_END_STREAM);
        }
        if (f.type == NGHTTP2_DATA) {
            request& r = open_[f.id];
            r.id = f.id;
            r.body += f.payload;
            r.whole = f.has(NGHTTP2_FLAG_END_STREAM);
            if (!f.payload.empty()) {
                window(0, static_cast<std::uint32_t>(f.payload.size()));
                if (!r.whole) window(f.id, static_cast<std::uint32_t>(f.payload.size()));
            }
        }
    }

    fields unpacked(const std::string& block) {
        fields list;
        auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
        std::size_t left = block.size();
        for (;;) {
            nghttp2_nv field{};
            int flags = 0;
            const ssize_t n = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
            if (n < 0) return list;
            at += n;
            left -= static_cast<std::size_t>(n);
            if (flags & NGHTTP2_HD_INFLATE_EMIT)
                list.emplace_back(std::string(reinterpret_cast<char*>(field.name), field.namelen),
                                  std::string(reinterpret_cast<char*>(field.value), field.valuelen));
            if (flags & NGHTTP2_HD_INFLATE_FINAL) {
                nghttp2_hd_inflate_end_headers(inflater_);
                return list;
            }
            if (left == 0 && !(flags & NGHTTP2_HD_INFLATE_EMIT)) return list;
        }
    }

    scripted::peer& raw_;
    nghttp2_hd_inflater* inflater_ = nullptr;
    std::map<std::uint32_t, request> open_;
};

// A server whose connections all speak HTTP/2.
class server : public scripted::server {
public:
    using script = std::function<void(peer&, int number)>;
    explicit server(script what, peer::settings own = {})
        : scripted::server([what = std::move(what), own = std::move(own)](scripted::peer& raw, int number) {
              peer p(raw);
              if (p.begin(own)) what(p, number);
          }) {}
};

// Answers every request.
inline server::script answering(std::function<void(peer&, const request&)> answer_to) {
    return [answer_to = std::move(answer_to)](peer& p, int) { p.serve(answer_to); };
}

} // namespace h2_test
