// form: names and values as an HTML form sends them.
//
//     co_await web.send(http::request(url).method(http::method::post).form(
//         http::form().add("name", "J\xc3\xb6rg").add("tag", "a&b")));       // name=J%C3%B6rg&tag=a%26b
//     co_await web.get(url + '?' + http::form().add("q", "two words").encoded());
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::http {

/// A value. Names and values are bytes, usually UTF-8; the order is kept, and so are names given twice.
class form {
public:
    form() noexcept {}

    form& add(std::string_view name, std::string_view value) &;
    form&& add(std::string_view name, std::string_view value) && { return std::move(add(name, value)); }

    /// application/x-www-form-urlencoded, as the WHATWG URL standard serializes it (5.2).
    [[nodiscard]] const std::string& encoded() const noexcept { return text_; }

private:
    std::string text_;
};

} // namespace tandem::http
