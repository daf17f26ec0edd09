// Wrappers of the allocator. Each call jumps through a table: to the allocator itself while nobody watches, which costs
// a plain program one instruction, else to the functions here.
//
// The table begins with functions that find the allocator first. Finding it may allocate: such early blocks come from a
// fixed buffer, and free() knows them. Compiled with optimisation in every preset, so that the jumps are jumps: the
// place of a call is read from its return address.
#include <malloc.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "interpose/export.hpp"
#include "interpose/heap.hpp"
#include "interpose/libc_function.hpp"
#include "interpose/lifecycle.hpp"
#include "interpose/locks/find_lock.hpp"
#include "interpose/locks/pthread_events.hpp"
#include "interpose/race/engine_mode.hpp"
#include "interpose/real_calls.hpp"

using namespace vigil::shim;  // the wrappers stand outside every namespace

namespace {

using heap::RealHeap;

[[gnu::always_inline]] inline std::uintptr_t caller() noexcept {
  return reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
}

// ---- before the allocator is known ----------------------------------------------------------------------------------

alignas(16) constinit char early_room[32U << 10U] = {};
constinit std::atomic<std::size_t> early_used{0};

void* early_block(std::size_t size, std::size_t alignment = 16) noexcept {
  const std::size_t wanted = (size + 15) / 16 * 16 + alignment + 16;
  const std::size_t at = early_used.fetch_add(wanted, std::memory_order_relaxed);
  if (at + wanted > sizeof(early_room)) return nullptr;
  const auto begin = reinterpret_cast<std::uintptr_t>(early_room) + at + 16;
  auto* const block = reinterpret_cast<void*>((begin + alignment - 1) / alignment * alignment);
  reinterpret_cast<std::size_t*>(block)[-1] = size;
  return block;
}
bool is_early(const void* block) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(block);
  const auto room = reinterpret_cast<std::uintptr_t>(early_room);
  return at >= room && at < room + sizeof(early_room);
}
std::size_t early_size(const void* block) noexcept { return static_cast<const std::size_t*>(block)[-1]; }

constinit RealHeap real{};
constinit std::atomic<bool> real_known{false};
thread_local constinit bool finding __attribute__((tls_model("initial-exec"))) = false;

template <class Pointer>
void find(Pointer& slot, const char* name) noexcept {
  auto found = reinterpret_cast<Pointer>(find_real(name));
  __atomic_store(&slot, &found, __ATOMIC_RELAXED);
}

// False: this thread is just about it.
bool find_allocator() noexcept {
  if (real_known.load(std::memory_order_acquire)) return true;
  if (finding) return false;
  finding = true;
  find(real.malloc, "malloc");
  find(real.calloc, "calloc");
  find(real.realloc, "realloc");
  find(real.free, "free");
  find(real.posix_memalign, "posix_memalign");
  find(real.aligned_alloc, "aligned_alloc");
  find(real.memalign, "memalign");
  find(real.valloc, "valloc");
  find(real.pvalloc, "pvalloc");
  find(real.usable_size, "malloc_usable_size");
  real.is_libcs = is_libcs(reinterpret_cast<const void*>(real.free));
  finding = false;
  real_known.store(true, std::memory_order_release);
  return true;
}

// ---- locks in what is freed -----------------------------------------------------------------------------------------

constinit std::atomic<bool> frees_tell{
    false};  // a lock is known: std::mutex does not say when it goes, its memory does

void forget_locks_in(void* block) noexcept {
  if (inside_shim) return;
  const auto low = reinterpret_cast<std::uintptr_t>(block);
  const std::uintptr_t high = low + real.usable_size(block);
  if (locks::may_hold_locks(low, high)) record([&] { locks::locks_freed(low, high); });
}

void telling_free(void* block) noexcept {
  if (block == nullptr || is_early(block)) return;
  forget_locks_in(block);
  real.free(block);
}

// ---- watched --------------------------------------------------------------------------------------------------------

void* told(void* block, std::size_t size, std::uintptr_t pc) noexcept {
  heap::allocated(real, block, size, pc);
  return block;
}

void* watched_malloc(std::size_t size) noexcept { return told(real.malloc(size), size, caller()); }
void* watched_calloc(std::size_t count, std::size_t size) noexcept {
  const std::uintptr_t pc = caller();
  void* const made = told(real.calloc(count, size), count * size, pc);  // no overflow, or there is no block
  heap::filled(made, count * size, pc);
  return made;
}
void watched_free(void* block) noexcept {
  if (block == nullptr || is_early(block)) return;
  if (frees_tell.load(std::memory_order_relaxed)) forget_locks_in(block);
  heap::free_later(real, block, caller());
}
// As a new block, a copy into it and a free, all of which others may race with: in place the allocator might hand the
// old end out before anybody knew. What is mapped by itself (128 KiB and more) moves by mapping, which a copy would
// not.
void* watched_realloc(void* block, std::size_t size) noexcept {
  constexpr std::size_t kMovedByMapping = 128U << 10U;
  const std::uintptr_t pc = caller();
  if (block == nullptr) return told(real.malloc(size), size, pc);
  const std::size_t old = is_early(block) ? early_size(block) : real.usable_size(block);
  // All that the old block has room for is copied, for a program may have asked; what the copy writes in the program's
  // eyes is what it had asked for: the rest of the new block is as fresh as malloc's.
  const std::size_t written = std::min(is_early(block) ? old : heap::asked_for(block, old), size);
  if (!is_early(block) && (size == 0 || (old >= kMovedByMapping && size >= kMovedByMapping))) {
    heap::freeing(real, block, pc);
    void* const moved = real.realloc(block, size);
    if (moved == nullptr && size != 0) told(block, old, pc);  // it is still there
    if (moved == nullptr) return nullptr;
    told(moved, size, pc);
    heap::filled(moved, written, pc);
    return moved;
  }
  void* const made = real.malloc(size);
  if (made == nullptr) return nullptr;
  told(made, size, pc);
  std::memcpy(made, block, std::min(old, size));
  heap::filled(made, written, pc);
  if (!is_early(block)) heap::free_later(real, block, pc);
  return made;
}
int watched_posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
  const int rc = real.posix_memalign(block, alignment, size);
  if (rc == 0) told(*block, size, caller());
  return rc;
}
void* watched_aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return told(real.aligned_alloc(alignment, size), size, caller());
}
void* watched_memalign(std::size_t alignment, std::size_t size) noexcept {
  return told(real.memalign(alignment, size), size, caller());
}
void* watched_valloc(std::size_t size) noexcept { return told(real.valloc(size), size, caller()); }
void* watched_pvalloc(std::size_t size) noexcept { return told(real.pvalloc(size), size, caller()); }

