// Encoders, and a decoder that is driven in pieces, for the tests of content codings.
#pragma once

#include "tests/support/catch.hpp"

#include <tandem/http/content_coding.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

namespace coding_tests {

using namespace tandem::http;

constexpr int as_gzip = 15 + 16;
constexpr int as_zlib = 15;
constexpr int as_raw = -15;

inline std::string encode(std::string_view text, int window_bits, gz_header* header = nullptr) {
    z_stream stream{};
    if (deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error("zlib");
    if (header != nullptr) deflateSetHeader(&stream, header);
    std::string out(deflateBound(&stream, static_cast<uLong>(text.size())) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("zlib");
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

inline std::string prose() {
    std::string text;
    std::mt19937 random(7);
    for (int i = 0; i < 20'000; ++i)
        text += "word " + std::to_string(random() % 1000) + (i % 9 == 0 ? "\n" : " ");
    return text;
}

struct decoded {
    std::string text;
    std::error_code error;
    std::size_t largest = 0;
};

inline decoded decode(std::string_view coding, std::string_view bytes, std::size_t piece = ~std::size_t{0},
                      decoder_limits limits = {}) {
    decoder with(coding, limits);
    decoded told;
    const auto sink = [&](std::string_view out) {
        told.text += out;
        told.largest = std::max(told.largest, out.size());
    };
    while (!bytes.empty() && !told.error) {
        told.error = with.push(bytes.substr(0, piece), sink);
        bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    if (!told.error) told.error = with.finish();
    CHECK(with.error() == told.error);
    CHECK(with.finish() == told.error);
    CHECK(with.bytes_out() == told.text.size());
    return told;
}

inline std::string encode_br(std::string_view text, int quality = 5, int window_bits = 22) {
    std::string out(BrotliEncoderMaxCompressedSize(text.size()) + 64, '\0');
    std::size_t size = out.size();
    if (!BrotliEncoderCompress(quality, window_bits, BROTLI_MODE_GENERIC, text.size(),
                               reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                               reinterpret_cast<std::uint8_t*>(out.data())))
        throw std::runtime_error("brotli");
    out.resize(size);
    return out;
}

inline std::string encode_zstd(std::string_view text, bool checksum = true, int window_log = 0) {
    ZSTD_CCtx* const context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum ? 1 : 0);
    if (window_log != 0) { // without a size in the header, so that the window stands there
        ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    }
    std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t left = window_log != 0 ? (ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue),
                                                ZSTD_compressStream2(context, &to, &in, ZSTD_e_end))
                                             : ZSTD_compressStream2(context, &to, &in, ZSTD_e_end);
    ZSTD_freeCCtx(context);
    if (left != 0) throw std::runtime_error("zstd");
    out.resize(to.pos);
    return out;
}

} // namespace coding_tests
