#include "tandem/http/content_coding.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <zlib.h>

#include "lib/http/chars.hpp"

namespace tandem::http {

namespace {

constexpr std::size_t most_layers = 5;
constexpr std::size_t piece_bytes = 32 * 1024;

enum class coding { identity, gzip, deflate };

std::optional<coding> parse_coding(std::string_view name) noexcept {
    if (detail::iequals(name, "gzip") || detail::iequals(name, "x-gzip")) return coding::gzip;
    if (detail::iequals(name, "deflate")) return coding::deflate;
    if (detail::iequals(name, "identity")) return coding::identity;
    return std::nullopt;
}

class category_type final : public std::error_category {
public:
    const char* name() const noexcept override { return "tandem.content_coding"; }
    std::string message(int value) const override {
        switch (static_cast<coding_error>(value)) {
        case coding_error::unsupported:
            return "content coding is not one of gzip, deflate, identity";
        case coding_error::too_many_layers:
            return "more content codings than decoder_limits::layers (2 by default, at most 5)";
        case coding_error::corrupt:
            return "encoded content is corrupt";
        case coding_error::truncated:
            return "encoded content ends early";
        case coding_error::trailing_data:
            return "data after the end of the encoded content";
        case coding_error::output_too_large:
            return "decoded content larger than decoder_limits::output_bytes (64 MiB by default)";
        case coding_error::ratio_too_high:
            return "decoded content larger than decoder_limits::ratio times the encoded (1000 by default)";
        }
        return "unknown error";
    }
};

// zlib gives its state a pointer back to the z_stream, so a layer never moves: it lives behind a unique_ptr.
class layer {
public:
    explicit layer(coding kind) : kind_(kind) {}
    layer(const layer&) = delete;
    layer& operator=(const layer&) = delete;
    ~layer() {
        if (open_) inflateEnd(&stream_);
    }

    // Feeds `in`; `next(std::string_view) -> std::error_code` takes each piece of output.
    template <class Next>
    std::error_code push(std::string_view in, const Next& next) {
        while (!in.empty()) {
            if (const std::error_code wrong = prepare(in); wrong) return wrong;
            if (in.empty()) return {};
            if (phase_ == phase::ended) {
                if (const std::error_code wrong = after_end(in); wrong) return wrong;
                continue;
            }
            if (const std::error_code wrong = inflate_some(in, next); wrong) return wrong;
        }
        return {};
    }

    // Whether the input may end here.
    [[nodiscard]] bool at_end() const noexcept { return phase_ == phase::ended || phase_ == phase::empty; }

private:
    enum class phase { empty, sniffing, inflating, ended };

    // Opens zlib with what the first bytes show: "deflate" is a zlib stream by the standard, and a raw one by
    // some servers. Only the two header bytes of zlib make a multiple of 31 and name method 8.
    std::error_code prepare(std::string_view& in) {
        if (open_) return {};
        if (kind_ == coding::gzip) return open(15 + 16);
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

    template <class Next>
    std::error_code inflate_some(std::string_view& in, const Next& next) {
        constexpr std::size_t most = std::size_t{1} << 30; // zlib counts in unsigned int
        const std::size_t given = std::min(in.size(), most);
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream_.avail_in = static_cast<uInt>(given);
        int got = Z_OK;
        do { // until the output no longer fills the buffer: then the input is used up, or the stream has
             // ended
            stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
            stream_.avail_out = static_cast<uInt>(out_.size());
            got = inflate(&stream_, Z_NO_FLUSH);
            if (got == Z_MEM_ERROR) throw std::bad_alloc();
            if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR) return coding_error::corrupt;
            const std::size_t produced = out_.size() - stream_.avail_out;
            if (produced != 0)
                if (const std::error_code wrong = next(std::string_view(out_.data(), produced)); wrong)
                    return wrong;
        } while (got == Z_OK && stream_.avail_out == 0);
        in.remove_prefix(given - stream_.avail_in);
        if (got == Z_STREAM_END)
            phase_ = phase::ended;
        else if (stream_.avail_in != 0) // it takes all input, or ends: anything else would loop for ever
            return coding_error::corrupt;
        return {};
    }

