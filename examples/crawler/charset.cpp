#include "examples/crawler/charset.hpp"

#include "examples/crawler/ascii.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <iconv.h>

namespace crawler {
namespace {

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

struct encoding_row {
    charset id;
    std::string_view name;
    std::array<const char*, 2> iconv_names; // tried in this order
    std::string_view labels;                // beside the name, separated by spaces
};

// The iconv names are the variants that the standard means (its shift_jis is Windows code page 932, and so
// on).
constexpr encoding_row encodings[] = {
    {charset::utf_8, "utf-8", {}, "utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8"},
    {charset::utf_16le, "utf-16le", {}, "utf-16 csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff"},
    {charset::utf_16be, "utf-16be", {}, "unicodefffe"},
    {charset::windows_1252,
     "windows-1252",
     {},
     "iso-8859-1 latin1 ascii us-ascii cp1252 x-cp1252 ansi_x3.4-1968 cp819 csisolatin1 ibm819 iso-ir-100 "
     "iso8859-1 "
     "iso88591 iso_8859-1 iso_8859-1:1987 l1"},
    {charset::replacement,
     "replacement",
     {},
     "csiso2022kr hz-gb-2312 iso-2022-cn iso-2022-cn-ext iso-2022-kr"},
    {charset::ibm866, "ibm866", {"IBM866"}, "866 cp866 csibm866"},
    {charset::iso_8859_2,
     "iso-8859-2",
     {"ISO-8859-2"},
     "csisolatin2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2"},
    {charset::iso_8859_3,
     "iso-8859-3",
     {"ISO-8859-3"},
     "csisolatin3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3"},
    {charset::iso_8859_4,
     "iso-8859-4",
     {"ISO-8859-4"},
     "csisolatin4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4"},
    {charset::iso_8859_5,
     "iso-8859-5",
     {"ISO-8859-5"},
     "csisolatincyrillic cyrillic iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988"},
    {charset::iso_8859_6,
     "iso-8859-6",
     {"ISO-8859-6"},
     "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6-e iso-8859-6-i iso-ir-127 "
     "iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987"},
    {charset::iso_8859_7,
     "iso-8859-7",
     {"ISO-8859-7"},
     "csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso8859-7 iso88597 iso_8859-7 "
     "iso_8859-7:1987 "
     "sun_eu_greek"},
    {charset::iso_8859_8,
     "iso-8859-8",
     {"ISO-8859-8"},
     "csiso88598e csisolatinhebrew hebrew iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 "
     "iso_8859-8:1988 "
     "visual iso-8859-8-i csiso88598i logical"},
    {charset::iso_8859_10,
     "iso-8859-10",
     {"ISO-8859-10"},
     "csisolatin6 iso-ir-157 iso8859-10 iso885910 l6 latin6"},
    {charset::iso_8859_13, "iso-8859-13", {"ISO-8859-13"}, "iso8859-13 iso885913"},
    {charset::iso_8859_14, "iso-8859-14", {"ISO-8859-14"}, "iso8859-14 iso885914"},
    {charset::iso_8859_15, "iso-8859-15", {"ISO-8859-15"}, "csisolatin9 iso8859-15 iso885915 iso_8859-15 l9"},
    {charset::iso_8859_16, "iso-8859-16", {"ISO-8859-16"}, ""},
    {charset::koi8_r, "koi8-r", {"KOI8-R"}, "cskoi8r koi koi8 koi8_r"},
    {charset::koi8_u, "koi8-u", {"KOI8-U"}, "koi8-ru"},
    {charset::macintosh, "macintosh", {"MACINTOSH"}, "csmacintosh mac x-mac-roman"},
    {charset::x_mac_cyrillic, "x-mac-cyrillic", {"MAC-CYRILLIC", "MACCYRILLIC"}, "x-mac-ukrainian"},
    {charset::windows_874,
     "windows-874",
     {"CP874", "TIS-620"},
     "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620"},
    {charset::windows_1250, "windows-1250", {"CP1250"}, "cp1250 x-cp1250"},
    {charset::windows_1251, "windows-1251", {"CP1251"}, "cp1251 x-cp1251"},
    {charset::windows_1253, "windows-1253", {"CP1253"}, "cp1253 x-cp1253"},
    {charset::windows_1254,
     "windows-1254",
     {"CP1254"},
     "cp1254 x-cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 "
     "latin5"},
    {charset::windows_1255, "windows-1255", {"CP1255"}, "cp1255 x-cp1255"},
    {charset::windows_1256, "windows-1256", {"CP1256"}, "cp1256 x-cp1256"},
    {charset::windows_1257, "windows-1257", {"CP1257"}, "cp1257 x-cp1257"},
    {charset::windows_1258, "windows-1258", {"CP1258"}, "cp1258 x-cp1258"},
    {charset::gb18030,
     "gb18030",
     {"GB18030"},
     "gbk gb2312 chinese csgb2312 csiso58gb231280 gb_2312 gb_2312-80 iso-ir-58 x-gbk"},
    {charset::big5, "big5", {"BIG5-HKSCS", "BIG5"}, "big5-hkscs cn-big5 csbig5 x-x-big5"},
    {charset::euc_jp, "euc-jp", {"EUC-JP"}, "cseucpkdfmtjapanese x-euc-jp"},
    {charset::iso_2022_jp, "iso-2022-jp", {"ISO-2022-JP"}, "csiso2022jp"},
    {charset::shift_jis,
     "shift_jis",
     {"CP932", "SHIFT_JIS"},
     "shift-jis sjis x-sjis ms_kanji ms932 csshiftjis windows-31j"},
    {charset::euc_kr,
     "euc-kr",
     {"UHC", "CP949"},
     "cseuckr csksc56011987 iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949"},
};

// 0x80 to 0x9F; the rest of windows-1252 is Latin-1.
constexpr std::array<std::uint16_t, 32> windows_1252_high = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

void append_code_point(std::string& out, std::uint32_t c) {
    const auto put = [&out](std::uint32_t octet) { out += static_cast<char>(octet); };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xC0 | c >> 6);
        put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        put(0xE0 | c >> 12);
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    } else {
        put(0xF0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3F));
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    }
}

