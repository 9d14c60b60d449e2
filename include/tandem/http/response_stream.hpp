// response_stream: a response whose body is read piece by piece, as fast as the reader takes it.
//
//     auto download = co_await web.open(request("https://example.org/big.iso"));
//     for (;;) {
//         std::string_view piece = co_await download.read_some();
//         if (piece.empty()) break;
//         co_await file.write(piece);
//     }
//
// Nothing is read ahead of the caller beyond one buffer, so a slow reader slows the sender down. Reading to
// the end gives the connection back for reuse; destroying the stream earlier closes it.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/http/response.hpp>
#include <tandem/http/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::http {

class body_source; // internal
class websocket;   // <tandem/http/websocket.hpp>

/// Move-only; belongs to the scheduler of its client, which must outlive it. One read at a time. The client's
/// read_idle_timeout holds for each read, its total_timeout for the whole. Cancellation of a read: throws
/// operation_cancelled and closes the connection.
class response_stream : public response_info {
public:
    response_stream() noexcept;
    response_stream(response_info info, std::unique_ptr<body_source> source) noexcept; // the client's
    /// A body that is there already, as one piece: for interceptors that answer by themselves.
    explicit response_stream(response whole);
    response_stream(response_stream&&) noexcept;
    response_stream& operator=(response_stream&&) noexcept;
    ~response_stream();

    /// The next piece, decoded; valid until the next call. Empty: the body is over (and stays so). A body
    /// that ends too early throws request_error, as does every later read then. The amount is not limited,
    /// unless request::max_body was given; the expansion by decoding is (client_options::max_expansion).
    [[nodiscard]] task<std::string_view> read_some();
    [[nodiscard]] task<result<std::string_view>> try_read_some();

    /// The next line of the body, without its LF or CRLF; what stands after the last one counts as a line.
    /// Nothing at the end. Throws request_error (phase `limit`, errc::line_too_long) for a line of more than
    /// `limit` bytes, and for every later read. The text is as it comes: no charset is looked at.
    [[nodiscard]] task<std::optional<std::string>> read_line(std::size_t limit = default_line_limit);
    [[nodiscard]] task<result<std::optional<std::string>>>
    try_read_line(std::size_t limit = default_line_limit);

    /// Writes the rest of the body to a file, on the companion pool, and gives its size. The file appears, or
    /// replaces the old one, when all of it is there: until then it is `path` with ".part" and a few
    /// characters behind it, which is removed when something fails or the task is cancelled. No limit on the
    /// size, see read_some(). Throws request_error, system_error (the file), operation_cancelled. To go on
    /// with what an earlier attempt has left: <tandem/http/download.hpp>.
    [[nodiscard]] task<std::uint64_t> to_file(std::string path);

    /// The rest of the body; throws request_error (phase `limit`) beyond `limit` bytes.
    [[nodiscard]] task<std::string> read_all(std::uint64_t limit = default_limit);
    [[nodiscard]] task<result<std::string>> try_read_all(std::uint64_t limit = default_limit);

    [[nodiscard]] bool done() const noexcept; ///< read to the end
    /// Fields after a chunked body, when done(). Do not trust them as those of the header.
    [[nodiscard]] const http::headers& trailers() const noexcept;
    [[nodiscard]] std::uint64_t wire_bytes() const noexcept; ///< received for this response so far

    /// For interceptors: keeps `what` until the stream is destroyed.
    void keep(std::shared_ptr<void> what);

    static constexpr std::uint64_t default_limit = std::uint64_t{64} << 20;
    static constexpr std::size_t default_line_limit = 64 * 1024;

private:
    friend class websocket; // goes on with the connection
    std::unique_ptr<body_source> source_;
    std::unique_ptr<response> whole_; // instead of source_
    std::vector<std::shared_ptr<void>> kept_;
    std::size_t read_ = 0; // of the body of whole_
};

} // namespace tandem::http
