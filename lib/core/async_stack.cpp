#include "lib/core/async_stack.hpp"

#include <tandem/core/detail/promise.hpp>

#include "lib/core/task_registry.hpp"

#include <array>

namespace tandem::detail {

namespace {

constexpr std::size_t npos = std::string_view::npos;

// The position of the parenthesis that the one at `close` closes.
std::size_t opening(std::string_view text, std::size_t close) noexcept {
    std::size_t depth = 0;
    for (std::size_t i = close + 1; i-- > 0;) {
        if (text[i] == ')') ++depth;
        if (text[i] == '(' && --depth == 0) return i;
    }
    return npos;
}

// Without what may follow a parameter list: " const", " mutable", " noexcept", " &".
std::string_view without_qualifiers(std::string_view text) noexcept {
    const std::size_t end = text.rfind(')');
    if (end == npos) return text;
    for (const char c : text.substr(end + 1))
        if (c != ' ' && c != '&' && (c < 'a' || c > 'z')) return text;
    return text.substr(0, end + 1);
}

// Lists of what a template was given may fill a screen.
std::string_view shortened(std::string_view parameters) noexcept {
    constexpr std::size_t longest = 100;
    return parameters.size() > longest ? "(...)" : parameters;
}

// gcc tells of a coroutine as `void NAME(SIGNATURE::_Zmangled.Frame*)`, and so of each around a closure. Each
// becomes NAME with the signature's parameters; innermost first: it ends first.
std::string tidy_gcc(std::string text) {
    constexpr std::string_view end = ".Frame*)";
    for (std::size_t at = 0; (at = text.find(end)) != npos;) {
        const std::size_t close = at + end.size() - 1;
        const std::size_t open = opening(text, close);
        const std::size_t mangled = text.rfind("::_Z", at);
        if (open == npos || mangled == npos || mangled < open) return text;
        const std::string_view signature =
            without_qualifiers(std::string_view(text).substr(open + 1, mangled - open - 1));
        std::string parameters = "()";
        if (signature.ends_with(')')) {
            const std::size_t first = opening(signature, signature.size() - 1);
            if (first != npos) parameters = shortened(signature.substr(first));
        }
        // A closure's name has its parameters already: <lambda(int)>::operator()(int).
        constexpr std::string_view call = ">::operator()";
        if (std::string_view(text).substr(0, open).ends_with(call)) {
            text.replace(open - call.size() + 1, close - open + call.size(), "");
            continue;
        }
        text.replace(open, close - open + 1, parameters);
    }
    return text.starts_with("void ") ? text.substr(5) : text;
}

// The name begins after the last space outside of all brackets before the parameters.
std::string tidy_signature(std::string_view raw) {
    std::string_view text = raw;
    if (text.ends_with(']')) {
        const std::size_t bindings = text.find(" [");
        if (bindings != npos) text = text.substr(0, bindings);
    }
    text = without_qualifiers(text);
    if (!text.ends_with(')')) return std::string(raw);
    const std::size_t open = opening(text, text.size() - 1);
    if (open == npos) return std::string(raw);
    std::size_t begin = open;
    for (int depth = 0; begin > 0; --begin) {
        const char c = text[begin - 1];
        if (c == '>' || c == ')' || c == '}') ++depth;
        if ((c == '<' || c == '(' || c == '{') && depth > 0) --depth;
        if (c == ' ' && depth == 0) break;
    }
    std::string_view name = text.substr(begin, open - begin);
    constexpr std::string_view call = ")::operator()"; // of a closure: "(lambda at x.cpp:3:5)"
    if (name.ends_with(call)) name.remove_suffix(call.size() - 1);
    return std::string(name).append(shortened(text.substr(open)));
}

} // namespace

std::string tidy_function_name(std::string_view raw) {
    if (raw.find(".Frame*)") != npos) return tidy_gcc(std::string(raw));
    return tidy_signature(raw);
}

std::string place_text(const std::source_location& where) {
    if (where.line() == 0) return "";
    std::string text = tidy_function_name(where.function_name());
    text += text.empty() ? "" : " at ";
    text += where.file_name();
    text += ':';
    text += std::to_string(where.line());
    return text;
}

std::size_t async_stack(std::coroutine_handle<> innermost, std::source_location* frames,
                        std::size_t most) noexcept {
    std::size_t count = 0;
    for (std::coroutine_handle<> c = innermost; c && count < most; c = promise_base::of(c).caller())
        frames[count++] = promise_base::of(c).location();
    return count;
}

std::string async_stack_text(const task_context& context) {
    std::array<std::source_location, 64> frames;
    const std::size_t count = async_stack(task_registry::innermost(context), frames.data(), frames.size());
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string place = place_text(frames[i]);
        if (!place.empty()) text += "    in " + place + "\n";
    }
    return text;
}

} // namespace tandem::detail
