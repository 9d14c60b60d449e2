#include "tandem/http/content_coding.hpp"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "tests/http/coding_support.hpp"
#include "tests/support/catch.hpp"

using namespace tandem::http;
using coding_tests::as_gzip;
using coding_tests::as_raw;
using coding_tests::as_zlib;
using coding_tests::decode;
using coding_tests::decoded;
using coding_tests::encode;
using coding_tests::encode_br;
using coding_tests::encode_zstd;
using coding_tests::prose;

TEST_CASE("every coding, in every size of pieces", "[http][coding]") {
    const std::string text = prose();
    struct {
        std::string_view coding;
        std::string bytes;
    } const cases[] = {
        {"gzip", encode(text, as_gzip)},
        {"X-GZip", encode(text, as_gzip)},
        {"deflate", encode(text, as_zlib)},
        {"Deflate", encode(text, as_raw)},
        {"identity", text},
        {"", text},
        {" , identity,", text},
        {"gzip, identity", encode(text, as_gzip)},
        {"deflate, gzip", encode(encode(text, as_zlib), as_gzip)},
        {"gzip, deflate", encode(encode(text, as_gzip), as_raw)},
        {"br", encode_br(text)},
        {"ZSTD", encode_zstd(text)},
        {"zstd, br", encode_br(encode_zstd(text))},
        {"br, zstd", encode_zstd(encode_br(text))},
        {"gzip, br", encode_br(encode(text, as_gzip))},
    };
    for (const auto& each : cases) {
        INFO(each.coding);
        for (const std::size_t piece :
             {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{4096}, ~std::size_t{0}}) {
            const decoded told = decode(each.coding, each.bytes, piece);
            CHECK_FALSE(told.error);
            CHECK(told.text == text);
            CHECK(told.largest <= 32 * 1024);
        }
        CHECK(decoder::supports(each.coding));
    }
    CHECK(decoder("identity").is_identity());
    CHECK_FALSE(decoder("gzip").is_identity());
}

TEST_CASE("small and empty content", "[http][coding]") {
    for (const int bits : {as_gzip, as_zlib, as_raw})
        for (const std::string text : {"", "a", "ab"}) {
            const std::string_view coding = bits == as_gzip ? "gzip" : "deflate";
            for (const std::size_t piece : {std::size_t{1}, ~std::size_t{0}}) {
                const decoded told = decode(coding, encode(text, bits), piece);
                CHECK_FALSE(told.error);
                CHECK(told.text == text);
            }
        }
    CHECK_FALSE(decode("gzip", "").error); // an empty body with a label
    CHECK_FALSE(decode("gzip, gzip", encode("", as_gzip)).error);
}

TEST_CASE("codings that are not there", "[http][coding]") {
    for (const std::string_view coding : {"dcb", "gzip, dcz", "gzip;q=1", "compress", "gzipx", "gzip gzip"}) {
        CHECK_FALSE(decoder::supports(coding));
        CHECK(decode(coding, "x").error == coding_error::unsupported);
    }
    decoder_limits limits;
    CHECK(decode("gzip, gzip, gzip", "x", 1, limits).error == coding_error::too_many_layers);
    limits.layers = 100;
    CHECK(decode("gzip, gzip, gzip, gzip, gzip, gzip", "x", 1, limits).error ==
          coding_error::too_many_layers);
    std::string five = "hello";
    for (int i = 0; i < 5; ++i)
        five = encode(five, as_gzip);
    CHECK(decode("gzip, gzip, gzip, identity, gzip, gzip", five, 3, limits).text == "hello");
}

