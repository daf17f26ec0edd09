// What own_malloc.cpp has seen so far.
#pragma once

#include <cstddef>

namespace vigil::test {

struct OwnMallocCounts {
  std::size_t used;    // bytes
  unsigned freed;      // blocks
  unsigned strangers;  // freed here, though they did not come from here
};
OwnMallocCounts own_malloc_counts() noexcept;

}  // namespace vigil::test
