// WWW-Authenticate and Content-Type, whatever a server writes into them.
#include "tests/fuzz/fuzz.hpp"

#include "lib/http/challenge.hpp"
#include "lib/http/media_type.hpp"

using namespace tandem::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = fuzz::text(data, size);
    const auto challenges = parse_challenges(input);
    fuzz::require(challenges.size() <= 16);
    std::size_t bytes = 0;
    for (const challenge& one : challenges) {
        fuzz::require(!one.scheme.empty() && one.parameters.size() <= 32);
        for (const auto& [name, value] : one.parameters) {
            fuzz::require(!name.empty() && one.get(name).has_value());
            bytes += name.size() + value.size();
        }
    }
    fuzz::require(bytes <= size);
    fuzz::require(media_type_of(input).size() <= size);
    fuzz::require(charset_of(input).size() <= size);
    return 0;
}
