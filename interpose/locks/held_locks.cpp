#include "interpose/locks/held_locks.hpp"

#include "interpose/objects.hpp"

namespace vigil::shim::locks {

bool HeldLocks::remove(LockId lock) noexcept {
  for (std::size_t i = entries_.size(); i-- > 0;) {
    if (entries_[i].lock != lock) continue;
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  return false;
}

std::span<const HeldLock> HeldLocks::live() noexcept {
  std::erase_if(entries_, [](const HeldLock& held) { return !held.object->is_held_as(held.acquisition); });
  return entries_;
}

}  // namespace vigil::shim::locks
