// The readers beside node's llhttp 8.1 (Debian package node-llhttp) on valid and damaged messages. Where both
// read a message they must read the same one: a difference there is how requests are smuggled. Where only one
// of them reads it, the reason must be among those listed here.
//
// The sources are C: a build that finds /usr/share/llhttp compiles them (with
// LLHTTP_STRICT_MODE=1) and defines TANDEM_HAVE_LLHTTP.
#include "tests/support/catch.hpp"

#if !defined(TANDEM_HAVE_LLHTTP)

TEST_CASE("readers and llhttp agree", "[http][h1]") {
    WARN("skipped: built without node-llhttp's sources");
}

#else

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <llhttp.h>

#include "lib/http/chars.hpp"
#include "tests/http/h1_mutation.hpp"
#include "tests/http/h1_support.hpp"

using namespace h1_test;
using h1::error;
using h1::event;

namespace {

// Name and value pairs in the form of text_of(), the values trimmed as llhttp does not trim their ends.
struct field_collector {
    std::string name;
    std::string value;
    std::string text;

    void take() {
        text.append(name).append("=").append(detail::trim(value)).append("\n");
        name.clear();
        value.clear();
    }
};

struct oracle {
    llhttp_t parser{};
    std::string method;
    std::string url;
    std::string reason;
    std::string body;
    field_collector fields;
    std::string head;
    bool in_trailers = false;
    bool complete = false;
    std::size_t consumed = 0;
    llhttp_errno_t error = HPE_OK;

    static oracle& of(llhttp_t* parser) { return *static_cast<oracle*>(parser->data); }

    void read(llhttp_type_t type, std::string_view bytes) {
        llhttp_settings_t settings;
        llhttp_settings_init(&settings);
        settings.on_method = [](llhttp_t* p, const char* at, std::size_t size) {
            return of(p).method.append(at, size), 0;
        };
        settings.on_url = [](llhttp_t* p, const char* at, std::size_t size) {
            return of(p).url.append(at, size), 0;
        };
        settings.on_status = [](llhttp_t* p, const char* at, std::size_t size) {
            return of(p).reason.append(at, size), 0;
        };
        settings.on_body = [](llhttp_t* p, const char* at, std::size_t size) {
            return of(p).body.append(at, size), 0;
        };
        settings.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
            return of(p).fields.name.append(at, size), 0;
        };
        settings.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
            return of(p).fields.value.append(at, size), 0;
        };
        settings.on_header_value_complete = [](llhttp_t* p) { return of(p).fields.take(), 0; };
        settings.on_headers_complete = [](llhttp_t* p) {
            oracle& self = of(p);
            self.head = std::exchange(self.fields.text, {});
            const int status = p->status_code; // as with node: the caller says that there is no body
            return p->type == HTTP_RESPONSE && (status < 200 || status == 204 || status == 304) ? 1 : 0;
        };
        settings.on_message_complete = [](llhttp_t* p) {
            oracle& self = of(p);
            if (p->type == HTTP_RESPONSE && p->status_code < 200 &&
                p->status_code != 101) { // as our reader skips them
                self.method = self.url = self.reason = self.body = self.head = {};
                self.fields = {};
                return 0;
            }
            self.complete = true;
            return static_cast<int>(HPE_PAUSED);
        };
        llhttp_init(&parser, type, &settings);
        parser.data = this;
        error = llhttp_execute(&parser, bytes.data(), bytes.size());
        if (complete) {
            consumed = static_cast<std::size_t>(llhttp_get_error_pos(&parser) - bytes.data());
        } else if (error == HPE_OK && type == HTTP_RESPONSE) {
            llhttp_finish(&parser);
            consumed = bytes.size();
        }
    }
};

// Without blanks: the two join the lines of a folded value differently.
std::string squeezed(std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
    return text;
}

using reasons = std::map<int, std::string_view>;

int key(error value) {
    return static_cast<int>(value);
}

