// What an address that is neither heap nor a module's data may be: a variable on somebody's stack, or one that a thread
// has for its own. For the finding about it.
#pragma once

#include <cstdint>

#include "interpose/finding.hpp"

namespace vigil::shim::race {

struct StackVariable {
  enum class Kind : std::uint8_t { None, OnStack, ThreadLocal };

  Kind kind = Kind::None;
  ActorType owner_type = ActorType::Thread;
  std::uint64_t owner = 0;  // as Actor::id
  LocalPlace local{};       // of one on a stack, when it lies in the frame of an instrumented call
  ThreadLocalPlace thread_local_at{};
};

// Looks at the stacks of others while they run; what it reads may change and go meanwhile, so everything is read
// through the kernel, and a call is believed only when its return address lies where it must. Bounded in how often it
// looks: then nothing is found any more. Nothing may be locked by the caller.
StackVariable stack_variable_at(std::uintptr_t address) noexcept;

}  // namespace vigil::shim::race
