// Blocking calls on files, for pool threads. All throw system_error that names operation and path.
#pragma once

#include <tandem/system/file.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace tandem::detail {

[[noreturn]] void fail_on_file(int code, std::string_view operation, const std::string& path);

open_file open_path(const std::string& path, int flags);
std::size_t read_piece(int fd, const std::string& path, char* data, std::size_t size);
void write_all(int fd, const std::string& path, std::string_view data);
void sync_file(int fd, const std::string& path);
void close_file(open_file& file);

std::string read_whole(const std::string& path, std::size_t limit);
void replace_file(const std::string& path, std::string_view data);

} // namespace tandem::detail
