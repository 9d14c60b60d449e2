#include "examples/concurrency_vs_parallelism/picture.hpp"

#include "examples/concurrency_vs_parallelism/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace four_ways {

namespace {

constexpr double width = 960;
constexpr double left = 92; // of the plots; labels stand before
constexpr double plot = width - left - 24;
constexpr std::size_t most_lanes = 80;

std::string number(double value) { // one decimal is a tenth of a pixel
    char text[32];
    std::snprintf(text, sizeof(text), "%.1f", value);
    std::string s = text;
    if (s.ends_with(".0")) s.resize(s.size() - 2);
    return s;
}

// Many rectangles of one kind make one path: a tenth of the size of as many elements.
class shapes {
public:
    explicit shapes(const char* kind) : kind_(kind) {}
    void add(double x, double y, double w, double h) {
        if (w <= 0) return;
        w = std::max(w, 0.2); // still to be seen
        path_ += std::string("M") + number(x) + " " + number(y) + "h" + number(w) + "v" + number(h) + "h" +
                 number(-w) + "z";
    }
    std::string element() const {
        if (path_.empty()) return "";
        return "<path class=\"" + std::string(kind_) + "\" d=\"" + path_ + "\"/>\n";
    }

private:
    const char* kind_;
    std::string path_;
};

class drawing {
public:
    void text(double x, double y, const char* kind, const std::string& what) {
        body_ += "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" class=\"" + kind + "\">" + what +
                 "</text>\n";
    }
    void rect(double x, double y, double w, double h, const char* kind) {
        body_ += "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(std::max(w, 1.0)) +
                 "\" height=\"" + number(h) + "\" class=\"" + kind + "\"/>\n";
    }
    void line(double x1, double y1, double x2, double y2) {
        body_ += "<path class=\"axis\" d=\"M" + number(x1) + " " + number(y1) + "L" + number(x2) + " " +
                 number(y2) + "\"/>\n";
    }
    void add(const shapes& s) { body_ += s.element(); }
    void add(const drawing& other) { body_ += other.body_; }
    const std::string& body() const noexcept { return body_; }

private:
    std::string body_;
};

// About six ticks at 1, 2 or 5 times a power of ten.
double tick_step(double range) {
    const double rough = std::max(range, 1e-6) / 6;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= rough) return factor * power;
    return 10 * power;
}

std::string tick_text(double seconds) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.6g ms", seconds * 1e3);
    return text;
}

double axis(drawing& d, double y, double top, double range) {
    const double step = tick_step(range);
    for (int i = 0; i * step <= range; ++i) {
        const double x = left + plot * (i * step / range);
        d.line(x, top, x, y + 4);
        d.text(x, y + 16, "tick", tick_text(i * step));
    }
    return y + 16;
}

// A thread that is blocked waits; one that is not (a loop's, a pool's) is free for others meanwhile.
double draw_threads(drawing& d, const way& w, double y, double scale) {
    constexpr double height = 12;
    constexpr std::size_t most_threads = 16;
    const std::vector<std::thread::id> workers = w.workers();
    const bool loop_computes = w.has_loop && w.threads == 1;
    shapes waits("wait");
    shapes computes("compute");
    shapes idle("idle");
    if (w.has_loop && !loop_computes) {
        d.text(left - 8, y + 10, "lane", "loop");
        idle.add(left, y, w.wall * scale, height);
        y += height + 3;
    }
    for (std::size_t t = 0; t < std::min(workers.size(), most_threads); ++t) {
        const std::string name =
            loop_computes ? "loop" : (w.has_loop ? "pool " : "thread ") + std::to_string(t + 1);
        d.text(left - 8, y + 10, "lane", name);
        idle.add(left, y, w.wall * scale, height);
        for (const page_times& p : w.pages) {
            if (p.thread != workers[t]) continue;
            if (!w.has_loop) waits.add(left + p.asked * scale, y, (p.begun - p.asked) * scale, height);
            computes.add(left + p.begun * scale, y, (p.done - p.begun) * scale, height);
        }
        y += height + 3;
    }
    if (workers.size() > most_threads) {
        d.text(left, y + 10, "note",
               "and " + std::to_string(workers.size() - most_threads) + " threads more");
        y += height + 3;
    }
    for (const shapes* s : {&idle, &waits, &computes})
        d.add(*s);
    return y;
}

