// The program that docs/coming-from-python.md begins with.
#include <tandem/tandem.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

std::size_t count_letters(std::vector<std::string> pages) {
    std::size_t letters = 0;
    for (const std::string& page : pages)
        letters += page.size();
    return letters;
}

tandem::task<std::string> fetch(std::string name) {
    co_await tandem::sleep_for(1ms);
    co_return "page " + name;
}

tandem::task<> main_task() {
    const std::vector<std::string> names{"a", "b", "c"};
    auto pages = co_await tandem::with_timeout(5s, tandem::concurrent_map(names, 16, fetch));
    const auto letters = co_await tandem::offload(count_letters, std::move(pages));
    std::printf("%zu letters\n", letters);
}

int main() {
    return tandem::run(main_task);
}
