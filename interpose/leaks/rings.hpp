// Rings: blocked tasks of which each waits for something that only the next one could do.
//
// An actor (task or plain thread) a waits for b when a channel that a waits on lies on b's stack (closures lie there
// too) and b does not wait on it itself; when a word on b's stack is the address of the wait group, condition or the
// like that a waits on; or when b holds the lock that a waits for. What lies in a block of std::make_shared() that b's
// stack leads to counts as if it lay there. A ring of such waits, over two channels or more (an
// object counts as one), is a deadlock; so is, alone, whoever waits for one of vigil's locks that it holds itself:
//   - at the end of the program, when whatever main had is gone, if its waits are on channels that nobody but its
//   members
//     ever sent on, received from or closed: then nobody else was meant to;
//   - at any time, if it is proved of each of its members that nobody can wake it (proof.hpp).
// Otherwise its members are leaks like any other, or merely slow.
//
// An address that was left on a stack by something long over makes a wait look like one for that task too. It takes
// such a word for every wait of the ring, and that nobody else ever used the channels, or the proof, to be wrong.
#pragma once

#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/leaks/blocked_threads.hpp"
#include "interpose/leaks/parked_stack.hpp"
#include "interpose/own_memory.hpp"
#include "vigil/probe.h"

namespace vigil::shim::leaks {

struct Ring {
  OwnVector<ActorKey> members;
  std::uint64_t mark = 0;         // a number for who is in it since when
  bool among_themselves = false;  // over channels alone, which nobody else ever used
  bool is_own_lock = false;       // of one, which waits for a lock that it holds itself
};

class RingSearch {
 public:
  // One that is parked, without a deadline; between pause() and resume().
  void add(const vigil_probe_actor_view& view) noexcept;
  // One that waits in a call of pthread's.
  void add(const BlockedThread& thread) noexcept;
  // More are looked at no further: rings are small, and seen long before.
  [[nodiscard]] bool is_full() const noexcept { return seen_ > kMostTasks; }
  [[nodiscard]] std::size_t size() const noexcept { return waiters_.size(); }
  [[nodiscard]] ParkedStacks& stacks() noexcept { return stacks_; }
  // A number for who waits since when.
  [[nodiscard]] std::uint64_t mark() const noexcept { return mark_; }
  // Whether what lies in blocks that std::make_shared() made counts.
  enum class Through : std::uint8_t { Stacks, SharedBlocks };
  // Still paused.
  [[nodiscard]] OwnVector<Ring> find(Through through) const noexcept;

 private:
  static constexpr std::size_t kMostTasks = 2000;

  struct Waiter {
    ActorKey key{};
    std::uint64_t mark = 0;
    OwnVector<std::uintptr_t> targets;  // channels, or one object, that it waits on; ordered
    bool on_channels = true;
    ActorKey holder{};        // of the lock that it waits for
    std::uintptr_t lock = 0;  // that lock
    bool is_own_lock = false;
    AddressRange used{};  // of its stack
    AddressRange closure{};
  };
  struct Graph;
  void add(Waiter&& waiter, std::uint32_t since_ms) noexcept;
  [[nodiscard]] Graph connect(Through through) const noexcept;
  template <class Visit>
  static void read_own(const Waiter& waiter, Visit& visit) noexcept;
  [[nodiscard]] Ring ring_of(const OwnVector<std::size_t>& members) const noexcept;

  OwnVector<Waiter> waiters_;
  ParkedStacks stacks_;
  std::size_t seen_ = 0;
  std::uint64_t mark_ = 0;
};

}  // namespace vigil::shim::leaks
