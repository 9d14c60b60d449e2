#include "tandem/http/download.hpp"

#include "lib/http/content_range.hpp"
#include "lib/http/saving.hpp"

#include <tandem/concurrency/with_cleanup.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/system/file.hpp>

#include <optional>
#include <stdexcept>

#include <sys/stat.h>

namespace tandem::http {

namespace {

constexpr std::string_view meta_head = "tandem download 1\n";
constexpr std::size_t most_meta = 128 * 1024;

// The part of a file that is there, and what it is a part of.
class part {
public:
    part() noexcept {}
    std::uint64_t bytes = 0;
    std::string tag; // strong; empty: not to be gone on with
};

std::string part_name(const std::string& path) {
    return path + ".part";
}
std::string meta_name(const std::string& path) {
    return path + ".part.meta";
}

// On a pool thread. A size of 0 for what is not there.
std::uint64_t size_of(const std::string& path) noexcept {
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < 0) return 0;
    return static_cast<std::uint64_t>(info.st_size);
}

void remove_both(const std::string& path) noexcept {
    detail::remove_quietly(part_name(path));
    detail::remove_quietly(meta_name(path));
}

std::string meta_text(const url& from, std::string_view tag) {
    std::string text(meta_head);
    text += from.without_fragment().href();
    text += '\n';
    text += tag;
    text += '\n';
    return text;
}

// What an earlier attempt has left; nothing where it does not say that it is a part of this URL.
task<part> find_part(const std::string& path, const url& from) {
    part found;
    std::string meta;
    try {
        meta = co_await read_file(meta_name(path), most_meta);
    } catch (const operation_cancelled&) {
        throw;
    } catch (const system_error&) {
        co_return found; // none
    }
    const std::string begin = meta_text(from, "");
    const std::string_view expected = std::string_view(begin).substr(0, begin.size() - 1);
    if (!meta.starts_with(expected) || !meta.ends_with('\n')) co_return found;
    found.tag = meta.substr(expected.size(), meta.size() - expected.size() - 1);
    if (found.tag.size() < 2 || found.tag.front() != '"' || found.tag.find('\n') != std::string::npos)
        co_return part();
    found.bytes = co_await offload(size_of, part_name(path));
    co_return found;
}

// The entity tag, if it is one that is equal only for what is the same byte by byte.
std::string strong_tag(const response_info& info) {
    const auto tag = info.headers().get("ETag");
    if (!tag || tag->size() < 2 || tag->front() != '"' || tag->back() != '"') return std::string();
    return std::string(*tag);
}

[[noreturn]] void fail(const response_info& info, errc code, std::string detail) {
    throw request_error(
        error(request_phase::response_head, code, info.method(), info.url().redacted(), std::move(detail)));
}

std::string status_text(const response_info& info) {
    std::string text = "status " + std::to_string(info.status());
    if (!info.reason().empty()) text += ' ' + info.reason();
    return text;
}

// What a 206 says, once it is clear that it is the part that was asked for.
content_range checked_range(const response_info& info, const part& have) {
    const auto field = info.headers().get_joined("Content-Range");
    const std::optional<content_range> range = parse_content_range(field.value_or(std::string()));
    if (!range || !range->first)
        fail(info, errc::bad_content_range,
             "206 with Content-Range \"" + field.value_or(std::string()).substr(0, 200) + "\"");
    if (*range->first != have.bytes)
        fail(info, errc::bad_content_range,
             "a part that begins at " + std::to_string(*range->first) + " instead of " +
                 std::to_string(have.bytes));
    const std::string tag = strong_tag(info);
    if (!tag.empty() && tag != have.tag)
        fail(info, errc::bad_content_range, "a part of another version than the one that was begun");
    return *range;
}

// One download; `have` is what stays when it fails.
class job {
public:
    job(client& web, request&& what, const std::string& path, download_options options)
        : web_(web), what_(std::move(what)), path_(path), options_(options) {}

