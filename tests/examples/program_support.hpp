// Runs the built example programs as a user does.
#pragma once

#include <tandem/core/runtime.hpp>
#include <tandem/system/subprocess.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace example_test {

inline tandem::process_result run(tandem::process_options options) {
    options.timeout(std::chrono::seconds(100));
    tandem::runtime rt(tandem::runtime_options().workers(1));
    return rt.run(tandem::run_process(std::move(options)));
}
inline tandem::process_result run(const std::string& program, std::vector<std::string> arguments,
                                  std::string input = "") {
    tandem::process_options options(program);
    options.args(std::move(arguments)).input(std::move(input));
    return run(std::move(options));
}

// A folder that is gone when this is.
class folder {
public:
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "tandem-examples-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
        name_ = name;
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() {
        std::error_code ignored;
        std::filesystem::remove_all(name_, ignored);
    }
    std::string operator/(const std::string& file) const { return (name_ / file).string(); }
    std::string name() const { return name_.string(); }

private:
    std::filesystem::path name_;
};

inline std::string contents(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + file);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}
inline void write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << text;
}

inline std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
        ++n;
    return n;
}

} // namespace example_test
