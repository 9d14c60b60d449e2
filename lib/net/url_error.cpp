#include "tandem/net/url_error.hpp"

#include <string>

namespace tandem {

namespace {

class url_error_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "tandem.url"; }

    std::string message(int value) const override {
        switch (static_cast<url_errc>(value)) {
        case url_errc::empty:
            return "the URL is empty";
        case url_errc::relative_without_base:
            return "the URL has no scheme (such as https://) and there is no base URL to resolve it against";
        case url_errc::unsupported_scheme:
            return "the scheme of the URL is not supported: http, https, ws and wss are";
        case url_errc::missing_host:
            return "the URL has no host";
        case url_errc::invalid_host:
            return "the host of the URL is neither a valid domain name nor an IP address";
        case url_errc::invalid_port:
            return "the port of the URL is not a number from 0 to 65535";
        case url_errc::too_long:
            return "the URL is longer than 65536 bytes (url::max_size, which is fixed)";
        }
        return "unknown URL error";
    }

    boost::system::error_condition default_error_condition(int) const noexcept override {
        return boost::system::errc::make_error_condition(boost::system::errc::invalid_argument);
    }
};

} // namespace

const boost::system::error_category& url_category() noexcept {
    static const url_error_category category;
    return category;
}

boost::system::error_code make_error_code(url_errc error) noexcept {
    return {static_cast<int>(error), url_category()};
}

} // namespace tandem
