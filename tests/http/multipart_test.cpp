#include "tests/support/catch.hpp"

#include <tandem/http/multipart.hpp>
#include <tandem/http/request.hpp>

#include <stdexcept>
#include <string>

using tandem::http::multipart;

namespace {

std::string boundary_of(const multipart& m) {
    const std::string type = m.content_type();
    return type.substr(type.find('=') + 1);
}

// The body with files as <path>, and the boundary as B.
std::string shown(const multipart& m) {
    std::string text;
    const tandem::http::request_body body = m.body();
    for (const auto& part : body.parts())
        text += part.is_file ? '<' + part.text + '>' : part.text;
    const std::string boundary = boundary_of(m);
    for (std::size_t at; (at = text.find(boundary)) != std::string::npos;)
        text.replace(at, boundary.size(), "B");
    return text;
}

} // namespace

TEST_CASE("the parts of a multipart form") {
    multipart m;
    m.field("title", "two\nlines").field("json", "{}", "application/json");
    m.file("photo", "/tmp/some folder/p.jpg", "image/jpeg").file_of("log", "text", "a.log", "text/plain");
    CHECK(shown(m) == "--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\ntwo\nlines"
                      "\r\n--B\r\nContent-Disposition: form-data; name=\"json\"\r\nContent-Type: "
                      "application/json\r\n\r\n{}"
                      "\r\n--B\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"p.jpg\"\r\n"
                      "Content-Type: image/jpeg\r\n\r\n</tmp/some folder/p.jpg>"
                      "\r\n--B\r\nContent-Disposition: form-data; name=\"log\"; filename=\"a.log\"\r\n"
                      "Content-Type: text/plain\r\n\r\ntext"
                      "\r\n--B--\r\n");
    CHECK(shown(multipart()) == "--B--\r\n");
    CHECK(shown(multipart().file_as("f", "/tmp/x", "name.txt", "")) ==
          "--B\r\nContent-Disposition: form-data; name=\"f\"; "
          "filename=\"name.txt\"\r\n\r\n</tmp/x>\r\n--B--\r\n");
}

TEST_CASE("no name can end its header") {
    const std::string text =
        shown(multipart().file_of("a\"; filename=\"evil", "x", "b\r\nX-Evil: 1\r\n\r\n\x01\x7f"));
    CHECK(text.find("name=\"a%22; filename=%22evil\"; filename=\"b%0D%0AX-Evil: 1%0D%0A%0D%0A%01%7F\"\r\n") !=
          std::string::npos);
    CHECK_THROWS_AS(multipart().field("a", "b", "text/plain\r\nX: y"), std::invalid_argument);
    CHECK_THROWS_AS(multipart().file_of("a", "b", "c", std::string_view("x\0", 2)), std::invalid_argument);
}

TEST_CASE("boundaries are new each time, and valid") {
    const multipart one, two;
    CHECK(boundary_of(one) != boundary_of(two));
    CHECK(boundary_of(one).size() == 42);
    CHECK(boundary_of(one).size() <= 70); // RFC 2046, 5.1.1
}

TEST_CASE("a multipart form as the body of a request") {
    tandem::http::request what("http://a.org/");
    const multipart in_memory = multipart().field("a", "b");
    what.multipart(in_memory);
    CHECK(what.body().size() == in_memory.body().parts().front().text.size());
    CHECK_FALSE(what.streamed_body());
    CHECK(what.headers().get("Content-Type") == in_memory.content_type());
    what.multipart(multipart().file("f", "/tmp/x"));
    CHECK(what.streamed_body());
    what.body("plain");
    CHECK_FALSE(what.streamed_body());
}
