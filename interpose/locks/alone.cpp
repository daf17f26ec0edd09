#include "interpose/locks/alone.hpp"

#include "interpose/current.hpp"
#include "interpose/stacks/safe_read.hpp"

namespace vigil::shim::locks::alone {

namespace detail {

constinit std::array<Set, kSets> sets{};
constinit std::uint32_t walks = 0;

}  // namespace detail

namespace {

// A lock may have been given back by a way that has no wrapper, and its memory with it.
bool is_held_by(int tid, const Place& place) noexcept {
  if (!unwind::is_readable(place.address & ~std::uintptr_t{7})) return false;
  if (place.sort == Sort::WriteLock) return glibc::writer_of(reinterpret_cast<pthread_rwlock_t*>(place.address)) == tid;
  const auto* const mutex = reinterpret_cast<const pthread_mutex_t*>(place.address);
  return glibc::is_usual(mutex) && glibc::is_locked(mutex) && glibc::owner_of(mutex) == tid;
}

void recall(Place& place) noexcept {
  if (place.address == 0) return;
  Actor& self = this_thread();
  if (is_held_by(self.thread->tid.load(std::memory_order_relaxed), place)) {
    LockObject& lock = find_lock(LockFamily::Pthread, reinterpret_cast<const void*>(place.address));
    if (place.sort == Sort::WriteLock) {
      lock.type = ObjectType::RwMutex;
      lock.prefers_writers = glibc::prefers_writers(reinterpret_cast<const pthread_rwlock_t*>(place.address));
    }
    taken_before(self, lock, place.stack);
  }
  place.address = 0;
}

}  // namespace

void note(const volatile void* lock, Sort sort, CalledFrom from) noexcept {
  if (inside_shim || is_concurrent() || stage() != Stage::Live) return;
  const InsideGuard inside;
  const auto address = reinterpret_cast<std::uintptr_t>(lock);
  detail::Set& set = detail::set_of(address);
  ++set.notes;
  RecentStacks* const recent = vigil::shim::detail::lane.recent;
  const RecentStacks::Entry* const known =
      recent == nullptr ? nullptr
                        : recent->find(StackPlace::at(from.stack_pointer), from.first_return, modules_generation());
  if (known == nullptr && detail::walks == detail::kMostWalks) return;
  if (known == nullptr) ++detail::walks;
  const StackId stack =
      known != nullptr ? known->stack : capture_stack_from(StackPlace::at(from.stack_pointer), from.first_return);
  Place& place = set.places[set.places[0].address == 0 || set.places[0].address == address ? 0 : 1];
  place = {.address = address, .stack = stack, .sort = sort};
}

void recall(const volatile void* lock) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(lock);
  for (Place& place : detail::set_of(address).places) {
    if (place.address == address) recall(place);
  }
}

void recall_all() noexcept {
  const InsideGuard inside;
  for (detail::Set& set : detail::sets) {
    for (Place& place : set.places) recall(place);
  }
}

}  // namespace vigil::shim::locks::alone
