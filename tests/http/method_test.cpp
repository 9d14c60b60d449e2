#include "tandem/http/method.hpp"

#include "tandem/http/status.hpp"
#include "tests/support/catch.hpp"

using namespace tandem::http;

TEST_CASE("methods have names and properties", "[http][method]") {
    int safe = 0;
    int idempotent = 0;
    for (const method each : {method::get, method::head, method::post, method::put, method::delete_,
                              method::connect, method::options, method::trace, method::patch}) {
        CHECK(parse_method(to_string(each)) == each);
        safe += is_safe(each) ? 1 : 0;
        idempotent += is_idempotent(each) ? 1 : 0;
        CHECK((!is_safe(each) || is_idempotent(each)));
    }
    CHECK(safe == 4);
    CHECK(idempotent == 6);
    CHECK(is_idempotent(method::put));
    CHECK(is_idempotent(method::delete_));
    CHECK_FALSE(is_idempotent(method::patch));
    CHECK(to_string(method::delete_) == "DELETE");
    CHECK_FALSE(parse_method("get").has_value());
    CHECK_FALSE(parse_method("").has_value());
    CHECK_FALSE(parse_method("GETS").has_value());
}

TEST_CASE("statuses have reasons and classes", "[http][status]") {
    CHECK(reason_phrase(200) == "OK");
    CHECK(reason_phrase(404) == "Not Found");
    CHECK(reason_phrase(431) == "Request Header Fields Too Large");
    CHECK(reason_phrase(299).empty());
    CHECK(reason_phrase(-1).empty());
    CHECK(is_informational(101));
    CHECK((is_success(299) && !is_success(300)));
    CHECK(is_redirection(308));
    CHECK(is_client_error(499));
    CHECK((is_server_error(500) && !is_server_error(600)));
}
