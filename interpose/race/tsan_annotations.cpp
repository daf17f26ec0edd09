// The other entry points of the sanitizer's ABI: tables of virtual functions, copies, accesses on behalf of other
// places, and what the program itself says of order and memory (tsan_interface.h, dynamic annotations).
//
// Nothing here is hot. What the program says is believed: an edge more, a lock more, memory that is new.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "interpose/export.hpp"
#include "interpose/race/atomic_points.hpp"
#include "interpose/race/entry.hpp"
#include "interpose/race/memory.hpp"
#include "interpose/sync_events.hpp"

using namespace vigil::shim::race;  // NOLINT(google-build-using-namespace): the entry points stand outside every
                                    // namespace

namespace {

namespace sync = vigil::shim::sync_events;
using vigil::shim::order::Clocks;
using vigil::shim::order::Edge;

std::uintptr_t address_of(const volatile void* at) noexcept { return reinterpret_cast<std::uintptr_t>(at); }

// ---- accesses -------------------------------------------------------------------------------------------------------

// The store itself is the program's. An object's table is set anew by each class's constructor and destructor; setting
// what is there already changes nothing that a virtual call could see.
void vptr_update(std::uintptr_t pc, void** table, void* wanted) noexcept {
  if (*table != wanted) on_write(address_of(table), sizeof(void*), pc);
}
void vptr_read(std::uintptr_t pc, void** table) noexcept { on_read(address_of(table), sizeof(void*), pc); }

// A read-modify-write that is not atomic: the write says it all.
template <std::size_t kSize>
void read_write(std::uintptr_t pc, void* at) noexcept {
  on_write(address_of(at), kSize, pc);
}
template <std::size_t kSize>
void read_for(std::uintptr_t /*pc*/, void* at, void* place) noexcept {
  on_read(address_of(at), kSize, address_of(place));
}
template <std::size_t kSize>
void write_for(std::uintptr_t /*pc*/, void* at, void* place) noexcept {
  on_write(address_of(at), kSize, address_of(place));
}
void read_range_for(std::uintptr_t /*pc*/, void* at, std::size_t size, void* place) noexcept {
  on_read(address_of(at), size, address_of(place));
}
void write_range_for(std::uintptr_t /*pc*/, void* at, std::size_t size, void* place) noexcept {
  on_write(address_of(at), size, address_of(place));
}

void* copy(std::uintptr_t pc, void* to, const void* from, std::size_t size) noexcept {
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return std::memcpy(to, from, size);
}
void* move(std::uintptr_t pc, void* to, const void* from, std::size_t size) noexcept {
  on_read(address_of(from), size, pc);
  on_write(address_of(to), size, pc);
  return std::memmove(to, from, size);
}
void* set(std::uintptr_t pc, void* to, int byte, std::size_t size) noexcept {
  on_write(address_of(to), size, pc);
  return std::memset(to, byte, size);
}

// ---- order ----------------------------------------------------------------------------------------------------------

void release(std::uintptr_t /*pc*/, void* at) noexcept {
  if (sync::watching()) sync::released(at);
}
void acquire(std::uintptr_t /*pc*/, void* at) noexcept {
  if (sync::watching()) sync::acquired(at);
}

// Flags of tsan_interface.h.
constexpr unsigned kReadLock = 1U << 3U;
constexpr unsigned kTryFailed = 1U << 5U;

void mutex_destroyed(std::uintptr_t /*pc*/, void* at, unsigned /*flags*/) noexcept {
  if (sync::watching()) sync::destroyed(at);
}
// A lock of the program's own making orders as any lock does. Its part in the order of locks is not followed: what the
// program calls a lock may be anything.
void mutex_locked(std::uintptr_t /*pc*/, void* at, unsigned flags, int /*recursion*/) noexcept {
  if (!sync::watching() || (flags & kTryFailed) != 0) return;
  const bool to_read = (flags & kReadLock) != 0;
  sync::detail::step(at, Edge::Lock, [=](Clocks& actor, vigil::shim::SyncObject& lock) {
    vigil::shim::order::acquire(actor, lock.written, Edge::Lock);
    if (!to_read) vigil::shim::order::acquire(actor, lock.read, Edge::Lock);
  });
}
int mutex_unlocking(std::uintptr_t /*pc*/, void* at, unsigned flags) noexcept {
  if (!sync::watching()) return 0;
  const bool to_read = (flags & kReadLock) != 0;
  sync::detail::step(at, Edge::Lock, [=](Clocks& actor, vigil::shim::SyncObject& lock) {
    if (to_read) {
      vigil::shim::order::release_merge(actor, lock.read, Edge::Lock);
    } else {
      vigil::shim::order::release_store(actor, lock.written, Edge::Lock);
    }
  });
  return 0;
}

// ---- dynamic annotations --------------------------------------------------------------------------------------------
// The first two arguments of each are the file and line that the macro names.

void happens_before(std::uintptr_t pc, const char* /*file*/, int /*line*/, void* at) noexcept { release(pc, at); }
void happens_after(std::uintptr_t pc, const char* /*file*/, int /*line*/, void* at) noexcept { acquire(pc, at); }
void rw_lock_gone(std::uintptr_t pc, const char* /*file*/, int /*line*/, void* at) noexcept {
  mutex_destroyed(pc, at, 0);
}
void rw_lock_acquired(std::uintptr_t pc, const char* /*file*/, int /*line*/, void* at, long for_writing) noexcept {
  mutex_locked(pc, at, for_writing != 0 ? 0 : kReadLock, 0);
}
void rw_lock_released(std::uintptr_t pc, const char* /*file*/, int /*line*/, void* at, long for_writing) noexcept {
  mutex_unlocking(pc, at, for_writing != 0 ? 0 : kReadLock);
}
void new_memory(std::uintptr_t /*pc*/, const char* /*file*/, int /*line*/, void* at, std::size_t size) noexcept {
  if (!engine_is_native()) return;
  forget(address_of(at), size);
  vigil::shim::record([&] { atomic_points.forget(address_of(at), size); });
}

// ---- accesses that do not count -------------------------------------------------------------------------------------

void ignore_reads(std::uintptr_t /*pc*/, const char* /*file*/, int /*line*/) noexcept { ++ignored.reads; }
void ignore_writes(std::uintptr_t /*pc*/, const char* /*file*/, int /*line*/) noexcept { ++ignored.writes; }
void count_reads(std::uintptr_t /*pc*/, const char* /*file*/, int /*line*/) noexcept {
  if (ignored.reads != 0) --ignored.reads;
}
void count_writes(std::uintptr_t /*pc*/, const char* /*file*/, int /*line*/) noexcept {
  if (ignored.writes != 0) --ignored.writes;
}
void ignore_all(std::uintptr_t pc) noexcept {
  ignore_reads(pc, nullptr, 0);
  ignore_writes(pc, nullptr, 0);
}
void count_all(std::uintptr_t pc) noexcept {
  count_reads(pc, nullptr, 0);
  count_writes(pc, nullptr, 0);
}

}  // namespace

