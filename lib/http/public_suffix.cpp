#include "tandem/http/public_suffix.hpp"

#include "lib/http/chars.hpp"

#include <stdexcept>
#include <string>

#include <libpsl.h>

namespace tandem::http {

namespace {

// Names longer than this are no host names (RFC 1035, 2.3.4), and libpsl gets a copy of each.
constexpr std::size_t longest_name = 255;

const psl_ctx_t& suffixes() {
    static const psl_ctx_t* const list = [] {
        const psl_ctx_t* builtin = psl_builtin();
        // A libpsl that was built without a list reads the distribution's file.
        return builtin != nullptr ? builtin : psl_latest(nullptr);
    }();
    if (list == nullptr) throw std::runtime_error("tandem::http: libpsl has no public suffix list");
    return *list;
}

std::string_view without_root(std::string_view host) noexcept {
    if (!host.empty() && host.back() == '.') host.remove_suffix(1);
    return host;
}

bool is_address(std::string_view host) noexcept {
    // The last label of a name is never a number (as the URL standard has it).
    const std::string_view last = host.substr(host.rfind('.') + 1);
    return host.find(':') != std::string_view::npos || (!last.empty() && detail::is_digit(last.front()) &&
                                                        last.find_first_not_of("0123456789") == last.npos);
}

bool is_name(std::string_view host) noexcept {
    return !host.empty() && host.size() <= longest_name && host.front() != '.' && host.back() != '.' &&
           host.find("..") == std::string_view::npos && host.find('\0') == std::string_view::npos &&
           !is_address(host);
}

} // namespace

bool is_public_suffix(std::string_view host) {
    host = without_root(host);
    if (!is_name(host)) return false;
    return psl_is_public_suffix(&suffixes(), std::string(host).c_str()) != 0;
}

std::string_view registrable_domain(std::string_view host) {
    const std::string_view name = without_root(host);
    if (!is_name(name)) return {};
    const std::string text(name);
    const char* const found = psl_registrable_domain(&suffixes(), text.c_str());
    if (found == nullptr) return {};
    return host.substr(static_cast<std::size_t>(found - text.c_str()));
}

} // namespace tandem::http
