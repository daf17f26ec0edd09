#include "interpose/leaks/thread_closure.hpp"

#include "interpose/leaks/heap_block.hpp"
#include "interpose/stacks/modules.hpp"

namespace vigil::shim::leaks {

std::size_t closure_bytes(void* (*function)(void*), void* argument) noexcept {
  // More is no closure: of old programs it would be a word of libstdc++'s own in front of a block that is shared.
  constexpr std::size_t kMost = 1U << 20U;
  find_allocator();
  const std::uint32_t library = library_with_allocator();
  if (library == 0 || argument == nullptr || module_at(reinterpret_cast<std::uintptr_t>(function)) != library) return 0;
  const std::size_t bytes = block_bytes(argument);
  return bytes <= kMost ? bytes : 0;
}

}  // namespace vigil::shim::leaks