TEST_CASE("gzip: members, header checksum, padding", "[http][coding]") {
    std::string members = encode("one ", as_gzip) + encode("", as_gzip) + encode("two", as_gzip);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, ~std::size_t{0}}) {
        CHECK(decode("gzip", members, piece).text == "one two");
        CHECK_FALSE(decode("gzip", members, piece).error);
        CHECK_FALSE(decode("gzip", members + std::string(40, '\0'), piece).error);
        CHECK(decode("gzip", members + "x", piece).error == coding_error::trailing_data);
        CHECK(decode("gzip", members + std::string(4, '\0') + members, piece).error ==
              coding_error::trailing_data);
        CHECK(decode("gzip", members + "\x1f", piece).error == coding_error::truncated);
        CHECK(decode("gzip", members + "\x1f\x8c", piece).error == coding_error::corrupt);
        CHECK(decode("deflate", encode("a", as_zlib) + "x", piece).error == coding_error::trailing_data);
    }
    gz_header header{};
    char name[] = "name";
    header.name = reinterpret_cast<Bytef*>(name);
    header.hcrc = 1;
    std::string named = encode("text", as_gzip, &header);
    CHECK(decode("gzip", named, 1).text == "text");
    named[10] = 'N'; // the file name, which only the header's checksum covers
    CHECK(decode("gzip", named).error == coding_error::corrupt);
}

TEST_CASE("truncated and damaged content is reported, whatever the place", "[http][coding]") {
    const std::string text = "hello, hello, hello; and again hello. 0123456789";
    for (const int bits : {as_gzip, as_zlib, as_raw}) {
        const std::string_view coding = bits == as_gzip ? "gzip" : "deflate";
        const std::string bytes = encode(text, bits);
        for (std::size_t size = 1; size < bytes.size(); ++size)
            if (decode(coding, std::string_view(bytes).substr(0, size), size % 3 + 1).error !=
                coding_error::truncated)
                FAIL(coding << " cut at " << size);
    }
    std::string sum = encode(text, as_gzip);
    ++sum[sum.size() - 8]; // CRC of the text
    CHECK(decode("gzip", sum).error == coding_error::corrupt);
    std::string size = encode(text, as_gzip);
    ++size[size.size() - 4]; // its length
    CHECK(decode("gzip", size).error == coding_error::corrupt);
    std::string adler = encode(text, as_zlib);
    ++adler.back();
    CHECK(decode("deflate", adler).error == coding_error::corrupt);
    CHECK(decode("gzip", "<html>not gzip").error == coding_error::corrupt);
    CHECK(decode("gzip", encode(text, as_zlib)).error == coding_error::corrupt);
    CHECK(decode("deflate", "\xff\xff\xff").error == coding_error::corrupt);
    CHECK(decode("deflate", "\x78\xbb\x02\xa7\x02\x08xxxxxx").error == coding_error::needs_dictionary);

    std::mt19937 random(99);
    for (int i = 0; i < 2000; ++i) { // no crash, no endless loop
        std::string bytes = encode(text, i % 3 == 0 ? as_gzip : i % 3 == 1 ? as_zlib : as_raw);
        bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
        decoder with(i % 3 == 0 ? "gzip" : "deflate");
        std::size_t got = 0;
        const auto sink = [&](std::string_view out) { got += out.size(); };
        if (!with.push(bytes, sink)) (void)with.finish();
        CHECK(got <= 1 << 20);
    }
}

TEST_CASE("bombs stop at the limits, with little memory", "[http][coding]") {
    const std::string zeros(std::size_t{8} << 20, '\0');
    const std::string bomb = encode(zeros, as_gzip);
    decoder_limits limits;
    SECTION("output, to the byte") {
        limits.ratio = 1'000'000;
        limits.output_bytes = zeros.size();
        CHECK_FALSE(decode("gzip", bomb, 4096, limits).error);
        limits.output_bytes = zeros.size() - 1;
        const decoded told = decode("gzip", bomb, ~std::size_t{0}, limits);
        CHECK(told.error == coding_error::output_too_large);
        CHECK(told.text.size() <= limits.output_bytes);
        CHECK(told.largest <= 32 * 1024);
        limits.output_bytes = 10;
        CHECK(decode("", "0123456789", 3, limits).text == "0123456789");
        CHECK(decode("", "0123456789a", 3, limits).error == coding_error::output_too_large);
    }
    SECTION("ratio, and only beyond the first MiB") {
        CHECK(decode("gzip", bomb, 512).error == coding_error::ratio_too_high);
        CHECK_FALSE(decode("gzip", encode(zeros.substr(0, std::size_t{1} << 20), as_gzip), 512).error);
        limits.ratio_after = 1000;
        limits.ratio = 10;
        CHECK(decode("gzip", encode(prose(), as_gzip), 512, limits).error == std::error_code());
        limits.ratio = 2;
        CHECK(decode("gzip", encode(prose(), as_gzip), 512, limits).error == coding_error::ratio_too_high);
    }
    SECTION("a bomb in a bomb: the inner layer counts too") {
        const std::string twice = encode(bomb, as_gzip);
        CHECK(twice.size() < 200);
        CHECK(decode("gzip, gzip", twice).error == coding_error::ratio_too_high);
        // the outer layer makes much, the inner one nothing: a stored block that never ends, say
        limits.output_bytes = std::size_t{1} << 20;
        limits.ratio = 1'000'000'000;
        const std::string padded = encode(encode("x", as_gzip) + zeros, as_gzip);
        CHECK(decode("gzip, gzip", padded, 4096, limits).error == coding_error::output_too_large);
    }
}

