// fetch: many URLs at a time, from the command line.
//
//     fetch https://example.org/              prints the page
//     fetch --limit 8 -o pages URL URL URL    into files, eight at a time; goes on where a call broke off
//     fetch --json - < urls.txt               URLs from standard input, a line of JSON for each
//     fetch                                   fetches from a small site of its own, and ends
#include <tandem/http.hpp>
#include <tandem/tandem.hpp>

#include <boost/json.hpp>

#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace http = tandem::http;

namespace {

constexpr const char* help =
    R"(usage: fetch [OPTION]... [URL | -]...
Fetches URLs, many at a time. One URL: its body goes to standard output. More: a line for each.

  -                 reads URLs from standard input, one a line
  -n, --limit N     at most N at a time (16)
  -o, --output DIR  writes bodies to files in DIR, and goes on with what an earlier call has left
      --json        a line of JSON for each URL: url, status, bytes, seconds, type, error
      --timeout S   seconds for each URL (30)
      --quiet       no progress (there is none unless standard error is a terminal)
      --help        this text

Exit codes: 0 all is well, 2 usage, 3 file, 4 network, 5 TLS, 7 protocol, 8 a status of 400 and above; the
first of these that occurred. Without arguments: fetches from a small site of its own.

  fetch https://example.org/ | less
  fetch -n 4 -o pages https://example.org/a https://example.org/b
  fetch --json - < urls.txt | jq 'select(.status != 200)'
)";

class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class options {
public:
    options() {}
    std::vector<std::string> urls;
    std::size_t limit = 16;
    std::string folder;
    double timeout = 30;
    bool json = false;
    bool quiet = false;
    bool from_input = false;
    bool help = false;
};

// One URL, when it is done.
class outcome {
public:
    outcome() {}
    std::string url;
    int status = 0;
    std::uint64_t bytes = 0;
    double seconds = 0;
    std::string type;
    std::string body;
    std::string error;
    int code = 0;
};

// What is known while it goes on, for the line on the terminal.
class progress {
public:
    explicit progress(bool s, std::size_t t) : shown(s), total(t) {}
    void show() const {
        if (!shown) return;
        std::fprintf(stderr, "\r%zu of %zu done, %zu failed, %.1f MiB ", done, total, failed,
                     static_cast<double>(bytes) / (1 << 20));
    }
    void clear() const {
        if (shown) std::fputs("\r\x1b[K", stderr);
    }
    bool shown;
    std::size_t total;
    std::size_t done = 0;
    std::size_t failed = 0;
    std::uint64_t bytes = 0;
};

double number(std::string_view name, std::string_view text, double least, double most) {
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most))
        throw usage_error(std::string(name) + " wants a number from " + std::to_string(least) + " to " +
                          std::to_string(most) + ", not \"" + std::string(text.substr(0, 60)) + '"');
    return value;
}

// The option that shares most of its beginning with what was typed.
std::string closest(std::string_view typed) {
    std::string_view best;
    std::size_t most = 2;
    for (const std::string_view known : {"--limit", "--output", "--json", "--timeout", "--quiet", "--help"}) {
        std::size_t same = 0;
        while (same < known.size() && same < typed.size() && known[same] == typed[same])
            ++same;
        if (same > most) {
            most = same;
            best = known;
        }
    }
    return best.empty() ? std::string() : "; did you mean " + std::string(best) + '?';
}

options parse(const std::vector<std::string>& arguments) {
    options o;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& name = arguments[i];
        const auto value = [&]() -> const std::string& {
            if (i + 1 == arguments.size()) throw usage_error(name + " wants a value");
            return arguments[++i];
        };
        if (name == "-")
            o.from_input = true;
        else if (!name.starts_with('-'))
            o.urls.push_back(name);
        else if (name == "-n" || name == "--limit")
            o.limit = static_cast<std::size_t>(number(name, value(), 1, 10000));
        else if (name == "-o" || name == "--output")
            o.folder = value();
        else if (name == "--timeout")
            o.timeout = number(name, value(), 0.001, 86400);
        else if (name == "--json")
            o.json = true;
        else if (name == "--quiet")
            o.quiet = true;
        else if (name == "-h" || name == "--help")
            o.help = true;
        else
            throw usage_error("no option " + name.substr(0, 60) + closest(name) + " (--help lists them)");
    }
    return o;
}

int exit_code_of(const http::error& why) {
    switch (why.phase()) {
    case http::request_phase::url:
        return 2;
    case http::request_phase::pool_wait:
    case http::request_phase::resolve:
    case http::request_phase::connect:
    case http::request_phase::send:
        return 4;
    case http::request_phase::tls:
        return 5;
    case http::request_phase::response_head:
        return why.code() == http::errc::bad_status ? 8 : why.is_timeout() ? 4 : 7;
    default:
        return why.is_timeout() ? 4 : 7;
    }
}

// A file name of what the URL ends with: letters, digits, '.', '-', '_', and no dot in front.
std::string file_name(const tandem::url& from, std::set<std::string>& taken) {
    const std::string_view path = from.path();
    std::string name(path.substr(path.rfind('/') + 1));
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-' && c != '_') c = '_';
    if (name.empty()) name = "index.html";
    if (name.front() == '.') name.front() = '_';
    name = name.substr(0, 200);
    std::string unique = name;
    for (int i = 2; !taken.insert(unique).second; ++i)
        unique = std::to_string(i) + '-' + name;
    return unique;
}

