// netrc: user names and passwords for hosts, from the file that ftp, curl and others share.
//
//     machine api.example.org login joe password "a secret"
//     default login anonymous password joe@example.org
//
//     http::client web(http::client_options().netrc(co_await http::read_netrc()));
//
// Words are separated by white space; one in double quotes may have spaces, and \" \\ \n \r \t in it.
// `account` is read and dropped, `macdef` with its lines skipped. A word beginning with '#' where a keyword
// should be starts a comment that ends with the line.
#pragma once

#include <tandem/core/task.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {

class netrc_entry {
public:
    netrc_entry() noexcept {}
    std::string host; ///< empty: for every host (`default`)
    std::string login;
    std::string password;
};

/// A value. Any thread may read one that nobody changes.
class netrc {
public:
    netrc() noexcept {}

    /// Throws std::invalid_argument, which names the line (never what is in it).
    [[nodiscard]] static netrc parse(std::string_view text);

    /// The first entry for the host (without regard to ASCII case), else the `default`; with a `login` only
    /// entries of that user. Null when there is none. Valid as long as this object is not changed.
    [[nodiscard]] const netrc_entry* find(std::string_view host,
                                          std::string_view login = std::string_view()) const noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
    std::vector<netrc_entry> entries_;
};

/// Reads a file of at most 1 MiB; by default the one that the environment variable NETRC names, else
/// ~/.netrc. Throws system_error, which names the path, when it cannot be read, std::invalid_argument as
/// netrc::parse. Cancellation: as read_file.
[[nodiscard]] task<netrc> read_netrc(std::string path = std::string());

} // namespace tandem::http
