// Waiting for sockets: lib/core/descriptor_wait.hpp with the names of this room.
#pragma once

#include "lib/core/descriptor_wait.hpp"

namespace tandem::net {

using tandem::detail::descriptor;

[[nodiscard]] inline tandem::detail::wait_operation wait_for(descriptor& fd,
                                                             descriptor::wait_type what) noexcept {
    return tandem::detail::wait_for(fd, what, "socket");
}

} // namespace tandem::net
