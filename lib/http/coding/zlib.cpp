// gzip (RFC 1952) and deflate (RFC 1950, and RFC 1951 bare, as some servers send it), by zlib.
#include "lib/http/coding/layer.hpp"

#include <tandem/http/content_coding.hpp>

#include <algorithm>
#include <new>

#include <zlib.h>

namespace tandem::http::coding {

namespace {

enum class format { gzip, deflate };

// zlib gives its state a pointer back to the z_stream: such a layer never moves.
class zlib_layer final : public layer {
public:
    explicit zlib_layer(format kind) : kind_(kind) {}
    ~zlib_layer() override {
        if (open_) inflateEnd(&stream_);
    }

    std::error_code step(std::string_view& in, output& out) override {
        for (;;) {
            if (phase_ == phase::ended) {
                if (in.empty()) return {};
                if (const std::error_code wrong = after_end(in); wrong) return wrong;
                continue;
            }
            if (!open_) {
                if (in.empty()) return {};
                if (const std::error_code wrong = prepare(in); wrong) return wrong;
                if (!open_) return {};
            }
            if (out.full()) return {};
            if (const std::error_code wrong = inflate_some(in, out); wrong) return wrong;
            if (phase_ == phase::inflating && (in.empty() || out.full())) return {};
        }
    }

    bool at_end() const noexcept override { return phase_ == phase::ended || phase_ == phase::empty; }

private:
    enum class phase { empty, sniffing, inflating, ended };

    // Opens zlib with what the first bytes show: "deflate" is a zlib stream by the standard, and a raw one by
    // some servers. Only the two header bytes of zlib make a multiple of 31 and name method 8.
    std::error_code prepare(std::string_view& in) {
        if (kind_ == format::gzip) return open(15 + 16);
        if (phase_ == phase::empty) {
            first_ = in.front();
            in.remove_prefix(1);
            phase_ = phase::sniffing;
            if (in.empty()) return {};
        }
        const auto high = static_cast<unsigned char>(first_);
        const auto low = static_cast<unsigned char>(in.front());
        const bool zlib = (high & 0x0f) == 8 && (high >> 4) <= 7 && (high * 256u + low) % 31 == 0;
        if (const std::error_code wrong = open(zlib ? 15 : -15); wrong) return wrong;
        // The byte set aside: zlib keeps it, and cannot have output for it yet.
        return inflate_first();
    }

    std::error_code open(int window_bits) {
        if (inflateInit2(&stream_, window_bits) != Z_OK) throw std::bad_alloc();
        open_ = true;
        phase_ = phase::inflating;
        return {};
    }

    std::error_code inflate_first() {
        char out[1];
        stream_.next_in = reinterpret_cast<Bytef*>(&first_);
        stream_.avail_in = 1;
        stream_.next_out = reinterpret_cast<Bytef*>(out);
        stream_.avail_out = 1;
        const int got = inflate(&stream_, Z_NO_FLUSH);
        if ((got != Z_OK && got != Z_BUF_ERROR) || stream_.avail_in != 0 || stream_.avail_out != 1)
            return coding_error::corrupt;
        return {};
    }

    std::error_code inflate_some(std::string_view& in, output& out) {
        constexpr std::size_t most = std::size_t{1} << 30; // zlib counts in unsigned int
        const std::size_t given = std::min(in.size(), most);
        const std::size_t space = std::min(out.space(), most);
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream_.avail_in = static_cast<uInt>(given);
        stream_.next_out = reinterpret_cast<Bytef*>(out.tail());
        stream_.avail_out = static_cast<uInt>(space);
        const int got = inflate(&stream_, Z_NO_FLUSH);
        if (got == Z_MEM_ERROR) throw std::bad_alloc();
        if (got == Z_NEED_DICT) return coding_error::needs_dictionary;
        if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR) return coding_error::corrupt;
        in.remove_prefix(given - stream_.avail_in);
        out.commit(space - stream_.avail_out);
        if (got == Z_STREAM_END)
            phase_ = phase::ended;
        else if (stream_.avail_in != 0 && stream_.avail_out != 0)
            return coding_error::corrupt; // it would loop for ever
        return {};
    }

    // After a gzip member another may follow (RFC 1952, 2.2), or zero bytes of padding, as gzip itself
    // accepts.
    std::error_code after_end(std::string_view& in) {
        if (kind_ == format::gzip && in.front() == '\x1f' && !padded_) {
            inflateReset(&stream_);
            phase_ = phase::inflating;
            return {};
        }
        const std::size_t zeros = std::min(in.find_first_not_of('\0'), in.size());
        if (zeros != in.size()) return coding_error::trailing_data;
        padded_ = true;
        in = {};
        return {};
    }

    format kind_;
    phase phase_ = phase::empty;
    bool open_ = false;
    bool padded_ = false;
    char first_ = 0;
    z_stream stream_{};
};

} // namespace

std::unique_ptr<layer> make_gzip() {
    return std::make_unique<zlib_layer>(format::gzip);
}
std::unique_ptr<layer> make_deflate() {
    return std::make_unique<zlib_layer>(format::deflate);
}

} // namespace tandem::http::coding
