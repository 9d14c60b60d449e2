// Decoding of Content-Encoding: gzip, deflate, br and zstd, alone or layered, as a stream.
//
//     decoder body("br");
//     for (;;) {                                               // or body.push(in, sink)
//         std::string_view piece;
//         if (auto failure = body.pull(in, piece)) return failure;
//         if (piece.empty()) break;                            // not in.empty(): a layer may hold output yet
//         use(piece);
//     }
//     if (auto failure = body.finish()) return failure;        // at the end of the input
//
// Output is handed out in pieces of at most 32 KiB while input is read, so a small input that unpacks to
// gigabytes (a "bomb") costs no more memory than any other, and stops at a limit. The memory of a layer is
// bounded by what its coding may look back: 32 KiB for gzip and deflate, 16 MiB for br (RFC 7932), 8 MiB for
// zstd (RFC 9659; more is refused). It grows that far only when the content asks for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <system_error>

namespace tandem::http {

/// What can go wrong while decoding.
enum class coding_error {
    unsupported = 1,  ///< a coding other than gzip, x-gzip, deflate, br, zstd, identity
    too_many_layers,  ///< more layers than decoder_limits::layers
    corrupt,          ///< not a stream of that coding, or a checksum or length does not fit
    truncated,        ///< the input ended inside the stream
    trailing_data,    ///< something other than zero padding follows the stream
    output_too_large, ///< more output than decoder_limits::output_bytes
    ratio_too_high,   ///< more output for each byte of input than decoder_limits::ratio
    window_too_large, ///< zstd that looks back further than decoder::zstd_window_bytes
    needs_dictionary, ///< encoded with a dictionary that is not in the content
};

/// The category of coding_error, named "tandem.content_coding".
[[nodiscard]] const std::error_category& coding_category() noexcept;
[[nodiscard]] std::error_code make_error_code(coding_error value) noexcept;

/// Limits of a decoder. They hold for the output of every layer, not only of the last.
struct decoder_limits {
    std::uint64_t output_bytes = std::uint64_t{64} << 20; ///< decoded bytes in total
    std::uint64_t ratio = 1000;                           ///< decoded bytes for each encoded byte, ...
    std::uint64_t ratio_after = std::uint64_t{1} << 20;   ///< ... looked at beyond so many decoded bytes
    std::size_t layers = 2;                               ///< codings one over the other; never more than 5
};

/// A streaming decoder. Not thread-safe. An error is final: every later call answers it again.
class decoder {
public:
    /// `content_encoding` is the field's value: codings in the order in which they were applied. A decoder
    /// for an unsupported list is constructed in the failed state, see error().
    explicit decoder(std::string_view content_encoding, decoder_limits limits = {});
    decoder(decoder&&) noexcept;
    decoder& operator=(decoder&&) noexcept;
    ~decoder();

    /// Whether every coding of the list is known (layers are not counted).
    [[nodiscard]] static bool supports(std::string_view content_encoding) noexcept;

    /// The value for Accept-Encoding that names what this decoder reads.
    [[nodiscard]] static std::string_view accept_encoding() noexcept { return "gzip, deflate, br, zstd"; }

    /// The largest window of a zstd frame (RFC 9659, 3).
    static constexpr std::size_t zstd_window_bytes = std::size_t{8} << 20;

    /// Decodes from the front of `in`, and takes away what it has read, until there is a piece of output: at
    /// most 32 KiB, valid until the next call. An empty piece: all of `in` has been read, and nothing is left
    /// to hand out. The caller that stops pulling stops the work, too.
    [[nodiscard]] std::error_code pull(std::string_view& in, std::string_view& piece);

    /// The same for all of `in`: decodes it entirely, calling `sink(std::string_view piece)` for the output,
    /// each piece at most 32 KiB and valid during the call only. On an error the pieces handed out before are
    /// the output up to it.
    template <class Sink>
    [[nodiscard]] std::error_code push(std::string_view in, Sink&& sink) {
        for (;;) {
            std::string_view piece;
            if (const std::error_code wrong = pull(in, piece); wrong) return wrong;
            if (piece.empty()) return {};
            sink(piece);
        }
    }

    /// Tells that the input is over: coding_error::truncated if the stream is not. No input at all is fine
    /// (servers label empty bodies). Hands out nothing: all output came before.
    [[nodiscard]] std::error_code finish();

    /// The error that stopped the decoder, if any.
    [[nodiscard]] std::error_code error() const noexcept;

    /// True if there is nothing to decode (no coding, or identity): push() hands its input through.
    [[nodiscard]] bool is_identity() const noexcept;

    [[nodiscard]] std::uint64_t bytes_in() const noexcept;  ///< encoded bytes taken so far
    [[nodiscard]] std::uint64_t bytes_out() const noexcept; ///< decoded bytes handed out so far

private:
    struct state;

    std::unique_ptr<state> state_;
};

} // namespace tandem::http

template <>
struct std::is_error_code_enum<tandem::http::coding_error> : std::true_type {};
