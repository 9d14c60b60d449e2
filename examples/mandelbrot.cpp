// The Mandelbrot set on all cores: an image, row by row, with a progress bar.
//
//     mandelbrot                                                   # mandelbrot.png
//     mandelbrot --center -0.7436439,0.1318259 --width 0.0002 --iterations 5000 --out deep.png
//
// Rows are unequal: one through the middle of the set costs a hundred times one that passes by. They are
// shared out while they are computed, not before, so that no core ends early.
#include <tandem/tandem.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>
#include <zlib.h>

namespace {

const char* const usage =
    "usage: mandelbrot [OPTION]...\n"
    "Draws a part of the Mandelbrot set, computed row by row on all cores.\n"
    "\n"
    "  --size WxH         pixels (1200x800)\n"
    "  --center X,Y       the point in the middle (-0.6,0)\n"
    "  --width W          how much of the plane is seen, from left to right (3.6)\n"
    "  --iterations N     after how many a point counts as inside (500); more for deeper views\n"
    "  --threads N        threads of the pool (as many as there are cores)\n"
    "  --out FILE         FILE.png, or FILE.ppm (mandelbrot.png)\n"
    "  --help             this text\n"
    "\n"
    "  mandelbrot --center -0.7436439,0.1318259 --width 0.0002 --iterations 5000 --out deep.png\n"
    "\n"
    "Progress goes to stderr: a bar on a terminal, else a line every second. Exit code: 0; 1 when the\n"
    "file cannot be written; 2 for wrong use; 130 after Ctrl-C, which leaves no file.\n";

class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct settings {
    std::size_t width = 1200;
    std::size_t height = 800;
    std::complex<double> center{-0.6, 0};
    double seen = 3.6;
    unsigned iterations = 500;
    std::size_t threads = 0;
    std::string out = "mandelbrot.png";
    bool help = false;
};

// Red, green, blue, three bytes for each pixel, row by row.
class image {
public:
    image(std::size_t w, std::size_t h) : width(w), height(h), bytes(w * h * 3) {}
    unsigned char* row(std::size_t y) noexcept { return bytes.data() + y * width * 3; }
    const unsigned char* row(std::size_t y) const noexcept { return bytes.data() + y * width * 3; }

    std::size_t width;
    std::size_t height;
    std::vector<unsigned char> bytes;
};

// ---- computing

// How many steps of z = z^2 + c until |z| > 2; `most` when it stays.
unsigned steps(double cx, double cy, unsigned most) noexcept {
    double x = 0;
    double y = 0;
    for (unsigned n = 0; n < most; ++n) {
        const double xx = x * x;
        const double yy = y * y;
        if (xx + yy > 4) return n;
        y = 2 * x * y + cy;
        x = xx - yy + cx;
    }
    return most;
}

void paint(unsigned n, unsigned most, unsigned char* pixel) noexcept {
    if (n == most) { // inside
        pixel[0] = pixel[1] = pixel[2] = 0;
        return;
    }
    // Three triangle waves of different lengths: neighbours differ, and nothing jumps.
    const auto wave = [n](unsigned length) {
        const unsigned at = n % (2 * length);
        return static_cast<unsigned char>(255 * (at < length ? at : 2 * length - at) / length);
    };
    pixel[0] = wave(48);
    pixel[1] = wave(32);
    pixel[2] = static_cast<unsigned char>(64 + wave(20) * 3 / 4);
}

void paint_row(const settings& s, image& picture, std::size_t y) noexcept {
    // Exactly symmetrical about the middle.
    const double step = s.seen / static_cast<double>(s.width);
    const auto from_middle = [](std::size_t i, std::size_t n) {
        return static_cast<double>(i) - static_cast<double>(n - 1) / 2;
    };
    unsigned char* pixel = picture.row(y);
    const double cy = s.center.imag() - step * from_middle(y, s.height);
    for (std::size_t x = 0; x < s.width; ++x, pixel += 3)
        paint(steps(s.center.real() + step * from_middle(x, s.width), cy, s.iterations), s.iterations, pixel);
}

// ---- writing

void append_number(std::string& out, std::uint32_t n) { // big-endian
    for (const int shift : {24, 16, 8, 0})
        out += static_cast<char>(n >> shift & 0xff);
}

// Length, name, data, checksum (PNG specification, 5.3).
void append_chunk(std::string& out, const std::string& name, const std::string& data) {
    append_number(out, static_cast<std::uint32_t>(data.size()));
    const std::string checked = name + data;
    out += checked;
    append_number(out, static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(checked.data()),
                                                          static_cast<uInt>(checked.size()))));
}

