// The client and its credentials: who gets them, and who never does.
#include "tests/support/catch.hpp"

#include "tests/http/scripted_server.hpp"

#include <tandem/http/client.hpp>

#include <string>
#include <vector>

using namespace tandem;
using http::credentials;
using scripted::answering;
using scripted::field_of;
using scripted::ok;

namespace {

std::string unauthorized(const std::string& challenge) {
    return "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " + challenge + "\r\nContent-Length: 2\r\n\r\nno";
}

std::string moved(const std::string& where, int status = 307) {
    return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + where +
           "\r\nContent-Length: 0\r\n\r\n";
}

// Name of a parameter of the Authorization field, unquoted.
std::string parameter(const std::string& request, const std::string& name) {
    const std::string field = field_of(request, "Authorization");
    std::size_t at = field.find(' ' + name + '=');
    if (at == std::string::npos) return "-";
    at += name.size() + 2;
    if (field[at] == '"') return field.substr(at + 1, field.find('"', at + 1) - at - 1);
    return field.substr(at, field.find(',', at) - at);
}

// The status of one request with a fresh client.
int status_of(http::client_options options, http::request what) {
    auto work = [](http::client_options o, http::request r) -> task<int> {
        http::client web(std::move(o));
        const http::response got = co_await web.send(std::move(r));
        co_return got.status();
    };
    return scripted::run(work(std::move(options), std::move(what)));
}

} // namespace

TEST_CASE("credentials go to their origin, and a redirect does not take them along") {
    answering other([](const std::string&) { return ok("other"); });
    answering server([&](const std::string& request) {
        return scripted::target_of(request) == "/same"    ? moved("/end")
               : scripted::target_of(request) == "/cross" ? moved(other.url("/"))
                                                          : ok("end");
    });
    const auto ask = [&](const char* path) { return http::request(server.url(path)); };
    const auto fields = [](const answering& s) {
        std::vector<std::string> all;
        for (const std::string& r : s.requests())
            all.push_back(field_of(r, "Authorization"));
        return all;
    };
    using list = std::vector<std::string>;
    SECTION("of a request") {
        CHECK(status_of({}, ask("/same").auth(credentials::bearer("t"))) == 200);
        CHECK(fields(server) == list{"Bearer t", "Bearer t"});
    }
    SECTION("of a request, to another origin") {
        CHECK(status_of({}, ask("/cross").auth(credentials::basic("joe", "pw"))) == 200);
        CHECK(fields(server) == list{"Basic am9lOnB3"});
        CHECK(fields(other) == list{"-"});
    }
    SECTION("of the client, by origin") {
        http::client_options options;
        options.credentials(server.url(), credentials::bearer("mine"));
        CHECK(status_of(options, ask("/cross")) == 200);
        CHECK(fields(server) == list{"Bearer mine"});
        CHECK(fields(other) == list{"-"});
    }
    SECTION("of the client, for both origins") {
        http::client_options options;
        options.credentials(server.url(), credentials::bearer("mine"));
        options.credentials(other.url(), credentials::bearer("theirs"));
        CHECK(status_of(options, ask("/cross").auth(credentials::bearer("own"))) == 200);
        CHECK(fields(server) == list{"Bearer own"});
        CHECK(fields(other) == list{"Bearer theirs"});
    }
    SECTION("of a netrc, which knows no ports: for the first origin only") {
        http::client_options options;
        options.netrc(http::netrc::parse("machine 127.0.0.1 login joe password pw"));
        CHECK(status_of(options, ask("/cross")) == 200);
        CHECK(fields(server) == list{"Basic am9lOnB3"});
        CHECK(fields(other) == list{"-"});
    }
    SECTION("what is given by hand comes first") {
        http::client_options options;
        options.credentials(server.url(), credentials::bearer("mine"));
        options.netrc(http::netrc::parse("default login joe password pw"));
        CHECK(status_of(options, ask("/same").header("Authorization", "Hand made")) == 200);
        CHECK(fields(server) == list{"Hand made", "Hand made"});
        http::request in_url("http://joe:pw@" + server.host_port() + "/end");
        CHECK(status_of(options, std::move(in_url)) == 200);
        CHECK(fields(server).back() == "Basic am9lOnB3");
    }
    SECTION("a netrc entry that Basic cannot send gives nothing") {
        for (const char* const entry :
             {"login joe password \"a\\tb\"", "login \"j\\no\" password b", "login j:o password b"}) {
            http::client_options options;
            options.netrc(http::netrc::parse("default " + std::string(entry)));
            CHECK(status_of(options, ask("/end")) == 200);
            CHECK(fields(server).back() == "-");
        }
    }
    SECTION("a netrc entry without a login, or for another host, gives nothing") {
        http::client_options options;
        options.netrc(http::netrc::parse("machine 127.0.0.1 machine b.org login joe password pw"));
        CHECK(status_of(options, ask("/end")) == 200);
        CHECK(fields(server) == list{"-"});
    }
}