constexpr RealHeap kWatched{
    watched_malloc,        watched_calloc,   watched_realloc, watched_free,    watched_posix_memalign,
    watched_aligned_alloc, watched_memalign, watched_valloc,  watched_pvalloc, nullptr};

// ---- which of them --------------------------------------------------------------------------------------------------

extern constinit RealHeap calls;

template <class Pointer>
void point(Pointer& slot, Pointer function) noexcept {
  __atomic_store(&slot, &function, __ATOMIC_RELAXED);  // each word by itself: either function is right
}
void point_all(const RealHeap& to) noexcept {
  point(calls.malloc, to.malloc);
  point(calls.calloc, to.calloc);
  point(calls.realloc, to.realloc);
  point(calls.free, to.free);
  point(calls.posix_memalign, to.posix_memalign);
  point(calls.aligned_alloc, to.aligned_alloc);
  point(calls.memalign, to.memalign);
  point(calls.valloc, to.valloc);
  point(calls.pvalloc, to.pvalloc);
}

// As long as it is not decided who watches, and as long as early blocks may come back.
bool settle() noexcept {
  if (!find_allocator()) return false;
  if (heap::is_watched()) {
    point_all(kWatched);
  } else if (race::engine_mode() != race::EngineMode::Undecided && early_used.load(std::memory_order_relaxed) == 0) {
    point_all(real);
    if (frees_tell.load(std::memory_order_relaxed)) point<void (*)(void*)>(calls.free, telling_free);
  }
  return true;
}

void* first_malloc(std::size_t size) noexcept { return settle() ? real.malloc(size) : early_block(size); }
void* first_calloc(std::size_t count, std::size_t size) noexcept {
  return settle() ? real.calloc(count, size) : early_block(count * size);  // the buffer is zero, and used once
}
void first_free(void* block) noexcept {
  if (block != nullptr && !is_early(block) && settle()) real.free(block);
}
void* first_realloc(void* block, std::size_t size) noexcept {
  if (!settle()) {
    void* const made = early_block(size);
    if (made != nullptr && block != nullptr)
      std::memcpy(made, block, early_size(block) < size ? early_size(block) : size);
    return made;
  }
  if (!is_early(block)) return real.realloc(block, size);
  void* const made = real.malloc(size);
  if (made != nullptr) std::memcpy(made, block, early_size(block) < size ? early_size(block) : size);
  return made;
}
int first_posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
  if (settle()) return real.posix_memalign(block, alignment, size);
  *block = early_block(size, alignment);
  return *block != nullptr ? 0 : ENOMEM;
}
void* first_aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return settle() ? real.aligned_alloc(alignment, size) : early_block(size, alignment);
}
void* first_memalign(std::size_t alignment, std::size_t size) noexcept {
  return settle() ? real.memalign(alignment, size) : early_block(size, alignment);
}
void* first_valloc(std::size_t size) noexcept { return settle() ? real.valloc(size) : early_block(size, 4096); }
void* first_pvalloc(std::size_t size) noexcept { return settle() ? real.pvalloc(size) : early_block(size, 4096); }

constinit RealHeap calls{first_malloc,        first_calloc,   first_realloc, first_free,    first_posix_memalign,
                         first_aligned_alloc, first_memalign, first_valloc,  first_pvalloc, nullptr};

}  // namespace

namespace vigil::shim::heap {
void watch_calls() noexcept {
  if (find_allocator()) point_all(kWatched);
}
}  // namespace vigil::shim::heap

namespace vigil::shim::locks {
void watch_frees() noexcept {
  if (!find_allocator()) return;
  frees_tell.store(true, std::memory_order_relaxed);
  if (!heap::is_watched()) point<void (*)(void*)>(calls.free, telling_free);
}
}  // namespace vigil::shim::locks

extern "C" VIGIL_EXPORT void* malloc(std::size_t size) noexcept { return calls.malloc(size); }
extern "C" VIGIL_EXPORT void* calloc(std::size_t count, std::size_t size) noexcept { return calls.calloc(count, size); }
extern "C" VIGIL_EXPORT void* realloc(void* block, std::size_t size) noexcept { return calls.realloc(block, size); }
extern "C" VIGIL_EXPORT void free(void* block) noexcept { return calls.free(block); }
extern "C" VIGIL_EXPORT int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
  return calls.posix_memalign(block, alignment, size);
}
extern "C" VIGIL_EXPORT void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return calls.aligned_alloc(alignment, size);
}
extern "C" VIGIL_EXPORT void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return calls.memalign(alignment, size);
}
extern "C" VIGIL_EXPORT void* valloc(std::size_t size) noexcept { return calls.valloc(size); }
extern "C" VIGIL_EXPORT void* pvalloc(std::size_t size) noexcept { return calls.pvalloc(size); }
