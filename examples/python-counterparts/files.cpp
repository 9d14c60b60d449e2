// What aiofiles is for: files, read and written on the pool while the loop goes on.
#include "expect.hpp"

#include <tandem/tandem.hpp>

#include <filesystem>
#include <string>
#include <system_error>

#include <unistd.h>

// Python:  async with aiofiles.open(path) as file: text = await file.read()
tandem::task<> whole(std::string path) {
    // Beside it, then renamed: a reader, or the time after a crash, sees the old text or the new one.
    co_await tandem::write_file(path, "one\n", tandem::write_mode::replace);
    co_await tandem::append_file(path, "two\n");
    const std::string text = co_await tandem::read_file(path); // at most 256 MiB, unless told otherwise
    expect(text == "one\ntwo\n");
    bool missing = false;
    try {
        co_await tandem::read_file(path + ".not-there");
    } catch (const tandem::system_error& e) { // names the operation and the path
        missing = e.code() == std::errc::no_such_file_or_directory;
    }
    expect(missing);
}

// Python:  async for line in file: ...
tandem::task<> line_by_line(std::string path) {
    auto file = co_await tandem::file_reader::open(path);
    std::string lines;
    while (auto line = co_await file.read_line()) // without its "\n"; with a limit
        lines += *line + ';';
    expect(lines == "one;two;");
}

// Python:  await file.write(piece); await file.flush(); os.fsync(file.fileno())
tandem::task<> piece_by_piece(std::string path) {
    auto file = co_await tandem::file_writer::open(path, tandem::open_mode::append);
    const std::string piece = "three\n";
    co_await file.write(piece);
    co_await file.sync();  // is on the disk
    co_await file.close(); // where some file systems tell of failed writes
    expect(file.bytes_written() == 6);
}

tandem::task<> all(std::string path) {
    co_await whole(path);
    co_await line_by_line(path);
    co_await piece_by_piece(path);
}

int main() {
    const auto path = std::filesystem::temp_directory_path() / ("tandem-files-" + std::to_string(::getpid()));
    const int code = tandem::run(all, path.string());
    std::filesystem::remove(path);
    return code;
}
