#include "tests/support/catch.hpp"

#include <tandem/http/client_options.hpp>
#include <tandem/http/credentials.hpp>

#include <stdexcept>
#include <string>

using namespace tandem;
using http::credentials;

TEST_CASE("credentials as an Authorization field") {
    CHECK(credentials::basic("Aladdin", "open sesame").authorization() ==
          "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    CHECK(credentials::basic("joe", "").authorization() == "Basic am9lOg==");
    CHECK(credentials::basic("joe", "a:b").authorization() == "Basic am9lOmE6Yg==");
    CHECK(credentials::bearer("mF_9.B5f-4.1JqM").authorization() == "Bearer mF_9.B5f-4.1JqM");
    CHECK(credentials::bearer("a/b+c~==").authorization() == "Bearer a/b+c~==");
    CHECK(credentials::digest("joe", "pw").authorization().empty());
    CHECK(credentials::digest("joe", "pw").user() == "joe");
}

TEST_CASE("credentials that cannot be sent are refused") {
    CHECK_THROWS_AS(credentials::basic("a:b", "x"), std::invalid_argument);
    CHECK_THROWS_AS(credentials::basic("a", "x\n"), std::invalid_argument);
    CHECK_THROWS_AS(credentials::digest("a\r", "x"), std::invalid_argument);
    CHECK_THROWS_AS(credentials::digest("a", std::string(1, '\0')), std::invalid_argument);
    for (const char* const bad : {"", "=", "a b", "a\r\nX: y", "a=b", "a,b", "\"a\"", "\xc3\xa4"})
        CHECK_THROWS_AS(credentials::bearer(bad), std::invalid_argument);
}

TEST_CASE("a client's credentials are for an origin") {
    http::client_options options;
    options.credentials("https://a.org", credentials::bearer("one"));
    options.credentials("http://a.org:8080/", credentials::bearer("two"));
    const auto token = [&](const char* text) {
        const credentials* const who = options.credentials_for(url(text));
        return who ? who->secret() : std::string("-");
    };
    CHECK(token("https://A.org:443/x?y") == "one");
    CHECK(token("http://a.org:8080/") == "two");
    CHECK(token("http://a.org/") == "-");
    CHECK(token("https://a.org:8080/") == "-");
    CHECK(token("https://b.a.org/") == "-");
    CHECK(token("https://a.org.b/") == "-");
    options.credentials("https://a.org", credentials::bearer("three"));
    CHECK(token("https://a.org/") == "three");
    for (const char* const bad : {"", "a.org", "*", "https://", "https://a.org/x", "https://a.org/?q",
                                  "https://a.org/#", "https://u:p@a.org", "wss://a.org", "ftp://a.org"})
        CHECK_THROWS_AS(options.credentials(bad, credentials::bearer("x")), std::invalid_argument);
}
