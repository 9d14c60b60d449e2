// The readers beside h11 (Debian package python3-h11) on valid and damaged messages, in the manner of
// llhttp_difference_test.cpp: what both read must be the same message; what only one of them reads must have
// a reason that is listed here. One Python process reads all messages of a test.
#include "lib/http/chars.hpp"
#include "tests/http/h1_mutation.hpp"
#include "tests/http/h1_support.hpp"
#include "tests/support/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temporary_folder.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace h1_test;
using h1::error;
using h1::event;

namespace {

// Debian's packages are seen by Debian's Python only, which need not be the first of PATH.
const char* const python = "/usr/bin/python3";

bool has_h11() {
    const std::string ask = std::string(python) + " -c 'import h11' >/dev/null 2>&1";
    return std::system(ask.c_str()) == 0; // NOLINT: a fixed command
}

std::string to_hex(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        constexpr std::string_view digits = "0123456789abcdef";
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

std::string from_hex(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        unsigned value = 0;
        std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
        bytes += static_cast<char>(value);
    }
    return bytes;
}

class reading {
public:
    explicit reading(const std::string& line) {
        std::vector<std::string> parts;
        for (std::size_t at = 0; at <= line.size();) {
            const std::size_t end = std::min(line.find('\t', at), line.size());
            parts.push_back(line.substr(at, end - at));
            at = end + 1;
        }
        complete = parts[0] == "ok" && parts.size() == 6;
        if (complete) {
            begin = from_hex(parts[1]);
            fields = from_hex(parts[2]);
            body = from_hex(parts[3]);
            trailers = from_hex(parts[4]);
            left = static_cast<std::size_t>(std::stoul(parts[5]));
        } else {
            why = parts.size() == 2 ? parts[1] : parts[0];
        }
    }
    bool complete = false;
    std::string why; // not complete
    std::string begin, fields, body, trailers;
    std::size_t left = 0;
};

std::vector<reading> ask_h11(const std::string& kind, const std::vector<std::string>& messages) {
    const tests::temporary_folder folder;
    {
        std::ofstream in(folder / "messages");
        for (const std::string& one : messages)
            in << to_hex(one) << '\n';
    }
    const std::string command = std::string(python) + " '" TANDEM_SOURCE_DIR "/tests/http/h11_oracle.py' " +
                                kind + " < '" + (folder / "messages") + "' > '" + (folder / "readings") + "'";
    REQUIRE(std::system(command.c_str()) == 0); // NOLINT: names of our own
    std::vector<reading> all;
    std::ifstream out(folder / "readings");
    for (std::string line; std::getline(out, line);)
        all.emplace_back(line);
    REQUIRE(all.size() == messages.size());
    return all;
}

// Names in lower case, as h11 gives them; without blanks, because the two join folded values differently; and
// of several equal Content-Lengths one, which is what h11 makes of them.
std::string comparable(std::string text) {
    for (char& c : text)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
    std::string lines;
    bool has_length = false;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line.compare(0, 15, "content-length=") == 0) {
            if (std::exchange(has_length, true)) continue;
            line.resize(std::min(line.find(','), line.size()));
        }
        lines += line + '\n';
    }
    return lines;
}

using our_reasons = std::map<int, std::string_view>;
using their_reasons =
    std::vector<std::pair<std::string_view, std::string_view>>; // by the beginning of the text

int key(error value) {
    return static_cast<int>(value);
}

std::string shown(std::string_view bytes) {
    return Catch::StringMaker<std::string>::convert(std::string(bytes));
}

template <class Make, class Begin>
int compare_all(const std::string& kind, const std::vector<std::string>& messages, const our_reasons& refused,
                const their_reasons& accepted, Make make, Begin begin_of) {
    const std::vector<reading> theirs = ask_h11(kind, messages);
    int both = 0;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const std::string& bytes = messages[i];
        const reading& other = theirs[i];
        auto reader = make();
        const outcome ours = drive(reader, bytes, bytes.size(), 1, kind == "response");
        if (ours.last != event::complete) {
            if (other.complete && (!ours.error || refused.count(ours.error.value()) == 0))
                FAIL_CHECK("only h11 reads it; " << ours.error.value() << " " << ours.error.message() << ": "
                                                 << shown(bytes));
            continue;
        }
        if (!other.complete) {
            // h11 decodes chunks in HTTP/1.0 too; the reader takes such a body to the end of the connection.
            if (reader.head().version == h1::version::http10 &&
                other.why.compare(0, 31, "peer unexpectedly closed connec") == 0)
                continue;
            const bool known = std::any_of(accepted.begin(), accepted.end(), [&](const auto& one) {
                return other.why.compare(0, one.first.size(), one.first) == 0;
            });
            if (!known) FAIL_CHECK("h11 does not read it; " << other.why << ": " << shown(bytes));
            continue;
        }
        ++both;
        const bool same = begin_of(reader.head()) == other.begin && ours.body == other.body &&
                          comparable(text_of(reader.head().headers)) == comparable(other.fields) &&
                          comparable(ours.trailers) == comparable(other.trailers) &&
                          bytes.size() - ours.consumed == other.left;
        // A response that is framed oddly may be read in two ways, but then no second one follows it.
        if (!same && (kind == "request" || reader.keep_alive()))
            FAIL_CHECK("read differently: " << shown(bytes) << ", h11: " << other.begin << " "
                                            << shown(other.fields) << " " << shown(other.body) << " "
                                            << other.left << " left");
    }
    return both;
}

