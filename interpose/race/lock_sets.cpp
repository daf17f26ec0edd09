#include "interpose/race/lock_sets.hpp"

#include <algorithm>
#include <array>

#include "interpose/futex_lock.hpp"
#include "interpose/objects.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim::race {
namespace {

struct Sets {
  OwnMap<std::uint64_t, std::uint32_t> by_hash;  // of the lock's numbers; to the newest set with that hash
  OwnVector<std::uint32_t> older;                // by set: another one with the same hash, or 0
  OwnVector<std::span<ObjectInfo>> objects;      // by set
  OwnVector<std::span<std::uint64_t>> locks;     // by set: sorted numbers
};

constinit FutexLock sets_lock;
constinit Sets* sets = nullptr;  // guarded by sets_lock; made by the first set

template <class T>
std::span<T> kept_copy(std::span<const T> values) noexcept {
  auto* const copy = static_cast<T*>(own_allocate(std::max<std::size_t>(values.size_bytes(), 1), alignof(T)));
  std::uninitialized_copy(values.begin(), values.end(), copy);
  return {copy, values.size()};
}

}  // namespace

LockSetId lock_set_of(locks::HeldLocks& held) noexcept {
  if (held.empty()) return LockSetId{0};
  const std::span<const locks::HeldLock> live = held.live();
  std::array<const locks::HeldLock*, kMostTold> told;
  const std::size_t count = std::min(live.size(), kMostTold);
  for (std::size_t i = 0; i < count; ++i) told[i] = &live[i];
  std::sort(told.begin(), told.begin() + static_cast<std::ptrdiff_t>(count),
            [](const locks::HeldLock* a, const locks::HeldLock* b) { return a->lock < b->lock; });
  std::array<std::uint64_t, kMostTold> numbers;
  std::uint64_t hash = 0x9E3779B97F4A7C15U;
  for (std::size_t i = 0; i < count; ++i) {
    numbers[i] = static_cast<std::uint64_t>(told[i]->lock);
    hash = (hash ^ numbers[i]) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 32U;
  }
  if (count == 0) return LockSetId{0};
  const auto wanted = std::span<const std::uint64_t>(numbers).first(count);

  sets_lock.lock();
  if (sets == nullptr) {
    sets = own_new<Sets>();
    sets->older.push_back(0);
    sets->objects.emplace_back();
    sets->locks.emplace_back();
  }
  std::uint32_t& newest = sets->by_hash[hash];
  std::uint32_t id = newest;
  while (id != 0 && !std::equal(wanted.begin(), wanted.end(), sets->locks[id].begin(), sets->locks[id].end())) {
    id = sets->older[id];
  }
  if (id == 0) {
    id = static_cast<std::uint32_t>(sets->locks.size());
    std::array<ObjectInfo, kMostTold> objects;
    for (std::size_t i = 0; i < count; ++i) objects[i] = info_of(*told[i]->object);
    sets->older.push_back(newest);
    sets->objects.push_back(kept_copy(std::span<const ObjectInfo>(objects).first(count)));
    sets->locks.push_back(kept_copy(wanted));
    newest = id;
  }
  sets_lock.unlock();
  return LockSetId{id};
}

std::span<const ObjectInfo> locks_of(LockSetId set) noexcept {
  if (set == LockSetId{0}) return {};
  sets_lock.lock();
  const std::span<const ObjectInfo> objects = sets->objects[static_cast<std::size_t>(set)];
  sets_lock.unlock();
  return objects;
}

}  // namespace vigil::shim::race
