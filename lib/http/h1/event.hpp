// What a reader answers to the bytes that it is given.
#pragma once

#include <cstddef>
#include <string_view>

namespace tandem::http::h1 {

enum class event {
    need_more, ///< nothing (more) can be said before more bytes come
    interim,   ///< a 1xx response: see head(), until the next read; only where it was asked for
    head,      ///< start line and fields are there: see head()
    body,      ///< `data` is a piece of the body
    complete,  ///< the message is over; bytes not consumed belong to the next, or to another protocol
    failed,    ///< see error(); the connection is of no further use
};

/// One step of reading.
struct step {
    event what;
    std::size_t consumed;  ///< bytes to drop from the front, with every event (also need_more)
    std::string_view data; ///< event::body only: a view into the bytes given, within the consumed ones
};

} // namespace tandem::http::h1
