// The most frequent words of many files: read concurrently, counted in parallel.
//
//     word_count README.md docs                 # files, and folders with all that is in them
//     find / -name '*.txt' | word_count --top 20 -
//
// Without arguments it makes a few files for itself and counts those.
//
// Reading waits (a task for each file, at most --limit at a time, on one loop), counting computes (on the
// pool). A file that is counted is merged with what was counted before, on the pool, too: the loop only hands
// tables over.
#include <tandem/tandem.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

const char* const usage =
    "usage: word_count [--top N] [--limit N] [--] FILE-OR-FOLDER...\n"
    "       word_count [--top N] [--limit N] -      one name in each line of the input\n"
    "       word_count [--top N] [--limit N]        a demonstration\n"
    "\n"
    "Counts the words of all files together and prints the N most frequent (default 10). A word is a\n"
    "run of letters, digits and bytes beyond ASCII (so UTF-8 letters count, and UTF-8 dashes, too);\n"
    "A to Z count as a to z. At most --limit files (64) are open at a time. Links to folders are not\n"
    "followed.\n"
    "\n"
    "  word_count --top 20 README.md docs\n"
    "  find / -name '*.txt' | word_count -\n"
    "\n"
    "Exit code: 0; 1 when something could not be read (the rest is counted all the same); 2 for wrong\n"
    "use; 130 after Ctrl-C.\n";

// ---- counting

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>()(text);
    }
};

struct word_table {
    word_table() {}
    std::unordered_map<std::string, std::uint64_t, text_hash, std::equal_to<>> counts;
    std::uint64_t words = 0;

    void add(std::string_view word, std::uint64_t times) {
        words += times;
        const auto found = counts.find(word);
        if (found != counts.end())
            found->second += times;
        else
            counts.emplace(word, times);
    }
};

word_table count_words(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    };
    word_table table;
    for (auto at = text.cbegin(); at != text.cend();) {
        const auto begin = std::find_if(at, text.cend(), is_letter);
        at = std::find_if_not(begin, text.cend(), is_letter);
        if (at != begin) table.add(std::string_view(begin, at), 1);
    }
    return table;
}

// The smaller into the larger.
word_table merge(word_table a, word_table b) {
    if (a.counts.size() < b.counts.size()) std::swap(a, b);
    for (const auto& [word, times] : b.counts)
        a.add(word, times);
    return a;
}

std::vector<std::pair<std::string_view, std::uint64_t>> most_frequent(const word_table& table,
                                                                      std::size_t top) {
    std::vector<std::pair<std::string_view, std::uint64_t>> all(table.counts.begin(), table.counts.end());
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(std::min(top, all.size()));
    std::partial_sort(all.begin(), middle, all.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    all.erase(middle, all.end());
    return all;
}

// ---- finding and reading

// What a name stands for: itself, or the files in a folder. Errors of folders go to `errors`.
class found_files {
public:
    found_files() {}
    std::vector<std::string> files;
    std::vector<std::string> errors;
};

found_files find_files(std::vector<std::string> names) {
    namespace fs = std::filesystem;
    found_files found;
    std::vector<fs::path> folders;
    for (std::string& name : names) {
        std::error_code error;
        if (fs::is_directory(name, error))
            folders.emplace_back(std::move(name));
        else // what does not exist is told by reading it
            found.files.push_back(std::move(name));
    }
    while (!folders.empty()) { // one by one: a folder that cannot be read does not end the rest
        const fs::path folder = std::move(folders.back());
        folders.pop_back();
        std::error_code error;
        for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
             entry.increment(error)) {
            std::error_code unknown;
            if (entry->is_regular_file(unknown))
                found.files.push_back(entry->path().string());
            else if (entry->is_directory(unknown) && !entry->is_symlink(unknown))
                folders.push_back(entry->path());
        }
        if (error) found.errors.push_back("open " + folder.string() + ": " + error.message());
    }
    std::ranges::sort(found.files);
    return found;
}

// All of this belongs to the loop: one thread, no locks.
struct totals {
    std::optional<word_table> merged; // what waits for somebody to add to it
    std::size_t files = 0;
    std::size_t failures = 0;
};

