// The fields of a request as HTTP/2 wants them (RFC 9113, section 8.3.1).
#pragma once

#include "lib/http/h1/writer.hpp"
#include "lib/http/transport.hpp"

#include <tandem/http/headers.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tandem::http::h2 {

/// A list of lower-case names and values. Pseudo-fields come first; :authority is the Host of `fields`, which
/// is left out, as is what belongs to a connection of HTTP/1 (8.2.2) and whatever Connection names. Cookies
/// are sent in crumbs (8.2.3). Content-Length follows from the body.
class request_fields {
public:
    class field {
    public:
        std::string_view name;
        std::string_view value;
        bool secret; ///< not to be kept in a table of header compression (RFC 7541, 7.1.3)
    };

    /// Fails, leaving nothing, where HTTP/1.1 would refuse to write it, too.
    [[nodiscard]] std::error_code assign(const request_line& line, const headers& fields,
                                         const h1::body_plan& body);

    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
    [[nodiscard]] field operator[](std::size_t i) const noexcept;

private:
    class place {
    public:
        std::size_t name, name_size, value_size;
        bool secret;
    };
    void add(std::string_view name, std::string_view value, bool secret = false);
    void add_cookies(std::string_view value);

    std::string text_; // name and value of each
    std::vector<place> places_;
};

} // namespace tandem::http::h2
