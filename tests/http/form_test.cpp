#include "tests/support/catch.hpp"

#include <tandem/http/form.hpp>
#include <tandem/http/request.hpp>

#include <string>

using tandem::http::form;

TEST_CASE("a form is encoded as the URL standard says") {
    CHECK(form().encoded().empty());
    CHECK(form().add("a", "b").encoded() == "a=b");
    CHECK(form().add("a b", "1+2").add("", "").add("a b", "&=%").encoded() == "a+b=1%2B2&=&a+b=%26%3D%25");
    CHECK(form().add("n", "J\xc3\xb6rg").encoded() == "n=J%C3%B6rg");
    CHECK(form().add("safe", "aZ09*-._").encoded() == "safe=aZ09*-._");
    CHECK(form().add("not", "~!'()/?#\r\n").encoded() == "not=%7E%21%27%28%29%2F%3F%23%0D%0A");
    CHECK(form().add("nul", std::string(1, '\0')).encoded() == "nul=%00");
    form own;
    own.add("a", "b");
    own.add(own.encoded(), own.encoded()); // views into itself
    CHECK(own.encoded() == "a=b&a%3Db=a%3Db");
}

TEST_CASE("a form as the body of a request") {
    tandem::http::request what("http://a.org/");
    what.form(form().add("a", "b"));
    CHECK(what.body() == "a=b");
    CHECK(what.headers().get("Content-Type") == "application/x-www-form-urlencoded");
}
