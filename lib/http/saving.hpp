// Bodies into files.
#pragma once

#include <tandem/core/task.hpp>
#include <tandem/http/response_stream.hpp>
#include <tandem/system/file.hpp>

#include <cstdint>
#include <string>

namespace tandem::http::detail {

/// The rest of the body, in large pieces; gives the number of bytes.
task<std::uint64_t> pour(response_stream& from, file_writer& into);

/// response_stream::to_file.
task<std::uint64_t> save_whole(response_stream& from, std::string path);

// Blocking calls, for pool threads.
void rename_file(const std::string& from, const std::string& to); // throws system_error
void remove_quietly(const std::string& path) noexcept;

} // namespace tandem::http::detail
