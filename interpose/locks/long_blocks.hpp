// Long blocks: waits for locks that took longer than the option long_block, as one histogram a place.
#pragma once

#include <cstdint>
#include <string_view>

#include "interpose/actor.hpp"

namespace vigil::shim {
struct LockObject;
}

namespace vigil::shim::locks {

// What somebody waited for and got.
struct LongWait {
  ActorKey waiter{};
  StackId stack = kNoStack;
  std::string_view operation;  // "lock", "read-lock" ...
  std::uint32_t since_ms = 0;  // coarse_ms()
};

// Before the waiter is entered as the lock's holder: who is so was its last one. Does nothing for a short wait, or
// while nobody asks.
void note_wait(const LongWait& wait, const LockObject& lock) noexcept;
// At any end: one finding a place.
void tell_long_waits() noexcept;

}  // namespace vigil::shim::locks
