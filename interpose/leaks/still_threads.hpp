// Still threads: whether every other thread of the process sleeps where all that its registers hold is in memory, too.
//
// That is known of the shim's own threads, of the runtime's that run no task (whoever looks knows of tasks itself), and
// of threads blocked in a wrapped call, asleep for a time (naps.hpp), or parked in a primitive: those save their
// caller's registers on their stack before they sleep.
#pragma once

#include <cstddef>
#include <cstdint>

#include "interpose/own_memory.hpp"
#include "interpose/threads.hpp"

namespace vigil::shim::leaks {

class StillThreads {
 public:
  // Looks now. running_tasks: so many tasks run, others than the caller's own; they are still when that many of the
  // runtime's threads are, for each of those runs one.
  [[nodiscard]] bool all_are_still(std::size_t running_tasks) noexcept;
  // Looks again: whether nobody moved meanwhile.
  [[nodiscard]] bool stayed_still() const noexcept;

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

  OwnVector<Sleeper> sleepers_;
};

}  // namespace vigil::shim::leaks
