// The parser of url, for http, https, ws and wss: the WHATWG URL standard's state machine (section 4.4),
// straightened out. Those schemes are all special and their paths never opaque, which leaves a handful of
// states, each a function here. The result is written once, front to back, into the string that the url will
// own.
#pragma once

#include "tandem/net/url.hpp"

namespace tandem::detail {

class url_parser {
public:
    /// `base` may be null.
    [[nodiscard]] static boost::system::result<url> run(std::string_view input, const url* base);

private:
    using error = std::optional<url_errc>; // empty: went well

    [[nodiscard]] error parse(std::string_view text, const url* base);
    [[nodiscard]] error parse_absolute(std::string_view scheme, std::string_view rest);
    [[nodiscard]] error parse_relative(std::string_view rest, const url& base);
    [[nodiscard]] error parse_host_and_port(std::string_view text);
    void write_credentials(std::string_view text);
    void begin_with(const url& base, std::size_t size, std::size_t room);
    void write_path(std::string_view rest);
    void write_query(std::string_view rest);
    void write_fragment(std::string_view rest);

    [[nodiscard]] std::uint32_t position() const { return static_cast<std::uint32_t>(href_.size()); }

    url out_;
    std::string& href_ = out_.href_;
    url::offsets& at_ = out_.at_;
};

} // namespace tandem::detail