template <std::size_t N>
std::vector<std::string> damaged(const std::array<std::string_view, N>& from, std::uint32_t seed) {
    mutator random(seed);
    std::vector<std::string> all(from.begin(), from.end());
    while (all.size() < tests::repeat(10'000, 1'000))
        all.push_back(random.mutate(from[random.below(N)]));
    return all;
}

// What h11 accepts and the readers refuse, and what is the other way round.
const our_reasons responses_refused = {
    {key(error::bad_reason), "h11 takes control characters in a reason"},
    {key(error::bad_field_value), "h11 takes control characters in values"},
    {key(error::unsupported_version), "h11 takes any version of the form x.y"},
    {key(error::bad_chunk_size), "h11 ends a chunk's line at the first CRLF, whatever stands before it"},
    {key(error::bad_chunk_extension), "h11 takes control characters in extensions"},
};
const their_reasons responses_accepted = {
    {"multiple Transfer-Encoding", "the readers decode what is chunked last, whatever else is named"},
    {"Received server _SWITCH_UPGRADE", "h11 takes 101 only after a request that asked for it"},
    {"Only Transfer-Encoding: chunked", "the readers decode what is chunked last, whatever else is named"},
    {"bad Content-Length", "the readers do not ask for the length of a response that has no body"},
    {"conflicting Content-Length", "the same, and interim responses have no body"},
    {"illegal chunk header", "the readers take LF as a line end in responses"},
    {"malformed chunk footer", "the readers take LF as a line end in responses"},
    {"illegal header line", "the readers take whitespace before a colon in responses, and leave it out"},
};
const our_reasons requests_refused = {
    {key(error::bad_target), "h11 does not look into targets, nor for the form that CONNECT needs"},
    {key(error::obs_fold), "h11 joins folded lines"},
    {key(error::bare_lf), "h11 takes LF as a line end"},
    {key(error::bad_host), "h11 does not look into Host"},
    {key(error::bad_content_length), "h11 takes lists of equal lengths"},
    {key(error::length_with_transfer_encoding), "h11 leaves the length aside (RFC 9112, 6.1, allows both)"},
    {key(error::unsupported_version), "h11 takes any version of the form x.y"},
    {key(error::bad_field_value), "h11 takes control characters in values"},
    {key(error::bad_chunk_size), "h11 ends a chunk's line at the first CRLF, whatever stands before it"},
    {key(error::bad_chunk_extension), "h11 takes control characters in extensions"},
    {key(error::transfer_encoding_in_http10), "h11 takes Transfer-Encoding in HTTP/1.0"},
};
const their_reasons requests_accepted = {
    {"no request line received",
     "h11 takes no empty line before a request (RFC 9112, 2.2, wants it ignored)"},
};

} // namespace

TEST_CASE("responses: reader and h11 agree", "[http][h1]") {
    if (!has_h11()) {
        WARN("skipped: no python3-h11");
        return;
    }
    const int both = compare_all(
        "response", damaged(responses, 13), responses_refused, responses_accepted,
        [] { return h1::response_reader(); },
        [](const h1::response_head& head) { return std::to_string(head.status); });
    CHECK(both > static_cast<int>(tests::repeat(1'000, 100)));
}

TEST_CASE("requests: reader and h11 agree", "[http][h1]") {
    if (!has_h11()) {
        WARN("skipped: no python3-h11");
        return;
    }
    const int both = compare_all(
        "request", damaged(requests, 913), requests_refused, requests_accepted,
        [] { return h1::request_reader(); },
        [](const h1::request_head& head) { return head.method + " " + head.target; });
    CHECK(both > static_cast<int>(tests::repeat(1'000, 100)));
}
