// examples/word_count: known counts, names from everywhere, errors that do not end the rest.
#include "tests/examples/program_support.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <string>
#include <vector>

using namespace example_test;

namespace {

tandem::process_result word_count(std::vector<std::string> arguments, std::string input = "") {
    return run(EXAMPLE_WORD_COUNT, std::move(arguments), std::move(input));
}

} // namespace

TEST_CASE("example word_count: the counts of a small text") {
    const temporary_folder here;
    write(here / "a.txt", "The cat, the dog and THE cow.\nCat? 42 caf\xc3\xa9\n");
    const auto r = word_count({"--top", "3", here / "a.txt"});
    CHECK(r.status.code() == 0);
    CHECK(r.out ==
          "         3 the\n         2 cat\n         1 42\n"); // equally frequent ones by the alphabet
    CHECK(r.err == "1 files, 10 words, 7 different ones\n");
    CHECK(word_count({here / "a.txt"}).out.find("         1 caf\xc3\xa9\n") != std::string::npos);
}

TEST_CASE("example word_count: folders, arguments and the input name the same files") {
    const temporary_folder here;
    std::string names;
    std::vector<std::string> arguments{"--limit", "3"};
    for (int i = 1; i <= 40; ++i) {
        const std::string file = here / ("deep/" + std::to_string(i % 5) + "/" + std::to_string(i));
        std::string text = "one";
        for (int n = 0; n < i; ++n)
            text += " w" + std::to_string(n);
        write(file, text);
        names += file + "\n";
        arguments.push_back(file);
    }
    std::filesystem::create_directory_symlink(here.name(), here / "deep/loop"); // not followed
    const auto by_folder = word_count({here.name()});
    const auto by_arguments = word_count(arguments);
    const auto by_input = word_count({"-"}, names);
    CHECK(by_folder.out.rfind("        40 one\n        40 w0\n        39 w1\n", 0) == 0);
    CHECK(by_folder.err == "40 files, 860 words, 41 different ones\n");
    for (const auto& r : {by_folder, by_arguments, by_input}) {
        CHECK(r.status.code() == 0);
        CHECK(r.out == by_folder.out);
        CHECK(r.err == by_folder.err);
    }
}

TEST_CASE("example word_count: what cannot be read is told, and the rest counted") {
    const temporary_folder here;
    write(here / "a.txt", "a b a");
    write(here / "empty.txt", "");
    const auto r = word_count({here / "none.txt", here / "a.txt", here / "empty.txt"});
    CHECK(r.status.code() == 1);
    CHECK(r.out == "         2 a\n         1 b\n");
    CHECK(count(r.err, "word_count: open " + (here / "none.txt") + ": No such file or directory") == 1);
    CHECK(r.err.find("2 files, 3 words, 2 different ones; 1 could not be read\n") != std::string::npos);

    const auto nothing = word_count({here / "none.txt"});
    CHECK(nothing.status.code() == 1);
    CHECK(nothing.out.empty());
    CHECK(word_count({"-"}).status.code() == 0); // no names, no error
}

TEST_CASE("example word_count: wrong use, and the demonstration") {
    for (const std::vector<std::string>& wrong :
         std::vector<std::vector<std::string>>{{"--top", "0"}, {"--top"}, {"--limit", "x"}, {"--frob"}}) {
        INFO(wrong[0]);
        CHECK(word_count(wrong).status.code() == 2);
    }
    CHECK(word_count({"--help"}).out.find("--top") != std::string::npos);
    const auto r = word_count({"--top", "1"});
    CHECK(r.status.code() == 0);
    CHECK(r.out == "      9900 a\n");
}
