#include "bench/pool/results.hpp"

#include "bench/pool/measure.hpp"

#include <boost/json.hpp>

#include <cstdio>
#include <memory>

namespace bench {

namespace {

bool is_rival(std::string_view toolkit) {
    return toolkit != "tandem" && toolkit != "one thread" && toolkit != "bare threads";
}

double one_of(const std::vector<double>& values, bool best) {
    return quantile(values, best ? 0 : 0.5);
}

} // namespace

void results::add(std::string_view row, std::string_view unit, std::string_view toolkit, double value) {
    if (std::find(toolkits_.begin(), toolkits_.end(), toolkit) == toolkits_.end())
        toolkits_.emplace_back(toolkit);
    auto at = std::find_if(lines_.begin(), lines_.end(), [row](const line& l) { return l.row == row; });
    if (at == lines_.end()) {
        lines_.emplace_back();
        at = lines_.end() - 1;
        at->row = row;
        at->unit = unit;
    }
    at->values[std::string(toolkit)].push_back(value);
}

void results::print(bool best_ones) const {
    std::printf("%-48s %-6s", best_ones ? "the best of the rounds" : "medians; smaller is better", "");
    for (const std::string& toolkit : toolkits_)
        std::printf("%13s", toolkit.c_str());
    std::printf("%10s\n", "x best");
    for (const line& l : lines_) {
        std::printf("%-48s %-6s", l.row.c_str(), l.unit.c_str());
        double ours = 0;
        double best = 0;
        for (const std::string& toolkit : toolkits_) {
            const auto found = l.values.find(toolkit);
            if (found == l.values.end()) {
                std::printf("%13s", "-");
                continue;
            }
            const double value = one_of(found->second, best_ones);
            std::printf(value < 1'000 ? "%13.2f" : "%13.0f", value);
            if (toolkit == "tandem") ours = value;
            if (is_rival(toolkit) && (best == 0 || value < best)) best = value;
        }
        if (ours > 0 && best > 0)
            std::printf("%10.2f\n", ours / best);
        else
            std::printf("%10s\n", "-");
    }
}

bool results::save(const std::string& path) const {
    boost::json::array rows;
    for (const line& l : lines_) {
        boost::json::object medians;
        boost::json::object best;
        for (const auto& [toolkit, measured] : l.values) {
            medians[toolkit] = one_of(measured, false);
            best[toolkit] = one_of(measured, true);
        }
        rows.push_back(boost::json::object{
            {"row", l.row}, {"unit", l.unit}, {"median", std::move(medians)}, {"best", std::move(best)}});
    }
    const std::string text = boost::json::serialize(rows) + "\n";
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
    return file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
}

} // namespace bench
