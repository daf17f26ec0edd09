// Channel rings: blocked tasks of which each waits for something on a channel that only the next one could do.
//
// Looked for at the end of the program, when whatever main had is gone. Task a waits for task b when a channel that a
// waits on lies on b's stack (closures lie there too) and b does not wait on it itself. A ring of such waits, over two
// channels or more, is a deadlock when nobody but its members ever sent, received or closed on those channels: then
// nobody else was meant to. Otherwise its members are leaks like any other.
//
// A channel's address that was left on a stack by something long over makes a wait look like one for that task too. It
// takes such a word for every wait of the ring, and that nobody else ever used the channels, to be wrong.
#pragma once

#include "interpose/actor.hpp"
#include "interpose/own_memory.hpp"
#include "vigil/probe.h"

namespace vigil::shim::leaks {

class ChannelRings {
 public:
  // A task that is parked and leaked; between pause() and resume().
  void add(const vigil_probe_actor_view& view) noexcept;
  // Still paused. The rings' members, one list for each ring.
  [[nodiscard]] OwnVector<OwnVector<ActorKey>> find() const noexcept;

 private:
  static constexpr std::size_t kMostTasks =
      2000;  // more are looked at no further: rings are small, and seen long before

  struct Waiter {
    ActorKey key{};
    OwnVector<std::uintptr_t> channels;  // it waits on, ordered
    std::uintptr_t low = 0;              // of its stack in use
    std::uintptr_t high = 0;
  };
  OwnVector<Waiter> waiters_;
  std::size_t seen_ = 0;
};

}  // namespace vigil::shim::leaks
