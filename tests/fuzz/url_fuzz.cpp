// URLs: what was parsed is parsed again to the same, and its parts are parts of it.
#include "tests/fuzz/fuzz.hpp"

#include <tandem/net/url.hpp>

using tandem::url;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = fuzz::text(data, size);
    const std::size_t split = input.find('\n');
    const auto base = url::parse(input.substr(0, split));
    if (base) {
        const auto again = url::parse(base->href());
        fuzz::require(again && *again == *base);
        fuzz::require(base->href().size() <= url::max_size);
        fuzz::require(base->path().starts_with('/') && !base->host().empty());
        for (const char c : base->href())
            fuzz::require(static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f);
        fuzz::require(same_origin(*base, url(base->origin())));
        static_cast<void>(base->redacted());
    }
    if (split == input.npos) return 0;
    const auto resolved =
        base ? url::parse(input.substr(split + 1), *base) : url::parse(input.substr(split + 1));
    if (resolved) {
        const auto again = url::parse(resolved->href());
        fuzz::require(again && *again == *resolved);
    }
    return 0;
}
