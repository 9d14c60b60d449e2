// br (RFC 7932), by brotli's decoder. Its window is at most 16 MiB: larger ones (an extension of brotli's own
// tools) are refused by the decoder, as long as they are not asked for.
#include "lib/http/coding/layer.hpp"

#include <tandem/http/content_coding.hpp>

#include <cstdint>
#include <new>

#include <brotli/decode.h>

namespace tandem::http::coding {

namespace {

class brotli_layer final : public layer {
public:
    brotli_layer() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
        if (!state_) throw std::bad_alloc();
    }
    ~brotli_layer() override { BrotliDecoderDestroyInstance(state_); }

    std::error_code step(std::string_view& in, output& out) override {
        for (;;) {
            if (ended_) return in.empty() ? std::error_code() : make_error_code(coding_error::trailing_data);
            if (out.full()) return {};
            begun_ = begun_ || !in.empty();
            std::size_t in_left = in.size();
            auto next_in = reinterpret_cast<const std::uint8_t*>(in.data());
            std::size_t space = out.space();
            auto next_out = reinterpret_cast<std::uint8_t*>(out.tail());
            const BrotliDecoderResult got =
                BrotliDecoderDecompressStream(state_, &in_left, &next_in, &space, &next_out, nullptr);
            in.remove_prefix(in.size() - in_left);
            out.commit(out.space() - space);
            switch (got) {
            case BROTLI_DECODER_RESULT_SUCCESS:
                ended_ = true;
                continue;
            case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
                // It takes all there is; anything else would loop for ever.
                return in.empty() ? std::error_code() : make_error_code(coding_error::corrupt);
            case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
                continue; // full now
            default:
                return failure();
            }
        }
    }

    bool at_end() const noexcept override { return ended_ || !begun_; }

private:
    std::error_code failure() const {
        const int code = BrotliDecoderGetErrorCode(state_);
        if (code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
            code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES)
            throw std::bad_alloc();
        return coding_error::corrupt;
    }

    BrotliDecoderState* state_;
    bool begun_ = false;
    bool ended_ = false;
};

} // namespace

std::unique_ptr<layer> make_brotli() {
    return std::make_unique<brotli_layer>();
}

} // namespace tandem::http::coding
