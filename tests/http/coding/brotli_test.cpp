// br: what its decoder refuses, and that bombs cost no more than other content.
#include "tests/http/coding_support.hpp"
#include "tests/support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

#include <brotli/encode.h>

using namespace tandem::http;
using coding_tests::decode;
using coding_tests::decoded;
using coding_tests::encode_br;
using coding_tests::prose;

namespace {

constexpr std::size_t all = ~std::size_t{0};

// Made without the encoder: window 22, one uncompressed meta-block of four bytes, and an empty last one.
constexpr std::string_view stored("\x8b\x01\x80test\x03", 8);

// With a window that only brotli's own tools know.
std::string with_large_window(std::string_view text) {
    BrotliEncoderState* const state = BrotliEncoderCreateInstance(nullptr, nullptr, nullptr);
    BrotliEncoderSetParameter(state, BROTLI_PARAM_LARGE_WINDOW, 1);
    BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, 25);
    std::string out(1000, '\0');
    std::size_t in_left = text.size();
    std::size_t space = out.size();
    auto in = reinterpret_cast<const std::uint8_t*>(text.data());
    auto to = reinterpret_cast<std::uint8_t*>(out.data());
    const bool good = BrotliEncoderCompressStream(state, BROTLI_OPERATION_FINISH, &in_left, &in, &space, &to,
                                                  nullptr) == BROTLI_TRUE;
    BrotliEncoderDestroyInstance(state);
    if (!good || in_left != 0) throw std::runtime_error("brotli");
    out.resize(out.size() - space);
    return out;
}

} // namespace

TEST_CASE("br: a fixed vector, and what the encoder makes", "[http][coding]") {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, all}) {
        CHECK(decode("br", stored, piece).text == "test");
        CHECK_FALSE(decode("br", stored, piece).error);
        for (const std::string text : {"", "a", "ab"}) {
            const decoded told = decode("br", encode_br(text), piece);
            CHECK_FALSE(told.error);
            CHECK(told.text == text);
        }
    }
    const std::string text = prose();
    for (const int quality : {0, 1, 9, 11}) {
        const decoded told = decode("br", encode_br(text, quality, 24), 1000);
        CHECK_FALSE(told.error);
        CHECK(told.text == text);
        CHECK(told.largest <= 32 * 1024);
    }
    CHECK_FALSE(decode("br", "").error); // an empty body with a label
}

TEST_CASE("br: truncated anywhere, followed by something, damaged", "[http][coding]") {
    const std::string bytes = encode_br("hello, hello, hello; and again hello. 0123456789");
    for (std::size_t size = 1; size < bytes.size(); ++size)
        if (decode("br", std::string_view(bytes).substr(0, size), size % 3 + 1).error !=
            coding_error::truncated)
            FAIL("cut at " << size);
    for (const std::size_t piece : {std::size_t{1}, all}) {
        CHECK(decode("br", bytes + "x", piece).error == coding_error::trailing_data);
        CHECK(decode("br", bytes + bytes, piece).error == coding_error::trailing_data);
        CHECK(decode("br", bytes + std::string(4, '\0'), piece).error == coding_error::trailing_data);
        CHECK(decode("br", "\xff\xff\xff\xff\xff", piece).error == coding_error::corrupt);
    }
    std::mt19937 random(99);
    for (int i = 0; i < 2000; ++i) { // no crash, no endless loop
        std::string damaged = bytes;
        damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
        decoder with("br");
        std::size_t got = 0;
        const auto sink = [&](std::string_view out) { got += out.size(); };
        if (!with.push(damaged, sink)) (void)with.finish();
        CHECK(got <= std::size_t{64} << 20);
    }
}

TEST_CASE("br: windows beyond the standard's are refused", "[http][coding]") {
    CHECK(decode("br", with_large_window("hello, hello")).error == coding_error::corrupt);
    CHECK(decode("br", encode_br("hello, hello", 5, 24)).text == "hello, hello");
}

TEST_CASE("br: bombs stop at the limits", "[http][coding]") {
    const std::string zeros(std::size_t{40} << 20, '\0');
    const std::string bomb = encode_br(zeros);
    CHECK(bomb.size() < 1000);
    CHECK(decode("br", bomb).error == coding_error::ratio_too_high);
    CHECK(decode("br", bomb).text.size() <= (std::size_t{1} << 20) + 32 * 1024);
    decoder_limits limits;
    limits.ratio = 1'000'000'000;
    limits.output_bytes = zeros.size();
    CHECK_FALSE(decode("br", bomb, all, limits).error);
    limits.output_bytes = zeros.size() - 1;
    const decoded told = decode("br", bomb, all, limits);
    CHECK(told.error == coding_error::output_too_large);
    CHECK(told.text.size() <= limits.output_bytes);
    CHECK(decode("br, br", encode_br(bomb)).error == coding_error::ratio_too_high);
}
