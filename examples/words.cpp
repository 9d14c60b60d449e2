// Counts the words of web pages: fetched concurrently on one loop, counted in parallel on the pool.
//
//     words https://example.org/ https://example.com/
//
// Without arguments it serves itself three pages and counts those.
#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

std::size_t count_words(std::string text) {
    std::size_t words = 0;
    bool inside = false;
    for (const char c : text) {
        const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        words += !blank && !inside ? 1 : 0;
        inside = !blank;
    }
    return words;
}

tandem::task<std::size_t> words_of(tandem::http::client& web, std::string url) {
    auto response = co_await web.get(std::move(url));                      // concurrency: waits on the loop
    co_return co_await tandem::offload(count_words, response.take_body()); // parallelism: runs on the pool
}

tandem::task<> print_words(std::vector<std::string> urls) {
    tandem::http::client web;
    auto count = [&web](std::string url) { return words_of(web, std::move(url)); };
    auto words = co_await tandem::concurrent_map(urls, 64, count); // at most 64 in flight
    for (std::size_t i = 0; i < urls.size(); ++i)
        std::printf("%8zu %s\n", words[i], urls[i].c_str());
}

tandem::task<tandem::http::server_response> page(tandem::http::server_request request) {
    co_return tandem::http::server_response::html("these are the words of " + std::string(request.path()));
}

tandem::task<> print_words_of_own_pages() {
    tandem::http::server site(tandem::http::server_options(), page);
    site.listen();
    auto serve_and_count = [&site](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&tandem::http::server::serve, &site);
        std::vector<std::string> urls;
        for (const char* path : {"/one", "/two", "/three"})
            urls.push_back(site.url() + path);
        co_await print_words(std::move(urls));
        group.cancel();
    };
    co_await tandem::with_task_group(serve_and_count);
}

constexpr const char* usage = R"(usage: words [URL]...
Counts the words of web pages: fetches up to 64 at a time, counts on all cores. A line for each, in their order.

  words https://example.org/ https://example.com/

Without URLs: serves itself three pages and counts those. Exit codes: 0, 1 when a page could not be had (then no
page is counted), 130 after Ctrl-C.
)";

int main(int argc, char** argv) {
    if (argc == 1) return tandem::run(print_words_of_own_pages);
    if (argv[1] == std::string_view("--help")) {
        std::fputs(usage, stdout);
        return 0;
    }
    return tandem::run(print_words, std::vector<std::string>(argv + 1, argv + argc));
}