class fetcher {
public:
    fetcher(const options& o, std::size_t total)
        : options_(o), web_(http::client_options().connections_total(o.limit)),
          progress_(isatty(STDERR_FILENO) != 0 && !o.quiet && (total > 1 || !o.folder.empty()), total) {}

    tandem::task<outcome> fetch(std::string url) {
        const auto begin = std::chrono::steady_clock::now();
        outcome done;
        done.url = url;
        try {
            co_await get(http::request(url), done);
        } catch (const http::request_error& e) {
            done.error = e.what();
            done.code = exit_code_of(e.error());
        } catch (const tandem::operation_cancelled&) {
            throw;
        } catch (const tandem::system_error& e) {
            done.error = e.what();
            done.code = 3;
        }
        if (done.code == 0 && done.status >= 400) done.code = 8;
        done.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        ++progress_.done;
        progress_.failed += done.code != 0 ? 1 : 0;
        progress_.clear();
        report(done);
        progress_.show();
        co_return done;
    }

    void clear() const { progress_.clear(); }

private:
    tandem::task<> get(http::request what, outcome& done) {
        what.timeout(std::chrono::nanoseconds(static_cast<std::int64_t>(options_.timeout * 1e9)));
        std::uint64_t counted = 0;
        what.on_download([this, &counted](const http::transfer& now) {
            progress_.bytes += now.bytes() > counted ? now.bytes() - counted : now.bytes();
            counted = now.bytes();
            progress_.show();
        });
        if (!options_.folder.empty() && !what.url().empty()) {
            const std::string path = options_.folder + '/' + file_name(what.url(), names_);
            const http::download_result got = co_await http::download(web_, std::move(what), path);
            done.status = got.response().status();
            done.bytes = got.bytes();
            done.type = got.response().media_type();
        } else {
            http::response got = co_await web_.send(std::move(what));
            done.status = got.status();
            done.bytes = got.body().size();
            done.type = got.media_type();
            if (progress_.total == 1 && !options_.json) done.body = got.take_body();
        }
    }

    void report(const outcome& done) const {
        if (options_.json) {
            const boost::json::object line{{"url", done.url},     {"status", done.status},
                                           {"bytes", done.bytes}, {"seconds", done.seconds},
                                           {"type", done.type},   {"error", done.error}};
            std::cout << boost::json::serialize(line) << std::endl;
        } else if (!done.error.empty()) {
            std::cerr << "fetch: " << done.error << '\n';
        } else if (progress_.total == 1 && options_.folder.empty()) {
            std::cout << done.body;
            if (done.status >= 400) std::cerr << "fetch: status " << done.status << '\n';
        } else {
            std::printf("%d %10llu bytes %8.0f ms  %s\n", done.status,
                        static_cast<unsigned long long>(done.bytes), done.seconds * 1000, done.url.c_str());
        }
    }

    const options& options_;
    http::client web_;
    progress progress_;
    std::set<std::string> names_;
};

// Why it failed; empty when it did not. On the pool.
std::string make_folder(const std::string& path) {
    std::error_code failure;
    std::filesystem::create_directories(path, failure);
    return failure ? path + ": " + failure.message() : std::string();
}

tandem::task<int> fetch_all(options o) {
    if (o.from_input) {
        tandem::file_reader input = co_await tandem::file_reader::open("/dev/stdin");
        while (auto line = co_await input.read_line())
            if (!line->empty()) o.urls.push_back(std::move(*line));
    }
    if (!o.folder.empty()) {
        const std::string why = co_await tandem::offload(make_folder, o.folder);
        if (!why.empty()) {
            std::cerr << "fetch: " << why << '\n';
            co_return 3;
        }
    }
    fetcher all(o, o.urls.size());
    auto one = [&all](std::string url) { return all.fetch(std::move(url)); };
    const auto done = co_await tandem::concurrent_map(o.urls, o.limit, one);
    all.clear();
    int code = 0;
    for (const outcome& each : done)
        if (each.code != 0 && (code == 0 || each.code < code)) code = each.code;
    co_return code;
}

// ---- the site that is fetched from without arguments ----

tandem::task<http::server_response> answer(http::server_request request) {
    if (request.path() == "/missing") co_return http::server_response::plain_status(404);
    co_return http::server_response::text("this is " + std::string(request.path()) + '\n');
}

tandem::task<int> demonstrate() {
    http::server site(http::server_options().port(0).drain_timeout(std::chrono::milliseconds(100)), answer);
    site.listen();
    std::cerr << "fetching from a small site of this program (--help tells what else there is)\n";
    int good = -1;
    int bad = -1;
    const auto body = [&](tandem::task_group& group) -> tandem::task<> {
        group.spawn(&http::server::serve, &site);
        options o;
        for (int i = 1; i <= 8; ++i)
            o.urls.push_back(site.url() + "/page/" + std::to_string(i));
        good = co_await fetch_all(o);
        o.json = true;
        o.urls = {site.url() + "/missing", "http://127.0.0.1:1/", "no url"};
        bad = co_await fetch_all(o);
        site.stop();
    };
    co_await tandem::with_task_group(body);
    co_return good == 0 && bad == 2 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    try {
        const std::vector<std::string> arguments(argv + 1, argv + argc);
        if (arguments.empty()) return tandem::run(demonstrate);
        const options o = parse(arguments);
        if (o.help) {
            std::cout << help;
            return 0;
        }
        if (o.urls.empty() && !o.from_input) throw usage_error("no URL (--help shows how)");
        return tandem::run(fetch_all, o);
    } catch (const usage_error& e) {
        std::cerr << "fetch: " << e.what() << '\n';
        return 2;
    }
}