struct utf8_step {
    std::size_t
        length; // octets taken, at least 1: of an error, the maximal subpart as the Encoding standard has it
    bool valid;
    bool incomplete; // not valid, and the end of input is why
};

utf8_step next_utf8(std::string_view s) {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    const unsigned char first = octet(0);
    if (first < 0x80) return {1, true, false};
    const std::size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                               : first >= 0xE0 && first <= 0xEF ? 3
                               : first >= 0xF0 && first <= 0xF4 ? 4
                                                                : 0;
    if (length == 0) return {1, false, false};
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    for (std::size_t i = 1; i < length; ++i) {
        if (i == s.size()) return {i, false, true};
        if (octet(i) < low || octet(i) > high) return {i, false, false};
        low = 0x80;
        high = 0xBF;
    }
    return {length, true, false};
}

// The length of the ASCII run at the front, eight octets at a time.
std::size_t ascii_run(std::string_view s) {
    std::size_t i = 0;
    for (; i + 8 <= s.size(); i += 8) {
        std::uint64_t word;
        std::memcpy(&word, s.data() + i, 8);
        if (word & 0x8080808080808080U) break;
    }
    while (i < s.size() && static_cast<unsigned char>(s[i]) < 0x80)
        ++i;
    return i;
}

std::string repair_utf8(std::string_view s) {
    std::string out;
    out.reserve(s.size() + 16);
    while (!s.empty()) {
        const std::size_t run = ascii_run(s);
        out.append(s.substr(0, run));
        s.remove_prefix(run);
        if (s.empty()) break;
        const utf8_step step = next_utf8(s);
        out.append(step.valid ? s.substr(0, step.length) : replacement_character);
        s.remove_prefix(step.length);
    }
    return out;
}

std::string from_utf16(std::string_view s, bool big_endian) {
    std::string out;
    out.reserve(s.size() + 8);
    const auto unit = [&](std::size_t i) {
        const std::uint32_t a = static_cast<unsigned char>(s[i]);
        const std::uint32_t b = static_cast<unsigned char>(s[i + 1]);
        return big_endian ? a << 8 | b : b << 8 | a;
    };
    std::size_t i = 0;
    for (; i + 1 < s.size(); i += 2) {
        const std::uint32_t u = unit(i);
        if (u < 0xD800 || u > 0xDFFF) {
            append_code_point(out, u);
        } else if (const std::uint32_t v = u < 0xDC00 && i + 3 < s.size() ? unit(i + 2) : 0;
                   v >= 0xDC00 && v <= 0xDFFF) {
            append_code_point(out, 0x10000 + ((u - 0xD800) << 10) + (v - 0xDC00));
            i += 2;
        } else {
            out += replacement_character;
        }
    }
    if (i < s.size()) out += replacement_character;
    return out;
}