    task<download_result> run() {
        if (options_.resume()) have_ = co_await find_part(path_, what_.url());
        if (have_.tag.empty()) have_.bytes = 0;
        std::uint64_t resumed_at = have_.bytes;
        for (;;) {
            response_stream body = co_await web_.open(next_request());
            std::optional<content_range> range;
            if (body.status() == 416 && have_.bytes != 0) {
                range = parse_content_range(body.headers().get("Content-Range").value_or(""));
                const bool whole = range && !range->first && range->total == have_.bytes;
                if (whole) co_return co_await finish(std::move(body), resumed_at);
                have_ = part(); // of no use: anew
                resumed_at = 0;
                continue;
            }
            if (body.status() == 206 && have_.bytes != 0) {
                range = checked_range(body, have_);
                most_ = range->last + 1;
            } else if (body.status() == 200) {
                resumed_at = 0;
                most_.reset();
                co_await begin_anew(body);
            } else {
                fail(body, errc::bad_status, status_text(body) + "; 200 or 206 is expected");
            }
            const std::uint64_t before = have_.bytes;
            co_await receive(body);
            if (range && have_.bytes != range->last + 1)
                fail(body, errc::bad_content_range,
                     "a part of " + std::to_string(have_.bytes - before) + " bytes that was said to have " +
                         std::to_string(range->last + 1 - before));
            // A server may send less than it was asked for.
            if (!range || !range->total || have_.bytes == *range->total)
                co_return co_await finish(std::move(body), resumed_at);
        }
    }

    // After all else.
    task<> tidy() {
        if (finished_ || !begun_) co_return;
        bool useless = have_.tag.empty();
        if (!useless && most_) { // more than was announced: nobody knows what that is
            const std::uint64_t size = co_await offload(size_of, part_name(path_));
            useless = size > *most_;
        }
        if (useless) co_await offload(remove_both, path_);
    }

private:
    request next_request() const {
        request next = what_;
        next.header("Accept-Encoding", "identity");
        if (have_.bytes != 0)
            next.header("Range", "bytes=" + std::to_string(have_.bytes) + '-').header("If-Range", have_.tag);
        return next;
    }

    task<> begin_anew(const response_info& info) {
        co_await offload(remove_both, path_); // in this order the two never belong to different versions
        have_ = part();
        have_.tag = strong_tag(info);
        begun_ = true;
        if (!have_.tag.empty())
            co_await write_file(meta_name(path_), meta_text(what_.url(), have_.tag), write_mode::replace);
    }

    task<> receive(response_stream& body) {
        begun_ = true;
        file_writer file = co_await file_writer::open(part_name(path_), open_mode::append);
        have_.bytes += co_await detail::pour(body, file);
        if (options_.sync()) co_await file.sync();
        co_await file.close();
    }

    task<download_result> finish(response_stream body, std::uint64_t resumed_at) {
        co_await offload(detail::rename_file, part_name(path_), path_);
        finished_ = true;
        co_await offload(detail::remove_quietly, meta_name(path_));
        co_return download_result(std::move(body), have_.bytes, resumed_at);
    }

    client& web_;
    request what_;
    const std::string& path_;
    download_options options_;
    part have_;
    std::optional<std::uint64_t> most_; // where the part ends at most, as the last 206 has it
    bool begun_ = false;
    bool finished_ = false;
};

} // namespace

task<download_result> download(client& web, request what, std::string path, download_options options) {
    for (const std::string_view taken : {"Range", "If-Range", "Accept-Encoding"})
        if (what.headers().contains(taken))
            throw std::invalid_argument("http::download: the request has a " + std::string(taken) +
                                        " of its own");
    job one(web, std::move(what), path, options);
    auto body = [&one] { return one.run(); };
    auto tidy = [&one] { return one.tidy(); };
    co_return co_await with_cleanup(body, tidy);
}

} // namespace tandem::http
