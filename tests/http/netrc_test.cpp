#include "tests/support/catch.hpp"

#include "tests/support/tasks.hpp"
#include "tests/support/temporary_folder.hpp"

#include <tandem/http/netrc.hpp>

#include <fstream>
#include <stdexcept>
#include <string>

using namespace tandem;
using http::netrc;

namespace {

std::string pair_for(const netrc& entries, std::string_view host, std::string_view login = "") {
    const http::netrc_entry* const found = entries.find(host, login);
    return found ? found->login + '/' + found->password : "-";
}

std::string failure(std::string_view text) {
    try {
        static_cast<void>(netrc::parse(text));
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "";
}

} // namespace

TEST_CASE("entries of a netrc") {
    const netrc entries =
        netrc::parse("# a comment machine no\n"
                     "machine a.org login joe password secret\n"
                     "machine a.org\n\tlogin ann # another\n\tpassword #hash\n"
                     "macdef init\ncd /pub\nmachine no login no\n\n"
                     "machine q.org login \"j o e\" password \"a \\\"b\\\\ \\t\" account x\n"
                     "machine [::1] login six password p\n"
                     "machine bare.org\n"
                     "default login any password thing");
    CHECK(entries.size() == 6);
    CHECK(pair_for(entries, "a.org") == "joe/secret");
    CHECK(pair_for(entries, "A.ORG") == "joe/secret");
    CHECK(pair_for(entries, "a.org", "ann") == "ann/#hash");
    CHECK(pair_for(entries, "a.org", "any") == "any/thing");
    CHECK(pair_for(entries, "a.org", "eve") == "-"); // never another user's password
    CHECK(pair_for(entries, "q.org") == "j o e/a \"b\\ \t");
    CHECK(pair_for(entries, "bare.org") == "/");
    CHECK(pair_for(entries, "x.a.org") == "any/thing");
    CHECK(pair_for(netrc::parse("machine a.org login x password y"), "b.org") == "-");
    CHECK(netrc::parse("").size() == 0);
    CHECK(netrc::parse("macdef x\nto the end").size() == 0);
}

TEST_CASE("a netrc that is none names the line, and nothing of its text") {
    CHECK(failure("\n\nmachine") == "netrc, line 3: a value is missing");
    CHECK(failure("machine a login b\nhunter2") == "netrc, line 2: an unknown keyword");
    CHECK(failure("login x") == "netrc, line 1: `machine` or `default` must come first");
    CHECK(failure("machine a password \"hunter2\n\"") == "netrc, line 1: a quote is not closed");
    CHECK(failure("machine \"\"") == "netrc, line 1: an empty host");
}

TEST_CASE("a netrc is read from a file") {
    const tests::temporary_folder folder;
    std::ofstream(folder / "rc") << "machine a.org login joe password secret\n";
    auto work = [&]() -> task<> {
        const netrc entries = co_await http::read_netrc(folder / "rc");
        CHECK(pair_for(entries, "a.org") == "joe/secret");
        const std::string missing = co_await tests::message_of(http::read_netrc(folder / "none"));
        CHECK(missing.find(folder / "none") != std::string::npos);
    };
    tests::run_on_loop(work());
}
