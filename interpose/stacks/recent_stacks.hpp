// RecentStacks: the last stacks that one thread captured, each with the places on the stack where its return addresses
// lay. When the next capture stands at the same stack pointer and every one of those places still holds what it held,
// the stack is the same: some loads in place of an unwind.
//
// Why equal words prove equal stacks: the innermost frame is the same code at the same stack pointer, so its return
// address lies where it lay; that address names the next frame's code, and so on outwards. Only code that makes room on
// its stack as it goes (alloca) may put a return address elsewhere while the old place still holds an equal word; then
// the frames further out are those of the earlier call, which is a wrong line in a stack and no wrong finding.
//
// Threads: one thread's own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "interpose/stack_capture.hpp"

namespace vigil::shim {

class RecentStacks {
 public:
  static constexpr std::size_t kMostFrames = 30;  // a deeper stack is walked each time

  struct Entry {
    std::uintptr_t stack_pointer = 0;
    StackId stack = kNoStack;
    std::uint32_t generation = 0;  // of the modules
    std::uint32_t frames = 0;
    std::array<std::uint32_t, kMostFrames> offsets;  // of each return address, from the stack pointer
    std::array<std::uintptr_t, kMostFrames> returns;
  };

  // Where a stack with this innermost return address and stack pointer is remembered, if it is.
  Entry& place_of(std::uintptr_t stack_pointer, std::uintptr_t first_return) noexcept {
    const std::uintptr_t mixed = (stack_pointer >> 4U) ^ (first_return * 0x9e3779b97f4a7c15ULL >> 40U);
    return entries_[mixed % kEntries];
  }

 private:
  static constexpr std::size_t kEntries = 32;
  std::array<Entry, kEntries> entries_;
};

// Whether the entry's stack is the one that stands at stack_pointer now.
inline bool still_stands(const RecentStacks::Entry& entry, std::uintptr_t stack_pointer,
                         std::uint32_t generation) noexcept {
  if (entry.stack_pointer != stack_pointer || entry.generation != generation || entry.frames == 0) return false;
  for (std::uint32_t i = 0; i < entry.frames; ++i) {
    if (*reinterpret_cast<const std::uintptr_t*>(stack_pointer + entry.offsets[i]) != entry.returns[i]) return false;
  }
  return true;
}

// This thread's. Null: it ended already.
RecentStacks* recent_stacks() noexcept;
// Gives this thread's memory back.
void forget_recent_stacks() noexcept;

}  // namespace vigil::shim