extern "C" {
// clang-format off

VIGIL_EXPORT void __tsan_vptr_update(void** table, void* wanted) noexcept { return entry<"__tsan_vptr_update">(vptr_update, table, wanted); }
VIGIL_EXPORT void __tsan_vptr_read(void** table) noexcept { return entry<"__tsan_vptr_read">(vptr_read, table); }

VIGIL_EXPORT void __tsan_read_write1(void* at) noexcept { return entry<"__tsan_read_write1">(read_write<1>, at); }
VIGIL_EXPORT void __tsan_read_write2(void* at) noexcept { return entry<"__tsan_read_write2">(read_write<2>, at); }
VIGIL_EXPORT void __tsan_read_write4(void* at) noexcept { return entry<"__tsan_read_write4">(read_write<4>, at); }
VIGIL_EXPORT void __tsan_read_write8(void* at) noexcept { return entry<"__tsan_read_write8">(read_write<8>, at); }
VIGIL_EXPORT void __tsan_read_write16(void* at) noexcept { return entry<"__tsan_read_write16">(read_write<16>, at); }
VIGIL_EXPORT void __tsan_unaligned_read_write2(void* at) noexcept { return entry<"__tsan_unaligned_read_write2">(read_write<2>, at); }
VIGIL_EXPORT void __tsan_unaligned_read_write4(void* at) noexcept { return entry<"__tsan_unaligned_read_write4">(read_write<4>, at); }
VIGIL_EXPORT void __tsan_unaligned_read_write8(void* at) noexcept { return entry<"__tsan_unaligned_read_write8">(read_write<8>, at); }
VIGIL_EXPORT void __tsan_unaligned_read_write16(void* at) noexcept { return entry<"__tsan_unaligned_read_write16">(read_write<16>, at); }

VIGIL_EXPORT void __tsan_read1_pc(void* at, void* place) noexcept { return entry<"__tsan_read1_pc">(read_for<1>, at, place); }
VIGIL_EXPORT void __tsan_read2_pc(void* at, void* place) noexcept { return entry<"__tsan_read2_pc">(read_for<2>, at, place); }
VIGIL_EXPORT void __tsan_read4_pc(void* at, void* place) noexcept { return entry<"__tsan_read4_pc">(read_for<4>, at, place); }
VIGIL_EXPORT void __tsan_read8_pc(void* at, void* place) noexcept { return entry<"__tsan_read8_pc">(read_for<8>, at, place); }
VIGIL_EXPORT void __tsan_read16_pc(void* at, void* place) noexcept { return entry<"__tsan_read16_pc">(read_for<16>, at, place); }
VIGIL_EXPORT void __tsan_read_range_pc(void* at, std::size_t size, void* place) noexcept { return entry<"__tsan_read_range_pc">(read_range_for, at, size, place); }
VIGIL_EXPORT void __tsan_write1_pc(void* at, void* place) noexcept { return entry<"__tsan_write1_pc">(write_for<1>, at, place); }
VIGIL_EXPORT void __tsan_write2_pc(void* at, void* place) noexcept { return entry<"__tsan_write2_pc">(write_for<2>, at, place); }
VIGIL_EXPORT void __tsan_write4_pc(void* at, void* place) noexcept { return entry<"__tsan_write4_pc">(write_for<4>, at, place); }
VIGIL_EXPORT void __tsan_write8_pc(void* at, void* place) noexcept { return entry<"__tsan_write8_pc">(write_for<8>, at, place); }
VIGIL_EXPORT void __tsan_write16_pc(void* at, void* place) noexcept { return entry<"__tsan_write16_pc">(write_for<16>, at, place); }
VIGIL_EXPORT void __tsan_write_range_pc(void* at, std::size_t size, void* place) noexcept { return entry<"__tsan_write_range_pc">(write_range_for, at, size, place); }

VIGIL_EXPORT void* __tsan_memcpy(void* to, const void* from, std::size_t size) noexcept { return entry<"__tsan_memcpy">(copy, to, from, size); }
VIGIL_EXPORT void* __tsan_memmove(void* to, const void* from, std::size_t size) noexcept { return entry<"__tsan_memmove">(move, to, from, size); }
VIGIL_EXPORT void* __tsan_memset(void* to, int byte, std::size_t size) noexcept { return entry<"__tsan_memset">(set, to, byte, size); }

VIGIL_EXPORT void __tsan_acquire(void* at) noexcept { return entry<"__tsan_acquire">(acquire, at); }
VIGIL_EXPORT void __tsan_release(void* at) noexcept { return entry<"__tsan_release">(release, at); }
VIGIL_EXPORT void __tsan_mutex_destroy(void* at, unsigned flags) noexcept { return entry<"__tsan_mutex_destroy">(mutex_destroyed, at, flags); }
VIGIL_EXPORT void __tsan_mutex_post_lock(void* at, unsigned flags, int recursion) noexcept { return entry<"__tsan_mutex_post_lock">(mutex_locked, at, flags, recursion); }
VIGIL_EXPORT int __tsan_mutex_pre_unlock(void* at, unsigned flags) noexcept { return entry<"__tsan_mutex_pre_unlock">(mutex_unlocking, at, flags); }

VIGIL_EXPORT void AnnotateHappensBefore(const char* file, int line, void* at) noexcept { return entry<"AnnotateHappensBefore">(happens_before, file, line, at); }
VIGIL_EXPORT void AnnotateHappensAfter(const char* file, int line, void* at) noexcept { return entry<"AnnotateHappensAfter">(happens_after, file, line, at); }
VIGIL_EXPORT void WTFAnnotateHappensBefore(const char* file, int line, void* at) noexcept { return entry<"WTFAnnotateHappensBefore">(happens_before, file, line, at); }
VIGIL_EXPORT void WTFAnnotateHappensAfter(const char* file, int line, void* at) noexcept { return entry<"WTFAnnotateHappensAfter">(happens_after, file, line, at); }
VIGIL_EXPORT void AnnotateRWLockDestroy(const char* file, int line, void* at) noexcept { return entry<"AnnotateRWLockDestroy">(rw_lock_gone, file, line, at); }
VIGIL_EXPORT void AnnotateRWLockAcquired(const char* file, int line, void* at, long for_writing) noexcept { return entry<"AnnotateRWLockAcquired">(rw_lock_acquired, file, line, at, for_writing); }
VIGIL_EXPORT void AnnotateRWLockReleased(const char* file, int line, void* at, long for_writing) noexcept { return entry<"AnnotateRWLockReleased">(rw_lock_released, file, line, at, for_writing); }
VIGIL_EXPORT void AnnotateNewMemory(const char* file, int line, void* at, std::size_t size) noexcept { return entry<"AnnotateNewMemory">(new_memory, file, line, at, size); }
VIGIL_EXPORT void __tsan_ignore_thread_begin() noexcept { return entry<"__tsan_ignore_thread_begin">(ignore_all); }
VIGIL_EXPORT void __tsan_ignore_thread_end() noexcept { return entry<"__tsan_ignore_thread_end">(count_all); }
VIGIL_EXPORT void AnnotateIgnoreReadsBegin(const char* file, int line) noexcept { return entry<"AnnotateIgnoreReadsBegin">(ignore_reads, file, line); }
VIGIL_EXPORT void AnnotateIgnoreReadsEnd(const char* file, int line) noexcept { return entry<"AnnotateIgnoreReadsEnd">(count_reads, file, line); }
VIGIL_EXPORT void AnnotateIgnoreWritesBegin(const char* file, int line) noexcept { return entry<"AnnotateIgnoreWritesBegin">(ignore_writes, file, line); }
VIGIL_EXPORT void AnnotateIgnoreWritesEnd(const char* file, int line) noexcept { return entry<"AnnotateIgnoreWritesEnd">(count_writes, file, line); }

// clang-format on
}