    // After a gzip member another may follow (RFC 1952, 2.2), or zero bytes of padding, as gzip itself
    // accepts.
    std::error_code after_end(std::string_view& in) {
        if (kind_ == coding::gzip && in.front() == '\x1f' && !padded_) {
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

    coding kind_;
    phase phase_ = phase::empty;
    bool open_ = false;
    bool padded_ = false;
    char first_ = 0;
    z_stream stream_{};
    std::array<char, piece_bytes> out_;

public:
    std::uint64_t made = 0; ///< bytes of output
};

} // namespace

const std::error_category& coding_category() noexcept {
    static const category_type category;
    return category;
}

std::error_code make_error_code(coding_error value) noexcept {
    return {static_cast<int>(value), coding_category()};
}

struct decoder::state {
    decoder_limits limits;
    std::vector<std::unique_ptr<layer>> layers; // in the order of decoding
    std::error_code error;
    std::uint64_t in = 0;
    std::uint64_t out = 0;

    std::error_code count(std::uint64_t& made, std::size_t bytes) const noexcept {
        if (bytes > limits.output_bytes - std::min(made, limits.output_bytes))
            return coding_error::output_too_large;
        made += bytes;
        const std::uint64_t ratio = std::max<std::uint64_t>(limits.ratio, 1);
        if (made > limits.ratio_after && (made - 1) / ratio >= in) // made > in * ratio, without overflow
            return coding_error::ratio_too_high;
        return {};
    }

    // Each layer's output is the next one's input; at most five levels deep. A piece is counted before it is
    // passed on.
    std::error_code run(std::size_t index, std::string_view bytes, sink_ref sink) {
        if (index == layers.size()) {
            sink(bytes);
            out += bytes.size();
            return {};
        }
        layer& here = *layers[index];
        return here.push(bytes, [&](std::string_view piece) -> std::error_code {
            if (const std::error_code wrong = count(here.made, piece.size()); wrong) return wrong;
            return run(index + 1, piece, sink);
        });
    }
};

decoder::decoder(std::string_view content_encoding, decoder_limits limits)
    : state_(std::make_unique<state>()) {
    state_->limits = limits;
    const std::size_t most = std::min(limits.layers, most_layers);
    detail::for_each_element(content_encoding, [&](std::string_view name) {
        const auto kind = parse_coding(name);
        if (!kind)
            state_->error = coding_error::unsupported;
        else if (*kind != coding::identity && state_->layers.size() == most)
            state_->error = coding_error::too_many_layers;
        else if (*kind != coding::identity)
            state_->layers.push_back(std::make_unique<layer>(*kind));
        return !state_->error;
    });
    std::reverse(state_->layers.begin(), state_->layers.end());
}

decoder::decoder(decoder&&) noexcept = default;
decoder& decoder::operator=(decoder&&) noexcept = default;
decoder::~decoder() = default;

bool decoder::supports(std::string_view content_encoding) noexcept {
    bool known = true;
    detail::for_each_element(content_encoding, [&](std::string_view name) {
        known = parse_coding(name).has_value();
        return known;
    });
    return known;
}

std::error_code decoder::push_to(std::string_view in, sink_ref sink) {
    state& self = *state_;
    if (self.error) return self.error;
    self.in += in.size();
    if (!self.layers.empty()) return self.error = self.run(0, in, sink);
    while (!in.empty()) {
        const std::string_view piece = in.substr(0, piece_bytes);
        if (piece.size() > self.limits.output_bytes - self.out)
            return self.error = coding_error::output_too_large;
        self.out += piece.size();
        sink(piece);
        in.remove_prefix(piece.size());
    }
    return {};
}

std::error_code decoder::finish() {
    state& self = *state_;
    if (self.error || self.in == 0) return self.error;
    for (const auto& each : self.layers)
        if (!each->at_end()) return self.error = coding_error::truncated;
    return {};
}

std::error_code decoder::error() const noexcept {
    return state_->error;
}
bool decoder::is_identity() const noexcept {
    return state_->layers.empty() && !state_->error;
}
std::uint64_t decoder::bytes_in() const noexcept {
    return state_->in;
}
std::uint64_t decoder::bytes_out() const noexcept {
    return state_->out;
}

} // namespace tandem::http
