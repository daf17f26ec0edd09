// SlotPool: hands out clock slots, and hands one out again exactly when that is exact.
//
// A dead actor's slot may serve a new actor if the new one's creator knows the dead one's last epoch: then all the dead
// one did happened before all the new one does, and one component of the clocks can count both lives. Clocks are thus
// as wide as the largest set of actors that nothing orders, not as the number ever made. A slot whose last epoch was
// given out but never released can be known by nobody and is not kept.
//
// Threads: any; one lock, under which the asker's clock is looked into but nothing else is called.
#pragma once

#include <cstddef>

#include "interpose/futex_lock.hpp"
#include "interpose/own_memory.hpp"
#include "interpose/race/epoch.hpp"

namespace vigil::shim::race {

class SlotPool {
 public:
  constexpr SlotPool() noexcept = default;
  SlotPool(const SlotPool&) = delete;
  SlotPool& operator=(const SlotPool&) = delete;

  // The first epoch of the new actor's life. knows(epoch) answers for its creator.
  template <class Knows>
  Epoch take(const Knows& knows) noexcept {
    lock_.lock();
    const bool any_dead = dead_ != nullptr && !dead_->empty();
    for (unsigned tries = tries_; any_dead && tries != 0; --tries) {
      const Epoch last = dead_->front();
      dead_->pop_front();
      if (knows(last)) {
        if (tries_ < kMostTries) ++tries_;
        lock_.unlock();
        return {last.slot(), last.time() + 1};
      }
      dead_->push_back(last);
    }
    if (any_dead && tries_ > 1) --tries_;
    lock_.unlock();
    return take_fresh();
  }
  Epoch take_fresh() noexcept;
  // last: the last epoch of the slot that was used or released; time 0 if there was none.
  void give_back(Epoch last) noexcept;
  // The same, but the shadow may still hold accesses of the time after last, which nobody will ever know. The slot
  // rests until settle_graves() finds that it does not.
  void bury(Epoch last) noexcept;
  // held(slot): whether the shadow holds an access of that slot. Slots buried since the last mark_graves() are left.
  void mark_graves() noexcept;
  void settle_graves(bool (*held)(ClockSlot slot, const void* context), const void* context) noexcept;
  [[nodiscard]] std::size_t graves() noexcept;

  [[nodiscard]] std::uint32_t ever_made() const noexcept { return next_ - 1; }
  // For tests that begin with the first slot: this pool changes places with another, until it is changed back.
  void swap(SlotPool& other) noexcept;
  // For tests of what happens when a slot's time runs out. Demands: nobody has a slot.
  void set_first_time(ClockTime time) noexcept { first_time_ = time; }

 private:
  static constexpr unsigned kMostTries = 8;           // looks per actor made, while looking pays
  static constexpr std::size_t kMostDead = 1U << 20;  // 8 MiB; beyond, numbers are lost, and nothing else

  FutexLock lock_;
  std::uint32_t next_ = 1;  // the next slot never used; read without the lock only by tests
  unsigned tries_ = kMostTries;
  ClockTime first_time_ = 1;
  // Made by the first death.
  OwnDeque<Epoch>* dead_ = nullptr;     // the last epochs of slots without an actor, longest unseen first
  OwnVector<Epoch>* graves_ = nullptr;  // buried ones, oldest first; made by the first burial
  std::size_t marked_graves_ = 0;       // how many there were at the last mark_graves()
};

extern constinit SlotPool slot_pool;  // the process's own

}  // namespace vigil::shim::race
