#include "lib/http/charset.hpp"

#include "lib/http/chars.hpp"
#include "lib/net/utf8.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include <iconv.h>

namespace tandem::http {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

// Labels (separated by spaces) for which iconv has another name, or one that means less than the standard
// does.
class alias {
public:
    std::string_view labels;
    const char* name;
};
constexpr std::array aliases{
    alias{"shift_jis shift-jis sjis x-sjis ms_kanji csshiftjis windows-31j ms932", "CP932"},
    alias{"gb2312 gbk gb18030 chinese csgb2312 gb_2312 gb_2312-80 iso-ir-58 x-gbk", "GB18030"},
    alias{"euc-kr ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 korean windows-949 cseuckr", "CP949"},
    alias{"big5 big5-hkscs cn-big5 csbig5 x-x-big5", "BIG5-HKSCS"},
    alias{"euc-jp x-euc-jp cseucpkdfmtjapanese", "EUC-JP-MS"},
    alias{"iso-8859-9 latin5 l5 iso8859-9 iso88599 csisolatin5 windows-1254 cp1254 x-cp1254", "CP1254"},
    alias{"iso-8859-11 iso8859-11 tis-620 windows-874 dos-874", "CP874"},
    alias{"koi8-r koi8 koi koi8_r cskoi8r", "KOI8-R"},
    alias{"koi8-u koi8-ru", "KOI8-U"},
    alias{"windows-1251 cp1251 x-cp1251", "CP1251"},
    alias{"windows-1250 cp1250 x-cp1250", "CP1250"},
    alias{"cyrillic iso8859-5 iso88595", "ISO-8859-5"},
    alias{"greek greek8 iso8859-7 iso88597", "ISO-8859-7"},
    alias{"latin2 l2 iso8859-2 iso88592", "ISO-8859-2"},
};
constexpr std::string_view windows_1252 =
    "windows-1252 cp1252 x-cp1252 iso-8859-1 iso8859-1 iso88591 iso_8859-1 latin1 l1 ascii us-ascii "
    "ansi_x3.4-1968 iso-ir-100 cp819 ibm819";

bool has_label(std::string_view labels, std::string_view wanted) noexcept {
    while (!labels.empty()) {
        const std::size_t end = labels.find(' ');
        if (labels.substr(0, end) == wanted) return true;
        labels.remove_prefix(end == labels.npos ? labels.size() : end + 1);
    }
    return false;
}

std::string from_utf8(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const auto step = tandem::detail::decode_utf8(bytes);
        out += step.ok ? bytes.substr(0, step.size) : replacement;
        bytes.remove_prefix(step.size);
    }
    return out;
}

std::string from_utf16(std::string_view bytes, bool big_endian) {
    std::string out;
    const auto unit = [&](std::size_t i) -> char32_t {
        const unsigned first = static_cast<unsigned char>(bytes[i]);
        const unsigned second = static_cast<unsigned char>(bytes[i + 1]);
        return big_endian ? first << 8 | second : second << 8 | first;
    };
    std::size_t i = 0;
    for (; i + 1 < bytes.size(); i += 2) {
        char32_t c = unit(i);
        if (c >= 0xD800 && c <= 0xDFFF) {
            const char32_t low = i + 3 < bytes.size() ? unit(i + 2) : 0;
            if (c <= 0xDBFF && low >= 0xDC00 && low <= 0xDFFF) {
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                i += 2;
            } else {
                c = 0xFFFD;
            }
        }
        tandem::detail::append_utf8(out, c);
    }
    if (i < bytes.size()) out += replacement;
    return out;
}

std::string from_windows_1252(std::string_view bytes) {
    // 0x80 to 0x9F; the five that have no character stand for themselves.
    static constexpr std::array<std::uint16_t, 32> upper = {
        0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};
    std::string out;
    for (const char c : bytes) {
        const auto u = static_cast<unsigned char>(c);
        tandem::detail::append_utf8(out, u >= 0x80 && u < 0xA0 ? upper[u - 0x80] : u);
    }
    return out;
}

class converter {
public:
    explicit converter(const char* from) noexcept : handle_(::iconv_open("UTF-8", from)) {}
    converter(const converter&) = delete;
    converter& operator=(const converter&) = delete;
    ~converter() {
        if (*this) ::iconv_close(handle_);
    }
    explicit operator bool() const noexcept { return handle_ != reinterpret_cast<iconv_t>(-1); }

    std::string convert(std::string_view bytes) const {
        std::string out;
        std::array<char, 4096> buffer;
        char* in = const_cast<char*>(bytes.data()); // iconv does not write to its input
        std::size_t left = bytes.size();
        while (left > 0) {
            char* to = buffer.data();
            std::size_t room = buffer.size();
            const std::size_t result = ::iconv(handle_, &in, &left, &to, &room);
            const int why = result == static_cast<std::size_t>(-1) ? errno : 0;
            out.append(buffer.data(), buffer.size() - room);
            if (why == EILSEQ || why == EINVAL) { // invalid, or cut off at the end
                out += replacement;
                const std::size_t skipped = why == EINVAL ? left : 1;
                in += skipped;
                left -= skipped;
            }
        }
        // Some decoders hold a letter back that a mark could follow (windows-1255 and windows-1258).
        char* to = buffer.data();
        std::size_t room = buffer.size();
        if (::iconv(handle_, nullptr, nullptr, &to, &room) != static_cast<std::size_t>(-1))
            out.append(buffer.data(), buffer.size() - room);
        return out;
    }

private:
    iconv_t handle_;
};

// Only what can be a name of iconv's: no "//TRANSLIT", no empty one (the locale's).
bool is_plain_name(const std::string& label) noexcept {
    return !label.empty() && label.size() <= 40 && std::all_of(label.begin(), label.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || detail::is_digit(c) || c == '-' || c == '_';
    });
}

std::string from_iconv(std::string_view bytes, const std::string& label) {
    const char* name = label.c_str();
    for (const alias& a : aliases)
        if (has_label(a.labels, label)) name = a.name;
    // Stateful and shifting encodings are dangerous (the standard refuses most of them): these names only.
    const std::string_view plain(name);
    const bool known = name != label.c_str() || plain.starts_with("iso-8859-") ||
                       plain.starts_with("windows-") || plain == "macintosh" || plain == "ibm866" ||
                       plain == "iso-2022-jp";
    if (!known || !is_plain_name(label)) return from_utf8(bytes);
    const converter from(name);
    return from ? from.convert(bytes) : from_utf8(bytes);
}

} // namespace

std::string decode_text(std::string_view bytes, std::string_view given) {
    if (bytes.starts_with("\xEF\xBB\xBF")) return from_utf8(bytes.substr(3));
    if (bytes.starts_with("\xFE\xFF")) return from_utf16(bytes.substr(2), true);
    if (bytes.starts_with("\xFF\xFE")) return from_utf16(bytes.substr(2), false);
    std::string label(detail::trim(given));
    for (char& c : label)
        c = detail::to_lower(c);
    if (label.empty() || label == "utf-8" || label == "utf8") return from_utf8(bytes);
    if (label == "utf-16" || label == "utf-16le" || label == "unicode" || label == "ucs-2")
        return from_utf16(bytes, false);
    if (label == "utf-16be") return from_utf16(bytes, true);
    if (has_label(windows_1252, label)) return from_windows_1252(bytes);
    return from_iconv(bytes, label);
}

} // namespace tandem::http
