// Content codings: the same output however the input is cut, and never more than the limits.
#include "tests/fuzz/fuzz.hpp"

#include <tandem/http/content_coding.hpp>

#include <algorithm>
#include <array>
#include <string>

using namespace tandem::http;

namespace {

constexpr std::uint64_t most = 100000;

std::string decode(std::string_view coding, std::string_view input, std::size_t piece,
                   std::error_code& failure) {
    decoder_limits limits;
    limits.output_bytes = most;
    limits.ratio_after = 1000;
    decoder d(coding, limits);
    std::string out;
    const auto sink = [&](std::string_view more) { out += more; };
    while (!input.empty() && !failure) {
        failure = d.push(input.substr(0, piece), sink);
        input.remove_prefix(std::min(piece, input.size()));
    }
    if (!failure) failure = d.finish();
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static constexpr std::array<std::string_view, 8> codings = {
        "gzip", "deflate", "gzip, deflate", "deflate, gzip", "br", "zstd", "br, zstd", "gzip, br"};
    if (size == 0) return 0;
    const std::string_view coding = codings[data[0] % codings.size()];
    const std::string_view input = fuzz::text(data + 1, size - 1);
    std::error_code first, second;
    const std::string whole = decode(coding, input, input.size() + 1, first);
    const std::string pieces = decode(coding, input, 1, second);
    fuzz::require(whole.size() <= most && pieces.size() <= most);
    if (!first && !second) fuzz::require(whole == pieces);
    fuzz::require(static_cast<bool>(first) == static_cast<bool>(second) ||
                  first == coding_error::ratio_too_high || second == coding_error::ratio_too_high);
    return 0;
}
