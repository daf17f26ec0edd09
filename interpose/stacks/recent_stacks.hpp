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

  // The remembered stack that stands there now; null: none does.
  const Entry* find(std::uintptr_t stack_pointer, std::uintptr_t first_return, std::uint32_t generation) noexcept {
    const std::size_t set = set_of(stack_pointer, first_return);
    for (std::size_t way = 0; way < kWays; ++way) {
      const Entry& entry = entries_[set * kWays + way];
      if (stands(entry, stack_pointer, generation)) return &entry;
    }
    return nullptr;
  }
  // Where to remember one that stands there: in the place of the oldest.
  Entry& replace(std::uintptr_t stack_pointer, std::uintptr_t first_return) noexcept {
    const std::size_t set = set_of(stack_pointer, first_return);
    return entries_[set * kWays + next_[set]++ % kWays];
  }

 private:
  // One function locks twice, and again in the next line: several stacks share their innermost frames and their stack
  // pointer.
  static constexpr std::size_t kSets = 16;
  static constexpr std::size_t kWays = 4;

  static std::size_t set_of(std::uintptr_t stack_pointer, std::uintptr_t first_return) noexcept {
    return ((stack_pointer >> 4U) ^ (first_return * 0x9e3779b97f4a7c15ULL >> 40U)) % kSets;
  }
  static bool stands(const Entry& entry, std::uintptr_t stack_pointer, std::uint32_t generation) noexcept {
    if (entry.stack_pointer != stack_pointer || entry.generation != generation || entry.frames == 0) return false;
    for (std::uint32_t i = 0; i < entry.frames; ++i) {
      if (*reinterpret_cast<const std::uintptr_t*>(stack_pointer + entry.offsets[i]) != entry.returns[i]) return false;
    }
    return true;
  }

  std::array<Entry, kSets * kWays> entries_;
  std::array<std::uint8_t, kSets> next_{};
};

namespace detail {
// This thread's; null: it has none, or none yet.
extern thread_local constinit RecentStacks* recent __attribute__((tls_model("initial-exec")));
}  // namespace detail

// This thread's, made when it is worth it. Null: not yet, or it ended already.
RecentStacks* recent_stacks() noexcept;
// capture_stack() for a wrapper that looked itself: where its own return address lies, and what it is. It is remembered
// under these. Keeps errno.
StackId capture_stack_from(std::uintptr_t stack_pointer, std::uintptr_t first_return) noexcept;
// Gives this thread's memory back.
void forget_recent_stacks() noexcept;

}  // namespace vigil::shim
