// Still threads: whether every other thread of the process sleeps where all that its registers hold is in memory, too.
//
// That is known of the shim's own threads, of the runtime's that run no task (whoever looks knows of tasks itself), and
// of threads blocked in a wrapped call, asleep for a time or for bytes (naps.hpp), or parked in a primitive: those save
// their caller's registers on their stack before they sleep. A thread that computes can be halted (halted_threads.hpp),
// and is still then as well, with its registers at hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "interpose/leaks/halted_threads.hpp"
#include "interpose/own_mappings.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::leaks {

class StillThreads {
 public:
  // Looks now. running: the stacks of the tasks that run, others than the caller's own. Those are still when one of the
  // runtime's threads that is halted stands on it, and for the rest when as many of those that sleep are: each of them
  // runs one. may_halt: who computes is halted until stayed_still(), or the end of this.
  [[nodiscard]] bool all_are_still(std::span<const AddressRange> running, bool may_halt) noexcept;
  // Looks again: whether nobody moved meanwhile. Who was halted goes on.
  [[nodiscard]] bool stayed_still() noexcept;
  // Whether that thread was found in that wait.
  [[nodiscard]] bool found_in(int tid, std::uint32_t round) const noexcept;
  [[nodiscard]] const HaltedThreads& halted() const noexcept { return halted_; }

 private:
  struct Sleeper {
    int tid = 0;
    CallKind kind = CallKind::None;  // None: a nap
    std::uint64_t round = 0;         // another wait, or nap, has another
    friend bool operator==(const Sleeper&, const Sleeper&) noexcept = default;
  };
  struct Found {
    OwnVector<Sleeper> sleepers;  // in the order of their ids
    std::size_t workers = 0;      // among them
    OwnVector<int> idle_workers;
  };
  static Found look() noexcept;
  static bool sleeps(const Sleeper& sleeper) noexcept;
  // Who of all threads is not still. False: the kernel does not say.
  [[nodiscard]] bool find_moving(const Found& found, OwnVector<int>& moving) const noexcept;

  OwnVector<Sleeper> sleepers_;
  HaltedThreads halted_;
};

}  // namespace vigil::shim::leaks
