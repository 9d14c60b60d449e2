// A site without sockets: the innermost interceptor, which answers by itself. For tests in virtual time.
#pragma once

#include <tandem/http/client.hpp>
#include <tandem/http/response_builder.hpp>

#include <boost/system/errc.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tests {

using answer = tandem::http::result<tandem::http::response>;

// What it was asked is in `seen`, in order.
class stub_site final : public tandem::http::interceptor {
public:
    // `number` counts from 1.
    using function = std::function<tandem::task<answer>(const tandem::http::request& what, int number)>;
    explicit stub_site(function answers) : answers_(std::move(answers)) {}

    tandem::task<answer> send(tandem::http::request what, tandem::http::next rest) override {
        seen.push_back(what);
        deadlines.push_back(rest.deadline());
        answer got = co_await answers_(what, static_cast<int>(seen.size()));
        co_return got;
    }
    tandem::task<tandem::http::result<tandem::http::response_stream>> open(tandem::http::request what,
                                                                           tandem::http::next rest) override {
        answer got = co_await send(std::move(what), rest);
        if (!got) co_return tandem::http::result<tandem::http::response_stream>(std::move(got).error());
        co_return tandem::http::result<tandem::http::response_stream>(
            tandem::http::response_stream(std::move(*got)));
    }

    std::vector<tandem::http::request> seen;
    std::vector<tandem::scheduler::clock::time_point> deadlines;

private:
    function answers_;
};

inline std::shared_ptr<stub_site> site(stub_site::function answers) {
    return std::make_shared<stub_site>(std::move(answers));
}

// Answers at once.
inline std::shared_ptr<stub_site> site_of(std::function<answer(const tandem::http::request&, int)> answers) {
    return site([answers](const tandem::http::request& what, int number) -> tandem::task<answer> {
        co_return answers(what, number);
    });
}

inline tandem::http::response_builder reply(const tandem::http::request& what, int status = 200) {
    tandem::http::response_builder made(what.url());
    made.status(status).method(std::string(what.method_name()));
    return made;
}

inline tandem::http::error refused(const tandem::http::request& what,
                                   tandem::http::request_phase phase = tandem::http::request_phase::connect) {
    return tandem::http::error(phase,
                               boost::system::errc::make_error_code(boost::system::errc::connection_refused),
                               std::string(what.method_name()), what.url().redacted(), "refused");
}

} // namespace tests