// What llhttp (compiled strict) accepts and the readers refuse, and what is the other way round.
const reasons requests_refused = {
    {key(error::bad_request_line),
     "llhttp takes HTTP/0.9 requests without a version, and bare CR as a line end"},
    {key(error::bad_method), "llhttp skips any CR and LF before a request"},
    {key(error::bad_target),
     "llhttp does not look into hosts and ports, nor for the form that CONNECT needs"},
    {key(error::bad_version), "llhttp skips more than one space"},
    {key(error::unsupported_version), "llhttp takes HTTP/0.9 and 2.0"},
    {key(error::bad_field_name), "llhttp takes an empty name"},
    {key(error::obs_fold), "llhttp joins folded lines"},
    {key(error::bare_lf), "llhttp takes LF as a line end"},
    {key(error::missing_host), "llhttp leaves Host to its caller"},
    {key(error::duplicate_host), "llhttp leaves Host to its caller"},
    {key(error::bad_host), "llhttp leaves Host to its caller"},
    {key(error::unsupported_transfer_encoding), "llhttp takes codings under chunked, and lists"},
    {key(error::transfer_encoding_in_http10), "llhttp takes Transfer-Encoding in HTTP/1.0"},
    {key(error::framing_conflict), "llhttp ignores what CONNECT says of a body"},
    {key(error::body_too_large), "llhttp has no limits"},
    {key(error::bad_field_value), "llhttp takes a control character in some places"},
};
const reasons requests_accepted = {
    {HPE_INVALID_METHOD, "llhttp has a list of methods"},
    {HPE_INVALID_CHUNK_SIZE, "llhttp does not take two extensions of which the first has a value"},
    {HPE_INVALID_CONTENT_LENGTH, "llhttp does not take a tab after the number"},
    {HPE_STRICT, "the readers do not check the grammar of chunk extensions, only their characters"},
};
const reasons responses_refused = {
    {key(error::bad_status_line), "llhttp skips CR and LF before a response"},
    {key(error::bad_reason), "llhttp takes control characters in a reason"},
    {key(error::bad_field_name), "llhttp takes an empty name"},
    {key(error::obs_fold), "llhttp takes a folded line that has nothing to continue"},
    {key(error::bad_field_value), "llhttp takes a control character in some places"},
    {key(error::too_many_interim), "llhttp has no limits"},
};
const reasons responses_accepted = {
    {HPE_OK, "llhttp waits for a body after some interim responses"},
    {HPE_CLOSED_CONNECTION, "llhttp ends the connection after an interim response of HTTP/1.0"},
    {HPE_INVALID_CONSTANT, "llhttp reads the body that an interim response claims"},
    {HPE_INVALID_CHUNK_SIZE,
     "llhttp takes no whitespace after a size, and reads chunks of interim responses"},
    {HPE_INVALID_CONTENT_LENGTH, "llhttp takes no list of equal lengths"},
    {HPE_INVALID_HEADER_TOKEN,
     "llhttp takes LF as a line end only in some places, no whitespace before a colon"},
    {HPE_INVALID_VERSION, "llhttp takes only HTTP/1.0, 1.1 and 2.0"},
    {HPE_STRICT, "the readers do not check the grammar of chunk extensions, and take LF as a line end"},
    {HPE_UNEXPECTED_CONTENT_LENGTH, "llhttp takes no Content-Length twice, or beside Transfer-Encoding"},
    {HPE_LF_EXPECTED, "the readers take LF as a line end"},
    {HPE_CR_EXPECTED, "the readers take LF as a line end"},
};

std::string shown(std::string_view bytes) {
    return Catch::StringMaker<std::string>::convert(std::string(bytes));
}

void check_explained(const reasons& known, int why, const std::string& text, std::string_view bytes) {
    if (known.count(why) == 0) FAIL_CHECK("not explained: " << why << " " << text << ": " << shown(bytes));
}

// Compares one message; answers whether both read it whole.
template <class Reader, class SameHead>
bool compare(Reader& reader, llhttp_type_t type, std::string_view bytes, const reasons& refused,
             const reasons& accepted, const SameHead& same_head) {
    const outcome ours = drive(reader, bytes, bytes.size(), 1, type == HTTP_RESPONSE);
    oracle theirs;
    theirs.read(type, bytes);
    if (ours.last != event::complete) {
        if (!theirs.complete) return false;
        // Our reader asks for more where theirs is done: only after a CR or LF that it still has to judge.
        if (ours.error) check_explained(refused, ours.error.value(), ours.error.message(), bytes);
        return false;
    }
    if (!theirs.complete) {
        check_explained(accepted, theirs.error, llhttp_errno_name(theirs.error), bytes);
        return false;
    }
    const bool same = ours.body == theirs.body && ours.consumed == theirs.consumed &&
                      squeezed(text_of(reader.head().headers)) == squeezed(theirs.head) &&
                      ours.trailers == theirs.fields.text && same_head(reader.head(), theirs);
    // A response that is framed oddly may be read in two ways, but then no second one follows it.
    if (!same && (type == HTTP_REQUEST || reader.keep_alive()))
        FAIL_CHECK("read differently: " << shown(bytes));
    return true;
}

} // namespace

TEST_CASE("requests: readers and llhttp agree", "[http][h1]") {
    mutator random(8181);
    int both = 0;
    for (int i = 0; i < 20'000; ++i) {
        h1::request_reader reader;
        const std::string bytes = random.mutate(requests[random.below(requests.size())]);
        both += compare(reader, HTTP_REQUEST, bytes, requests_refused, requests_accepted,
                        [](const h1::request_head& head, const oracle& theirs) {
                            return head.method == theirs.method && head.target == theirs.url;
                        });
    }
    CHECK(both > 2'000);
}

TEST_CASE("responses: readers and llhttp agree", "[http][h1]") {
    mutator random(4711);
    int both = 0;
    for (int i = 0; i < 20'000; ++i) {
        h1::response_reader reader;
        const std::string bytes = random.mutate(responses[random.below(responses.size())]);
        both += compare(reader, HTTP_RESPONSE, bytes, responses_refused, responses_accepted,
                        [](const h1::response_head& head, const oracle& theirs) {
                            return head.status == theirs.parser.status_code;
                        });
    }
    CHECK(both > 2'000);
}

#endif
