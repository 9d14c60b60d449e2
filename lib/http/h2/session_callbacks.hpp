// What nghttp2 calls on behalf of a session.
#pragma once

#include "lib/http/h2/session.hpp"

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>

namespace tandem::http::h2 {

class callbacks {
public:
    /// A client's session, its first SETTINGS and its window submitted. Throws std::bad_alloc.
    static nghttp2_session* make_session(session& owner, std::size_t header_bytes);

    static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source*, void* user);

private:
    static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* header, void* user);
    static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user);
    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t flags, void* user);
    static int on_data(nghttp2_session*, std::uint8_t flags, std::int32_t id, const std::uint8_t* data,
                       std::size_t size, void* user);
    static int on_frame(nghttp2_session* frames, const nghttp2_frame* frame, void* user);
    static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user);
    static int on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int code, void* user);
    static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user);
};

} // namespace tandem::http::h2
