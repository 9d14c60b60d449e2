// examples/mandelbrot: known pixels, the same picture from any number of threads, a PNG that holds them.
#include "tests/examples/program_support.hpp"
#include "tests/support/catch.hpp"

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace example_test;

namespace {

tandem::process_result mandelbrot(std::vector<std::string> arguments) {
    return run(EXAMPLE_MANDELBROT, std::move(arguments));
}

// The pixels of a PPM of a known size: three bytes each.
std::string pixels_of(const std::string& ppm, const std::string& header) {
    REQUIRE(ppm.rfind(header, 0) == 0);
    return ppm.substr(header.size());
}

std::uint32_t number_at(const std::string& text, std::size_t at) {
    REQUIRE(at + 4 <= text.size());
    std::uint32_t n = 0;
    for (std::size_t i = 0; i < 4; ++i)
        n = n << 8 | static_cast<unsigned char>(text[at + i]);
    return n;
}

// The data of one chunk after the other, each checksum checked.
std::vector<std::pair<std::string, std::string>> chunks_of(const std::string& png) {
    REQUIRE(png.rfind("\x89PNG\r\n\x1a\n", 0) == 0);
    std::vector<std::pair<std::string, std::string>> chunks;
    for (std::size_t at = 8; at < png.size();) {
        const std::size_t size = number_at(png, at);
        const std::string checked = png.substr(at + 4, 4 + size);
        REQUIRE(checked.size() == 4 + size);
        CHECK(number_at(png, at + 8 + size) ==
              ::crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size())));
        chunks.emplace_back(checked.substr(0, 4), checked.substr(4));
        at += 12 + size;
    }
    return chunks;
}

} // namespace

TEST_CASE("example mandelbrot: known pixels, whatever the number of threads") {
    const temporary_folder here;
    const std::string one = here / "one.ppm";
    const std::string four = here / "four.ppm";
    const std::vector<std::string> view{"--size",  "60x41", "--iterations", "100",
                                        "--width", "3",     "--center",     "-0.5,0"};
    const auto draw = [&view](const std::string& threads, const std::string& file) {
        std::vector<std::string> arguments = view;
        for (const std::string& more : {std::string("--threads"), threads, std::string("--out"), file})
            arguments.push_back(more);
        return mandelbrot(std::move(arguments));
    };
    const auto r = draw("1", one);
    CHECK(r.status.code() == 0);
    CHECK(r.out.find("60 x 41 pixels") != std::string::npos);
    CHECK(r.err.find('\r') == std::string::npos); // no bar into a pipe
    CHECK(draw("4", four).status.code() == 0);
    CHECK(content_of(one) == content_of(four));

    const std::string pixels = pixels_of(content_of(one), "P6\n60 41\n255\n");
    REQUIRE(pixels.size() == std::size_t{60} * 41 * 3);
    const auto row = [&pixels](std::size_t y) { return pixels.substr(y * 180, 180); };
    // Symmetrical about the real axis, the middle row.
    for (std::size_t y = 0; y < 20; ++y)
        CHECK(row(y) == row(40 - y));
    // Near 0 and near -1 it is inside.
    CHECK(row(20).substr(std::size_t{39} * 3, 6) == std::string(6, '\0'));
    CHECK(row(20).substr(std::size_t{19} * 3, 6) == std::string(6, '\0'));
    // The whole, where the compiler computes as it is told (no fused multiplication and addition).
#if defined(__x86_64__) && !defined(__FMA__)
    CHECK(::crc32(0, reinterpret_cast<const Bytef*>(pixels.data()), static_cast<uInt>(pixels.size())) ==
          0x4f2ef0de);
#endif
}

TEST_CASE("example mandelbrot: the PNG holds the pixels of the PPM") {
    const temporary_folder here;
    REQUIRE(mandelbrot({"--size", "37x11", "--iterations", "50", "--out", here / "a.ppm"}).status.code() ==
            0);
    REQUIRE(mandelbrot({"--size", "37x11", "--iterations", "50", "--out", here / "a.png"}).status.code() ==
            0);
    const std::string pixels = pixels_of(content_of(here / "a.ppm"), "P6\n37 11\n255\n");
    const auto chunks = chunks_of(content_of(here / "a.png"));
    REQUIRE(chunks.size() == 3);
    CHECK(chunks[0].first == "IHDR");
    CHECK(number_at(chunks[0].second, 0) == 37);
    CHECK(number_at(chunks[0].second, 4) == 11);
    CHECK(chunks[2].first == "IEND");
    std::string rows(11 * (1 + 37 * 3), '\0');
    uLongf size = static_cast<uLongf>(rows.size());
    const std::string& data = chunks[1].second;
    REQUIRE(::uncompress(reinterpret_cast<Bytef*>(rows.data()), &size,
                         reinterpret_cast<const Bytef*>(data.data()),
                         static_cast<uLong>(data.size())) == Z_OK);
    REQUIRE(size == rows.size());
    std::string found;
    for (std::size_t y = 0; y < 11; ++y) {
        CHECK(rows[y * 112] == 0);
        found += rows.substr(y * 112 + 1, 111);
    }
    CHECK(found == pixels);
}

TEST_CASE("example mandelbrot: wrong use, and a file that cannot be written") {
    CHECK(mandelbrot({"--help"}).out.find("--iterations") != std::string::npos);
    for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{{"--size", "10"},
                                                                                       {"--size", "0x10"},
                                                                                       {"--center", "1"},
                                                                                       {"--width", "0"},
                                                                                       {"--out", "a.gif"},
                                                                                       {"--out"},
                                                                                       {"a.png"}}) {
        const auto r = mandelbrot(wrong);
        INFO(wrong[0]);
        CHECK(r.status.code() == 2);
        CHECK(r.err.rfind("mandelbrot: ", 0) == 0);
    }
    const temporary_folder here;
    CHECK(mandelbrot({"--size", "8x8", "--out", here / "none/a.png"}).status.code() == 1);
}
