// HeldLocks: what one actor holds, in the order in which it was taken, and where it took it. No cap.
//
// A lock may be given back by somebody else than its taker (vigil's Mutex has no owner, as in Go), who cannot reach
// into a list that the taker may be using. So each entry carries the number of its acquisition, and an entry whose lock
// has moved on to another number is void: live() drops such entries.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "interpose/locks/held_set.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/stack_capture.hpp"

namespace vigil::shim {
struct LockObject;
}

namespace vigil::shim::locks {

struct HeldLock {
  LockObject* object = nullptr;  // never unmapped; see objects.hpp
  LockId lock{};
  std::uint64_t acquisition = 0;  // of that lock
  StackId taken_at = kNoStack;
  LockMode mode = LockMode::Exclusive;
};

class HeldLocks {
 public:
  void add(const HeldLock& held) { entries_.push_back(held); }
  // The youngest entry of that lock goes. False: the actor does not hold it.
  bool remove(LockId lock) noexcept;
  template <class Predicate>
  void drop_if(Predicate&& is_void) noexcept {
    std::erase_if(entries_, is_void);
  }
  // Those still held, oldest first; valid until the next change.
  std::span<const HeldLock> live() noexcept;
  // The same, to be kept: it shares what it can with the one before.
  HeldSet as_set() noexcept {
    last_set_ = HeldSet(live(), last_set_);
    return last_set_;
  }
  // For others, while the actor stands still: entries that is_held_as() may call void are among them.
  template <class Predicate>
  [[nodiscard]] const HeldLock* find(Predicate&& is_it) const noexcept {
    const auto found = std::find_if(entries_.begin(), entries_.end(), is_it);
    return found == entries_.end() ? nullptr : &*found;
  }
  template <class Visit>
  void for_each(Visit&& visit) const noexcept {
    for (const HeldLock& held : entries_) visit(held);
  }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  // With entries that have become void since the last live().
  [[nodiscard]] std::size_t count() const noexcept { return entries_.size(); }
  // As it was added, void or not. Demands: not empty().
  [[nodiscard]] const HeldLock& oldest() const noexcept { return entries_.front(); }

 private:
  OwnVector<HeldLock> entries_;
  HeldSet last_set_;
};

}  // namespace vigil::shim::locks
