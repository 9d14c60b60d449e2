// Dates of cookies: within the years that they may have, and read again from what HTTP makes of them.
#include "tests/fuzz/fuzz.hpp"

#include "lib/http/cookie_date.hpp"
#include "lib/http/http_date.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto when = tandem::http::parse_cookie_date(fuzz::text(data, size));
    if (!when) return 0;
    using namespace std::chrono;
    fuzz::require(*when >= sys_days(year(1601) / 1 / 1) && *when < sys_days(year(10000) / 1 / 1));
    fuzz::require(tandem::http::parse_cookie_date(tandem::http::detail::format_http_date(*when)) == when);
    return 0;
}
