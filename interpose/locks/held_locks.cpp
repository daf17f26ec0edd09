#include "interpose/locks/held_locks.hpp"

#include "interpose/objects.hpp"

namespace vigil::shim::locks {

constinit std::array<HeldLock, 2> HeldLocks::no_slots{};

void HeldLocks::List::grow() noexcept {
  constexpr std::size_t kFirst = 4;  // two of them are used before the next growth
  slots_.resize(slots_.empty() ? kFirst : slots_.size() * 2);
  first_ = slots_.data() + 1;
  last_ = slots_.data() + slots_.size() - 1;
}

void HeldLocks::grow() noexcept {
  const std::size_t held = count();
  List* used = &own_;
  if (lists_ != nullptr && first_ != own_.first_) {
    used = std::find_if(lists_->begin(), lists_->end(), [&](const List& one) { return one.first_ == first_; });
  }
  used->grow();
  first_ = used->first_;
  top_ = first_ + held;
  last_ = used->last_;
}

void HeldLocks::turn_to(const volatile void* lock, std::uintptr_t first_return) noexcept {
  if (lists_ == nullptr) lists_ = own_new<Lists>();
  List& list = (*lists_)[index_of(lock, first_return)];
  if (list.slots_.empty()) list.grow();
  first_ = list.first_;
  top_ = list.first_;
  last_ = list.last_;
}

bool HeldLocks::remove(LockId lock) noexcept {
  for (HeldLock* held = top_; held-- != first_;) {
    if (held->lock != lock) continue;
    if (held + 1 == top_) {
      remove_youngest();
      return true;
    }
    for (HeldLock* one = held + 1; one != top_; ++one) move(*one, one[-1]);
    end_at(top_ - 1);
    return true;
  }
  return false;
}

std::span<const HeldLock> HeldLocks::live() noexcept {
  drop_if([](const HeldLock& held) { return !held.object->is_held_as(held.acquisition); });
  return {first_, top_};
}

}  // namespace vigil::shim::locks
