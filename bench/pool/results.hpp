// What the cases noted, as a table on stdout and a JSON file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

class results {
public:
    void add(std::string_view row, std::string_view unit, std::string_view toolkit, double value);

    // Medians or, on a machine with other work, the best; a column for each toolkit, and the ratio of the
    // first toolkit to the best of the others; "one thread", "bare threads" and other ways to do without a
    // pool are no rivals there.
    void print(bool best_ones) const;

    // [{"row": ..., "unit": ..., "median": {toolkit: value, ...}, "best": {...}}, ...]; false when it cannot
    // be written.
    bool save(const std::string& path) const;

private:
    class line {
    public:
        std::string row;
        std::string unit;
        std::map<std::string, std::vector<double>, std::less<>> values; // by toolkit
    };

    std::vector<line> lines_;           // in the order of their first value
    std::vector<std::string> toolkits_; // likewise
};

} // namespace bench
