// Decoding of Content-Encoding: gzip, x-gzip, deflate and identity, alone or layered, as a stream.
//
// Output is handed out in pieces of at most 32 KiB while input is read, so a small input that unpacks to
// gigabytes (a "bomb") costs no more memory than any other, and stops at a limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace tandem::http {

/// What can go wrong while decoding.
enum class coding_error {
    unsupported = 1,  ///< a coding other than gzip, x-gzip, deflate, identity
    too_many_layers,  ///< more layers than decoder_limits::layers
    corrupt,          ///< not a stream of that coding, or a checksum or length does not fit
    truncated,        ///< the input ended inside the stream
    trailing_data,    ///< something other than zero padding follows the stream
    output_too_large, ///< more output than decoder_limits::output_bytes
    ratio_too_high,   ///< more output for each byte of input than decoder_limits::ratio
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
    [[nodiscard]] static std::string_view accept_encoding() noexcept { return "gzip, deflate"; }

    /// Decodes `in` entirely, calling `sink(std::string_view piece)` for the output, each piece at most 32
    /// KiB and valid during the call only. On an error the pieces handed out before are the output up to it.
    template <class Sink>
    [[nodiscard]] std::error_code push(std::string_view in, Sink&& sink) {
        return push_to(in, sink_ref(sink));
    }

    /// Tells that the input is over: coding_error::truncated if the stream is not. No input at all is fine
    /// (servers label empty bodies). Hands out nothing: all output came from push().
    [[nodiscard]] std::error_code finish();

    /// The error that stopped the decoder, if any.
    [[nodiscard]] std::error_code error() const noexcept;

    /// True if there is nothing to decode (no coding, or identity): push() hands its input through.
    [[nodiscard]] bool is_identity() const noexcept;

    [[nodiscard]] std::uint64_t bytes_in() const noexcept;  ///< encoded bytes taken so far
    [[nodiscard]] std::uint64_t bytes_out() const noexcept; ///< decoded bytes handed out so far

private:
    // A borrowed callable: keeps the implementation out of the header without a std::function.
    class sink_ref {
    public:
        template <class Sink>
            requires(!std::is_same_v<std::remove_cv_t<Sink>, sink_ref>)
        explicit sink_ref(Sink& sink) noexcept
            : object_(const_cast<void*>(static_cast<const void*>(std::addressof(sink)))),
              call_([](void* object, std::string_view piece) { (*static_cast<Sink*>(object))(piece); }) {}
        void operator()(std::string_view piece) const { call_(object_, piece); }

    private:
        void* object_;
        void (*call_)(void*, std::string_view);
    };

    struct state;
    std::error_code push_to(std::string_view in, sink_ref sink);

    std::unique_ptr<state> state_;
};

} // namespace tandem::http

template <>
struct std::is_error_code_enum<tandem::http::coding_error> : std::true_type {};
