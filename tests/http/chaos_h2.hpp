// The chaos server over HTTP/2: the same targets, and what they mean there. Failures of a connection hit all
// that are on it at that time; `ends_connection` names them.
#pragma once

#include "tests/http/chaos_server.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace chaos {

inline bool ends_connection(behaviour what) noexcept {
    return what == behaviour::says_close || what == behaviour::silent_close || what == behaviour::closes ||
           what == behaviour::resets_in_body || what == behaviour::chunks_cut || what == behaviour::garbage;
}

class h2_speaker final : public speaker {
public:
    static constexpr std::uint32_t most_streams = 20;

    explicit h2_speaker(std::atomic<std::uint64_t>& requests) : requests_(requests) {
        nghttp2_session_callbacks* all = nullptr;
        nghttp2_session_callbacks_new(&all);
        nghttp2_session_callbacks_set_on_header_callback(all, &on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, &on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(all, &on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(all, &on_close);
        nghttp2_session_server_new(&frames_, all, this);
        nghttp2_session_callbacks_del(all);
        const nghttp2_settings_entry most = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, most_streams};
        nghttp2_submit_settings(frames_, NGHTTP2_FLAG_NONE, &most, 1);
    }
    ~h2_speaker() override { nghttp2_session_del(frames_); }
    h2_speaker(const h2_speaker&) = delete;
    h2_speaker& operator=(const h2_speaker&) = delete;

    void received(int fd, connection& c) override {
        at_ = &c;
        fd_ = fd;
        sent(fd, c); // SETTINGS, if these are the first bytes
        const std::string in = std::exchange(c.in, std::string());
        if (nghttp2_session_mem_recv(frames_, reinterpret_cast<const std::uint8_t*>(in.data()), in.size()) <
            0)
            c.last = true;
        sent(fd, c);
    }
    void sent(int fd, connection& c) override {
        at_ = &c;
        fd_ = fd;
        while (!c.last && !c.mute && c.out.size() < 64 * 1024) {
            const std::uint8_t* data = nullptr;
            const ssize_t size = nghttp2_session_mem_send(frames_, &data);
            if (size <= 0) break;
            c.out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
        }
        if (nghttp2_session_want_read(frames_) == 0 && nghttp2_session_want_write(frames_) == 0)
            c.last = true;
    }

private:
    class stream {
    public:
        std::string path;
        std::string sent; // by the client
        std::uint64_t id = 0;
        behaviour what = behaviour::plain;
        std::string body;
        std::size_t at = 0;
        std::size_t stop_at = 0; // where something else happens than the end
    };

    using fields_t = std::vector<std::pair<std::string, std::string>>;

    static h2_speaker& of(void* user) { return *static_cast<h2_speaker*>(user); }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* user) {
        if (std::string_view(reinterpret_cast<const char*>(name), name_size) == ":path")
            of(user).streams_[frame->hd.stream_id].path.assign(reinterpret_cast<const char*>(value),
                                                               value_size);
        return 0;
    }
    static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                       std::size_t size, void* user) {
        of(user).streams_[id].sent.append(reinterpret_cast<const char*>(data), size);
        return 0;
    }
    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        const auto type = frame->hd.type;
        if ((type == NGHTTP2_HEADERS || type == NGHTTP2_DATA) &&
            (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
            of(user).answer(frame->hd.stream_id);
        return 0;
    }
    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
        of(user).streams_.erase(id);
        return 0;
    }

    static ssize_t read_body(nghttp2_session* frames, std::int32_t id, std::uint8_t* to, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source*, void* user) {
        h2_speaker& self = of(user);
        stream& s = self.streams_[id];
        const std::size_t n = std::min(size, s.stop_at - s.at);
        std::memcpy(to, s.body.data() + s.at, n);
        s.at += n;
        if (s.at < s.stop_at) return static_cast<ssize_t>(n);
        if (n == 0 && s.stop_at != s.body.size()) return self.break_off(s);
        if (s.stop_at != s.body.size()) return static_cast<ssize_t>(n); // and then it is asked once more
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (s.what == behaviour::chunked) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            const std::string number = std::to_string(s.id);
            nghttp2_nv trailer = field("x-id", number);
            nghttp2_submit_trailer(frames, id, &trailer, 1);
        }
        if (s.what == behaviour::silent_close) self.at_->last = true;
        return static_cast<ssize_t>(n);
    }

    // In the middle of a body.
    ssize_t break_off(const stream& s) {
        if (s.what == behaviour::truncated) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // a reset
        if (s.what == behaviour::resets_in_body) make_reset(fd_);
        if (s.what != behaviour::stalls) at_->last = true;
        return NGHTTP2_ERR_DEFERRED;
    }

    static nghttp2_nv field(std::string_view name, std::string_view value) {
        nghttp2_nv one{};
        one.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
        one.namelen = name.size();
        one.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
        one.valuelen = value.size();
        return one;
    }

    void submit(std::int32_t id, std::string_view status, const fields_t& more) {
        std::vector<nghttp2_nv> list(1, field(":status", status));
        for (const auto& [name, value] : more)
            list.push_back(field(name, value));
        nghttp2_data_provider body{};
        body.read_callback = &read_body;
        nghttp2_submit_response(frames_, id, list.data(), list.size(), &body);
    }

    void answer(std::int32_t id) {
        stream& s = streams_[id];
        ++requests_;
        const parts asked = parts_of(s.path);
        s.id = asked.id;
        s.what = asked.what;
        s.body = s.what == behaviour::echo ? s.sent : text_for(asked.id, asked.size);
        s.stop_at = s.body.size();
        fields_t more;
        more.emplace_back("content-length", std::to_string(s.body.size()));
        switch (s.what) {
        case behaviour::plain:
        case behaviour::echo:
        case behaviour::silent_close:
            break;
        case behaviour::chunked:
        case behaviour::to_the_end:
            more.clear();
            break;
        case behaviour::redirect:
            s.body = "see";
            s.stop_at = 3;
            more[0].second = "3";
            more.emplace_back("location", target(asked.id, behaviour::plain, asked.size));
            return submit(id, "302", more);
        case behaviour::says_close:
            nghttp2_submit_goaway(frames_, NGHTTP2_FLAG_NONE,
                                  nghttp2_session_get_last_proc_stream_id(frames_), NGHTTP2_NO_ERROR, nullptr,
                                  0);
            break;
        case behaviour::no_answer:
            return;
        case behaviour::closes:
            at_->last = true;
            return;
        case behaviour::resets: {
            constexpr std::array<std::uint32_t, 4> codes = {NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR,
                                                            NGHTTP2_CANCEL, NGHTTP2_HTTP_1_1_REQUIRED};
            nghttp2_submit_rst_stream(frames_, NGHTTP2_FLAG_NONE, id, codes[asked.id % codes.size()]);
            return;
        }
        case behaviour::stalls:
        case behaviour::truncated:
        case behaviour::resets_in_body:
        case behaviour::chunks_cut:
            s.body += "the end"; // so that there is something to be cut off
            more[0].second = std::to_string(s.body.size());
            s.stop_at = s.body.size() / 2;
            break;
        case behaviour::garbage:
            at_->out += "not a frame of HTTP/2";
            at_->mute = true;
            return;
        case behaviour::two_lengths:
            more[0].second = "999999";
            break;
        case behaviour::trailing_answer: // what nobody asked for: a PING, and a frame of an unknown type
            at_->out += std::string("\0\0\x08\x06\0\0\0\0\0", 9) + "pingping";
            at_->out += std::string("\0\0\x02\xfa\0\0\0\0\0", 9) + "??";
            break;
        }
        submit(id, "200", more);
    }

    std::atomic<std::uint64_t>& requests_;
    nghttp2_session* frames_ = nullptr;
    std::map<std::int32_t, stream> streams_;
    connection* at_ = nullptr;
    int fd_ = -1;
};

} // namespace chaos
