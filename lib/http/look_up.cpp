#include "lib/http/look_up.hpp"

#include <tandem/concurrency/with_timeout.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>

#include <exception>
#include <utility>
#include <vector>

namespace tandem::http {

namespace {

net::resolve_result failure(const error_code& error, std::string detail) {
    net::resolve_result result;
    result.error = error;
    result.detail = std::move(detail);
    return result;
}

net::resolve_result parse_all(const std::vector<std::string>& texts) {
    net::resolve_result result;
    for (const std::string& text : texts) {
        if (result.addresses.size() == net::most_addresses) break;
        error_code wrong;
        const net::ip_address address = boost::asio::ip::make_address(text, wrong);
        if (wrong || text.find('%') != std::string::npos)
            return failure(boost::asio::error::no_recovery,
                           "client_options::resolver gave what is no address: " + text.substr(0, 100));
        result.addresses.push_back(address);
    }
    if (result.addresses.empty())
        return failure(boost::asio::error::host_not_found, "client_options::resolver gave no address");
    return result;
}

bool needs_no_look_up(const std::string& host) {
    error_code no_address;
    boost::asio::ip::make_address(host, no_address);
    return !no_address || host == "localhost" || host.ends_with(".localhost") || host == "localhost." ||
           host.ends_with(".localhost.");
}

task<net::resolve_result> ask(const client_options& options, std::string host,
                              scheduler::clock::time_point deadline) {
    try {
        const client_options::resolver_function& function = options.resolver();
        std::vector<std::string> texts;
        if (deadline == scheduler::clock::time_point::max())
            texts = co_await function(std::move(host));
        else
            texts = co_await with_deadline(deadline, function(std::move(host)));
        co_return parse_all(texts);
    } catch (const operation_cancelled&) {
        throw;
    } catch (const timeout_error&) {
        co_return failure(boost::asio::error::timed_out, "client_options::resolver did not answer in time");
    } catch (const std::exception& wrong) {
        co_return failure(boost::asio::error::host_not_found,
                          std::string("client_options::resolver: ") + wrong.what());
    }
}

} // namespace

task<net::resolve_result> look_up(const client_options& options, std::string host,
                                  scheduler::clock::time_point deadline) {
    if (const std::vector<std::string>* const given = options.resolved(host)) co_return parse_all(*given);
    if (options.resolver() && !needs_no_look_up(host))
        co_return co_await ask(options, std::move(host), deadline);
    net::resolver& names = net::resolver_of(task_context::current()->home());
    co_return co_await names.resolve(std::move(host), deadline);
}

} // namespace tandem::http
