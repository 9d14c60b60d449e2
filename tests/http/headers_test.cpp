#include "tandem/http/headers.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using tandem::http::headers;

namespace {

std::string all(const headers& fields) {
    std::string out;
    for (const auto [name, value] : fields)
        out.append(name).append(":").append(value).append(";");
    return out;
}

} // namespace

TEST_CASE("headers keep order, case and duplicates, and look up without regard to case", "[http][headers]") {
    headers fields;
    fields.add("Set-Cookie", "a=1").add("X-Y", " \tv \t").add("set-cookie", "b=2").add("E", "");
    CHECK(all(fields) == "Set-Cookie:a=1;X-Y:v;set-cookie:b=2;E:;");
    CHECK(fields.size() == 4);
    CHECK(fields.get("SET-COOKIE") == "a=1");
    CHECK(fields.get("x-y") == "v");
    CHECK(fields.get("e") == "");
    CHECK_FALSE(fields.get("x").has_value());
    CHECK(fields.get_all("set-Cookie") == std::vector<std::string_view>{"a=1", "b=2"});
    CHECK(fields.get_all("none").empty());
    CHECK(fields.get_joined("Set-cookie") == "a=1, b=2");
    CHECK_FALSE(fields.get_joined("none").has_value());
    CHECK(fields.count("set-cookie") == 2);
    CHECK(fields.contains("X-y"));
    CHECK(fields[2].name == "set-cookie");
    CHECK_FALSE(headers().contains("x"));
    // '@' and '`', '[' and '{' differ only in the bit that tells cases apart
    fields.add("^a", "1");
    CHECK_FALSE(fields.contains("~a"));
}

TEST_CASE("headers: set and erase", "[http][headers]") {
    headers fields;
    fields.add("a", "1").add("b", "2").add("A", "3").add("c", "4");
    fields.set("A", "5");
    CHECK(all(fields) == "A:5;b:2;c:4;");
    fields.set("d", "6");
    CHECK(all(fields) == "A:5;b:2;c:4;d:6;");
    CHECK(fields.erase("B") == 1);
    CHECK(fields.erase("B") == 0);
    CHECK(all(fields) == "A:5;c:4;d:6;");
    fields.clear();
    CHECK(fields.empty());
    CHECK(fields.begin() == fields.end());
}

TEST_CASE("headers take views into themselves, copies and moves are whole", "[http][headers]") {
    headers fields;
    fields.add("name", "value");
    for (int i = 0; i < 50; ++i)
        fields.add(fields[0].name, *fields.get("name"));
    CHECK(fields.count("name") == 51);
    CHECK(fields[50].value == "value");
    fields.set(fields[3].name, fields[4].value);
    CHECK(all(fields) == "name:value;");
    fields.add("x", std::string(5000, 'x'));
    fields.erase(fields[1].name); // compacts
    CHECK(all(fields) == "name:value;");

    const headers copy = fields;
    headers moved = std::move(fields);
    CHECK(all(copy) == all(moved));
    fields = headers();
    fields.add("again", "1");
    CHECK(all(fields) == "again:1;");
}

TEST_CASE("headers: many replacements do not pile up", "[http][headers]") {
    headers fields;
    fields.add("keep", "me");
    for (int i = 0; i < 100'000; ++i)
        fields.set("counter", std::to_string(i) + std::string(100, 'x'));
    CHECK(fields.size() == 2);
    CHECK(fields.get("keep") == "me");
    CHECK(fields.get("counter")->substr(0, 6) == "99999x");
    CHECK(fields.get("counter")->data() - fields.get("keep")->data() < 8192);
}

TEST_CASE("headers refuse what would break a message", "[http][headers]") {
    headers fields;
    for (const std::string name : {"", " ", "a b", "a:", "a\r\n", "a\n", "\xc3\xa4", "a(", "a@b", "a/b",
                                   "[a]", "a\"", "a,b", "a;b", "a=b", "{a}", " a", "a\t", "a\x7f"}) {
        INFO(name);
        CHECK_THROWS_AS(fields.add(name, "v"), std::invalid_argument);
        CHECK_THROWS_AS(fields.set(name, "v"), std::invalid_argument);
        CHECK_FALSE(fields.try_add(name, "v"));
    }
    for (unsigned c = 0; c < 256; ++c) { // at each place of a word, and in the tail
        const bool bad = (c < 0x20 && c != '\t') || c == 0x7f;
        for (std::size_t at = 0; at < 19; ++at) {
            std::string value = "x" + std::string(19, 'v') + "x";
            value[at + 1] = static_cast<char>(c);
            if (fields.try_add("n", value) == bad) FAIL("byte " << c << " at " << at);
        }
    }
    headers few;
    CHECK(few.try_add("n", "\ta\tb\t"));
    CHECK(few.get("n") == "a\tb");
    const auto message = [&](std::string_view name, std::string_view value) -> std::string {
        try {
            few.add(name, value);
        } catch (const std::invalid_argument& refused) {
            return refused.what();
        }
        return {};
    };
    CHECK(message("Location", "a\r\nSet-Cookie: x").find("Location") != std::string::npos);
    CHECK(message("a\x1b[31m", "x").find("a?[31m") != std::string::npos); // nothing that a terminal obeys
    CHECK(all(few) == "n:a\tb;");
}

TEST_CASE("headers: elements of lists", "[http][headers]") {
    headers fields;
    fields.add("Connection", "keep-alive,  Upgrade\t,,").add("connection", "X");
    CHECK(fields.has_token("connection", "UPGRADE"));
    CHECK(fields.has_token("Connection", "keep-alive"));
    CHECK(fields.has_token("Connection", "x"));
    CHECK_FALSE(fields.has_token("Connection", "keep"));
    CHECK_FALSE(fields.has_token("Connection", ""));
    CHECK_FALSE(fields.has_token("Upgrade", "x"));
}
