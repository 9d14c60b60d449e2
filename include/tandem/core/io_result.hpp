// What a transfer of bytes gives: how many, or why not.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstddef>

namespace tandem {

class io_result {
public:
    io_result() noexcept {}
    explicit io_result(std::size_t n) noexcept : bytes(n) {}
    explicit io_result(boost::system::error_code ec, std::size_t n = 0) noexcept : error(ec), bytes(n) {}

    boost::system::error_code error;
    std::size_t bytes =
        0; // transferred, also before a failure; a read of 0 bytes without error is the end of the stream
};

} // namespace tandem
