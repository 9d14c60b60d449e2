// download: a URL into a file, going on with what an earlier attempt has left.
//
//     const http::download_result got = co_await http::download(web, http::request(url), "debian.iso");
//
// Until it is whole the file is called "debian.iso.part"; then it is renamed, and replaces an older one. When
// the connection breaks, or the task is cancelled, the part stays, with "debian.iso.part.meta" beside it:
// the URL and the entity tag of what was begun. The next call asks for the rest (Range, If-Range; RFC 9110,
// 13 and 14): the server sends it if the file is still the same, and otherwise all of it anew. Without a
// strong entity tag nothing could tell whether the two halves belong together: then nothing is kept, and
// every call begins anew.
//
// The body is not decoded (Accept-Encoding: identity), as parts of a file have to fit together byte by byte.
// What it is that came is checked: the first byte and the length of Content-Range, the entity tag, and that
// the file has the announced size.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/http/client.hpp>
#include <tandem/http/request.hpp>
#include <tandem/http/response.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace tandem::http {

class download_options {
public:
    download_options() noexcept {}

    /// True: goes on where an earlier attempt has ended. False: begins anew.
    download_options& resume(bool yes) {
        resume_ = yes;
        return *this;
    }
    /// False. True: the file is on the disk (fdatasync) before it gets its name.
    download_options& sync(bool yes) {
        sync_ = yes;
        return *this;
    }

    [[nodiscard]] bool resume() const noexcept { return resume_; }
    [[nodiscard]] bool sync() const noexcept { return sync_; }

private:
    bool resume_ = true;
    bool sync_ = false;
};

class download_result {
public:
    download_result(response_info info, std::uint64_t bytes, std::uint64_t resumed_at)
        : info_(std::move(info)), bytes_(bytes), resumed_at_(resumed_at) {}

    [[nodiscard]] const response_info& response() const noexcept { return info_; } ///< the last one
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }          ///< of the file
    /// Where this call went on; 0: it began anew.
    [[nodiscard]] std::uint64_t resumed_at() const noexcept { return resumed_at_; }

private:
    response_info info_;
    std::uint64_t bytes_;
    std::uint64_t resumed_at_;
};

/// Throws request_error (also for a status other than 200 and 206: errc::bad_status; for another part than
/// was asked for: errc::bad_content_range), system_error for the file, std::invalid_argument for a request
/// with a Range, If-Range or Accept-Encoding of its own. Files are written on the companion pool. The size is
/// not limited but by request::max_body. `web` must outlive the call; one download to a path at a time.
/// Cancellation: closes the connection, keeps the part as after any failure, throws operation_cancelled.
[[nodiscard]] task<download_result> download(client& web, request what, std::string path,
                                             download_options options = download_options());

} // namespace tandem::http
