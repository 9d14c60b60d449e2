#include "tandem/http/request_body.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>

namespace tandem::http {

namespace {

class one_time_stream {
public:
    explicit one_time_stream(async_generator<std::string> pieces) noexcept : pieces_(std::move(pieces)) {}
    async_generator<std::string> take() {
        if (used_.exchange(true))
            throw std::logic_error("http::request_body: a body of stream_once() is sent a second time");
        return std::move(pieces_);
    }

private:
    async_generator<std::string> pieces_;
    std::atomic<bool> used_{false};
};

} // namespace

request_body request_body::bytes(std::string data) {
    request_body made;
    made.parts_.emplace_back(false, std::move(data));
    return made;
}

request_body request_body::file(std::string path) {
    request_body made;
    made.parts_.emplace_back(true, std::move(path));
    return made;
}

request_body request_body::stream(producer make, std::optional<std::uint64_t> length) {
    if (!make) throw std::invalid_argument("http::request_body::stream: nothing to call");
    request_body made;
    made.make_ = std::move(make);
    made.length_ = length;
    return made;
}

request_body request_body::stream_once(async_generator<std::string> pieces,
                                       std::optional<std::uint64_t> length) {
    auto shared = std::make_shared<one_time_stream>(std::move(pieces));
    request_body made = stream([shared] { return shared->take(); }, length);
    made.repeatable_ = false;
    return made;
}

request_body& request_body::append(request_body more) {
    if (is_stream() || more.is_stream())
        throw std::invalid_argument("http::request_body::append: a stream has no parts");
    for (part& p : more.parts_) {
        if (!p.is_file && !parts_.empty() && !parts_.back().is_file)
            parts_.back().text += p.text;
        else
            parts_.push_back(std::move(p));
    }
    return *this;
}

} // namespace tandem::http
