// Runs the built example programs as a user does.
#pragma once

#include "tests/support/temporary_folder.hpp"

#include <tandem/core/runtime.hpp>
#include <tandem/system/subprocess.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace example_test {

using tests::content_of;
using tests::temporary_folder;

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
