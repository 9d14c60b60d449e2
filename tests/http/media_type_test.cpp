#include "tests/support/catch.hpp"

#include "lib/http/media_type.hpp"

using tandem::http::charset_of;
using tandem::http::media_type_of;

TEST_CASE("the type and the charset of a Content-Type field") {
    CHECK(media_type_of("Text/HTML; charset=x") == "text/html");
    CHECK(media_type_of(" text/plain ") == "text/plain");
    CHECK(media_type_of("").empty());
    CHECK(charset_of("text/html; charset=UTF-8") == "utf-8");
    CHECK(charset_of("text/html;charset=\"UTF-8\"") == "utf-8");
    CHECK(charset_of("text/html; Charset = latin1 ; x=y") == "latin1");
    CHECK(charset_of("text/html; x=\"a; charset=no\\\"\"; charset=yes") == "yes");
    CHECK(charset_of("text/html; flag; charset=yes") == "yes");
    CHECK(charset_of("text/html; charset=one; charset=two") == "one");
    for (const char* const none :
         {"", "text/html", "text/html;", "text/html; charset", "text/html; xcharset=a",
          "text/html; charset=", "text/html; charset=\"", "charset=x", ";;;="})
        CHECK(charset_of(none).empty());
}
