// Group use: which rounds a wait group has had, who opened each and who waited for it.
//
// A round begins with an add from zero. That add and a wait must be ordered, one way or the other: else the wait may
// return before the add (wait-group-race), or, when the wait is for an earlier round, the new round begins before that
// wait has returned (wait-group-reuse). Compared in the whole order, for `lock; if (!closing) add` is right.
//
// As with channels (channel_use.hpp) the order is not kept before somebody wants it: while there is no task yet, nobody
// but the adder can wait. Adds and waits before that moment count as ordered.
//
// Threads: everything here runs under the wait group's own lock, which the runtime holds during its probes.
#pragma once

#include <array>
#include <cstdint>

#include "interpose/actor.hpp"
#include "interpose/race/epoch.hpp"

namespace vigil::shim {

struct GroupObject;

// An add from zero, or a wait that returned.
struct GroupMark {
  ActorKey actor{};
  race::Epoch at;  // nothing: the order was not kept yet
  StackId stack = kNoStack;
  std::uint32_t round = 0;  // that it opened; or that it waited for: 0 is none
};

class GroupMarks {
 public:
  static constexpr std::size_t kMost = 8;
  void add(const GroupMark& mark) noexcept { ring_[count_++ % kMost] = mark; }
  // Calls visit(const GroupMark&) from the youngest kept to the oldest, until it returns false.
  template <class Visit>
  void each(Visit&& visit) const noexcept {
    for (std::uint64_t i = 0; i < count_ && i < kMost; ++i) {
      if (!visit(ring_[(count_ - 1 - i) % kMost])) return;
    }
  }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] const GroupMark& youngest() const noexcept { return ring_[(count_ - 1) % kMost]; }

 private:
  std::array<GroupMark, kMost> ring_{};
  std::uint64_t count_ = 0;
};

struct GroupRounds {
  std::uint32_t last = 0;  // the number of the youngest round
  GroupMarks adds;         // each opened a round
  GroupMarks waits;
};

namespace group_use {

// On the actor's own thread. May report.
void opened(Actor& actor, GroupObject& group) noexcept;
// A wait returns; the actor may be parked. Before it learns what the others did. May report.
void waited(Actor& actor, GroupObject& group) noexcept;

}  // namespace group_use
}  // namespace vigil::shim
