// A malloc of its own for the programs that are linked to it, or have it preloaded beside the shim, as others have
// jemalloc: the shim's memory is none of it, and what one side allocates the other never frees.
#include "test/interpose/ends/own_malloc.hpp"

#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace {

constexpr std::size_t kArena = std::size_t{64} << 20;  // bytes; nothing is ever given back
constinit std::atomic<std::size_t> used{0};
constinit std::atomic<unsigned> freed{0};
constinit std::atomic<unsigned> strangers{0};  // pointers freed here that did not come from here
#if defined(OWN_MALLOC_IS_PRELOADED)
constexpr bool dies_of_strangers = true;  // nobody asks
#else
constexpr bool dies_of_strangers = false;
#endif
alignas(64) char arena[kArena];

// As jemalloc does: handlers that come between the shim's own, for they are there before it. More locks than the shim
// has memory at hand for.
pthread_mutex_t fork_locks[1000];
void make_locks() {
  for (auto& lock : fork_locks) pthread_mutex_init(&lock, nullptr);  // NOLINT(misc-non-copyable-objects): by reference
}
void keep_whole_in_fork() {
  static constinit std::atomic<bool> done{false};
  if (done.exchange(true)) return;  // once; registering may allocate in turn
  pthread_atfork([] { pthread_mutex_lock(&fork_locks[0]); }, [] { pthread_mutex_unlock(&fork_locks[0]); }, make_locks);
}

void* take(std::size_t bytes, std::size_t alignment) {
  const std::size_t whole = 16 + alignment + ((bytes + 15) & ~std::size_t{15});
  const std::size_t at = used.fetch_add(whole, std::memory_order_relaxed);  // relaxed: only a place, nobody shares it
  if (at + whole > kArena) return nullptr;
  char* const begin = arena + at + 16;
  char* const aligned = begin + (alignment - reinterpret_cast<std::size_t>(begin) % alignment) % alignment;
  std::memcpy(aligned - 8, &bytes, sizeof bytes);
  return aligned;
}

}  // namespace

extern "C" {
void* malloc(std::size_t bytes) {
  keep_whole_in_fork();
  return take(bytes, 16);
}
void free(void* memory) {
  if (memory == nullptr) return;
  ++freed;
  if (memory >= arena && memory < arena + kArena) return;
  ++strangers;
  if (dies_of_strangers) std::abort();
}
void* calloc(std::size_t count, std::size_t bytes) { return take(count * bytes, 16); }  // the arena is zero
void* realloc(void* before, std::size_t bytes) {
  void* const after = take(bytes, 16);
  if (before != nullptr && after != nullptr) {
    std::size_t old = 0;
    std::memcpy(&old, static_cast<char*>(before) - 8, sizeof old);
    std::memcpy(after, before, old < bytes ? old : bytes);
    free(before);
  }
  return after;
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return take(bytes, alignment); }
void* memalign(std::size_t alignment, std::size_t bytes) { return take(bytes, alignment); }
int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) {
  *out = take(bytes, alignment);
  return *out == nullptr ? ENOMEM : 0;
}
}

namespace vigil::test {
OwnMallocCounts own_malloc_counts() noexcept { return {.used = used, .freed = freed, .strangers = strangers}; }
}  // namespace vigil::test
