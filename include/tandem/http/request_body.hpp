// request_body: what a request sends, from memory, from files, or made while it is sent.
//
//     request.body(request_body::file("big.iso"), "application/octet-stream");
//     request.body(request_body::stream(export_rows), "text/csv");
//
// where `export_rows` is a function that gives a generator, async_generator<std::string> export_rows().
//
// Files are read while they are sent, 64 KiB at a time, on the companion pool. Their size is asked for when
// the request begins, and that many bytes are sent: a file that grows meanwhile is cut there, one that
// shrinks makes the request fail (phase `send`). What has no size (a pipe, a generator) is sent chunked.
#pragma once

#include <tandem/concurrency/async_generator.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tandem::http {

/// A value; copies share a one-time stream. Distinct objects may be used from distinct threads.
class request_body {
public:
    /// Makes the pieces of a body, from the beginning at each call.
    using producer = std::function<async_generator<std::string>()>;

    request_body() noexcept {} ///< empty

    [[nodiscard]] static request_body bytes(std::string data);
    [[nodiscard]] static request_body file(std::string path);

    /// Calls `make` each time that the body is sent: once, and again for a retry, for a redirect that repeats
    /// the body, and for Digest. With `length` the body is not sent chunked, and must have just that many
    /// bytes, or the request fails (phase `send`). An exception that leaves the generator leaves the client's
    /// call, whichever form it has.
    [[nodiscard]] static request_body stream(producer make,
                                             std::optional<std::uint64_t> length = std::nullopt);

    /// A body that can be sent only once: where it would have to be repeated the request fails with
    /// errc::body_not_repeatable (a 401 that Digest would answer is given as it is).
    [[nodiscard]] static request_body stream_once(async_generator<std::string> pieces,
                                                  std::optional<std::uint64_t> length = std::nullopt);

    /// Adds the parts of `more`, which must be of bytes and files, to a body of bytes and files. Throws
    /// std::invalid_argument when either is a stream.
    request_body& append(request_body more);

    class part {
    public:
        part(bool file, std::string content) : is_file(file), text(std::move(content)) {}
        bool is_file;
        std::string text; ///< the bytes, or the path
    };
    /// Empty for a stream.
    [[nodiscard]] const std::vector<part>& parts() const& noexcept { return parts_; }
    [[nodiscard]] std::vector<part> parts() && noexcept { return std::move(parts_); }
    [[nodiscard]] const producer& stream_producer() const noexcept { return make_; }
    [[nodiscard]] std::optional<std::uint64_t> stream_length() const noexcept { return length_; }
    [[nodiscard]] bool is_stream() const noexcept { return static_cast<bool>(make_); }
    [[nodiscard]] bool repeatable() const noexcept { return repeatable_; }

private:
    std::vector<part> parts_;
    producer make_;
    std::optional<std::uint64_t> length_;
    bool repeatable_ = true;
};

} // namespace tandem::http
