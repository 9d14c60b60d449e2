#include "tandem/http/netrc.hpp"

#include "lib/http/chars.hpp"

#include <tandem/system/file.hpp>

#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <utility>

namespace tandem::http {

namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20;

[[noreturn]] void fail(std::size_t line, const char* what) {
    throw std::invalid_argument("netrc, line " + std::to_string(line) + ": " + what);
}

class words {
public:
    explicit words(std::string_view text) noexcept : text_(text) {}

    std::size_t line() const noexcept { return line_; }

    // The next keyword, without the comments before it; nothing at the end.
    std::optional<std::string> keyword() {
        for (;;) {
            skip_space();
            if (at_ == text_.size()) return std::nullopt;
            if (text_[at_] != '#') return next();
            skip_line();
        }
    }
    std::string value() {
        skip_space();
        if (at_ == text_.size()) fail(line_, "a value is missing");
        return text_[at_] == '"' ? quoted() : next();
    }
    // The lines of a macro end with an empty one.
    void skip_macro() {
        skip_line();
        while (at_ < text_.size()) {
            const std::size_t begin = at_;
            skip_line();
            const std::string_view line = text_.substr(begin, at_ - begin);
            if (line == "\n" || line == "\r\n") return;
        }
    }

private:
    static bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

    void advance() noexcept {
        if (text_[at_++] == '\n') ++line_;
    }
    void skip_space() noexcept {
        while (at_ < text_.size() && is_space(text_[at_]))
            advance();
    }
    void skip_line() noexcept {
        while (at_ < text_.size() && text_[at_] != '\n')
            ++at_;
        if (at_ < text_.size()) advance();
    }
    std::string next() {
        std::string word;
        while (at_ < text_.size() && !is_space(text_[at_]))
            word += text_[at_++];
        return word;
    }
    std::string quoted() {
        std::string word;
        for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
            char c = text_[at_];
            if (c == '"') {
                ++at_;
                return word;
            }
            if (c == '\\' && at_ + 1 < text_.size()) {
                c = text_[++at_];
                c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
            }
            word += c;
        }
        fail(line_, "a quote is not closed");
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
};

std::string default_path() {
    // NOLINTBEGIN(concurrency-mt-unsafe): nobody changes the environment
    if (const char* const named = std::getenv("NETRC"); named && *named) return named;
    const char* const home = std::getenv("HOME");
    // NOLINTEND(concurrency-mt-unsafe)
    return std::string(home ? home : "") + "/.netrc";
}

} // namespace

netrc netrc::parse(std::string_view text) {
    netrc found;
    words in(text);
    while (const auto keyword = in.keyword()) {
        if (*keyword == "machine" || *keyword == "default") {
            netrc_entry entry;
            if (*keyword == "machine") {
                entry.host = in.value();
                if (entry.host.empty()) fail(in.line(), "an empty host");
            }
            found.entries_.push_back(std::move(entry));
        } else if (*keyword == "macdef") {
            in.skip_macro();
        } else if (found.entries_.empty()) {
            fail(in.line(), "`machine` or `default` must come first");
        } else if (*keyword == "login") {
            found.entries_.back().login = in.value();
        } else if (*keyword == "password") {
            found.entries_.back().password = in.value();
        } else if (*keyword == "account") {
            static_cast<void>(in.value());
        } else {
            fail(in.line(), "an unknown keyword");
        }
    }
    return found;
}

const netrc_entry* netrc::find(std::string_view host, std::string_view login) const noexcept {
    const netrc_entry* fallback = nullptr;
    for (const netrc_entry& entry : entries_) {
        if (!login.empty() && entry.login != login) continue;
        if (detail::iequals(entry.host, host)) return &entry;
        if (entry.host.empty() && !fallback) fallback = &entry;
    }
    return fallback;
}

task<netrc> read_netrc(std::string path) {
    if (path.empty()) path = default_path();
    const std::string text = co_await read_file(std::move(path), largest_file);
    co_return netrc::parse(text);
}

} // namespace tandem::http
