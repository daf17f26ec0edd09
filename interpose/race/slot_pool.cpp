#include "interpose/race/slot_pool.hpp"

namespace vigil::shim::race {

constinit SlotPool slot_pool;

Epoch SlotPool::take_fresh() noexcept {
  lock_.lock();
  const auto slot = static_cast<ClockSlot>(next_++);
  lock_.unlock();
  return {slot, first_time_};
}

void SlotPool::give_back(Epoch last) noexcept {
  lock_.lock();
  if (dead_ == nullptr) dead_ = own_new<OwnDeque<Epoch>>();
  if (dead_->size() == kMostDead) dead_->pop_back();
  dead_->push_front(last);
  lock_.unlock();
}

}  // namespace vigil::shim::race
