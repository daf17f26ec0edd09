#include "interpose/race/slot_pool.hpp"

#include <new>

namespace vigil::shim::race {

SlotPool& slot_pool() noexcept {
  // Never destroyed: actors end during static destruction too.
  alignas(SlotPool) static constinit unsigned char place[sizeof(SlotPool)] = {};
  static SlotPool* const pool = ::new (place) SlotPool();
  return *pool;
}

Epoch SlotPool::take_fresh() noexcept {
  lock_.lock();
  const auto slot = static_cast<ClockSlot>(next_++);
  lock_.unlock();
  return {slot, first_time_};
}

void SlotPool::give_back(Epoch last) noexcept {
  lock_.lock();
  if (dead_.size() == kMostDead) dead_.pop_back();
  dead_.push_front(last);
  lock_.unlock();
}

}  // namespace vigil::shim::race
