// Sending bodies that do not go out with the head: large ones, files, streams. The response is listened for
// meanwhile.
#include "lib/http/exchange.hpp"

#include <tandem/concurrency/detail/join.hpp>
#include <tandem/concurrency/move_on_after.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/system/file.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>

#include <sys/stat.h>

namespace tandem::http {

namespace {

constexpr std::size_t piece_size = 64 * 1024;

// The body's source has failed, not the network: nobody will answer, so the listener must be stopped.
class body_failure : public std::exception {
public:
    body_failure(const error_code& c, std::string t) : code(c), text(std::move(t)) {}
    const char* what() const noexcept override { return text.c_str(); }
    error_code code;
    std::string text;
};

[[noreturn]] void wrong_length(const std::string& what) {
    throw body_failure(errc::body_length_mismatch, what);
}

class file_size {
public:
    file_size() noexcept {}
    error_code failure;
    std::optional<std::uint64_t> bytes; // nothing for what is no regular file
};

// On a pool thread.
file_size size_of(const std::string& path) {
    file_size found;
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0)
        found.failure = error_code(errno, boost::system::system_category());
    else if (S_ISREG(info.st_mode))
        found.bytes = static_cast<std::uint64_t>(info.st_size);
    return found;
}

} // namespace

// Asks for the sizes of files. They are asked for again when the body is sent again.
task<bool> exchange::measure_body() {
    const request_body& body = *request_.streamed_body();
    part_sizes_.clear();
    for (const request_body::part& part : body.parts()) {
        std::optional<std::uint64_t> bytes = part.text.size();
        if (part.is_file) {
            const file_size found = co_await offload(size_of, part.text);
            if (found.failure) {
                fail(request_phase::send, found.failure,
                     "open " + part.text + ": " + found.failure.message());
                co_return false;
            }
            bytes = found.bytes;
        }
        part_sizes_.push_back(bytes);
    }
    co_return true;
}

h1::body_plan exchange::plan_body() const {
    const request_body* const body = request_.streamed_body();
    if (!body) return h1::body_plan::length(request_.body().size());
    if (body->is_stream())
        return body->stream_length() ? h1::body_plan::length(*body->stream_length())
                                     : h1::body_plan::chunked();
    std::uint64_t total = 0;
    for (const std::optional<std::uint64_t>& size : part_sizes_) {
        if (!size) return h1::body_plan::chunked();
        total += *size;
    }
    return h1::body_plan::length(total);
}

task<error_code> exchange::upload_piece(std::string_view data) {
    while (!data.empty()) {
        const std::string_view piece = data.substr(0, piece_size);
        data.remove_prefix(piece.size());
        set_deadline(home_->now(), client_.options.first_byte_timeout(),
                     "client_options::first_byte_timeout");
        const io_result sent = co_await wire_->send_piece(piece);
        if (sent.error) co_return sent.error;
        tell_sent(piece.size());
    }
    co_return error_code();
}

task<error_code> exchange::upload_file(const std::string& path, std::optional<std::uint64_t> length) {
    std::string buffer(piece_size, '\0');
    std::optional<file_reader> file;
    std::uint64_t left = length.value_or(h1::limits::no_limit);
    while (left > 0) {
        std::size_t size = 0;
        try {
            if (!file) file.emplace(co_await file_reader::open(path));
            size = co_await file->read_some(buffer.data(), std::min<std::uint64_t>(buffer.size(), left));
        } catch (const operation_cancelled&) {
            throw;
        } catch (const system_error& e) {
            throw body_failure(e.code(), e.what());
        }
        if (size == 0) {
            if (!length) break;
            wrong_length(path + " became " + std::to_string(left) + " bytes shorter while it was sent");
        }
        left -= size;
        const error_code failure = co_await upload_piece(std::string_view(buffer).substr(0, size));
        if (failure) co_return failure;
    }
    co_return error_code();
}

task<error_code> exchange::upload_stream(const request_body& body) {
    async_generator<std::string> pieces = body.stream_producer()();
    std::uint64_t left = body.stream_length().value_or(h1::limits::no_limit);
    for (;;) {
        // However long the next piece takes, that is no fault of the peer's.
        set_deadline(home_->now(), std::chrono::nanoseconds(0), "");
        const std::optional<std::string> piece = co_await pieces.next();
        if (!piece) break;
        if (piece->size() > left)
            wrong_length("the body is longer than the " + std::to_string(*body.stream_length()) +
                         " bytes that were announced");
        left -= piece->size();
        const error_code failure = co_await upload_piece(*piece);
        if (failure) co_return failure;
    }
    if (body.stream_length() && left > 0)
        wrong_length("the body ended " + std::to_string(left) + " bytes before the " +
                     std::to_string(*body.stream_length()) + " that were announced");
    co_return error_code();
}

void exchange::tell_sent(std::size_t bytes) {
    sent_bytes_ += bytes;
    if (!request_.on_upload()) return;
    const h1::body_plan plan = plan_body();
    std::optional<std::uint64_t> total;
    if (plan.framing() != h1::framing::chunked) total = plan.bytes();
    request_.on_upload()(transfer(sent_bytes_, total));
}

// Until the server says go on, or has had its time to say it.
task<> exchange::await_continue() {
    co_await move_on_after(*request_.continue_wait(), go_ahead_.wait());
}

task<> exchange::upload_all() {
    const io_result head = co_await wire_->send_head();
    error_code failure = head.error;
    if (!failure && expecting_) co_await await_continue();
    body_begun_ = true;
    const request_body* const body = request_.streamed_body();
    if (!failure && !body) failure = co_await upload_piece(request_.body());
    if (!failure && body && body->is_stream()) failure = co_await upload_stream(*body);
    if (body && !body->is_stream()) {
        for (std::size_t i = 0; i < part_sizes_.size() && !failure; ++i) {
            const request_body::part& part = body->parts()[i];
            if (part.is_file)
                failure = co_await upload_file(part.text, part_sizes_[i]);
            else
                failure = co_await upload_piece(part.text);
        }
    }
    if (!failure) {
        const io_result end = co_await wire_->send_end();
        failure = end.error;
    }
    sent_all_ = !failure;
    if (sent_all_)
        set_deadline(home_->now(), client_.options.first_byte_timeout(),
                     "client_options::first_byte_timeout");
    else if (!task_context::current()->cancelled() && !error_)
        fail_io(request_phase::send, failure);
}

task<> exchange::upload() {
    try {
        co_await upload_all();
    } catch (const operation_cancelled&) {
        // The answer came first, or the listener tells the same.
    }
}

task<bool> exchange::answer_early(task_context& uploader, const bool& uploaded, attempt& outcome) {
    outcome = co_await read_head();
    if (!uploaded) uploader.request_cancel(); // nobody wants the rest of the body
    co_return true;
}

task<exchange::attempt> exchange::send_large() {
    sent_all_ = false;
    attempt outcome = attempt::failed;
    tandem::detail::child<void> sender(upload());
    tandem::detail::child<bool> listener(answer_early(sender, sender.ended, outcome));
    tandem::detail::join both(tandem::detail::join_policy::cancel_on_failure, "request body");
    both.add(sender);
    both.add(listener);
    co_await both;
    if (outcome == attempt::head) { // the sender may have failed after the answer had come
        error_.reset();
        co_return outcome;
    }
    if (both.first_failure()) {
        try {
            std::rethrow_exception(both.first_failure());
        } catch (const body_failure& why) {
            fail(request_phase::send, why.code, why.text);
            co_return attempt::failed;
        }
    }
    co_return outcome;
}

} // namespace tandem::http
