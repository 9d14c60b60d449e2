// The library's own harness, under the tests' names.
#pragma once

#include <tandem/testing/cancel_everywhere.hpp>

#include "tests/support/tasks.hpp"

namespace tests {

using tandem::test::cancel_everywhere;

} // namespace tests