std::string from_windows_1252(std::string_view s) {
    std::string out;
    out.reserve(s.size() + s.size() / 8);
    for (const char ch : s) {
        const auto c = static_cast<unsigned char>(ch);
        append_code_point(out, c >= 0x80 && c < 0xA0 ? windows_1252_high[c - 0x80] : c);
    }
    return out;
}

class converter {
public:
    explicit converter(const encoding_row& row) {
        for (const char* name : row.iconv_names)
            if (name != nullptr && handle_ == failed()) handle_ = iconv_open("UTF-8", name);
    }
    ~converter() {
        if (handle_ != failed()) iconv_close(handle_);
    }
    converter(const converter&) = delete;
    converter& operator=(const converter&) = delete;

    std::string run(std::string_view s) {
        std::string out;
        out.reserve(s.size() + s.size() / 2);
        if (handle_ == failed()) { // the system lacks this encoding: keep what is ASCII
            for (const char c : s)
                if (static_cast<unsigned char>(c) < 0x80)
                    out += c;
                else
                    out += replacement_character;
            return out;
        }
        char* in = const_cast<char*>(s.data()); // iconv's signature; it does not write
        std::size_t left = s.size();
        std::array<char, 4096> buffer;
        while (left > 0) {
            char* to = buffer.data();
            std::size_t room = buffer.size();
            const std::size_t r = iconv(handle_, &in, &left, &to, &room);
            const int error = errno;
            out.append(buffer.data(), buffer.size() - room);
            if (r != static_cast<std::size_t>(-1) || (error == E2BIG && room < buffer.size())) continue;
            out += replacement_character;
            if (error != EILSEQ) break; // EINVAL: a character is cut off at the end
            ++in;                       // the octets after the first may begin something valid
            --left;
        }
        char* to = buffer.data();
        std::size_t room = buffer.size();
        iconv(handle_, nullptr, nullptr, &to, &room); // some encodings hold a character back
        out.append(buffer.data(), buffer.size() - room);
        return out;
    }

private:
    static iconv_t failed() { return reinterpret_cast<iconv_t>(-1); }
    iconv_t handle_ = failed();
};

const encoding_row& row_of(charset c) {
    return *std::find_if(std::begin(encodings), std::end(encodings),
                         [c](const auto& r) { return r.id == c; });
}

} // namespace

std::string_view charset_name(charset c) {
    return row_of(c).name;
}

std::optional<charset> charset_from_label(std::string_view label) {
    label = ascii::trim(label);
    for (const encoding_row& row : encodings) {
        bool found = ascii::iequals(label, row.name);
        ascii::for_each_token(
            row.labels, [](char c) { return c == ' '; },
            [&](std::string_view known) { found = found || ascii::iequals(label, known); });
        if (found) return row.id;
    }
    return std::nullopt;
}

charset detect_charset(std::string_view body, std::string_view header_charset) {
    if (body.starts_with("\xEF\xBB\xBF")) return charset::utf_8;
    if (body.starts_with("\xFF\xFE")) return charset::utf_16le;
    if (body.starts_with("\xFE\xFF")) return charset::utf_16be;
    if (const auto c = charset_from_label(header_charset)) return *c;
    if (const auto c = prescan_charset(body)) return *c;
    return is_valid_utf8(body, true) ? charset::utf_8 : charset::windows_1252;
}

std::string to_utf8(std::string_view body, charset from) {
    if (from == charset::utf_8 && body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    if (from == charset::utf_16le && body.starts_with("\xFF\xFE")) body.remove_prefix(2);
    if (from == charset::utf_16be && body.starts_with("\xFE\xFF")) body.remove_prefix(2);
    switch (from) {
    case charset::utf_8:
        return repair_utf8(body);
    case charset::utf_16le:
        return from_utf16(body, false);
    case charset::utf_16be:
        return from_utf16(body, true);
    case charset::windows_1252:
        return from_windows_1252(body);
    case charset::replacement:
        return std::string(body.empty() ? std::string_view{} : replacement_character);
    default:
        return converter(row_of(from)).run(body);
    }
}

bool is_valid_utf8(std::string_view s, bool cut_off) {
    while (!s.empty()) {
        s.remove_prefix(ascii_run(s));
        if (s.empty()) break;
        const utf8_step step = next_utf8(s);
        if (!step.valid) return cut_off && step.incomplete;
        s.remove_prefix(step.length);
    }
    return true;
}

std::string_view utf8_prefix(std::string_view s, std::size_t max_bytes) {
    if (s.size() <= max_bytes) return s;
    std::size_t n = max_bytes;
    while (n > 0 && (static_cast<unsigned char>(s[n]) & 0xC0) == 0x80)
        --n;
    return s.substr(0, n);
}

} // namespace crawler
