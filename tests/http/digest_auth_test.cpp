#include "tests/support/catch.hpp"

#include "lib/http/digest_auth.hpp"
#include "lib/http/digest_cache.hpp"

#include <string>

using tandem::http::digest_algorithm;
using tandem::http::digest_challenge;
using tandem::http::digest_session;
using tandem::http::find_digest_challenge;
using tandem::http::headers;

namespace {

std::optional<digest_challenge> find(std::string_view value, std::string_view second = "") {
    headers fields;
    fields.add("WWW-Authenticate", value);
    if (!second.empty()) fields.add("WWW-Authenticate", second);
    return find_digest_challenge(fields);
}

std::string response_of(const std::string& answer) {
    const std::size_t at = answer.find("response=\"") + 10;
    return answer.substr(at, answer.find('"', at) - at);
}

} // namespace

TEST_CASE("digests agree with the examples of the RFCs") {
    const std::string rfc7616 = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
                                "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
                                "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
    const std::string cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    const auto answer = [&](const std::string& algorithm) {
        digest_session session(*find("Digest " + rfc7616 + ", algorithm=" + algorithm), "Mufasa",
                               "Circle of Life");
        return *session.authorize("GET", "/dir/index.html", cnonce);
    };
    CHECK(response_of(answer("MD5")) == "8ca523f5e9506fed4657c9700eebdbec");
    CHECK(answer("SHA-256") ==
          "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "
          "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", "
          "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", algorithm=SHA-256, "
          "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", qop=auth, nc=00000001, cnonce=\"" +
              cnonce + '"');
    // RFC 2617, 3.5.
    digest_session old(*find("Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
                             "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\""),
                       "Mufasa", "Circle Of Life");
    const auto answered = old.authorize("GET", "/dir/index.html", "0a4f113b");
    CHECK(response_of(*answered) == "6629fae49393a05397450978507c4ef1");
    CHECK(answered->find("algorithm") == std::string::npos); // the server did not name one
    // RFC 2069, as corrected.
    digest_session oldest(
        *find("Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\""), "Mufasa",
        "CircleOfLife");
    const auto plain = oldest.authorize("GET", "/dir/index.html");
    CHECK(response_of(*plain) == "1949323746fe6a43ef61f9606e7febea");
    CHECK(plain->find("cnonce") == std::string::npos);
}

TEST_CASE("each use of a nonce is counted, each client nonce is new") {
    digest_session session(*find("Digest realm=r, nonce=n, qop=auth"), "u", "p");
    const auto first = session.authorize("GET", "/");
    const auto second = session.authorize("GET", "/");
    CHECK(first->find("nc=00000001") != std::string::npos);
    CHECK(second->find("nc=00000002") != std::string::npos);
    const auto nonce = [](const std::string& text) { return text.substr(text.find("cnonce=")); };
    CHECK(nonce(*first) != nonce(*second));
    CHECK(nonce(*first).size() == 8 + 32 + 1);
}

TEST_CASE("a nonce that several requests were given is counted on") {
    tandem::http::digest_cache kept;
    const std::string challenge = "Digest realm=r, nonce=n, qop=auth";
    const auto use = [&](const std::string& asked) {
        kept.put("https://a.test", "u", "p", *find(asked));
        return *kept.find("https://a.test", "u", "p")->authorize("GET", "/");
    };
    CHECK(use(challenge).find("nc=00000001") != std::string::npos);
    CHECK(use(challenge).find("nc=00000002") != std::string::npos);
    CHECK(use(challenge + ", opaque=o").find("nc=00000001") != std::string::npos);
    CHECK(use("Digest realm=r, nonce=m, qop=auth").find("nc=00000001") != std::string::npos);
}

TEST_CASE("the session forms of the algorithms hash in the nonces") {
    for (const char* const name : {"MD5", "SHA-256"}) {
        const std::string base = std::string("Digest realm=r, nonce=n, qop=auth, algorithm=") + name;
        digest_session plain(*find(base), "u", "p");
        digest_session bound(*find(base + "-sess"), "u", "p");
        CHECK(response_of(*plain.authorize("GET", "/", "c")) !=
              response_of(*bound.authorize("GET", "/", "c")));
    }
    // H(H(u:r:p):n:c) and so on, by another implementation.
    digest_session known(*find("Digest realm=r, nonce=n, qop=auth, algorithm=MD5-sess"), "u", "p");
    CHECK(response_of(*known.authorize("GET", "/", "c")) == "6e4aac8b22e97762f88ccd0d5ccf5b1d");
}

TEST_CASE("which challenge is answered") {
    CHECK_FALSE(find("Basic realm=x"));
    CHECK_FALSE(find("Digest realm=x"));
    CHECK_FALSE(find("Digest nonce=x"));
    CHECK_FALSE(find("Digest realm=x, nonce=\"\""));
    CHECK_FALSE(find("Digest realm=x, nonce=y, algorithm=SHA-512-256, qop=auth"));
    CHECK_FALSE(find("Digest realm=x, nonce=y, qop=auth-int"));
    CHECK_FALSE(find("Digest realm=x, nonce=y, algorithm=SHA-256")); // needs qop
    CHECK(find("dIGEST REALM=x, NONCE=y, QOP=\"auth-int,AUTH\", STALE=TRUE")->stale);
    CHECK_FALSE(find("Digest realm=x, nonce=y, stale=\"false\"")->stale);
    CHECK(find("Digest realm=a, nonce=y, algorithm=MD5, qop=auth, Digest realm=b, nonce=y, "
               "algorithm=SHA-256, qop=auth")
              ->realm == "b");
    CHECK(
        find("Digest realm=b, nonce=y, algorithm=SHA-256, qop=auth", "Digest realm=a, nonce=y, algorithm=MD5")
            ->realm == "b");
    CHECK(find("Digest realm=a, nonce=y, algorithm=md5, qop=auth")->algorithm == digest_algorithm::md5);
}

TEST_CASE("quotes in what the server says cannot end a parameter") {
    digest_session session(*find("Digest realm=\"a\\\", username=\\\"root\", nonce=\"n\\\\\", qop=auth"),
                           "jo\"e", "p");
    const auto text = session.authorize("GET", "/\"", "c");
    CHECK(text->find(
              "username=\"jo\\\"e\", realm=\"a\\\", username=\\\"root\", nonce=\"n\\\\\", uri=\"/\\\"\"") !=
          std::string::npos);
}
