// Patrol: looks, while the program runs, for tasks that wait for each other, or for themselves, for ever though others
// go on.
//
// Every so often it holds the runtime for a moment, collects the tasks that have waited for kLongMs or more, and looks
// for rings among them (rings.hpp). Only for a ring memory is searched, still in the same moment; and only a ring that
// is proved is told. The program goes on.
//
// What it costs: at most a hundredth of one processor, for a look that takes long is followed by a pause a hundred
// times as long. Nothing while no two tasks wait, and none for a lock of its own. A program that always has somebody
// running, or much memory, is not stopped for a proof: what hangs in it is told when it ends.
#pragma once

#include <cstdint>

#include "interpose/leaks/rings.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::leaks {

class Patrol {
 public:
  // How long to wait before the next look; negative: for ever, there is nothing to look at.
  [[nodiscard]] std::int64_t pause_ms() const noexcept;
  // Looks if it is time to.
  void look() noexcept;

 private:
  struct Living {
    std::int64_t pause_ns = 0;
    std::int64_t next_ns = 0;
  };
  void look_now() noexcept;
  [[nodiscard]] bool is_any_due(const OwnVector<Ring>& rings) const noexcept;
  void put_off(const OwnVector<Ring>& rings) noexcept;

  std::int64_t next_ns_ = 0;              // of the steady clock
  std::int64_t period_ns_ = 0;            // until the look after the next
  std::uint64_t quiet_mark_ = 0;          // who waited when no ring was found
  OwnMap<std::uint64_t, Living> living_;  // rings that were looked at in vain, by their marks
};

}  // namespace vigil::shim::leaks
