// Heap: what the race engine learns of the program's memory from its allocator (wrap_malloc.cpp) and of its mappings
// (wrap_mmap.cpp).
//
//   - Memory that is handed out is fresh: its shadow is forgotten. That makes no order between who had it before and
//     who has it now, so nothing is hidden by the allocator's own locks.
//   - What calloc() and realloc() put into the memory they hand out are writes by whoever called.
//   - A free is a write of the whole block, by the place that freed it, and marks it: what touches it later used it
//     after it was freed. Code that is not instrumented may order its frees in ways nobody sees (the reference counts
//     of the C++ runtime's exceptions): its free marks the block, but is compared with nothing before it.
//   - A freed block waits a while before the allocator gets it back (quarantine), so that a late access still finds it
//     freed, and not as somebody else's. Bounded in number and bytes; the program sees no more than an allocator that
//     prefers other blocks.
//   - An allocator whose operator new does not call malloc (jemalloc, tcmalloc) hands memory out unseen where code that
//     is not instrumented calls it. As soon as one is met, frees mark nothing: what is freed is forgotten, and so fresh
//     for whoever gets it next.
//
// A program that is not instrumented has none of this: its calls jump to the allocator.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vigil::shim::heap {

// The allocator behind the wrappers.
struct RealHeap {
  void* (*malloc)(std::size_t);
  void* (*calloc)(std::size_t, std::size_t);
  void* (*realloc)(void*, std::size_t);
  void (*free)(void*);
  int (*posix_memalign)(void**, std::size_t, std::size_t);
  void* (*aligned_alloc)(std::size_t, std::size_t);
  void* (*memalign)(std::size_t, std::size_t);
  void* (*valloc)(std::size_t);
  void* (*pvalloc)(std::size_t);
  std::size_t (*usable_size)(void*);
  bool is_libcs = false;  // free() is
};

// pc: of the call, in whoever asked for the memory.
void allocated(const RealHeap& real, void* block, std::size_t size, std::uintptr_t pc) noexcept;
// The allocator itself wrote the first bytes of a block that it hands out: zeroes, or what lay in another block.
void filled(const void* block, std::size_t bytes, std::uintptr_t pc) noexcept;
// How many bytes of that block the program asked for, as far as is known; at most `room`, what it may use of it.
std::size_t asked_for(const void* block, std::size_t room) noexcept;
// Instead of a free: tells the engine, and frees the block or another in its place.
void free_later(const RealHeap& real, void* block, std::uintptr_t pc) noexcept;
// The block is about to be given to the allocator, which may hand it out at once.
void freeing(const RealHeap& real, void* block, std::uintptr_t pc) noexcept;
// Memory of the system, mapped or about to go.
void mapped(const void* at, std::size_t size) noexcept;

// The call of an allocation function on behalf of another place: operator new calls malloc, but was itself called by
// instrumented code.
class OnBehalf {
 public:
  explicit OnBehalf(std::uintptr_t pc) noexcept;
  ~OnBehalf();
  OnBehalf(const OnBehalf&) = delete;
  OnBehalf& operator=(const OnBehalf&) = delete;
  // That call gave this block of so many bytes, which is returned. Demands: it was of `function`, an operator new.
  void* made(std::uintptr_t function, void* block, std::size_t size) const noexcept;

 private:
  std::uintptr_t before_;
  bool had_told_;
};
// That block is about to go by an operator delete.
void deleting(const void* block) noexcept;

// From now on blocks are looked after: the engine watches. Called once instrumented code is there; cheap when repeated.
void watch() noexcept;
bool is_watched() noexcept;
// Points the wrappers to what they do then (wrap_malloc.cpp; not there in unit tests).
[[gnu::weak]] void watch_calls() noexcept;

}  // namespace vigil::shim::heap
