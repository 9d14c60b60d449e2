// Cookies as a text, in the format of Netscape's cookies.txt.
#include "tandem/http/cookie_jar.hpp"

#include "lib/http/chars.hpp"
#include "lib/system/file_calls.hpp"

#include <tandem/parallelism/offload.hpp>
#include <tandem/system/file.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include <boost/system/errc.hpp>
#include <fcntl.h>
#include <unistd.h>

namespace tandem::http {

namespace {

using std::chrono::system_clock;

constexpr std::string_view http_only_mark = "#HttpOnly_";
constexpr std::size_t largest_file = std::size_t{64} << 20;

void append_line(std::string& out, const cookie& c) {
    if (c.http_only()) out += http_only_mark;
    if (!c.host_only()) out += '.';
    out.append(c.domain()).append(c.host_only() ? "\tFALSE\t" : "\tTRUE\t").append(c.path());
    out += c.secure() ? "\tTRUE\t" : "\tFALSE\t";
    // Rounded up, so that it does not become 0 or end early.
    const auto end = c.expires() ? std::chrono::ceil<std::chrono::seconds>(*c.expires()).time_since_epoch()
                                 : std::chrono::seconds(0);
    out.append(std::to_string(end.count()))
        .append(1, '\t')
        .append(c.name())
        .append(1, '\t')
        .append(c.value());
    out += '\n';
}

bool parse_line(std::string_view line, cookie& found, system_clock::time_point now) {
    const bool http_only = line.starts_with(http_only_mark);
    if (http_only)
        line.remove_prefix(http_only_mark.size());
    else if (line.starts_with('#'))
        return false;
    std::array<std::string_view, 7> fields;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const std::size_t tab = line.find('\t');
        if ((tab == line.npos) != (i == fields.size() - 1)) return false;
        fields[i] = line.substr(0, tab);
        if (tab != line.npos) line.remove_prefix(tab + 1);
    }
    auto [domain, below, path, secure, expiry, name, value] = fields;
    if (domain.starts_with('.')) domain.remove_prefix(1);
    std::int64_t when = 0;
    const auto number = std::from_chars(expiry.data(), expiry.data() + expiry.size(), when);
    if (expiry.empty() || number.ec != std::errc() || number.ptr != expiry.data() + expiry.size() || when < 0)
        return false;

    found = cookie(std::string(name), std::string(value));
    found.domain(std::string(domain)).path(std::string(path)).host_only(!detail::iequals(below, "TRUE"));
    found.secure(detail::iequals(secure, "TRUE")).http_only(http_only);
    if (when != 0) {
        const std::int64_t today = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
        const std::int64_t most = today + std::chrono::seconds(cookie_jar::max_age).count();
        found.expires(system_clock::time_point(std::chrono::seconds(std::min(when, most))));
        if (*found.expires() <= now) return false;
    }
    return true;
}

// On a pool thread.
void write_private(const std::string& path, const std::string& text) {
    // A new file is made first, and empty: the one that takes its place keeps its permissions.
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        ::close(fd);
    else if (errno != EEXIST)
        tandem::detail::fail_on_file(errno, "create", path);
    tandem::detail::replace_file(path, text);
}

} // namespace

std::string cookie_jar::to_netscape(time_point now) const {
    std::string text = "# Netscape HTTP Cookie File\n\n";
    for (const cookie& c : cookies(now))
        append_line(text, c);
    return text;
}

std::size_t cookie_jar::from_netscape(std::string_view text, time_point now) {
    std::size_t taken = 0;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        cookie found;
        if (parse_line(line, found, now) && add(std::move(found), now)) ++taken;
    }
    return taken;
}

task<> cookie_jar::save(std::string path) const {
    std::string text = to_netscape();
    co_await offload(write_private, std::move(path), std::move(text));
}

task<std::size_t> cookie_jar::load(std::string path) {
    std::string text;
    try {
        text = co_await read_file(std::move(path), largest_file);
    } catch (const system_error& e) {
        if (e.code() != boost::system::errc::no_such_file_or_directory) throw;
    }
    co_return from_netscape(text);
}

} // namespace tandem::http
