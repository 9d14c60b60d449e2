// What a transfer of bytes gives: how many, or why not.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <type_traits>

namespace tandem {

class io_result {
public:
    io_result() noexcept {}
    explicit io_result(std::size_t n) noexcept : bytes(n) {}
    explicit io_result(boost::system::error_code ec, std::size_t n = 0) noexcept : error(ec), bytes(n) {}
    // An unscoped enumerator (asio::error::eof) would be taken for a number of bytes: say error_code(...).
    template <class Enumerator>
        requires std::is_enum_v<Enumerator>
    explicit io_result(Enumerator, std::size_t = 0) = delete;

    boost::system::error_code error;
    std::size_t bytes =
        0; // transferred, also before a failure; a read of 0 bytes without error is the end of the stream
};

} // namespace tandem
