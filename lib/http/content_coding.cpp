#include "tandem/http/content_coding.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/http/chars.hpp"
#include "lib/http/coding/layer.hpp"

namespace tandem::http {

namespace {

constexpr std::size_t most_layers = 5;
constexpr std::size_t piece_bytes = 32 * 1024;

enum class kind { identity, gzip, deflate, br, zstd };

std::optional<kind> parse_coding(std::string_view name) noexcept {
    if (detail::iequals(name, "gzip") || detail::iequals(name, "x-gzip")) return kind::gzip;
    if (detail::iequals(name, "deflate")) return kind::deflate;
    if (detail::iequals(name, "br")) return kind::br;
    if (detail::iequals(name, "zstd")) return kind::zstd;
    if (detail::iequals(name, "identity")) return kind::identity;
    return std::nullopt;
}

std::unique_ptr<coding::layer> make_layer(kind what) {
    switch (what) {
    case kind::gzip:
        return coding::make_gzip();
    case kind::deflate:
        return coding::make_deflate();
    case kind::br:
        return coding::make_brotli();
    default:
        return coding::make_zstd();
    }
}

class category_type final : public std::error_category {
public:
    const char* name() const noexcept override { return "tandem.content_coding"; }
    std::string message(int value) const override {
        switch (static_cast<coding_error>(value)) {
        case coding_error::unsupported:
            return "content coding is not one of gzip, deflate, br, zstd, identity";
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
        case coding_error::window_too_large:
            return "zstd content looks back further than 8 MiB (RFC 9659)";
        case coding_error::needs_dictionary:
            return "encoded with a dictionary, which is not there";
        }
        return "unknown error";
    }
};

// A layer, its output, and how much of that the next one has taken.
class stage {
public:
    explicit stage(std::unique_ptr<coding::layer> what) : layer(std::move(what)) {}

    std::unique_ptr<coding::layer> layer;
    std::string_view pending; // of out
    std::uint64_t made = 0;   // bytes of output
    std::error_code failure;
    bool may_have_more = false; // without more input
    std::array<char, piece_bytes> out;
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
    std::vector<std::unique_ptr<stage>> stages; // in the order of decoding
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

    // What `wrong` below means to the layer above: after junk behind a stream there comes nothing more for
    // it.
    static std::error_code after(std::error_code wrong, const stage& above) noexcept {
        if (wrong == make_error_code(coding_error::trailing_data) && !above.layer->at_end())
            return coding_error::truncated;
        return wrong;
    }

    // Makes output of stage `index` pending, unless all input is used up. Each stage's output is the next
    // one's input (at most five, so it may call itself); a piece is counted before anybody sees it.
    std::error_code fill(std::size_t index, std::string_view& from) {
        stage& here = *stages[index];
        while (here.pending.empty()) {
            if (here.failure) return here.failure;
            std::string_view& input = index == 0 ? from : stages[index - 1]->pending;
            // First what this layer holds: an error of the one below must not overtake it.
            if (input.empty() && index != 0 && !here.may_have_more)
                if (const std::error_code wrong = fill(index - 1, from); wrong) return after(wrong, here);
            if (input.empty() && !here.may_have_more) return {};
            const std::size_t before = input.size();
            coding::output made(here.out.data(), here.out.size());
            here.failure = here.layer->step(input, made); // what came out before it is good
            if (index == 0) in += before - input.size();
            here.may_have_more = made.full();
            here.pending = made.made();
            if (!here.pending.empty())
                if (const std::error_code limit = count(here.made, here.pending.size()); limit) return limit;
        }
        return {};
    }
};

decoder::decoder(std::string_view content_encoding, decoder_limits limits)
    : state_(std::make_unique<state>()) {
    state_->limits = limits;
    const std::size_t most = std::min(limits.layers, most_layers);
    detail::for_each_element(content_encoding, [&](std::string_view name) {
        const auto found = parse_coding(name);
        if (!found)
            state_->error = coding_error::unsupported;
        else if (*found != kind::identity && state_->stages.size() == most)
            state_->error = coding_error::too_many_layers;
        else if (*found != kind::identity)
            state_->stages.push_back(std::make_unique<stage>(make_layer(*found)));
        return !state_->error;
    });
    std::reverse(state_->stages.begin(), state_->stages.end());
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

std::error_code decoder::pull(std::string_view& in, std::string_view& piece) {
    state& self = *state_;
    piece = std::string_view();
    if (self.error) return self.error;
    if (self.stages.empty()) {
        const std::string_view next = in.substr(0, piece_bytes);
        if (next.size() > self.limits.output_bytes - self.out)
            return self.error = coding_error::output_too_large;
        piece = next;
        in.remove_prefix(next.size());
        self.in += next.size();
    } else {
        if (const std::error_code wrong = self.fill(self.stages.size() - 1, in); wrong)
            return self.error = wrong;
        piece = std::exchange(self.stages.back()->pending, std::string_view());
    }
    self.out += piece.size();
    return {};
}

std::error_code decoder::finish() {
    state& self = *state_;
    if (self.error || self.in == 0) return self.error;
    for (const auto& each : self.stages)
        if (!each->layer->at_end()) return self.error = coding_error::truncated;
    return {};
}

std::error_code decoder::error() const noexcept {
    return state_->error;
}
bool decoder::is_identity() const noexcept {
    return state_->stages.empty() && !state_->error;
}
std::uint64_t decoder::bytes_in() const noexcept {
    return state_->in;
}
std::uint64_t decoder::bytes_out() const noexcept {
    return state_->out;
}

} // namespace tandem::http
