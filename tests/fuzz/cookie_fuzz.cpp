// Set-Cookie fields from several hosts: bounds hold, and nothing is sent that could be read as something
// else.
#include "tests/fuzz/fuzz.hpp"

#include <tandem/http/cookie_jar.hpp>

#include <algorithm>
#include <array>

using namespace tandem::http;
using tandem::url;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::array<url, 5> places = {
        url("https://www.example.co.uk/a/b"), url("http://example.co.uk/"),
        url("http://other.example.co.uk/a"), url("http://127.0.0.1/"), url("https://com/")};
    const auto now = std::chrono::system_clock::time_point(std::chrono::hours(24 * 20000));
    cookie_jar jar(cookie_jar_options().max_per_site(4).max_cookies(8).max_sent(3));
    std::string_view input = fuzz::text(data, size);
    for (std::size_t i = 0; !input.empty(); ++i) {
        const std::size_t end = input.find('\n');
        jar.set(places[i % places.size()], input.substr(0, end), now);
        input.remove_prefix(end == input.npos ? input.size() : end + 1);
        fuzz::require(jar.size() <= 8);
    }
    for (const url& to : places) {
        const std::string sent = jar.header_for(to, now);
        fuzz::require(std::count(sent.begin(), sent.end(), ';') <= 2 && sent.size() <= 8190);
        for (const char c : sent)
            fuzz::require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
        for (const cookie& c : jar.cookies_for(to, now)) {
            fuzz::require(!c.name().empty() && c.name().find('=') == std::string::npos);
            fuzz::require(!c.secure() || to.is_https());
            fuzz::require(c.path().starts_with('/'));
            fuzz::require(!c.expires() || (*c.expires() > now && *c.expires() <= now + cookie_jar::max_age));
            fuzz::require(c.domain() != "co.uk" && c.domain() != "uk");
            // Whatever a server set, the same rules let in by hand.
            cookie_jar copy;
            fuzz::require(copy.add(c, now));
        }
    }
    return 0;
}
