#include "lib/http/challenge.hpp"

#include "lib/http/chars.hpp"

namespace tandem::http {

namespace {

constexpr std::size_t most_challenges = 16;
constexpr std::size_t most_parameters = 32;

class scanner {
public:
    explicit scanner(std::string_view text) noexcept : rest_(text) {}

    bool done() const noexcept { return rest_.empty(); }
    void skip_blanks() noexcept {
        while (!rest_.empty() && detail::is_blank(rest_.front()))
            rest_.remove_prefix(1);
    }
    void skip_commas() noexcept {
        while (!rest_.empty() && (detail::is_blank(rest_.front()) || rest_.front() == ','))
            rest_.remove_prefix(1);
    }
    bool take(char c) noexcept {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view token() noexcept {
        std::size_t size = 0;
        while (size < rest_.size() && detail::is_class(rest_[size], detail::token_char))
            ++size;
        const std::string_view found = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return found;
    }
    // `name = value` here, and then not `name=` of a token68's padding.
    bool parameter(std::string& name, std::string& value) {
        const scanner before = *this;
        name = token();
        skip_blanks();
        if (name.empty() || !take('=')) {
            *this = before;
            return false;
        }
        skip_blanks();
        if (take('"')) return quoted(value);
        value = token();
        if (!value.empty()) return true;
        *this = before;
        return false;
    }
    // What is left of a list element that is not understood.
    void skip_element() noexcept {
        const std::size_t comma = rest_.find(',');
        rest_.remove_prefix(comma == rest_.npos ? rest_.size() : comma);
    }

private:
    bool quoted(std::string& value) {
        value.clear();
        while (!rest_.empty()) {
            char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"') return true;
            if (c == '\\') {
                if (rest_.empty()) return false;
                c = rest_.front();
                rest_.remove_prefix(1);
            }
            value += c;
        }
        return false; // the quote is not closed
    }

    std::string_view rest_;
};

} // namespace

std::optional<std::string_view> challenge::get(std::string_view name) const noexcept {
    for (const auto& [key, value] : parameters)
        if (detail::iequals(key, name)) return std::string_view(value);
    return std::nullopt;
}

std::vector<challenge> parse_challenges(std::string_view value) {
    std::vector<challenge> found;
    scanner in(value);
    for (;;) {
        in.skip_commas();
        if (in.done()) return found;
        std::string name, text;
        if (!found.empty() && in.parameter(name, text)) {
            auto& parameters = found.back().parameters;
            if (parameters.size() == most_parameters) return found;
            parameters.emplace_back(std::move(name), std::move(text));
            in.skip_blanks();
            if (!in.done() && !in.take(',')) return found;
            continue;
        }
        const std::string_view scheme = in.token();
        if (scheme.empty() || found.size() == most_challenges) return found;
        found.emplace_back();
        found.back().scheme = scheme;
        in.skip_blanks();
        if (in.done() || in.take(',')) continue;
        const scanner before = in;
        if (in.parameter(name, text))
            in = before; // read above
        else
            in.skip_element();
    }
}

} // namespace tandem::http
