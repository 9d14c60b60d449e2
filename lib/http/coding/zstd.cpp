// zstd (RFC 8878), by libzstd: frames and skippable frames, one after the other. A frame says itself how much
// memory its window takes; more than 8 MiB is refused, as RFC 9659 wants it.
#include "lib/http/coding/layer.hpp"

#include <tandem/http/content_coding.hpp>

#include <new>

#include <zstd.h>
#include <zstd_errors.h>

namespace tandem::http::coding {

namespace {

constexpr int window_log = 23; // decoder::zstd_window_bytes
static_assert(std::size_t{1} << window_log == decoder::zstd_window_bytes);

// libzstd may have been built to read the formats that came before the standard, too; their first bytes
// differ.
constexpr bool begins_frame(char first) noexcept {
    const auto byte = static_cast<unsigned char>(first);
    return byte == 0x28 || (byte & 0xf0) == 0x50; // of 0xFD2FB528 and 0x184D2A50 to 5F, little-endian
}

class zstd_layer final : public layer {
public:
    zstd_layer() : state_(ZSTD_createDCtx()) {
        if (!state_) throw std::bad_alloc();
        if (ZSTD_isError(ZSTD_DCtx_setParameter(state_, ZSTD_d_windowLogMax, window_log))) {
            ZSTD_freeDCtx(state_);
            throw std::bad_alloc();
        }
    }
    ~zstd_layer() override { ZSTD_freeDCtx(state_); }

    std::error_code step(std::string_view& in, output& out) override {
        for (;;) {
            if (between_frames_) {
                if (in.empty()) return {};
                if (!begins_frame(in.front())) return not_a_frame();
                between_frames_ = false;
            }
            if (out.full()) return {};
            ZSTD_inBuffer from{in.data(), in.size(), 0};
            ZSTD_outBuffer to{out.tail(), out.space(), 0};
            const std::size_t left = ZSTD_decompressStream(state_, &to, &from);
            in.remove_prefix(from.pos);
            out.commit(to.pos);
            if (ZSTD_isError(left)) return failure(ZSTD_getErrorCode(left));
            if (left == 0) {
                between_frames_ = true;
                any_frame_ = true;
            } else if (in.empty() && !out.full()) {
                return {};
            } else if (from.pos == 0 && to.pos == 0) {
                return coding_error::corrupt; // it would loop for ever
            }
        }
    }

    bool at_end() const noexcept override { return between_frames_; }

private:
    std::error_code not_a_frame() const noexcept {
        return any_frame_ ? coding_error::trailing_data : coding_error::corrupt;
    }

    std::error_code failure(ZSTD_ErrorCode code) const {
        switch (code) {
        case ZSTD_error_memory_allocation:
            throw std::bad_alloc();
        case ZSTD_error_frameParameter_windowTooLarge:
            return coding_error::window_too_large;
        case ZSTD_error_dictionary_wrong:
            return coding_error::needs_dictionary;
        case ZSTD_error_prefix_unknown:
            return not_a_frame();
        default:
            return coding_error::corrupt;
        }
    }

    ZSTD_DCtx* state_;
    bool between_frames_ = true;
    bool any_frame_ = false;
};

} // namespace

std::unique_ptr<layer> make_zstd() {
    return std::make_unique<zstd_layer>();
}

} // namespace tandem::http::coding
