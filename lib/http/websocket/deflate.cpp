#include "lib/http/websocket/deflate.hpp"

#include "lib/http/websocket/frame.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <zlib.h>

namespace tandem::http::ws {

namespace {

constexpr std::size_t most_at_once = std::size_t{1} << 30; // zlib counts in unsigned int
constexpr std::string_view tail("\x00\x00\xff\xff", 4);    // of a flush: not sent (RFC 7692, 7.2.1)

} // namespace

std::string compress_message(std::string_view text) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc();
    std::string out;
    std::array<char, 16 * 1024> piece;
    for (bool more = true; more;) {
        const std::string_view in = text.substr(0, most_at_once);
        text.remove_prefix(in.size());
        more = !text.empty();
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream.avail_in = static_cast<uInt>(in.size());
        do {
            stream.next_out = reinterpret_cast<Bytef*>(piece.data());
            stream.avail_out = static_cast<uInt>(piece.size());
            deflate(&stream, more ? Z_NO_FLUSH : Z_SYNC_FLUSH);
            out.append(piece.data(), piece.size() - stream.avail_out);
        } while (stream.avail_out == 0);
    }
    deflateEnd(&stream);
    if (std::string_view(out).ends_with(tail)) out.resize(out.size() - tail.size());
    if (out.empty()) out += '\0'; // an empty message (RFC 7692, 7.2.3.6)
    return out;
}

struct message_inflater::state {
    state() {
        if (inflateInit2(&stream, -15) != Z_OK) throw std::bad_alloc();
    }
    ~state() { inflateEnd(&stream); }
    state(const state&) = delete;
    state& operator=(const state&) = delete;

    z_stream stream{};
    bool ended = false; // a last block, after which others may follow (RFC 7692, 7.2.3.4)
};

message_inflater::message_inflater() : state_(std::make_unique<state>()) {}
message_inflater::~message_inflater() = default;
message_inflater::message_inflater(message_inflater&&) noexcept = default;
message_inflater& message_inflater::operator=(message_inflater&&) noexcept = default;

std::error_code message_inflater::push(std::string_view in, std::string& out, std::uint64_t limit) {
    z_stream& stream = state_->stream;
    std::array<char, 16 * 1024> piece;
    bool full = false;
    while (!in.empty() || full) {
        if (state_->ended) {
            if (in.empty()) break;
            inflateReset(&stream);
            state_->ended = false;
        }
        const std::size_t given = std::min(in.size(), most_at_once);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream.avail_in = static_cast<uInt>(given);
        stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        stream.avail_out = static_cast<uInt>(piece.size());
        const int got = inflate(&stream, Z_NO_FLUSH);
        if (got == Z_MEM_ERROR) throw std::bad_alloc();
        if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR) return error::bad_compressed_data;
        const std::size_t used = given - stream.avail_in;
        const std::size_t made = piece.size() - stream.avail_out;
        if (made > limit - std::min<std::uint64_t>(limit, out.size())) return error::message_too_large;
        out.append(piece.data(), made);
        in.remove_prefix(used);
        state_->ended = got == Z_STREAM_END;
        full = stream.avail_out == 0;
        if (used == 0 && made == 0) {
            if (!in.empty()) return error::bad_compressed_data; // it would loop for ever
            break;
        }
    }
    return {};
}

std::error_code message_inflater::finish(std::string& out, std::uint64_t limit) {
    // Behind a block the tail is an empty stored one. Inside a block it is data, and the message was cut.
    const std::error_code failure = push(tail, out, limit);
    if (failure) return failure;
    const bool between_blocks = state_->ended || (state_->stream.data_type & 128) != 0;
    return between_blocks ? std::error_code() : make_error_code(error::bad_compressed_data);
}

} // namespace tandem::http::ws
