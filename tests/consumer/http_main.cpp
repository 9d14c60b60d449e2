// A program of another project that links tandem::http, as README.md prints it. Without arguments it opens no
// connection.
#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

tandem::task<int> print_sizes(std::vector<std::string> urls) {
    tandem::http::client web;
    auto get = [&web](std::string url) { return web.try_get(std::move(url)); }; // a result, no exception
    auto pages = co_await tandem::concurrent_map(urls, 16, get);                // at most 16 at a time
    int failed = 0;
    for (std::size_t i = 0; i < urls.size(); ++i) {
        if (pages[i]) {
            std::printf("%d %8zu bytes  %s\n", pages[i]->status(), pages[i]->body().size(), urls[i].c_str());
        } else {
            std::printf("%s\n", pages[i].error().message().c_str()); // names the URL, and what went wrong
            failed = 1;
        }
    }
    co_return failed; // the exit code
}

int main(int argc, char** argv) {
    return tandem::run(print_sizes, std::vector<std::string>(argv + 1, argv + argc));
}
