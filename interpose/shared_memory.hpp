// Memory of files that is mapped to be shared: what lies in it may be had at several addresses, and is one object all
// the same. Locks for several processes are meant for that; they order by what they are as well as by where they lie.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>

namespace vigil::shim::shared_memory {

namespace detail {
extern constinit std::atomic<bool> is_there;  // relaxed: whoever uses such memory was given it
const void* identity_of(const volatile void* object) noexcept;
}  // namespace detail

// [at, at + size) shows that file from offset on, for reading and writing; or goes. Each keeps errno.
void mapped(const void* at, std::size_t size, int file, off_t offset) noexcept;
void unmapped(const void* at, std::size_t size) noexcept;

// What stands for that object wherever it is mapped, an address that nothing can have; null: it lies in no such memory.
inline const void* identity_of(const volatile void* object) noexcept {
  return detail::is_there.load(std::memory_order_relaxed) ? detail::identity_of(object) : nullptr;
}

}  // namespace vigil::shim::shared_memory
