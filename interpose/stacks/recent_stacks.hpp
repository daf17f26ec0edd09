// RecentStacks: the last stacks that one thread captured, each with the places on the stack where its return addresses
// lay. When the next capture stands at the same stack pointer and every one of those places still holds what it held,
// the stack is the same: some loads in place of an unwind.
//
// All tasks' stacks are alike, so there the same place is the same distance from the stack's end (StackPlace): a
// thousand tasks that run the same code are one walk.
//
// Why equal words prove equal stacks: the innermost frame is the same code at the same stack pointer, so its return
// address lies where it lay; that address names the next frame's code, and so on outwards. Only code that makes room on
// its stack as it goes (alloca) may put a return address elsewhere while the old place still holds an equal word; then
// the frames further out are those of the earlier call, which is a wrong line in a stack and no wrong finding.
//
// The outermost return addresses, which lead into the code that calls main or starts a thread, do not change as long as
// what was called runs; and that it still runs is seen by the addresses further in, which lead into it. So of a stack
// that ends in such a base, those are not looked at again.
//
// Threads: one thread's own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "interpose/stack_capture.hpp"

namespace vigil::shim {

// Where a capture stands. number: the stack pointer, or on a task's stack the bytes from there to its end, which are
// fewer than any address.
struct StackPlace {
  static constexpr std::uintptr_t kLargestStack = 256U
                                                  << 10U;  // of a task; a distance may be that of another stack if more

  std::uintptr_t stack_pointer;
  std::uintptr_t number;

  // end: of the stack of the task that this thread runs; 0: it runs none.
  static StackPlace in_task(std::uintptr_t stack_pointer, std::uintptr_t end) noexcept {
    const std::uintptr_t distance = end - stack_pointer;
    return {stack_pointer, distance < kLargestStack ? distance : stack_pointer};
  }
  static StackPlace at(std::uintptr_t stack_pointer) noexcept { return {stack_pointer, stack_pointer}; }
  // Whether a word at that offset from the stack pointer lies on the same stack, at every place of that number.
  [[nodiscard]] bool reaches(std::uintptr_t offset) const noexcept {
    return number >= kLargestStack || offset + sizeof(std::uintptr_t) <= number;
  }
};

class RecentStacks {
 public:
  static constexpr std::size_t kMostFrames = 30;  // a deeper stack is walked each time

  struct Entry {
    std::uintptr_t place = 0;  // its number
    StackId stack = kNoStack;
    std::uint32_t generation = 0;                    // of the modules
    std::uint32_t frames = 0;                        // of which each find() makes sure; one at least if place is set
    std::array<std::uint32_t, kMostFrames> offsets;  // of each return address, from the stack pointer; the first is 0
    std::array<std::uintptr_t, kMostFrames> returns;

    // Nothing stands there.
    void forget() noexcept { place = 0; }
    // Whether it stands there now.
    [[nodiscard, gnu::always_inline]] bool stands(StackPlace at, std::uint32_t modules) const noexcept {
      const auto word = [&](std::uint32_t offset) {
        return *reinterpret_cast<const std::uintptr_t*>(at.stack_pointer + offset);
      };
      if (place != at.number || generation != modules || word(0) != returns[0]) [[unlikely]]
        return false;
      for (std::uint32_t i = 1; i < frames; ++i) {
        if (word(offsets[i]) != returns[i]) [[unlikely]]
          return false;
      }
      return true;
    }
  };

  // The remembered stack that stands there now; null: none does.
  [[gnu::always_inline]] const Entry* find(StackPlace place, std::uintptr_t first_return,
                                           std::uint32_t generation) noexcept {
    const Entry* const first = &entries_[set_of(place, first_return) * kWays];
    for (const Entry* entry = first; entry != first + kWays; ++entry) {
      if (entry->stands(place, generation)) [[likely]]
        return entry;
    }
    return nullptr;
  }
  // Where an entry lies, for who keeps that for longer than the entry: bytes_to() is where, at() whatever lies there
  // now.
  [[nodiscard]] std::uint16_t bytes_to(const Entry& entry) const noexcept {
    return static_cast<std::uint16_t>(reinterpret_cast<const char*>(&entry) - reinterpret_cast<const char*>(this));
  }
  [[nodiscard]] const Entry& at(std::uint16_t bytes) const noexcept {
    return *reinterpret_cast<const Entry*>(reinterpret_cast<const char*>(this) + bytes);
  }
  // The entry, of a stack on which the thread stands now, is complete: what of it needs no second look is left out.
  void complete(Entry& entry, StackPlace place) noexcept;
  // Where to remember one that stands there: in the place of the oldest.
  Entry& replace(StackPlace place, std::uintptr_t first_return) noexcept {
    const std::size_t set = set_of(place, first_return);
    return entries_[set * kWays + next_[set]++ % kWays];
  }

 private:
  // One function locks twice, and again in the next line: several stacks share their innermost frames and their stack
  // pointer.
  static constexpr std::size_t kSets = 16;
  static constexpr std::size_t kWays = 4;

  static std::size_t set_of(StackPlace place, std::uintptr_t first_return) noexcept {
    return ((place.number >> 4U) ^ first_return) % kSets;
  }

  // The outermost return addresses of the thread's own stack, from the outermost inwards, as far as libc's, the shim's
  // and the program's entry.
  struct Base {
    static constexpr std::uint32_t kMost = 4;
    std::array<std::uintptr_t, kMost> places{};
    std::array<std::uintptr_t, kMost> returns{};
    std::uint32_t frames = 0;
  };
  static Base base_of(const Entry& entry, StackPlace place) noexcept;
  static bool ends_in(const Entry& entry, StackPlace place, const Base& base) noexcept;
  // A constructor has another than main. Who has more stacks than one is looked at whole on the others.
  static constexpr std::uint8_t kMostBases = 4;

  std::array<Entry, kSets * kWays> entries_;  // first of all: there is one at(0)
  Base base_;
  std::uint8_t bases_ = 0;  // that base_ ever was
  std::array<std::uint8_t, kSets> next_{};
};

static_assert(sizeof(RecentStacks) <= UINT16_MAX);

namespace detail {
// The end of the stack of the task that this thread runs; 0: it runs none.
extern thread_local constinit std::uintptr_t task_stack_end __attribute__((tls_model("initial-exec")));
}  // namespace detail

// This thread's, made when it is worth it. Null: not yet, or it ended already.
RecentStacks* recent_stacks() noexcept;
// capture_stack() for a wrapper that looked itself: where its own return address lies, and what it is. It is remembered
// under these. Keeps errno.
StackId capture_stack_from(StackPlace place, std::uintptr_t first_return) noexcept;
// This thread runs on a task's stack from now on, which ends there; 0: on its own.
inline void stack_switched(std::uintptr_t end) noexcept { detail::task_stack_end = end; }
// Gives this thread's memory back.
void forget_recent_stacks() noexcept;

}  // namespace vigil::shim