double draw_pages(drawing& d, const way& w, double y, double scale) {
    const std::size_t lanes = std::min(w.pages.size(), most_lanes);
    const double height = std::clamp(160.0 / static_cast<double>(lanes), 2.0, 8.0);
    shapes waits("wait");
    shapes queues("queue");
    shapes computes("compute");
    d.text(left - 8, y + 9, "lane", lanes == 1 ? "1 page" : std::to_string(w.pages.size()) + " pages");
    if (lanes < w.pages.size())
        d.text(left - 8, y + 21, "lane", std::string("(") + std::to_string(lanes) + " shown)");
    for (std::size_t i = 0; i < lanes; ++i) {
        const page_times& p = w.pages[i * w.pages.size() / lanes];
        const double top = y + static_cast<double>(i) * height;
        const double thick = height - (height > 3 ? 1 : 0.4);
        waits.add(left + p.asked * scale, top, (p.answered - p.asked) * scale, thick);
        queues.add(left + p.answered * scale, top, (p.begun - p.answered) * scale, thick);
        computes.add(left + p.begun * scale, top, (p.done - p.begun) * scale, thick);
    }
    for (const shapes* s : {&waits, &queues, &computes})
        d.add(*s);
    return y + std::max(static_cast<double>(lanes) * height, 24.0);
}

double draw_legend(drawing& d, double y) {
    double x = left;
    const auto entry = [&](const char* kind, const char* what, double room) {
        d.rect(x, y - 10, 14, 11, kind);
        d.text(x + 20, y, "note", what);
        x += room;
    };
    entry("wait", "waiting for the answer", 190);
    entry("queue", "the answer is there, nobody is free", 260);
    entry("compute", "computing", 110);
    entry("idle", "thread is free", 100);
    return y + 12;
}

double draw_overview(drawing& d, std::span<const way> ways, double y) {
    double longest = 0;
    for (const way& w : ways)
        longest = std::max(longest, w.wall);
    const double room = plot - 330; // for what is written behind the bars
    for (std::size_t i = 0; i < ways.size(); ++i) {
        const double bar = room * ways[i].wall / longest;
        char factor[32];
        std::snprintf(factor, sizeof(factor), "%.1f", ways[0].wall / ways[i].wall);
        d.text(left - 8, y + 13, "lane", "way " + std::to_string(i + 1));
        d.rect(left, y, bar, 17, "bar");
        d.text(left + bar + 8, y + 13, "note",
               seconds_text(ways[i].wall) + ", " + factor + " x: " + ways[i].name);
        y += 22;
    }
    d.text(left, y + 14, "note", "Below, each way has a scale of its own.");
    return y + 14;
}

const char* const head =
    "<style>\n"
    "text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}\n"
    ".title{font-size:19px;font-weight:600}.way{font-size:15px;font-weight:600}\n"
    ".lane{font-size:11px;text-anchor:end;fill:#59636e}.tick{font-size:11px;text-anchor:middle;fill:#59636e}"
    "\n"
    ".paper{fill:#ffffff}.wait{fill:#a9c9e8}.queue{fill:#f2b134}.compute{fill:#0b5cad}.idle{fill:#eaeef2}."
    "bar{fill:#6e7781}\n"
    ".axis{stroke:#d1d9e0;stroke-width:1;fill:none}\n"
    "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.lane,.tick{fill:#9198a1}.paper{fill:#0d1117}\n"
    ".wait{fill:#2d4f73}.queue{fill:#b87d14}.compute{fill:#6cb6ff}.idle{fill:#1c232c}.bar{fill:#848d97}.axis{"
    "stroke:#30363d}}\n"
    "</style>\n";

} // namespace

std::string picture(const job& j, std::span<const way> ways) {
    drawing d;
    double y = 34;
    d.text(left, y, "title", "The same job, four ways");
    d.text(left, y += 22, "note",
           std::to_string(j.pages) + " pages; each takes " + seconds_text(j.latency.count()) +
               " to arrive and then " + seconds_text(j.compute.count()) + " of computing");
    y = draw_legend(d, y + 26);
    y = draw_overview(d, ways, y + 12);
    for (std::size_t i = 0; i < ways.size(); ++i) {
        const way& w = ways[i];
        const double scale = plot / w.wall;
        y += 34;
        std::string stall;
        if (const auto p99 = w.stall_p99()) stall = ", loop stall p99 " + seconds_text(*p99);
        d.text(left, y, "way",
               "Way " + std::to_string(i + 1) + ", " + w.name + ": " + seconds_text(w.wall) + ", " +
                   std::to_string(w.threads) + (w.threads == 1 ? " thread" : " threads") + stall);
        const double top = y + 10;
        drawing lanes; // above the grid
        double bottom = draw_threads(lanes, w, top, scale);
        bottom = draw_pages(lanes, w, bottom + 5, scale);
        y = axis(d, bottom + 2, top, w.wall);
        d.add(lanes);
    }
    const std::string size = "width=\"" + number(width) + "\" height=\"" + number(y + 20) + "\"";
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" " + size + " viewBox=\"0 0 " + number(width) + " " +
           number(y + 20) + "\" role=\"img\">\n<title>The same job, four ways</title>\n" + head +
           "<rect class=\"paper\" " + size + "/>\n" + d.body() + "</svg>\n";
}

} // namespace four_ways
