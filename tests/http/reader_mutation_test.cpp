// Valid messages with random damage: a reader never crashes, never takes more than it was given, always comes
// to an end, and says the same for every way in which the bytes arrive.
#include <cstddef>
#include <string>
#include <string_view>

#include "tests/http/h1_mutation.hpp"
#include "tests/http/h1_support.hpp"

using namespace h1_test;

namespace {

template <class Make>
void check_once(Make make, std::string_view bytes, mutator& random) {
    auto whole_reader = make();
    const outcome whole = drive(whole_reader, bytes, bytes.size(), 1, true);
    for (const std::size_t piece : {std::size_t{1}, 1 + random.below(7)}) {
        auto reader = make();
        const outcome other = drive(reader, bytes, random.below(bytes.size() + 1), piece, true);
        if (!(whole == other)) {
            INFO("message: " << Catch::StringMaker<std::string>::convert(std::string(bytes)));
            INFO(whole.error.message() << " / " << other.error.message());
            FAIL("the pieces make a difference");
        }
    }
}

} // namespace

TEST_CASE("damaged requests", "[http][h1]") {
    mutator random(20240229);
    for (int i = 0; i < 4000; ++i)
        check_once([] { return h1::request_reader(); },
                   random.mutate(requests[random.below(requests.size())]), random);
}

TEST_CASE("damaged responses", "[http][h1]") {
    mutator random(19700101);
    for (int i = 0; i < 4000; ++i) {
        const method asked = random.below(8) == 0 ? method::head : method::get;
        check_once(
            [asked] {
                h1::response_reader reader;
                reader.reset(asked);
                return reader;
            },
            random.mutate(responses[random.below(responses.size())]), random);
    }
}

TEST_CASE("damaged messages under tight limits", "[http][h1]") {
    mutator random(271828);
    for (int i = 0; i < 4000; ++i) {
        h1::limits bounds;
        bounds.header_bytes = random.below(120);
        bounds.line_bytes = random.below(50);
        bounds.fields = random.below(4);
        bounds.chunk_extension_bytes = random.below(5);
        bounds.body_bytes = random.below(15);
        bounds.interim_responses = random.below(3);
        check_once([&] { return h1::response_reader(bounds); },
                   random.mutate(responses[random.below(responses.size())]), random);
        check_once([&] { return h1::request_reader(bounds); },
                   random.mutate(requests[random.below(requests.size())]), random);
    }
}