TEST_CASE("a decoder moves while it decodes", "[http][coding]") {
    const std::string bytes = encode("hello", as_gzip);
    std::string text;
    const auto sink = [&](std::string_view out) { text += out; };
    decoder first("gzip");
    CHECK_FALSE(first.push(std::string_view(bytes).substr(0, 12), sink));
    decoder second = std::move(first);
    CHECK_FALSE(second.push(std::string_view(bytes).substr(12), sink));
    CHECK_FALSE(second.finish());
    CHECK(text == "hello");
    CHECK(second.bytes_in() == bytes.size());
}

TEST_CASE("pulling: a little at a time, and no more than is asked for", "[http][coding]") {
    const std::string zeros(std::size_t{4} << 20, '\0');
    for (const std::string_view coding : {"gzip", "br", "zstd", "br, gzip"}) {
        INFO(coding);
        const std::string bytes = coding == "gzip"   ? encode(zeros, as_gzip)
                                  : coding == "br"   ? encode_br(zeros)
                                  : coding == "zstd" ? encode_zstd(zeros)
                                                     : encode(encode_br(zeros), as_gzip);
        decoder_limits limits;
        limits.ratio = 1'000'000'000;
        decoder with(coding, limits);
        std::string_view in = bytes;
        std::string_view piece;
        CHECK_FALSE(with.pull(in, piece)); // one piece of many, whatever it was given
        CHECK(piece.size() == 32 * 1024);
        CHECK(with.bytes_out() == piece.size());
        std::size_t total = piece.size();
        do {
            CHECK_FALSE(with.pull(in, piece));
            total += piece.size();
        } while (!piece.empty());
        CHECK(in.empty());
        CHECK(total == zeros.size());
        CHECK(with.bytes_in() == bytes.size());
        CHECK_FALSE(with.finish());
        CHECK_FALSE(with.pull(in, piece)); // nothing more, and no error
        CHECK(piece.empty());
    }
}

TEST_CASE("what came before an error is handed out, through the layers, too", "[http][coding]") {
    const std::string bytes = encode(encode_br("hello"), as_zlib) + "junk";
    const decoded told = decode("br, deflate", bytes);
    CHECK(told.text == "hello");
    CHECK(told.error == coding_error::trailing_data);
    // More than one piece of it.
    const std::string zeros(std::size_t{1} << 20, '\0');
    const decoded large = decode("br, gzip", encode(encode_br(zeros), as_gzip) + "\n", ~std::size_t{0}, [] {
        decoder_limits limits;
        limits.ratio = 1'000'000'000;
        return limits;
    }());
    CHECK(large.text == zeros);
    CHECK(large.error == coding_error::trailing_data);
    // What is cut short inside is not made whole by junk outside.
    const std::string inner = encode_br("hello hello hello");
    const std::string cut = encode(inner.substr(0, inner.size() - 2), as_gzip);
    CHECK(decode("br, gzip", cut + "\n").error == coding_error::truncated);
}
