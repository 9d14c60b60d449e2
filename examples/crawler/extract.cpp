#include "examples/crawler/extract.hpp"

#include "examples/crawler/ascii.hpp"
#include "examples/crawler/content_type.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>

namespace crawler {
namespace {

constexpr std::size_t max_title = 512;
// libxml2 compares each attribute with all earlier ones of its element and calls nobody meanwhile. Its
// dictionary holds the names, so a limit on that is what bounds one element; real pages use a few hundred
// names. It grows in pieces of 1,000, 4,000, 16,000 and 64,000 bytes: the last is the one that passes this
// limit and ends the page.
constexpr std::size_t max_name_bytes = 32 * 1024;
constexpr std::size_t max_repeated_attributes = 256;

std::string_view view(const xmlChar* s) {
    return s == nullptr ? std::string_view{} : std::string_view(reinterpret_cast<const char*>(s));
}

bool has_word(std::string_view set, std::string_view word) {
    bool found = false;
    ascii::for_each_token(set, ascii::is_space,
                          [&](std::string_view w) { found |= ascii::iequals(w, word); });
    return found;
}

// The kind of a link element by its rel; nothing for kinds that are not followed.
std::optional<link_kind> kind_of_rel(std::string_view rel) {
    if (has_word(rel, "canonical")) return link_kind::canonical;
    if (has_word(rel, "next")) return link_kind::next;
    if (has_word(rel, "prev")) return link_kind::prev;
    if (has_word(rel, "alternate") && !has_word(rel, "stylesheet")) return link_kind::alternate;
    return std::nullopt;
}

// Elements whose content is text by the HTML standard, although libxml2 parses markup in it.
bool is_text_only(std::string_view name) {
    constexpr std::string_view names[] = {"title", "textarea", "iframe", "xmp", "noembed", "noframes"};
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

class attributes {
public:
    explicit attributes(const xmlChar** pairs) : pairs_(pairs) {}

    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const {
        for (const xmlChar** p = pairs_; p != nullptr && *p != nullptr; p += 2)
            if (view(p[0]) == name) return view(p[1]);
        return std::nullopt;
    }
    [[nodiscard]] std::string_view get(std::string_view name) const { return find(name).value_or(""); }
    [[nodiscard]] std::size_t count() const {
        std::size_t n = 0;
        for (const xmlChar** p = pairs_; p != nullptr && *p != nullptr; p += 2)
            ++n;
        return n;
    }

private:
    const xmlChar** pairs_;
};

// Receives the parser's events. Its calls come from C, so an exception is kept and thrown after the parse.
class collector {
public:
    collector(const extract_options& options, page_content& page) : options_(options), page_(page) {}

    void attach(htmlParserCtxtPtr parser) { parser_ = parser; }
    void rethrow() const {
        if (failure_) std::rethrow_exception(failure_);
    }

    void start(std::string_view name, attributes attrs) {
        repeated_attributes_ = 0;
        if (++depth_ > options_.max_depth || attrs.count() > options_.max_attributes ||
            xmlDictGetUsage(parser_->dict) > max_name_bytes)
            return stop();
        if (name == "template") ++templates_;
        if (name == "svg") ++svgs_;
        if (text_only_.empty() && templates_ == 0) visit(name, attrs);
        if (text_only_.empty() && is_text_only(name)) {
            text_only_ = name;
            if (name == "title" && svgs_ == 0 && templates_ == 0 && !title_seen_)
                in_title_ = title_seen_ = true;
        }
    }

    void end(std::string_view name) {
        if (depth_ > 0) --depth_;
        if (name == "template" && templates_ > 0) --templates_;
        if (name == "svg" && svgs_ > 0) --svgs_;
        if (name != text_only_) return;
        text_only_ = {};
        in_title_ = false;
    }

    void text(std::string_view s) {
        if (!in_title_) return;
        for (const char c : s) {
            if (ascii::is_space(c)) {
                space_pending_ = !page_.title.empty();
                continue;
            }
            if (page_.title.size() > max_title) return; // cut at the end, at a character's boundary
            if (std::exchange(space_pending_, false)) page_.title += ' ';
            page_.title += c;
        }
    }

    void error(int code) {
        if (code == XML_ERR_NAME_REQUIRED) unstick();
        if (code == XML_ERR_TAG_NAME_MISMATCH) work_ += depth_ + 1; // it searched all open elements
        if (code == XML_ERR_ATTRIBUTE_REDEFINED) ++repeated_attributes_;
        if (work_ > options_.max_repair_work || repeated_attributes_ > max_repeated_attributes) stop();
    }

    template <class F>
    void guarded(F f) noexcept {
        if (failure_ || page_.truncated) return;
        try {
            f();
        } catch (...) {
            failure_ = std::current_exception();
            xmlStopParser(parser_);
        }
    }

private:
    // With its dictionary full, libxml2 2.9 reports an unknown element name again and again without moving
    // on, and stopping it there makes it wait for ever for a '>'. So it is moved to the next one.
    void unstick() {
        htmlParserInputPtr input = parser_->input;
        const bool moved = input->cur != last_bad_name_;
        last_bad_name_ = input->cur;
        if (moved || input->cur >= input->end) return;
        const auto left = static_cast<std::size_t>(input->end - input->cur);
        const void* end_of_tag = std::memchr(input->cur, '>', left);
        input->cur = end_of_tag != nullptr ? static_cast<const xmlChar*>(end_of_tag) : input->end - 1;
    }

    void stop() {
        page_.truncated = true;
        xmlStopParser(parser_);
    }

    void visit(std::string_view name, attributes attrs) {
        if (name == "a") return add(attrs.find("href"), link_kind::anchor, attrs);
        if (name == "area") return add(attrs.find("href"), link_kind::area, attrs);
        if (name == "iframe") return add(attrs.find("src"), link_kind::iframe, attrs);
        if (name == "frame") return add(attrs.find("src"), link_kind::frame, attrs);
        if (name == "link") {
            if (const auto kind = kind_of_rel(attrs.get("rel"))) add(attrs.find("href"), *kind, attrs);
        } else if (name == "base") {
            const auto href = attrs.find("href");
            if (!href || page_.has_base) return;
            page_.has_base = true;
            if (href->size() <= options_.max_href) page_.base_href = *href;
        } else if (name == "meta") {
            meta(attrs);
        }
    }

    void meta(attributes attrs) {
        const std::string_view content = attrs.get("content");
        if (ascii::iequals(attrs.get("http-equiv"), "refresh")) {
            if (const std::string_view target = refresh_target(content); !target.empty())
                add(target, link_kind::refresh, attrs);
        }
        const std::string_view name = ascii::trim(attrs.get("name"));
        const bool ours = !options_.product_token.empty() && ascii::iequals(name, options_.product_token);
        if (!ours && !ascii::iequals(name, "robots")) return;
        const robots_flags flags = parse_robots_directives(content);
        page_.robots.noindex = page_.robots.noindex || flags.noindex;
        page_.robots.nofollow = page_.robots.nofollow || flags.nofollow;
    }

    void add(std::optional<std::string_view> href, link_kind kind, attributes attrs) {
        if (!href) return;
        if (href->size() > options_.max_href) {
            ++page_.links_dropped;
            return;
        }
        if (page_.links.size() >= options_.max_links) return stop();
        page_.links.emplace_back(std::string(*href), kind, has_word(attrs.get("rel"), "nofollow"));
    }

    const extract_options& options_;
    page_content& page_;
    htmlParserCtxtPtr parser_ = nullptr;
    std::exception_ptr failure_;
    std::size_t depth_ = 0;
    std::size_t templates_ = 0;
    std::size_t svgs_ = 0;
    std::size_t repeated_attributes_ = 0;
    const xmlChar* last_bad_name_ = nullptr; // compared only
    std::uint64_t work_ = 0;
    std::string
        text_only_; // the element in whose text we are; its own end tag ends it, nested ones do not count
    bool title_seen_ = false;
    bool in_title_ = false;
    bool space_pending_ = false;
};

collector& of(void* user) {
    return *static_cast<collector*>(user);
}

extern "C" {
static void on_start(void* user, const xmlChar* name, const xmlChar** pairs) {
    of(user).guarded([&] { of(user).start(view(name), attributes(pairs)); });
}
static void on_end(void* user, const xmlChar* name) {
    of(user).guarded([&] { of(user).end(view(name)); });
}
static void on_text(void* user, const xmlChar* s, int length) {
    of(user).guarded(
        [&] { of(user).text({reinterpret_cast<const char*>(s), static_cast<std::size_t>(length)}); });
}
}
// A template, because later versions of libxml2 pass a pointer to const.
template <class Error>
void on_error(void* user, Error* e) {
    of(user).guarded([&] { of(user).error(e->code); });
}

htmlSAXHandler make_handler() {
    htmlSAXHandler handler{};
    handler.initialized = XML_SAX2_MAGIC; // without it the structured error callback is not used
    handler.startElement = on_start;
    handler.endElement = on_end;
    handler.characters = on_text;
    handler.serror = on_error;
    return handler;
}

struct free_parser {
    void operator()(htmlParserCtxtPtr p) const { htmlFreeParserCtxt(p); }
};

// The page as UTF-8 without NUL, at which libxml2 would stop. `storage` holds it where it had to be changed.
std::string_view as_clean_utf8(std::string_view body, charset from, std::string& storage) {
    if (from == charset::utf_8 && body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    if (from != charset::utf_8 || !is_valid_utf8(body)) {
        storage = to_utf8(body, from);
        body = storage;
    }
    if (body.find('\0') == std::string_view::npos) return body;
    std::string clean;
    clean.reserve(body.size() + 64);
    for (const char c : body)
        if (c == '\0')
            clean += "\xEF\xBF\xBD";
        else
            clean += c;
    storage = std::move(clean);
    return storage;
}

} // namespace

std::string_view link_kind_name(link_kind kind) {
    constexpr std::string_view names[] = {"anchor",    "area",   "canonical", "next",   "prev",
                                          "alternate", "iframe", "frame",     "refresh"};
    return names[static_cast<std::size_t>(kind)];
}

page_content extract(std::string_view body, std::string_view content_type_header,
                     const extract_options& options) {
    [[maybe_unused]] static const bool initialised = (xmlInitParser(), true);
    static const htmlSAXHandler handler = make_handler();

    page_content page;
    bool cut = false;
    const std::size_t limit = std::min<std::size_t>(options.max_body, std::size_t{1} << 30);
    if (body.size() > limit) {
        body = body.substr(0, limit);
        cut = true;
    }
    page.encoding = detect_charset(body, parse_media_type(content_type_header).charset);
    std::string storage;
    const std::string_view text = as_clean_utf8(body, page.encoding, storage);
    if (text.empty()) return page;

    collector events(options, page);
    const std::unique_ptr<htmlParserCtxt, free_parser> parser(
        htmlCreateMemoryParserCtxt(text.data(), static_cast<int>(text.size())));
    if (!parser) throw std::bad_alloc();
    events.attach(parser.get());
    parser->userData = &events;
    // The text is UTF-8 already: no meta element may switch it a second time.
    htmlCtxtUseOptions(parser.get(), HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                         HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
    parser->options |= XML_PARSE_HUGE;
    xmlSwitchEncoding(parser.get(), XML_CHAR_ENCODING_UTF8);
    xmlDictSetLimit(parser->dict, max_name_bytes);
    *parser->sax = handler; // NOERROR took the error callback away, which is what counts the work
    htmlParseDocument(parser.get());
    events.rethrow();

    page.title.resize(utf8_prefix(page.title, max_title).size());
    page.truncated = page.truncated || cut; // only now: a truncated page takes no more events
    return page;
}

std::string_view refresh_target(std::string_view s) {
    const auto skip_spaces = [&s] {
        while (!s.empty() && ascii::is_space(s.front()))
            s.remove_prefix(1);
    };
    // Takes one character, given in lower case, off the front.
    const auto take = [&s](char c) {
        if (s.empty() || ascii::lower(s.front()) != c) return false;
        s.remove_prefix(1);
        return true;
    };
    skip_spaces();
    if (s.empty() || (!ascii::is_digit(s.front()) && s.front() != '.')) return {};
    while (!s.empty() && (ascii::is_digit(s.front()) || s.front() == '.'))
        s.remove_prefix(1);
    if (s.empty() || (s.front() != ';' && s.front() != ',' && !ascii::is_space(s.front()))) return {};
    skip_spaces();
    if (!take(';')) take(',');
    skip_spaces();

    const std::string_view whole = s;
    if (take('u')) {
        if (!take('r') || !take('l')) return whole;
        skip_spaces();
        if (!take('=')) return whole;
        skip_spaces();
    }
    if (s.empty() || (s.front() != '"' && s.front() != '\'')) return s;
    const char quote = s.front();
    s.remove_prefix(1);
    return s.substr(0, s.find(quote));
}

} // namespace crawler
