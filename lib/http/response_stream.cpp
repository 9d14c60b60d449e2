#include "tandem/http/response_stream.hpp"

#include "lib/http/body_source.hpp"
#include "lib/http/saving.hpp"

#include <utility>

namespace tandem::http {

response_stream::response_stream() noexcept = default;
response_stream::response_stream(response_info info, std::unique_ptr<body_source> source) noexcept
    : response_info(std::move(info)), source_(std::move(source)) {}
response_stream::response_stream(response whole)
    : response_info(static_cast<const response_info&>(whole)),
      whole_(std::make_unique<response>(std::move(whole))) {}
response_stream::response_stream(response_stream&&) noexcept = default;
response_stream& response_stream::operator=(response_stream&&) noexcept = default;
response_stream::~response_stream() = default;

task<result<std::string_view>> response_stream::try_read_some() {
    using progress = exchange::progress;
    if (whole_) {
        const std::string_view rest = std::string_view(whole_->body()).substr(read_);
        read_ += rest.size();
        co_return result<std::string_view>(rest);
    }
    if (!source_)
        co_return result<std::string_view>(error(request_phase::body, errc::already_read, "", "", ""));
    exchange& from = source_->exchange();
    if (source_->failed)
        co_return result<std::string_view>(error(request_phase::body, errc::already_read,
                                                 std::string(from.wanted().method_name()), url().redacted(),
                                                 "an earlier read has failed"));
    if (!source_->rest.empty())
        co_return result<std::string_view>(std::exchange(source_->rest, std::string_view()));
    for (;;) {
        std::string_view piece;
        const progress state = from.next_piece(piece);
        if (state == progress::piece || state == progress::done) co_return result<std::string_view>(piece);
        bool more = false;
        if (state == progress::need_input) {
            source_->failed = true; // a cancellation leaves it so
            more = co_await from.receive_body();
            source_->failed = false;
        }
        if (!more) {
            source_->failed = true;
            co_return result<std::string_view>(from.take_error());
        }
    }
}

task<std::string_view> response_stream::read_some() {
    auto piece = co_await try_read_some();
    co_return piece.value();
}

task<result<std::optional<std::string>>> response_stream::try_read_line(std::size_t limit) {
    using line_result = result<std::optional<std::string>>;
    std::optional<std::string> line;
    for (;;) {
        auto piece = co_await try_read_some();
        if (!piece) co_return line_result(std::move(piece).error());
        if (piece->empty()) co_return line_result(std::move(line));
        const std::size_t end = piece->find('\n');
        const std::string_view part = piece->substr(0, end);
        if (!line) line.emplace();
        if (part.size() > limit - line->size()) {
            if (whole_)
                whole_.reset();
            else
                source_->failed = true;
            co_return line_result(error(request_phase::limit, errc::line_too_long, method(), url().redacted(),
                                        "a line of more than " + std::to_string(limit) +
                                            " bytes (response_stream::read_line)"));
        }
        line->append(part);
        if (end == std::string_view::npos) continue;
        if (whole_)
            read_ -= piece->size() - (end + 1);
        else
            source_->rest = piece->substr(end + 1);
        if (line->ends_with('\r')) line->pop_back();
        co_return line_result(std::move(line));
    }
}

task<std::optional<std::string>> response_stream::read_line(std::size_t limit) {
    auto line = co_await try_read_line(limit);
    co_return std::move(line).value();
}

task<result<std::string>> response_stream::try_read_all(std::uint64_t limit) {
    std::string body;
    for (;;) {
        auto piece = co_await try_read_some();
        if (!piece) co_return result<std::string>(std::move(piece).error());
        if (piece->empty()) co_return result<std::string>(std::move(body));
        if (body.size() + piece->size() > limit) {
            if (whole_)
                co_return result<std::string>(error(request_phase::limit, errc::body_too_large, method(),
                                                    url().redacted(),
                                                    "the body is larger than " + std::to_string(limit) +
                                                        " bytes (response_stream::read_all)"));
            exchange& from = source_->exchange();
            from.limit_body(limit, "response_stream::read_all");
            from.fail_body_limit();
            source_->failed = true;
            co_return result<std::string>(from.take_error());
        }
        body.append(*piece);
    }
}

task<std::string> response_stream::read_all(std::uint64_t limit) {
    auto body = co_await try_read_all(limit);
    co_return std::move(body).value();
}

void response_stream::keep(std::shared_ptr<void> what) {
    kept_.push_back(std::move(what));
}

task<std::uint64_t> response_stream::to_file(std::string path) {
    return detail::save_whole(*this, std::move(path));
}

bool response_stream::done() const noexcept {
    if (whole_) return read_ == whole_->body().size();
    if (!source_ || source_->failed) return false;
    return source_->exchange().body_over() && source_->rest.empty();
}

const http::headers& response_stream::trailers() const noexcept {
    static const http::headers none;
    if (whole_) return whole_->trailers();
    return source_ ? source_->exchange().trailers() : none;
}

std::uint64_t response_stream::wire_bytes() const noexcept {
    if (whole_) return whole_->wire_bytes();
    return source_ ? source_->exchange().wire_bytes() : 0;
}

} // namespace tandem::http
