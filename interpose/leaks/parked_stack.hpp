// Parked stacks: where the stack of an actor lies that is parked in a primitive, a task or a plain thread.
//
// A task's is the runtime's to tell. A thread's lies below the frame from which the program's function was called (for
// main, where the loader began it), and above the stack pointer that the kernel shows of a sleeper. Above the former
// are libc's frames and the thread's own variables: those are memory like any other. Below the latter nothing is alive,
// unless coroutines share the stack, and then what lies there is the same thread's.
#pragma once

#include <cstdint>
#include <optional>

#include "interpose/actor.hpp"
#include "interpose/leaks/memory_search.hpp"
#include "interpose/own_mappings.hpp"
#include "vigil/probe.h"

namespace vigil::shim::leaks {

// Of x86-64's ABI: below the stack pointer, and still its function's.
inline constexpr std::uintptr_t kRedZone = 128;  // bytes

struct ParkedStack {
  AddressRange used{};     // from the stack pointer on
  std::uintptr_t low = 0;  // from here up to it lies nothing but what that actor left there
  AddressRange notes{};    // a thread's: libc's record of it, which knows the thread's own frames
  AddressRange closure{};  // a thread's: the block in the heap that is its alone (thread_closure.hpp)
  [[nodiscard]] bool is_known() const noexcept { return used.high != 0; }
};

class ParkedStacks {
 public:
  // Demands that the runtime is paused and that the actor is parked.
  [[nodiscard]] ParkedStack of(const vigil_probe_actor_view& view) noexcept;
  // Demands that the thread is blocked, in whatever call; unknown if it goes on meanwhile.
  [[nodiscard]] ParkedStack of(const Actor& thread) noexcept;

 private:
  std::optional<Mappings> mappings_;  // read for the first thread
};

}  // namespace vigil::shim::leaks
