#include "lib/http/h2/session_callbacks.hpp"

#include "lib/http/h2/client_stream.hpp"
#include "lib/http/h2/error.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>

namespace tandem::http::h2 {

namespace {

constexpr std::uint32_t stream_window = std::uint32_t{1} << 20;
constexpr std::int32_t connection_window = std::int32_t{16} << 20;
constexpr std::size_t frame_header_size = 9;

session& of(void* user) noexcept {
    return *static_cast<session*>(user);
}

std::string_view text(const std::uint8_t* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};
}

} // namespace

nghttp2_session* callbacks::make_session(session& owner, std::size_t header_bytes) {
    nghttp2_session_callbacks* all = nullptr;
    if (nghttp2_session_callbacks_new(&all) != 0) throw std::bad_alloc();
    const std::unique_ptr<nghttp2_session_callbacks, void (*)(nghttp2_session_callbacks*)> callbacks_kept(
        all, &nghttp2_session_callbacks_del);
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, &on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, &on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(all, &on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, &on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, &on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, &on_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(all, &on_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, &on_stream_close);

    nghttp2_option* option = nullptr;
    if (nghttp2_option_new(&option) != 0) throw std::bad_alloc();
    const std::unique_ptr<nghttp2_option, void (*)(nghttp2_option*)> option_kept(option, &nghttp2_option_del);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_reserved_remote_streams(option, 0);
    // Blanks around a value are dropped, as in HTTP/1.1.
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);

    nghttp2_session* made = nullptr;
    if (nghttp2_session_client_new2(&made, all, &owner, option) != 0) throw std::bad_alloc();
    const std::array<nghttp2_settings_entry, 3> settings = {{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
         static_cast<std::uint32_t>(std::min<std::size_t>(header_bytes, 0x7fffffff))},
    }};
    if (nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0 ||
        nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, connection_window) != 0) {
        nghttp2_session_del(made);
        throw std::bad_alloc();
    }
    return made;
}

ssize_t callbacks::read_body(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source*, void* user) {
    client_stream* const s = of(user).find(id);
    if (!s) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // given up: resets the stream
    const std::size_t n = std::min(size, s->upload_.size());
    if (n == 0 && !s->upload_over_) return NGHTTP2_ERR_DEFERRED;
    if (n != 0) std::memcpy(to, s->upload_.data(), n);
    s->upload_.remove_prefix(n);
    if (s->upload_.empty()) {
        if (s->upload_over_) *flags |= NGHTTP2_DATA_FLAG_EOF;
        of(user).wake(*s);
    }
    return static_cast<ssize_t>(n);
}

// Frames that cost work and bring nothing must not go on for ever.
int callbacks::on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* header, void* user) {
    const bool useful = header->type == NGHTTP2_HEADERS || header->type == NGHTTP2_CONTINUATION ||
                        header->type == NGHTTP2_WINDOW_UPDATE ||
                        (header->type == NGHTTP2_DATA &&
                         (header->length > 0 || (header->flags & NGHTTP2_FLAG_END_STREAM) != 0));
    return of(user).count_frame(useful) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

int callbacks::on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // a push is refused
    if (client_stream* const s = of(user).find(frame->hd.stream_id)) s->begin_fields();
    return 0;
}

int callbacks::on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* user) {
    client_stream* const s = of(user).find(frame->hd.stream_id);
    if (!s || frame->hd.type != NGHTTP2_HEADERS) return 0;
    try {
        if (s->add_field(text(name, name_size), text(value, value_size))) return 0;
        of(user).wake(*s);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // resets the stream; the rest of the block is skipped
    } catch (const std::bad_alloc&) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
}

int callbacks::on_data(nghttp2_session* frames, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                       std::size_t size, void* user) {
    nghttp2_session_consume_connection(frames, size);
    client_stream* const s = of(user).find(id);
    if (!s) return 0;
    try {
        s->add_data(text(data, size));
    } catch (const std::bad_alloc&) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    of(user).wake(*s);
    return 0;
}

int callbacks::on_frame(nghttp2_session* frames, const nghttp2_frame* frame, void* user) {
    session& self = of(user);
    const nghttp2_frame_hd& header = frame->hd;
    if (header.type == NGHTTP2_SETTINGS && (header.flags & NGHTTP2_FLAG_ACK) == 0) self.owner_.room_changed();
    if (header.type == NGHTTP2_GOAWAY) {
        self.received_goaway_ = frame->goaway.error_code;
        self.retire();
    }
    client_stream* const s = header.stream_id == 0 ? nullptr : self.find(header.stream_id);
    if (!s) return 0;
    const bool end = (header.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (header.type == NGHTTP2_HEADERS) {
        s->wire_bytes_ += header.length + frame_header_size;
        if (!s->end_fields(end))
            nghttp2_submit_rst_stream(frames, NGHTTP2_FLAG_NONE, header.stream_id, NGHTTP2_PROTOCOL_ERROR);
    } else if (header.type == NGHTTP2_DATA) {
        s->wire_bytes_ += header.length + frame_header_size;
    } else if (header.type == NGHTTP2_RST_STREAM) {
        s->reset_by_peer_ = true;
    } else {
        return 0;
    }
    if (end && (header.type == NGHTTP2_HEADERS || header.type == NGHTTP2_DATA)) s->end_of_stream();
    self.wake(*s);
    return 0;
}

int callbacks::on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) of(user).sent_goaway_ = frame->goaway.error_code;
    return 0;
}

// A request that was still to be sent when the peer said that it takes no more.
int callbacks::on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int code, void* user) {
    session& self = of(user);
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    const auto found = self.streams_.find(frame->hd.stream_id);
    if (found == self.streams_.end()) return 0;
    client_stream* const s = found->second;
    self.streams_.erase(found);
    if (!s) {
        --self.lingering_;
    } else {
        s->refused_ = code != NGHTTP2_ERR_FRAME_SIZE_ERROR;
        s->close(s->refused_ ? make_error_code(origin::goaway, self.received_goaway_)
                             : make_error_code(error::bad_field));
        self.wake(*s);
    }
    self.owner_.room_changed();
    return 0;
}

int callbacks::on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    session& self = of(user);
    const auto found = self.streams_.find(id);
    if (found == self.streams_.end()) return 0;
    client_stream* const s = found->second;
    self.streams_.erase(found);
    if (!s) {
        --self.lingering_;
    } else {
        s->refused_ = (code == NGHTTP2_REFUSED_STREAM || code == NGHTTP2_HTTP_1_1_REQUIRED) && !s->heard_;
        if (code == NGHTTP2_NO_ERROR)
            s->close(s->ended_ ? std::error_code() : make_error_code(error::incomplete_stream));
        else if (s->reset_by_peer_)
            s->close(make_error_code(origin::reset, code));
        else if (s->refused_) // nghttp2 says so of those that a GOAWAY leaves out
            s->close(make_error_code(origin::goaway, self.received_goaway_));
        else
            s->close(make_error_code(origin::stream, code));
        self.wake(*s);
    }
    self.owner_.room_changed();
    return 0;
}

} // namespace tandem::http::h2
