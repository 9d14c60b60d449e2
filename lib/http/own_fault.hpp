// Failures of a request that neither the server nor the way to it has to do with.
#pragma once

#include <tandem/http/error.hpp>

#include <cerrno>

namespace tandem::http {

/// The request cannot be written, or the file of its body cannot be read.
[[nodiscard]] inline bool is_own_fault(const error_code& code) noexcept {
    if (code == make_error_code(errc::bad_request) || code == make_error_code(errc::body_length_mismatch))
        return true;
    for (const int file : {ENOENT, EACCES, EPERM, EISDIR, ENOTDIR, ELOOP, ENAMETOOLONG, EIO, EMFILE, ENFILE})
        if (code == error_code(file, boost::system::system_category())) return true;
    return false;
}

} // namespace tandem::http
