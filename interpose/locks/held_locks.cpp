#include "interpose/locks/held_locks.hpp"

#include "interpose/objects.hpp"

namespace vigil::shim::locks {

constinit std::array<HeldLock, 2> HeldLocks::no_slots{};

void HeldLocks::grow() noexcept {
  constexpr std::size_t kFirst = 4;  // two of them are used before the next growth
  const std::size_t held = count();
  slots_.resize(slots_.empty() ? kFirst : slots_.size() * 2);
  first_ = slots_.data() + 1;
  top_ = first_ + held;
  last_ = slots_.data() + slots_.size() - 1;
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
