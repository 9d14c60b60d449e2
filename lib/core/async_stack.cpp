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

bool is_closure(std::string_view name) noexcept {
    return name.ends_with("::operator()") &&
           (name.find("<lambda") != npos || name.find("(anonymous class)") != npos ||
            name.find("(lambda") != npos);
}

std::string with_parameters(std::string_view name, std::string_view parameters) {
    constexpr std::string_view call = "::operator()";
    if (is_closure(name)) {
        name.remove_suffix(call.size());
        if (name.ends_with('>')) return std::string(name); // gcc's name of a closure has the parameters in it
    }
    std::string text(name);
    text += parameters;
    return text;
}

// `void NAME(SIGNATURE::_Zmangled.Frame*)`: the signature lacks namespaces or has them, the name never lacks
// them.
std::string tidy_gcc(std::string_view raw) {
    const std::size_t frame = opening(raw, raw.size() - 1);
    const std::size_t mangled = raw.rfind("::_Z");
    if (frame == npos || mangled == npos || mangled < frame) return std::string(raw);
    std::string_view name = raw.substr(0, frame);
    if (name.starts_with("void ")) name.remove_prefix(5);
    const std::string_view signature = without_qualifiers(raw.substr(frame + 1, mangled - frame - 1));
    std::string_view parameters = "()";
    if (signature.ends_with(')')) {
        const std::size_t open = opening(signature, signature.size() - 1);
        if (open != npos) parameters = signature.substr(open);
    }
    return with_parameters(name, parameters);
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
    return with_parameters(text.substr(begin, open - begin), text.substr(open));
}

} // namespace

std::string tidy_function_name(std::string_view raw) {
    if (raw.ends_with(".Frame*)")) return tidy_gcc(raw);
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
    if (!innermost) return 0;
    std::size_t count = 0;
    for (const promise_base* p = &promise_base::of(innermost); p && count < most; p = p->caller())
        frames[count++] = p->location();
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
