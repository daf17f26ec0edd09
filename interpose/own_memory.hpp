// Memory of the shim's own, straight from mmap: never the host's malloc, so it may be used inside any wrapper.
// Blocks are cut from size classes and reused; nothing is handed back to the system before exit.
// Safe from any thread; not from a signal handler that interrupted it (the re-entry guard sees to that).
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include <tsl/robin_map.h>
#include <tsl/robin_set.h>

namespace vigil::shim {

// A larger block is a mapping of its own: fresh pages, all zero.
inline constexpr std::size_t kLargestOwnBlock = 128U << 10;  // bytes

// bytes > 0; alignment a power of two up to 4096. Never null: when the system has no more, the shim says so in one
// line and the process's shim goes Off; the caller still gets usable memory from a last reserve or the process aborts
// inside the shim's own trouble path (see own_memory.cpp).
void* own_allocate(std::size_t bytes, std::size_t alignment = 16) noexcept;
void own_free(void* block, std::size_t bytes, std::size_t alignment = 16) noexcept;
// The calling thread ends: the few blocks that it kept for itself are everybody's. It may still use both functions.
void give_back_kept_memory() noexcept;
// Bytes mapped so far, for the log and for tests.
std::size_t own_memory_mapped() noexcept;

template <class T>
struct OwnAllocator {
  using value_type = T;
  OwnAllocator() noexcept = default;
  template <class U>
  OwnAllocator(const OwnAllocator<U>& /*other*/) noexcept {}
  // NOLINTBEGIN(bugprone-sizeof-expression): T may well be a pointer
  T* allocate(std::size_t n) noexcept { return static_cast<T*>(own_allocate(n * sizeof(T), alignof(T))); }
  void deallocate(T* p, std::size_t n) noexcept { own_free(p, n * sizeof(T), alignof(T)); }
  // NOLINTEND(bugprone-sizeof-expression)
  friend bool operator==(OwnAllocator /*a*/, OwnAllocator /*b*/) noexcept { return true; }
};

template <class T>
using OwnVector = std::vector<T, OwnAllocator<T>>;
template <class T>
using OwnDeque = std::deque<T, OwnAllocator<T>>;
template <class K, class V, class Hash = std::hash<K>>
using OwnMap = tsl::robin_map<K, V, Hash, std::equal_to<K>, OwnAllocator<std::pair<K, V>>>;
template <class K, class Hash = std::hash<K>>
using OwnSet = tsl::robin_set<K, Hash, std::equal_to<K>, OwnAllocator<K>>;

// Objects that live until the process ends.
template <class T, class... Args>
T* own_new(Args&&... args) {
  return ::new (own_allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
}
// A table whose bytes are zero where nothing was put, and which is used here and there. It is not written to, so of its
// pages those become memory that are used. T: all zero is its initial value. To be given back by own_delete().
template <class T>
T* own_new_sparse() noexcept {
  static_assert(sizeof(T) > kLargestOwnBlock, "a smaller one may lie where something else has been");
  return static_cast<T*>(own_allocate(sizeof(T), alignof(T)));
}
template <class T>
void own_delete(T* object) noexcept {
  if (object == nullptr) return;
  object->~T();
  own_free(object, sizeof(T), alignof(T));
}

}  // namespace vigil::shim
