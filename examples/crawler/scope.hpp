// Which URLs belong to a crawl.
#pragma once

#include <tandem/net/url.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace crawler {

enum class scope_kind : unsigned char { host, domain, prefix };

/// Built from the seeds before the crawl begins, then immutable: any thread may ask.
class scope {
public:
    explicit scope(scope_kind kind) : kind_(kind) {}

    /// `host` admits the seed's host on its port (http and https alike when the ports are the usual ones);
    /// `domain` also its subdomains (without a leading "www."); `prefix` what begins with the seed up to its
    /// last slash.
    void add_seed(const tandem::url& seed);

    [[nodiscard]] bool contains(const tandem::url& u) const;

private:
    scope_kind kind_;
    std::vector<std::string> allowed_;
};

} // namespace crawler
