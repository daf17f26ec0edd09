// Channel touches: who sent on a channel last, who received from it last, and where.
//
// To know the place of every operation would cost a walk of its stack each: as much as some operations themselves. So
// each thread has an allowance: that many places at once, and a few more with each tick of the clock. A program that
// does less than that is known exactly; of one that does millions of operations a second, places are some milliseconds
// old at most, as long as it does not stop within a tick. Findings say which of the two it is (are_exact()).
//
// Threads: a channel's touches change under the channel's own lock, and are read by whoever tells a finding: relaxed
// atomics, of which none says anything about the other.
#pragma once

#include <atomic>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/stack_capture.hpp"

namespace vigil::shim {

class ChannelTouch {
 public:
  void set(ActorKey actor, StackId stack) noexcept {
    actor_.store(actor, std::memory_order_relaxed);
    stack_.store(stack, std::memory_order_relaxed);
  }
  [[nodiscard]] ActorKey actor() const noexcept { return actor_.load(std::memory_order_relaxed); }
  // kNoStack: nobody did yet.
  [[nodiscard]] StackId stack() const noexcept { return stack_.load(std::memory_order_relaxed); }

 private:
  std::atomic<ActorKey> actor_{};
  std::atomic<StackId> stack_{kNoStack};
};

namespace channel_touch {

namespace detail {
struct Allowance {
  std::uint32_t places = kMost;
  std::uint32_t tick = 0;     // coarse_ms() when it grew last
  std::uint32_t refused = 0;  // since the clock was looked at
  static constexpr std::uint32_t kMost = 2048;
  static constexpr std::uint32_t kEachMs = 8;  // of some 0.1 us: a thousandth of the time
};
extern thread_local constinit Allowance allowance __attribute__((tls_model("initial-exec")));
extern constinit std::atomic<bool> was_short;
bool take_late() noexcept;
}  // namespace detail

// Whether a place may be looked at now; counts as one.
inline bool take() noexcept {
  if (detail::allowance.places == 0) return detail::take_late();
  --detail::allowance.places;
  return true;
}
// The time is known to whoever switches tasks.
void grow(std::uint32_t now_ms) noexcept;
// Whether every place was looked at.
inline bool are_exact() noexcept { return !detail::was_short.load(std::memory_order_relaxed); }

}  // namespace channel_touch
}  // namespace vigil::shim
