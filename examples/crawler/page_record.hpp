// What is known of one visited URL when it is done; one line of the output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace crawler {

class page_record {
public:
    page_record() = default;

    std::string url;
    std::string final_url; ///< after redirects; also the target of one that was not followed
    int status = 0;        ///< of the last response; 0 without one
    std::string content_type;
    std::uint64_t bytes = 0; ///< of the body, decoded, as far as it was read
    std::string title;
    std::size_t depth = 0;
    std::string referrer;  ///< empty for a seed
    std::size_t links = 0; ///< different URLs in scope on the page
    double fetch_ms = 0;   ///< from the request to the end of the body, redirects included
    double parse_ms = 0;   ///< CPU time on the pool
    std::string error;     ///< empty when there was none

    int exit_code =
        0; ///< what the error means for the program: 4 network, 5 TLS, 7 protocol (not part of the line)
};

/// {"url":...}, without line end.
[[nodiscard]] std::string to_json(const page_record& page);

} // namespace crawler