TEST_CASE("digest: asked once, then remembered and counted") {
    answering server([](const std::string& request) {
        if (field_of(request, "Authorization") == "-")
            return unauthorized("Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256");
        return ok("in");
    });
    auto work = [&]() -> task<> {
        http::client web(http::client_options().credentials(server.url(), credentials::digest("joe", "pw")));
        for (const char* const path : {"/a", "/b?c"}) {
            http::request what = http::request(server.url(path)).method(http::method::post).body("text");
            const http::response r = co_await web.send(std::move(what));
            CHECK(r.body() == "in");
            CHECK(r.history().empty());
        }
        // Another user of the same origin is asked again.
        http::request ann = http::request(server.url("/a")).auth(credentials::digest("ann", "pw"));
        const http::response r = co_await web.send(std::move(ann));
        CHECK(r.body() == "in");
        CHECK(web.counters().connections_opened == 1);
    };
    scripted::run(work());
    const auto sent = server.requests();
    REQUIRE(sent.size() == 5);
    CHECK(parameter(sent[1], "nc") == "00000001");
    CHECK(parameter(sent[1], "uri") == "/a");
    CHECK(scripted::body_of(sent[1]) == "text"); // sent again
    CHECK(parameter(sent[2], "nc") == "00000002");
    CHECK(parameter(sent[2], "uri") == "/b?c");
    CHECK(field_of(sent[3], "Authorization") == "-");
    CHECK(sent[4].find("username=\"ann\"") != std::string::npos);
    CHECK(parameter(sent[4], "nc") == "00000001");
}

TEST_CASE("digest: an old nonce is replaced, a wrong password ends it") {
    int asked = 0;
    const auto server_of = [&asked](int good_from, bool stale) {
        return [&asked, good_from, stale](const std::string&) {
            if (asked++ >= good_from) return ok("in");
            return unauthorized("Digest realm=r, nonce=n" + std::to_string(asked) + ", qop=auth" +
                                (stale ? ", stale=true" : ""));
        };
    };
    const auto ask = [](const answering& server) {
        return status_of({}, http::request(server.url()).auth(credentials::digest("joe", "pw")));
    };
    SECTION("stale once") {
        answering server(server_of(2, true));
        CHECK(ask(server) == 200);
        CHECK(parameter(server.requests()[2], "nonce") == "n2");
    }
    SECTION("stale for ever is given up") {
        answering server(server_of(1000, true));
        CHECK(ask(server) == 401);
        CHECK(server.requests().size() == 3);
    }
    SECTION("a wrong password") {
        answering server(server_of(1000, false));
        CHECK(ask(server) == 401);
        CHECK(server.requests().size() == 2);
    }
}

TEST_CASE("digest: what is remembered may have become old") {
    std::vector<std::string> answers{"401 n1", "ok", "401 n2", "ok"};
    std::size_t at = 0;
    answering server([&](const std::string&) {
        const std::string& next = answers[at++];
        return next == "ok" ? ok("in") : unauthorized("Digest qop=auth, realm=r, nonce=" + next.substr(4));
    });
    auto work = [&]() -> task<> {
        http::client web(http::client_options().credentials(server.url(), credentials::digest("joe", "pw")));
        for (int i = 0; i < 2; ++i) {
            const http::response r = co_await web.get(server.url());
            CHECK(r.body() == "in");
        }
    };
    scripted::run(work());
    REQUIRE(server.requests().size() == 4);
    CHECK(parameter(server.requests()[2], "nonce") == "n1");
    CHECK(parameter(server.requests()[3], "nonce") == "n2");
}

TEST_CASE("digest: no answer for another origin, nor to a challenge of another kind") {
    answering other([](const std::string&) { return unauthorized("Digest realm=r, nonce=n, qop=auth"); });
    answering server([&](const std::string& request) {
        return scripted::target_of(request) == "/basic" ? unauthorized("Basic realm=x")
                                                        : moved(other.url("/"));
    });
    const auto ask = [&](const char* path) {
        return status_of({}, http::request(server.url(path)).auth(credentials::digest("joe", "pw")));
    };
    CHECK(ask("/cross") == 401);
    CHECK(other.requests().size() == 1);
    CHECK(field_of(other.requests()[0], "Authorization") == "-");
    CHECK(ask("/basic") == 401);
    CHECK(server.requests().size() == 2);
    // A field given by hand is not replaced.
    CHECK(
        status_of(
            {},
            http::request(other.url()).header("Authorization", "X y").auth(credentials::digest("j", "p"))) ==
        401);
    CHECK(other.requests().size() == 2);
}
