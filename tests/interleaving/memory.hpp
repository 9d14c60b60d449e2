// Memory that is freed during an execution is filled with a pattern and kept until the execution's end.
#pragma once

namespace explore {

void release_quarantine() noexcept;

} // namespace explore