std::string png(const image& picture) {
    std::string rows; // each behind a byte that names its filter: 0, none
    rows.reserve(picture.bytes.size() + picture.height);
    for (std::size_t y = 0; y < picture.height; ++y) {
        rows += '\0';
        rows.append(reinterpret_cast<const char*>(picture.row(y)), picture.width * 3);
    }
    uLongf size = ::compressBound(static_cast<uLong>(rows.size()));
    std::string data(size, '\0');
    if (::compress2(reinterpret_cast<Bytef*>(data.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
                    static_cast<uLong>(rows.size()), 6) != Z_OK)
        throw std::runtime_error("cannot compress the image");
    data.resize(size);

    std::string header;
    append_number(header, static_cast<std::uint32_t>(picture.width));
    append_number(header, static_cast<std::uint32_t>(picture.height));
    header += std::string("\x08\x02\0\0\0", 5); // 8 bits each of red, green and blue
    std::string out = "\x89PNG\r\n\x1a\n";
    append_chunk(out, "IHDR", header);
    append_chunk(out, "IDAT", data);
    append_chunk(out, "IEND", "");
    return out;
}

std::string ppm(const image& picture) {
    std::string out =
        "P6\n" + std::to_string(picture.width) + " " + std::to_string(picture.height) + "\n255\n";
    out.append(reinterpret_cast<const char*>(picture.bytes.data()), picture.bytes.size());
    return out;
}

// ---- progress

// A line on a terminal that is written again and again, and gone when this is.
class status_line {
public:
    explicit status_line(bool terminal) noexcept : terminal_(terminal) {}
    status_line(const status_line&) = delete;
    status_line& operator=(const status_line&) = delete;
    ~status_line() {
        if (terminal_) std::fputs("\r\033[K", stderr);
    }

    void show(std::size_t percent) {
        if (terminal_) {
            const std::string bar(percent * 40 / 100, '#');
            std::fprintf(stderr, "\r[%-40s] %3zu %%", bar.c_str(), percent);
            std::fflush(stderr);
        } else {
            std::fprintf(stderr, "%zu %%\n", percent);
        }
    }

private:
    bool terminal_;
};

tandem::task<> show_progress(const std::atomic<std::size_t>& done, std::size_t all) {
    const bool terminal = isatty(STDERR_FILENO) == 1;
    status_line line(terminal);
    for (;;) {
        co_await tandem::sleep_for(std::chrono::milliseconds(terminal ? 50 : 1000));
        line.show(100 * done / all);
    }
}

tandem::task<> draw(const settings& s) {
    image picture(s.width, s.height);
    std::atomic<std::size_t> done = 0;
    const auto begin = std::chrono::steady_clock::now();
    const auto body = [&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(show_progress, std::cref(done), s.height);
        const auto row = [&](std::size_t y) {
            paint_row(s, picture, y);
            done.fetch_add(1, std::memory_order_relaxed);
        };
        // A row takes long enough to be handed over alone: the last ones, too, find a core.
        co_await tandem::parallel_for(std::size_t{0}, s.height, row, tandem::parallel_options().grain(1));
        group.cancel(); // the bar
    };
    co_await tandem::with_task_group(body);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;

    std::string file;
    if (s.out.ends_with(".ppm"))
        file = ppm(picture);
    else
        file = co_await tandem::offload(png, std::cref(picture));
    co_await tandem::write_file(s.out, std::move(file), tandem::write_mode::replace);
    std::printf("%s: %zu x %zu pixels in %.2f s on %zu threads\n", s.out.c_str(), s.width, s.height,
                spent.count(), tandem::runtime::current()->pool().workers());
}

// ---- the command line

template <class T>
T number(std::string_view name, std::string_view text, T least, T most) {
    T value{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stop != text.data() + text.size() || !(value >= least && value <= most))
        throw usage_error(std::string(name) + ": not a number that makes sense here: '" +
                          std::string(text.substr(0, 60)) + "'");
    return value;
}

std::pair<std::string_view, std::string_view> halves(std::string_view name, std::string_view text,
                                                     char between) {
    const std::size_t at = text.find(between);
    if (at == std::string_view::npos)
        throw usage_error(std::string(name) + " takes two numbers with '" + between + "' between them");
    return std::pair(text.substr(0, at), text.substr(at + 1));
}

settings parse(const std::vector<std::string>& arguments) {
    settings s;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& name = arguments[i];
        if (name == "--help" || name == "-h") {
            s.help = true;
            return s;
        }
        constexpr std::array<std::string_view, 6> names{"--size",       "--center",  "--width",
                                                        "--iterations", "--threads", "--out"};
        if (std::ranges::find(names, name) == names.end())
            throw usage_error("no such option: " + name.substr(0, 60) + " (--help lists them)");
        if (i + 1 == arguments.size()) throw usage_error(name + " takes a value");
        const std::string& value = arguments[++i];
        if (name == "--size") {
            const auto [w, h] = halves(name, value, 'x');
            s.width = number<std::size_t>(name, w, 1, 16'000);
            s.height = number<std::size_t>(name, h, 1, 16'000);
        } else if (name == "--center") {
            const auto [x, y] = halves(name, value, ',');
            s.center = {number<double>(name, x, -10, 10), number<double>(name, y, -10, 10)};
        } else if (name == "--width") {
            s.seen = number<double>(name, value, 1e-15, 100);
        } else if (name == "--iterations") {
            s.iterations = number<unsigned>(name, value, 1, 100'000'000);
        } else if (name == "--threads") {
            s.threads = number<std::size_t>(name, value, 1, 1'000);
        } else {
            s.out = value;
            if (!s.out.ends_with(".png") && !s.out.ends_with(".ppm"))
                throw usage_error("--out takes the name of a .png or .ppm file");
        }
    }
    return s;
}

} // namespace

int main(int argc, char** argv) {
    settings s;
    try {
        s = parse(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const usage_error& e) {
        std::fprintf(stderr, "mandelbrot: %s\n", e.what());
        return 2;
    }
    if (s.help) {
        std::fputs(usage, stdout);
        return 0;
    }
    return tandem::run(tandem::runtime_options().workers(s.threads), draw, std::cref(s));
}
