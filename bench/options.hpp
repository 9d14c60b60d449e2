// The options of a program of bench: flags, and names with a value behind them.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

class option_parser {
public:
    /// `usage` is what stands behind the program's name.
    explicit option_parser(std::string usage) : usage_(std::move(usage)) {}

    option_parser& flag(std::string name, bool& into, bool value = true) {
        known_.emplace_back(std::move(name), false, [&into, value](std::string_view) {
            into = value;
            return true;
        });
        return *this;
    }
    option_parser& text(std::string name, std::string& into) {
        known_.emplace_back(std::move(name), true, [&into](std::string_view value) {
            into = value;
            return true;
        });
        return *this;
    }
    /// At least 1.
    option_parser& count(std::string name, std::size_t& into) {
        known_.emplace_back(std::move(name), true, [&into](std::string_view value) {
            const char* const end = value.data() + value.size();
            const auto [at, failure] = std::from_chars(value.data(), end, into);
            return failure == std::errc() && at == end && into > 0;
        });
        return *this;
    }

    /// Prints the usage and ends the program when it does not know something.
    void parse(int argc, char** argv) const {
        for (int i = 1; i < argc; ++i) {
            const option* const found = find(argv[i]);
            const bool complete = found && (!found->has_value || ++i < argc);
            if (!complete || !found->take(argv[i])) fail(argv[0]);
        }
    }

private:
    class option {
    public:
        option(std::string n, bool v, std::function<bool(std::string_view)> t)
            : name(std::move(n)), has_value(v), take(std::move(t)) {}
        std::string name;
        bool has_value;
        std::function<bool(std::string_view)> take;
    };

    const option* find(std::string_view name) const {
        for (const option& one : known_)
            if (one.name == name) return &one;
        return nullptr;
    }
    [[noreturn]] void fail(const char* program) const {
        std::fprintf(stderr, "usage: %s %s\n", program, usage_.c_str());
        std::exit(2);
    }

    std::string usage_;
    std::vector<option> known_;
};

} // namespace bench
