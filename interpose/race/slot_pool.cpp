#include "interpose/race/slot_pool.hpp"

#include <utility>

#include "interpose/lifecycle.hpp"

namespace vigil::shim::race {

constinit SlotPool slot_pool;

Epoch SlotPool::take_fresh() noexcept {
  lock_.lock();
  const auto slot = static_cast<ClockSlot>(next_);
  const bool last = next_ == kLastSlot;
  if (!last) ++next_;
  lock_.unlock();
  // From here on actors would be taken for each other.
  if (last) go_off("more than 268 million tasks ended without being waited for");
  return {slot, first_time_};
}

void SlotPool::give_back(Epoch last) noexcept {
  lock_.lock();
  if (dead_ == nullptr) dead_ = own_new<OwnDeque<Epoch>>();
  if (dead_->size() == kMostDead) dead_->pop_back();
  dead_->push_front(last);
  lock_.unlock();
}

void SlotPool::bury(Epoch last) noexcept {
  lock_.lock();
  if (graves_ == nullptr) graves_ = own_new<OwnVector<Epoch>>();
  graves_->push_back(last);
  lock_.unlock();
}

void SlotPool::mark_graves() noexcept {
  lock_.lock();
  marked_graves_ = graves_ == nullptr ? 0 : graves_->size();
  lock_.unlock();
}

void SlotPool::settle_graves(bool (*held)(ClockSlot, const void*), const void* context) noexcept {
  lock_.lock();
  std::size_t stay = 0;
  for (std::size_t i = 0; graves_ != nullptr && i < graves_->size(); ++i) {
    const Epoch last = (*graves_)[i];
    if (i >= marked_graves_ || held(last.slot(), context)) {
      (*graves_)[stay++] = last;
      continue;
    }
    if (dead_ == nullptr) dead_ = own_new<OwnDeque<Epoch>>();
    if (dead_->size() < kMostDead) dead_->push_back(last);
  }
  if (graves_ != nullptr) graves_->resize(stay);
  marked_graves_ = 0;
  lock_.unlock();
}

std::size_t SlotPool::graves() noexcept {
  lock_.lock();
  const std::size_t count = graves_ == nullptr ? 0 : graves_->size();
  lock_.unlock();
  return count;
}

void SlotPool::swap(SlotPool& other) noexcept {
  std::swap(next_, other.next_);
  std::swap(tries_, other.tries_);
  std::swap(first_time_, other.first_time_);
  std::swap(dead_, other.dead_);
  std::swap(graves_, other.graves_);
  std::swap(marked_graves_, other.marked_graves_);
}

}  // namespace vigil::shim::race
