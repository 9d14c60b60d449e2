// Finds the conformance data of other projects, which is not part of this one: where the environment variable
// TANDEM_CONFORMANCE says, else beside the checkout (tests/CMakeLists.txt). Whoever reads it skips what is
// not there, and says so.
#pragma once

#include <cstdlib>
#include <filesystem>

#ifndef TANDEM_SOURCE_DIR
#define TANDEM_SOURCE_DIR "."
#endif

namespace conformance {

inline std::filesystem::path directory() {
    if (const char* named = std::getenv("TANDEM_CONFORMANCE")) return named;
#ifdef TANDEM_CONFORMANCE_DIR
    return TANDEM_CONFORMANCE_DIR;
#else
    return std::filesystem::path(TANDEM_SOURCE_DIR) / ".." / "shared" / "conformance";
#endif
}

} // namespace conformance
