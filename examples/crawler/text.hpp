// Text from the network or the command line, made fit for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace crawler {

/// UTF-8 on one line, harmless to a terminal: control characters (C0, DEL, C1), what changes the direction of
/// writing, line separators and what is not UTF-8 are replaced by `?`. Longer than `most` bytes: cut, with
/// "..." behind.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most = 300);

/// One line on stderr: "tandem-crawl: ", then `text` made printable. On a terminal it replaces the progress
/// line. Thread-safe.
void complain(std::string_view text);

/// Whether stderr is a terminal that understands escape sequences.
[[nodiscard]] bool stderr_is_terminal();

} // namespace crawler