void report(totals& all, const char* what) {
    ++all.failures;
    std::fprintf(stderr, "word_count: %s\n", what);
}

tandem::task<> count_file(totals& all, std::string name) {
    word_table table;
    try {
        std::string text = co_await tandem::read_file(name);            // waits
        table = co_await tandem::offload(count_words, std::move(text)); // computes
    } catch (const tandem::operation_cancelled&) {
        throw;
    } catch (const std::exception& e) { // names the file; the others go on
        report(all, e.what());
        co_return;
    }
    ++all.files;
    // Takes what is there and puts back more. While it merges, others find nothing and leave theirs: so there
    // are as many merges at a time as it takes, and one table in the end.
    while (all.merged) {
        word_table before = std::move(*all.merged);
        all.merged.reset();
        table = co_await tandem::offload(merge, std::move(table), std::move(before));
    }
    all.merged = std::move(table);
}

tandem::task<int> count(std::vector<std::string> names, std::size_t limit, std::size_t top) {
    totals all;
    const found_files found = co_await tandem::offload(find_files, std::move(names));
    for (const std::string& error : found.errors)
        report(all, error.c_str());
    const auto one = [&all](const std::string& name) { return count_file(all, name); };
    co_await tandem::concurrent_for_each(found.files, limit, one);

    const word_table table = all.merged ? std::move(*all.merged) : word_table();
    const auto best = co_await tandem::offload(most_frequent, std::cref(table), top);
    for (const auto& [word, times] : best)
        std::printf("%10llu %.*s\n", static_cast<unsigned long long>(times), static_cast<int>(word.size()),
                    word.data());
    std::fflush(stdout);
    std::fprintf(stderr, "%zu files, %llu words, %zu different ones", all.files,
                 static_cast<unsigned long long>(table.words), table.counts.size());
    if (all.failures != 0) std::fprintf(stderr, "; %zu could not be read", all.failures);
    std::fputc('\n', stderr);
    co_return all.failures == 0 ? 0 : 1;
}

// ---- the demonstration

// A folder that is gone when this is.
class temporary_folder {
public:
    temporary_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "word_count-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::system_error(errno, std::generic_category(), "cannot make a folder");
        name_ = name;
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(name_, ignored);
    }
    const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
};

tandem::task<int> demonstrate(std::size_t limit, std::size_t top) {
    const temporary_folder folder;
    const auto write = [&folder](int i) {
        std::string text = "Page " + std::to_string(i) + ": waiting is for loops, computing for pools.\n";
        for (int n = 0; n < i; ++n)
            text += "And again: a loop waits, a pool computes; in tandem both.\n";
        return tandem::write_file(folder.name() + "/" + std::to_string(i) + ".txt", std::move(text));
    };
    co_await tandem::concurrent_for_each(std::views::iota(0, 100), limit, write);
    std::vector<std::string> names(1, folder.name());
    co_return co_await count(std::move(names), limit, top);
}

int wrong_use(const std::string& what) {
    std::fprintf(stderr, "word_count: %s (--help lists the options)\n", what.c_str());
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> names;
    std::size_t top = 10;
    std::size_t limit = 64;
    bool options_end = false;
    bool asked = false;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (options_end || argument.empty() || argument[0] != '-') {
            names.push_back(argument);
            asked = true;
        } else if (argument == "--help" || argument == "-h") {
            std::fputs(usage, stdout);
            return 0;
        } else if (argument == "--top" || argument == "--limit") {
            const std::string text = i + 1 < argc ? argv[++i] : "";
            std::size_t value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > 100'000)
                return wrong_use(argument + " takes a number from 1 to 100000, not '" + text + "'");
            (argument == "--top" ? top : limit) = value;
        } else if (argument == "-") {
            for (std::string line; std::getline(std::cin, line);)
                if (!line.empty()) names.push_back(line);
            asked = true;
        } else if (argument == "--") {
            options_end = true;
        } else {
            return wrong_use("no such option: " + argument);
        }
    }
    if (!asked) return tandem::run(demonstrate, limit, top);
    return tandem::run(count, std::move(names), limit, top);
}
