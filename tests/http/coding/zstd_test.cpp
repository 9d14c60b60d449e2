// zstd: frames and what stands between them, the window's bound, dictionaries, and bombs.
#include "tests/http/coding_support.hpp"
#include "tests/support/catch.hpp"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

using namespace tandem::http;
using coding_tests::decode;
using coding_tests::decoded;
using coding_tests::encode_zstd;
using coding_tests::prose;

namespace {

constexpr std::size_t all = ~std::size_t{0};

// A skippable frame (RFC 8878, 3.1.2) of three bytes.
constexpr std::string_view skippable("\x5a\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);

// A frame of one raw block "test", with a window byte: exponent and mantissa.
std::string frame_with_window(unsigned char window) {
    std::string frame("\x28\xb5\x2f\xfd\x00", 5);
    frame += static_cast<char>(window);
    frame += std::string_view("\x21\x00\x00test", 7); // last block, raw, 4 bytes
    return frame;
}

} // namespace

TEST_CASE("zstd: frames, one after the other, and skippable ones", "[http][coding]") {
    const std::string text = prose();
    const std::string one = encode_zstd(text);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, all}) {
        CHECK(decode("zstd", one, piece).text == text);
        const std::string frames = encode_zstd("one ") + std::string(skippable) + encode_zstd("") +
                                   std::string(skippable) + encode_zstd("two", false);
        const decoded told = decode("zstd", frames, piece);
        CHECK_FALSE(told.error);
        CHECK(told.text == "one two");
        CHECK_FALSE(decode("zstd", skippable, piece).error);
        CHECK(decode("zstd", frames + "x", piece).error == coding_error::trailing_data);
        CHECK(decode("zstd", frames + std::string(4, '\0'), piece).error == coding_error::trailing_data);
        CHECK(decode("zstd", frames + "\x28", piece).error == coding_error::truncated);
        CHECK(decode("zstd", frames + "\x28xyz", piece).error == coding_error::trailing_data);
        CHECK(decode("zstd", "<html>", piece).error == coding_error::corrupt);
        CHECK(decode("zstd", "\x28xyz", piece).error == coding_error::corrupt);
    }
    CHECK_FALSE(decode("zstd", "").error); // an empty body with a label
}

TEST_CASE("zstd: the formats before the standard are not read", "[http][coding]") {
    for (const char first : {'\x1e', '\x22', '\x24', '\x25', '\x26', '\x27'}) {
        std::string old = encode_zstd("text");
        old[0] = first;
        CHECK(decode("zstd", old).error == coding_error::corrupt);
    }
}

TEST_CASE("zstd: a window of 8 MiB is the largest", "[http][coding]") {
    CHECK(decode("zstd", frame_with_window(13 << 3)).text == "test"); // 2 to the 10 + 13
    CHECK_FALSE(decode("zstd", frame_with_window(13 << 3)).error);
    CHECK(decode("zstd", frame_with_window(13 << 3 | 1)).error == coding_error::window_too_large);
    CHECK(decode("zstd", frame_with_window(0xff)).error == coding_error::window_too_large);
    CHECK(decode("zstd", encode_zstd("text", true, 27)).error == coding_error::window_too_large);
    CHECK(decode("zstd", encode_zstd("text", true, 23)).text == "text");
    // Without a window of its own a frame has the size of its content: 1 GiB here.
    const std::string_view single("\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x40\x21\x00\x00test", 16);
    CHECK(decode("zstd", single).error == coding_error::window_too_large);
}

TEST_CASE("zstd: dictionaries are refused", "[http][coding]") {
    const std::string_view with_id("\x28\xb5\x2f\xfd\x01\x00\x07\x21\x00\x00test", 14);
    CHECK(decode("zstd", with_id).error == coding_error::needs_dictionary);
}

TEST_CASE("zstd: truncated anywhere, and damaged", "[http][coding]") {
    const std::string bytes = encode_zstd("hello, hello, hello; and again hello. 0123456789");
    for (std::size_t size = 1; size < bytes.size(); ++size)
        if (decode("zstd", std::string_view(bytes).substr(0, size), size % 3 + 1).error !=
            coding_error::truncated)
            FAIL("cut at " << size);
    std::string sum = bytes;
    ++sum.back();
    CHECK(decode("zstd", sum).error == coding_error::corrupt);
    std::mt19937 random(99);
    for (int i = 0; i < 2000; ++i) { // no crash, no endless loop
        std::string damaged = bytes;
        damaged[random() % damaged.size()] = static_cast<char>(random() % 256);
        decoder with("zstd");
        std::size_t got = 0;
        const auto sink = [&](std::string_view out) { got += out.size(); };
        if (!with.push(damaged, sink)) (void)with.finish();
        CHECK(got <= std::size_t{64} << 20);
    }
}

TEST_CASE("zstd: bombs stop at the limits", "[http][coding]") {
    const std::string zeros(std::size_t{40} << 20, '\0');
    const std::string bomb = encode_zstd(zeros);
    CHECK(bomb.size() < 10000);
    CHECK(decode("zstd", bomb).error == coding_error::ratio_too_high);
    decoder_limits limits;
    limits.ratio = 1'000'000'000;
    limits.output_bytes = zeros.size();
    CHECK_FALSE(decode("zstd", bomb, all, limits).error);
    limits.output_bytes = zeros.size() - 1;
    const decoded told = decode("zstd", bomb, all, limits);
    CHECK(told.error == coding_error::output_too_large);
    CHECK(told.text.size() <= limits.output_bytes);
    std::string many; // frames that each make little of less
    for (int i = 0; i < 100; ++i)
        many += encode_zstd(zeros.substr(0, std::size_t{1} << 20));
    CHECK(decode("zstd", many).error == coding_error::ratio_too_high);
    CHECK(decode("zstd, zstd", encode_zstd(bomb)).error == coding_error::ratio_too_high);
}
